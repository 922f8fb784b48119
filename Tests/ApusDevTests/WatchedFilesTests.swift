import ApusCore
import ApusLoop
import ApusTestKit
import CSystem
import Foundation
import Testing

@testable import ApusDev

/// Rows A3, A4: what counts as a change, and that none is lost.
@Suite(.serialized) struct WatchedFilesTests {
  private static func repository(_ root: String, ignoring: String) throws {
    try WatchedTree.git(root, ["init", "-q", "."])
    try ignoring.write(toFile: root + "/.gitignore", atomically: false, encoding: .utf8)
  }

  @Test func `a change is of bytes, and a touch is none`() async throws {
    try await WatchedTree.with(prepare: { try "one".write(toFile: $0 + "/a", atomically: false, encoding: .utf8) }) {
      tree in
      utimes(tree.root + "/a", nil)
      chmod(tree.root + "/a", 0o755)
      tree.write("one", "a")
      try await tree.expect([])
      tree.write("two", "a")
      try await tree.expect(["a"])
      // As editors save: beside it, then in its place.
      tree.write("two", ".a.new")
      rename(tree.root + "/.a.new", tree.root + "/a")
      let saved = try await tree.heard()
      #expect(!saved.contains("a"))
      tree.write("three", ".a.new")
      rename(tree.root + "/.a.new", tree.root + "/a")
      let replaced = try await tree.heard()
      #expect(replaced.contains("a"))
      unlink(tree.root + "/a")
      try await tree.expect(["a"])
      unlink(tree.root + "/never-there")
      try await tree.expect([])
    }
  }

  @Test func `new directories are watched with all that is in them by then`() async throws {
    try await WatchedTree.with { tree in
      for number in 0..<20 { tree.write("x", "d\(number)/e/f/g/h.txt") }
      let told = try await tree.heard()
      #expect(told == (0..<20).map { "d\($0)/e/f/g/h.txt" }.sorted())
      tree.write("y", "d3/e/f/g/h.txt")
      tree.write("y", "d3/e/new.txt")
      try await tree.expect(["d3/e/f/g/h.txt", "d3/e/new.txt"])
    }
  }

  @Test func `directories that move take their files along, out of sight and back`() async throws {
    let elsewhere = try TemporaryDirectory()
    defer { withExtendedLifetime(elsewhere) {} }
    let outside = elsewhere.path
    try await WatchedTree.with { tree in
      tree.write("x", "a/b/c.txt")
      _ = try await tree.heard()
      rename(tree.root + "/a", tree.root + "/z")
      try await tree.expect(["a/b/c.txt", "z/b/c.txt"])
      tree.write("y", "z/b/c.txt")
      try await tree.expect(["z/b/c.txt"])
      rename(tree.root + "/z", outside + "/z")
      try await tree.expect(["z/b/c.txt"])
      try "later".write(toFile: outside + "/z/b/c.txt", atomically: false, encoding: .utf8)
      try await tree.expect([])
      rename(outside + "/z", tree.root + "/back")
      try await tree.expect(["back/b/c.txt"])
    }
  }

  @Test func `a root that is a link is followed, one that goes and comes back is found again`() async throws {
    try await WatchedTree.with(inside: "/app", prepare: { mkdir($0 + "/app", 0o755) }) { tree in
      tree.write("x", "app/one")
      let first = await eventuallyTold(tree) { $0.contains("app/one") }
      #expect(first)
      rename(tree.root + "/app", tree.root + "/old")
      let gone = await eventuallyTold(tree) { told in told.filter { $0 == "app/one" }.count == 2 }
      #expect(gone)
      tree.write("y", "app/two")
      let back = await eventuallyTold(tree) { $0.contains("app/two") }
      #expect(back)
    }
  }

  private func eventuallyTold(_ tree: WatchedTree, _ isMet: @Sendable ([String]) -> Bool) async -> Bool {
    let until = apus_monotonic_milliseconds() + 20_000
    while apus_monotonic_milliseconds() < until {
      if isMet(await tree.told) { return true }
      await LoopActor.begin { await pause(milliseconds: 10) }.value
    }
    return false
  }

  @Test func `what git ignores, what tools make and what is not wanted is no change`() async throws {
    try await WatchedTree.with(
      ignore: ["*.md", "gen"],
      prepare: { root in
        try Self.repository(root, ignoring: "*.log\n/dist/\n!keep.log\n")
        mkdir(root + "/only", 0o755)
        try "x".write(toFile: root + "/only/a.log", atomically: false, encoding: .utf8)
      }
    ) { tree in
      for path in [
        "a.log", "deep/b.log", "dist/x.js", "node_modules/m/index.js", "__pycache__/a.pyc", "src/venv/x", ".build/y",
        "target/z", "README.md", "docs/x.md", "gen/q", "src/gen/q", ".claude/sessions.md",
      ] { tree.write("x", path) }
      try await tree.expect([])
      for number in 0..<200 { tree.write("line \(number)", "a.log") }
      try await tree.expect([])
      // A directory in which all was ignored so far.
      tree.write("x", "only/new.py")
      tree.write("x", "keep.log")
      tree.write("x", "src/main.py")
      try await tree.expect(["keep.log", "only/new.py", "src/main.py"])
    }
  }

