import Foundation

/// What Package.swift says of one target.
struct Target: Sendable {
  var kind: String
  var name: String
  var dependencies: [String]

  /// Every target, in the order in which they stand.
  static let all: [Target] = {
    guard let text = House.load("Package.swift") else { return [] }
    let words = /\.(systemLibrary|target|executableTarget|testTarget)\(\s*name: "([^"]+)"/
    let found = text.matches(of: words)
    return found.enumerated().map { n, match in
      let end = n + 1 < found.count ? found[n + 1].range.lowerBound : text.endIndex
      let body = text[match.range.upperBound..<end]
      var dependencies: [String] = []
      if let list = body.firstMatch(of: /dependencies: \[([^\]]*)\]/) {
        dependencies = list.1.matches(of: /"([^"]+)"/).map { String($0.1) }
      }
      return Target(kind: String(match.1), name: String(match.2), dependencies: dependencies)
    }
  }()
}
