import ApusCore
import ApusWire
import CSystem
import Glibc
import Testing

// Real repositories in throw-away homes.

extension TestHome {
  /// A home whose work directory is a repository on `main` with one commit and, unless `settings` is nil, an
  /// `.apus/config.json`. Its agents are scripted.
  package static func withRepository<T: Sendable>(
    agent: String = Checkout.scriptedAgent, settings: String? = usualSettings, extra: [String: String] = [:],
    slots: Int = 1,
    _ body: (TestHome) async throws -> T
  ) async throws -> T {
    try await inTurn {
      try await with(
        agent: agent, extra: ["APUS_STOP_SECONDS": "2", "TZ": "UTC"].merging(extra) { $1 }, slots: slots
      ) { home in
        await home.makeRepository(home.work, settings: settings)
        return try await body(home)
      }
    }
  }

  /// Only a few of these at once: each keeps several programs busy. One within another is part of that one's turn.
  package static func inTurn<T: Sendable>(_ body: () async throws -> T) async throws -> T {
    if hasTurn { return try await body() }
    await RepositorySlots.shared.take()
    do {
      let result = try await $hasTurn.withValue(true) { try await body() }
      await RepositorySlots.shared.give()
      return result
    } catch {
      await RepositorySlots.shared.give()
      throw error
    }
  }

  @TaskLocal private static var hasTurn = false

  package static let usualSettings = """
    {
      "components": {"server": "server/", "ui": "ui/", "docs": "docs/"},
      "ports": {"PORT": 3000},
      "workLog": "WORK_LOG.md"
    }
    """

  package func makeRepository(_ path: String, settings: String?) async {
    mkdir(path, 0o700)
    await git("config", "--global", "user.name", "Ada", directory: path)
    await git("config", "--global", "user.email", "ada@example.org", directory: path)
    await git("init", "--quiet", "--initial-branch=main", directory: path)
    for part in ["server", "ui", "docs"] { mkdir(path + "/" + part, 0o755) }
    Self.write("server\n", to: path + "/server/a.txt")
    Self.write("ui\n", to: path + "/ui/b.txt")
    Self.write("docs\n", to: path + "/docs/c.md")
    Self.write("one\ntwo\nthree\n", to: path + "/shared.txt")
    Self.write("ignored/\n.env\n*.log\n/WORK_LOG.md\n", to: path + "/.gitignore")
    if let settings {
      mkdir(path + "/.apus", 0o755)
      Self.write(settings, to: path + "/.apus/config.json")
    }
    await git("add", "--all", directory: path)
    await git("commit", "--quiet", "-m", "first", directory: path)
  }

  /// Git as a person would call it; its output without the final newline.
  @discardableResult
  package func git(
    _ arguments: String..., directory: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) async -> String {
    let outcome = await Program.run(
      ["/usr/bin/git"] + arguments, environment: environment, directory: directory ?? work, seconds: 120)
    if outcome.status != 0 {
      Issue.record("git \(arguments): \(outcome.status) \(outcome.errors)", sourceLocation: sourceLocation)
    }
    return outcome.output.hasSuffix("\n") ? String(outcome.output.dropLast()) : outcome.output
  }

  /// Writes a file there and commits it; the commit.
  @discardableResult
  package func commit(
    _ file: String, _ text: String, in directory: String, message: String = "work",
    sourceLocation: SourceLocation = #_sourceLocation
  ) async -> String {
    Self.write(text, to: directory + "/" + file)
    await git("add", "--", file, directory: directory, sourceLocation: sourceLocation)
    await git("commit", "--quiet", "-m", message, directory: directory, sourceLocation: sourceLocation)
    return await git("rev-parse", "HEAD", directory: directory, sourceLocation: sourceLocation)
  }

  /// Everything a repository has that a failed or undone step could have left: branches, worktrees, refs, locks, and what
  /// its checkout shows as changed.
  package func footprint(_ repository: String? = nil) async -> String {
    let path = repository ?? work
    let refs = await git("for-each-ref", "--format=%(refname) %(objectname)", directory: path)
    let worktrees = await git("worktree", "list", "--porcelain", directory: path)
    let isBare = await git("rev-parse", "--is-bare-repository", directory: path) == "true"
    let status = isBare ? "" : await git("status", "--porcelain", "--untracked-files=all", directory: path)
    let ours = await Program.run(
      ["/usr/bin/find", apusHome + "/worktrees", "-mindepth", "2", "-maxdepth", "2"],
      environment: environment, directory: "/")
    return [refs, worktrees, status, ours.output].joined(separator: "\n--\n")
  }

  /// What a command printed with `--json`, as that type; fails the test with what it said where it failed.
  package func json<T: Decodable>(
    _ arguments: String..., as _: T.Type = T.self, extra: [String: String] = [:], directory: String? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> T {
    let outcome = await Program.run(
      [Checkout.programs + "/apus"] + arguments + ["--json"], environment: environment.merging(extra) { $1 },
      directory: directory ?? work)
    try #require(
      outcome.status == 0,
      "apus \(arguments.joined(separator: " ")): \(outcome.status) \(outcome.output) \(outcome.errors)",
      sourceLocation: sourceLocation)
    return try JSONText.decode(T.self, from: Array(outcome.output.utf8))
  }
}

/// So many homes with repositories at a time: each has a daemon that watches trees, and the kernel has few descriptors for
/// that.
private actor RepositorySlots {
  static let shared = RepositorySlots()
  private var free = 6
  private var waiting: [CheckedContinuation<Void, Never>] = []

  func take() async {
    if free > 0 {
      free -= 1
    } else {
      await withCheckedContinuation { waiting.append($0) }
    }
  }

  func give() {
    if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
  }
}
