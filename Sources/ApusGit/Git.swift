import ApusCore
import CSystem
import Glibc

// The one place that starts `git`. Every call may block: callers run on threads of their own. Nothing goes through a
// shell, what people wrote stands behind `--` or is checked first, and only exit codes and `-z` output are read. Looking
// never takes a lock of git's (GIT_OPTIONAL_LOCKS=0), and nothing ever asks a person for a password.

/// The `git` program with the environment it is called in.
package struct Git: Sendable {
  package struct Answer: Sendable {
    package var status: Int32
    package var output: [UInt8]
    package var errors: String

    package var text: String { String(decoding: output, as: UTF8.self) }
    package var line: String { String(text.prefix { $0 != "\n" }) }
    /// Of `-z` output: its parts.
    package var parts: [String] {
      var parts = output.split(separator: 0, omittingEmptySubsequences: false)
      if parts.last?.isEmpty == true { parts.removeLast() }
      return parts.map { String(decoding: $0, as: UTF8.self) }
    }
  }

  package let program: String
  package let environment: [String: String]

  /// Of the variables git reads, those a person sets for all their repositories; the others name one repository.
  private static let kept: Set<String> = [
    "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME",
    "GIT_COMMITTER_EMAIL", "GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM", "GIT_EXEC_PATH", "GIT_TEMPLATE_DIR", "GIT_SSL_CAINFO", "GIT_PROXY_COMMAND",
  ]

  /// Those that name one repository, as they are set where git runs a hook.
  private static let local: Set<String> = [
    "GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE",
  ]

  /// The environment for work in another worktree than the one it was made in.
  package static func elsewhere(_ environment: [String: String]) -> [String: String] {
    environment.filter { !local.contains($0.key) }
  }

  private static let always = [
    // Its own housekeeping would take locks beside ours.
    "-c", "gc.auto=0", "-c", "maintenance.auto=0", "-c", "core.fsmonitor=false", "-c", "advice.detachedHead=false",
  ]

  private static let largestOutput = 64 << 20
  package static let usualSeconds: Double = 300

  /// What git started for an undertaking carries in its environment: it may outlive the daemon that began it.
  package static let mark = "APUS_UNDERTAKING"

  /// Whether that command line is one of git's, wherever the program is.
  package static func isCommand(_ line: String) -> Bool {
    line.split(separator: " ").first?.split(separator: "/").last == "git"
  }

  /// Throws where that environment has no git. `undertaking`: what its processes are marked with.
  package init(environment given: [String: String], undertaking: String? = nil) throws(Failure) {
    let directories =
      (given["PATH"] ?? "").split(separator: ":").map(String.init) + ["/usr/bin", "/usr/local/bin", "/bin"]
    guard let found = directories.first(where: { $0.hasPrefix("/") && access($0 + "/git", X_OK) == 0 }) else {
      throw Failure(.toolMissing, "there is no git program in PATH", hint: "install git, then do it again")
    }
    program = found + "/git"
    var environment = given.filter { !$0.key.hasPrefix("GIT_") || Self.kept.contains($0.key) }
    environment["GIT_OPTIONAL_LOCKS"] = "0"
    environment["GIT_TERMINAL_PROMPT"] = "0"
    environment["GIT_EDITOR"] = ":"
    environment["GIT_SEQUENCE_EDITOR"] = ":"
    environment["GIT_LITERAL_PATHSPECS"] = "1"
    environment["GIT_ASKPASS"] = "/bin/false"
    environment["SSH_ASKPASS"] = nil
    // Of the daemon's own environment: git is not the daemon.
    environment["APUS_ROLE"] = nil
    environment["LC_ALL"] = "C"
    if environment["GIT_SSH_COMMAND"] == nil, environment["GIT_SSH"] == nil {
      environment["GIT_SSH_COMMAND"] = "ssh -oBatchMode=yes"
    }
    environment[Self.mark] = undertaking
    self.environment = environment
  }

  /// Runs it to its end, or for that many seconds at most. Throws only where it cannot be started or does not end.
  package func run(
    _ arguments: [String], in directory: String, input: [UInt8] = [], adding more: [String: String] = [:],
    seconds: Double = usualSeconds
  ) throws(Failure) -> Answer {
    let command = [program] + Self.always + arguments
    let variables = environment.merging(more) { $1 }
    guard let child = Child(command, environment: variables, directory: directory) else {
      throw Failure(
        .gitFailed,
        "git cannot be run in \(SessionName.printable(directory)): \(String(cString: apus_error_text(errno)))",
        hint: "look whether that directory is there")
    }
    guard let answer = child.finish(input: input, largest: Self.largestOutput, seconds: seconds) else {
      throw Failure(
        .timedOut, "git \(arguments.first ?? "") in \(directory) did not end in \(Int(seconds)) s",
        hint: "look whether its file system or remote answers")
    }
    return answer
  }

  /// The same, and it must succeed.
  @discardableResult
  package func require(
    _ arguments: [String], in directory: String, input: [UInt8] = [], adding more: [String: String] = [:],
    seconds: Double = usualSeconds
  ) throws(Failure) -> Answer {
    let answer = try run(arguments, in: directory, input: input, adding: more, seconds: seconds)
    guard answer.status == 0 else { throw Self.failure(arguments, answer) }
    return answer
  }

  /// The same for what reads all worktrees: git gives up where it meets one that another git is just making, so it is asked
  /// once more.
  package func requireAmongWorktrees(_ arguments: [String], in directory: String) throws(Failure) -> Answer {
    let until = apus_monotonic_milliseconds() + Self.makingMilliseconds
    while true {
      let answer = try run(arguments, in: directory)
      if answer.status == 0 { return answer }
      let isBeingMade = answer.errors.contains("failed to read") && answer.errors.contains("/commondir")
      guard isBeingMade, apus_monotonic_milliseconds() < until else { throw Self.failure(arguments, answer) }
      poll(nil, 0, 5)
    }
  }

  private static let makingMilliseconds: Int64 = 5_000

  package func succeeds(_ arguments: [String], in directory: String) throws(Failure) -> Bool {
    try run(arguments, in: directory).status == 0
  }

  /// What git said, as an error of ours.
  package static func failure(_ arguments: [String], _ answer: Answer) -> Failure {
    let lines = answer.errors.split(separator: "\n").map(String.init)
    let telling =
      lines.first { $0.hasPrefix("fatal:") || $0.hasPrefix("error:") } ?? lines.last ?? "exit \(answer.status)"
    let verb = arguments.first { !$0.hasPrefix("-") } ?? ""
    if answer.errors.contains("No space left on device") {
      return Failure(
        .diskFull, "git \(verb): the disk is full; nothing was changed", hint: "make room, then do it again")
    }
    return Failure(
      .gitFailed, "git \(verb): \(SessionName.excerpt(telling, of: 300))",
      hint: "`apus doctor` looks for what may be wrong with a repository")
  }
}
