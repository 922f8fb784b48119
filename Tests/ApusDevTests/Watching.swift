import ApusCore
import ApusLoop
import ApusTestKit
import CSystem
import Foundation
import Testing

@testable import ApusDev

/// A throw-away tree that is watched, and all that was told of it.
@LoopActor
final class WatchedTree {
  let root: String
  private(set) var told: [String] = []
  private(set) var batches = 0
  private(set) var troubles: [Failure] = []
  private let files: WatchedFiles
  private var waiting: [Answer<Void>] = []

  /// `inside`: what of the tree is watched. `prepare` fills it before.
  nonisolated static func with(
    ignore: [String] = [], never: [String] = [], inside: String = "", prepare: (String) throws -> Void = { _ in },
    _ body: @LoopActor (WatchedTree) async throws -> Void
  ) async throws {
    Loop.serveAside()
    let directory = try TemporaryDirectory()
    defer { withExtendedLifetime(directory) {} }
    let root = directory.path
    try prepare(root)
    let rule = try WatchRule(ignore: ignore, never: never, base: root)
    let files = try await WatchedFiles.begin(
      [root + inside], rule: rule, never: [], environment: ["PATH": "/usr/bin:/bin", "HOME": "/nonexistent"])
    let tree = await WatchedTree(root, files)
    try await body(tree)
    await files.end()
  }

  private init(_ root: String, _ files: WatchedFiles) {
    self.root = root
    self.files = files
    files.onChanges = { [unowned self] paths, _ in
      told += paths.map { String($0.dropFirst(root.count + 1)) }
      batches += 1
    }
    files.onTrouble = { [unowned self] failure in troubles.append(failure) }
  }

  var count: Int { files.count }

  /// Every file that is known to be there, with what its bytes amount to.
  var known: [String: Int] { files.known }

  func write(_ text: String, _ path: String) {
    let whole = root + "/" + path
    mkdirs(whole.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/"))
    let descriptor = apus_open(whole, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    let bytes = Array(text.utf8)
    _ = apus_write_from(descriptor, bytes, bytes.count, 0)
    close(descriptor)
  }

  func mkdirs(_ path: String) {
    var at = ""
    for part in path.split(separator: "/") {
      at += "/" + part
      mkdir(at, 0o755)
    }
  }

  /// What was told by the time that a change made now is told: all of what went before.
  func heard() async throws -> [String] {
    let mark = "mark-\(batches)-\(UInt32.random(in: 0...UInt32.max))"
    write("x", mark)
    let until = apus_monotonic_milliseconds() + 20_000
    while !told.contains(mark), apus_monotonic_milliseconds() < until { await pause(milliseconds: 5) }
    try #require(told.contains(mark), "the mark was never told")
    unlink(root + "/" + mark)
    while told.filter({ $0 == mark }).count < 2, apus_monotonic_milliseconds() < until { await pause(milliseconds: 5) }
    defer { told = [] }
    return Set(told.filter { !$0.hasPrefix("mark-") }).sorted()
  }

  func expect(_ paths: [String], sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let told = try await heard()
    #expect(told == paths, sourceLocation: sourceLocation)
  }

  func git(_ arguments: String...) throws {
    try Self.git(root, arguments)
  }

  nonisolated static func git(_ root: String, _ arguments: [String]) throws {
    let pid = try Child.start(
      "/usr/bin/git", ["-c", "user.name=a", "-c", "user.email=a@b", "-C", root] + arguments,
      environment: ["PATH": "/usr/bin:/bin", "HOME": "/nonexistent"])
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    try #require(status == 0, "git \(arguments)")
  }
}
