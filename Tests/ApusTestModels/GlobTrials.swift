import ApusCore
import ApusTestKit

/// `Glob` and its model, asked the same things.
package enum GlobTrials {
  package struct Outcome: Sendable {
    package var asked = 0
    package var yes = 0
    /// What the two did not agree on; the first of it.
    package var differences: [String] = []

    fileprivate mutating func note(_ difference: String) {
      if differences.count < 10 { differences.append(difference) }
    }
  }

  private struct Pattern {
    var text: String
    var glob: Glob
    var model: GlobModel
  }

  private static func patterns(_ count: Int, _ random: inout Seeded) throws -> [Pattern] {
    var result: [Pattern] = []
    while result.count < count {
      let text = GlobChance.pattern(&random)
      result.append(Pattern(text: text, glob: try Glob(text), model: GlobModel(text)))
    }
    return result
  }

  /// Pairs of patterns: do they meet?
  package static func pairs(_ count: Int, seed: UInt64) throws -> Outcome {
    var random = Seeded(seed)
    let all = try patterns(40_000, &random)
    var outcome = Outcome(asked: count)
    for _ in 0..<count {
      let (one, two) = (random.below(all.count), random.below(all.count))
      let meet = all[one].glob.meets(all[two].glob)
      if meet { outcome.yes += 1 }
      if meet != all[one].model.meets(all[two].model) { outcome.note("\(all[one].text) and \(all[two].text): \(meet)") }
    }
    return outcome
  }

  /// Patterns and paths: does it match?
  package static func paths(_ count: Int, seed: UInt64) throws -> Outcome {
    var random = Seeded(seed)
    let all = try patterns(20_000, &random)
    var outcome = Outcome(asked: count)
    for _ in 0..<count {
      let one = random.below(all.count)
      let path = GlobChance.path(&random)
      let isMatch = all[one].glob.matches(path)
      if isMatch { outcome.yes += 1 }
      if isMatch != all[one].model.matches(path) { outcome.note("\(all[one].text) and \(path): \(isMatch)") }
    }
    return outcome
  }

  /// Pairs of patterns against every path of up to six characters of `a`, `b`, `c` and `/`. A path that both match
  /// means that they meet; where they meet, one is shown to be among them, for patterns that are short.
  package static func words(_ count: Int, seed: UInt64) throws -> Outcome {
    var random = Seeded(seed)
    let words = allPaths(longest: 6)
    var outcome = Outcome(asked: count)
    while outcome.asked > 0 {
      let texts = [GlobChance.pattern(&random), GlobChance.pattern(&random)].filter { $0.utf8.count <= 6 }
      // Of a pattern without braces, whatever can be left out left out, a word is no longer than its text; two of
      // three characters besides `*` have a common word of six, as every character of it is asked for by one of them.
      guard texts.count == 2, texts.allSatisfy({ !$0.contains("{") && fixed($0) <= 3 }) else { continue }
      outcome.asked -= 1
      let (one, two) = (try Glob(texts[0]), try Glob(texts[1]))
      let common = words.first { one.matches($0) && two.matches($0) }
      if common != nil { outcome.yes += 1 }
      if one.meets(two) != (common != nil) { outcome.note("\(texts[0]) and \(texts[1]): \(common ?? "no word")") }
    }
    outcome.asked = count
    return outcome
  }

  /// The characters and slashes that a pattern asks for; a class asks for one, a run for one where it stands alone.
  private static func fixed(_ text: String) -> Int {
    var count = 0
    for (n, component) in text.split(separator: "/").enumerated() {
      var pieces = 0
      var isInClass = false
      for character in component {
        if character == "[" { isInClass = true }
        if character == "]" { isInClass = false }
        if !isInClass, character != "*" { pieces += 1 }
      }
      count += max(1, pieces) + (n > 0 ? 1 : 0)
    }
    return count
  }

  private static func allPaths(longest: Int) -> [String] {
    var all: [String] = []
    var last = [""]
    for _ in 0..<longest {
      last = last.flatMap { word in
        ["a", "b", "c", "/"].compactMap { next in
          next == "/" && (word.isEmpty || word.hasSuffix("/")) ? nil : word + next
        }
      }
      all += last.filter { !$0.hasSuffix("/") }
    }
    return all
  }
}
