import ApusCore

/// Where our processes find each other and what they keep. Everything is below `home`, but for sockets whose path
/// would be too long for the kernel.
package struct Places: Equatable, Sendable {
  /// `sockaddr_un` has room for 107 bytes and an end.
  package static let longestSocketPath = 107
  /// Room for what is put after the directory: `/k-` + 16 digits + `-` + 10 digits.
  private static let roomForSocketName = 32

  package let home: String
  /// Where sockets are: `home`, or a directory below the temporary one, named by user and home.
  package let socketDirectory: String

  /// Where a long home remembers its socket directory (a symbolic link): the temporary directory of one shell need not
  /// be that of the next.
  package static let socketLink = "sockets"

  /// `remembered` is where that link leads, where there is one.
  package init(home: String, temporary: String, user: UInt32, remembered: String? = nil) {
    self.home = home
    if home.utf8.count + Self.roomForSocketName <= Self.longestSocketPath {
      socketDirectory = home
    } else if let remembered {
      socketDirectory = remembered
    } else {
      socketDirectory = "\(temporary)/apus-\(user)-\(String(Self.hash(home), radix: 16))"
    }
  }

  /// From the environment, as every process of ours does: `APUS_HOME`, else `$XDG_STATE_HOME/apus`, else
  /// `~/.local/state/apus`.
  package init(
    environment: [String: String], user: UInt32, remembered: (_ link: String) -> String? = { _ in nil }
  ) throws(Failure) {
    func set(_ key: String) -> String? { environment[key].flatMap { $0.isEmpty ? nil : $0 } }
    let home: String
    if let given = set("APUS_HOME") {
      home = given
    } else if let state = set("XDG_STATE_HOME") {
      home = state + "/apus"
    } else if let person = set("HOME") {
      home = person + "/.local/state/apus"
    } else {
      throw Failure(
        .homeRefused, "there is no place to keep sessions: neither APUS_HOME nor HOME is set",
        hint: "set APUS_HOME to a directory of yours")
    }
    guard home.hasPrefix("/") else {
      throw Failure(
        .homeRefused, "APUS_HOME is not an absolute path: \(SessionName.printable(home))",
        hint: "set APUS_HOME to a path that begins with /")
    }
    var trimmed = home
    while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
    self.init(
      home: trimmed, temporary: set("TMPDIR") ?? "/tmp", user: user,
      remembered: remembered(trimmed + "/" + Self.socketLink))
  }

  package var daemonSocket: String { socketDirectory + "/apusd.sock" }
  package var daemonLock: String { home + "/apusd.lock" }
  package var daemonLog: String { home + "/apusd.log" }
  package var store: String { home + "/apus.db" }
  package var eventStore: String { home + "/events.db" }
  /// Where worktrees of sessions are: outside every checkout.
  package var worktrees: String { home + "/worktrees" }
  /// What is only needed for a moment by the daemon.
  package var scratch: String { home + "/scratch" }
  /// What sessions' commands are held against while no daemon answers, by conversation.
  package var guardSheets: String { home + "/guards" }
  package func guardSheet(conversation: String) -> String { "\(guardSheets)/\(conversation)" }
  package var runs: String { home + "/runs" }
  package func runDirectory(session: String, run: Int) -> String { "\(runs)/\(session)/\(run)" }
  package func keeperSocket(session: String, run: Int) -> String { "\(socketDirectory)/k-\(session)-\(run)" }

  /// Where the agent of a run puts what it needs for the moment; removed with the run's end.
  package func temporaryDirectory(session: String, run: Int) -> String { "\(socketDirectory)/t-\(session)-\(run)" }

  /// What an agent's environment says of its run: found again in every process the run started.
  package func cookie(session: String, run: Int) -> String { "APUS_RUN=" + runDirectory(session: session, run: run) }

  /// FNV-1a, 64 bits: only to keep homes apart.
  private static func hash(_ text: String) -> UInt64 {
    text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}