  @Test func `a gitignore that changes counts from then on, both ways`() async throws {
    try await WatchedTree.with(prepare: { try Self.repository($0, ignoring: "*.log\n") }) { tree in
      tree.write("x", "a.log")
      tree.write("x", "gen/a.py")
      _ = try await tree.heard()
      tree.write("gen/\n", ".gitignore")
      let ignoring = try await tree.heard()
      #expect(ignoring.contains(".gitignore"))
      _ = try await tree.heard()
      tree.write("y", "a.log")
      tree.write("y", "gen/a.py")
      try await tree.expect(["a.log"])
    }
  }

  @Test func `another working tree inside of a watched one is not watched`() async throws {
    try await WatchedTree.with(prepare: { root in
      try Self.repository(root, ignoring: "")
      try WatchedTree.git(root, ["add", "-A"])
      try WatchedTree.git(root, ["commit", "-qm", "x"])
      try WatchedTree.git(root, ["worktree", "add", "-q", "trees/one"])
    }) { tree in
      tree.write("x", "trees/one/a.py")
      try await tree.expect([])
      try tree.git("worktree", "add", "-q", "trees/two")
      _ = try await tree.heard()
      tree.write("x", "trees/two/a.py")
      try await tree.expect([])
    }
  }

  @Test func `where the kernel could not keep up everything is looked at again`() async throws {
    try await WatchedTree.with { tree in
      tree.write("x", "kept/a")
      _ = try await tree.heard()
      let room = Int(
        (try? String(contentsOfFile: "/proc/sys/fs/inotify/max_queued_events", encoding: .utf8))?
          .split(whereSeparator: \.isNewline).first.flatMap { Int($0) } ?? 16_384)
      // On the loop's own thread: nobody reads meanwhile.
      for number in 0...(room / 2) { tree.write("x", "many/f\(number % 2_000)-\(number % 7)") }
      tree.write("after", "kept/a")
      tree.write("after", "late/b")
      let told = try await tree.heard()
      #expect(told.contains("kept/a") && told.contains("late/b") && told.contains("many/f1-1"))
      #expect(told.count > 2_000)
    }
  }

  /// Random operations, a burst at a time; after each burst what is known must be what is there.
  @Test func `after any number of operations what is known is what is there`() async throws {
    let soak = ProcessInfo.processInfo.environment["APUS_SOAK"] != nil
    let bursts = soak ? 400 : 24
    try await WatchedTree.with { tree in
      var random = Seeded(0xF11E)
      for burst in 0..<bursts {
        for _ in 0..<250 { operate(tree, &random) }
        _ = try await tree.heard()
        // Settled: two looks that agree, as a batch may follow a batch.
        _ = try await tree.heard()
        let there = disk(tree.root)
        let known = tree.known
        #expect(Set(known.keys) == Set(there.keys), "burst \(burst)")
        let stale = there.filter { known[$0.key] != $0.value }.keys.sorted()
        #expect(stale.isEmpty, "burst \(burst): \(stale.prefix(3))")
        if Set(known.keys) != Set(there.keys) || !stale.isEmpty { return }
      }
    }
  }

  @LoopActor
  private func operate(_ tree: WatchedTree, _ random: inout Seeded) {
    func directory() -> String { (0..<random.below(4)).map { _ in "d\(random.below(4))" }.joined(separator: "/") }
    func file() -> String { [directory(), "f\(random.below(6))"].filter { !$0.isEmpty }.joined(separator: "/") }
    switch random.below(12) {
    case 0...5: tree.write("\(random.below(1_000))", file())
    case 6: unlink(tree.root + "/" + file())
    case 7: rename(tree.root + "/" + file(), tree.root + "/" + file())
    case 8: tree.mkdirs(tree.root + "/" + directory())
    case 9: rename(tree.root + "/" + directory(), tree.root + "/" + directory())
    case 10: if random.chance(20) { try? FileManager.default.removeItem(atPath: tree.root + "/d\(random.below(4))") }
    default: utimes(tree.root + "/" + file(), nil)
    }
  }

  private func disk(_ root: String) -> [String: Int] {
    var all: [String: Int] = [:]
    let walk = FileManager.default.enumerator(atPath: root)
    while let path = walk?.nextObject() as? String {
      if case .file(let stamp) = TreeLook.look(root + "/" + path) { all[root + "/" + path] = stamp.hash }
    }
    return all
  }
}
