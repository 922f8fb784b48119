import ApusCore
import ApusLink
import ApusLoop
import ApusWire

// The library for Swift programs. It speaks to the daemon as the command line does, over the socket in the home, and
// holds no rule of its own. All connections live on one thread of this library's, begun with the first question: whoever
// awaits an answer suspends, and none of the program's threads is ever kept.

/// The sessions of one home: found, made, and what they share.
///
/// A value of it holds nothing and may be copied and used from anywhere. The daemon is started where there is none, and
/// goes on when the program ends, as do all sessions.
///
/// Every method throws `ApusError`, or `CancellationError` where its task was cancelled. What was asked before that
/// happens all the same: a cancelled wait ends no turn.
public struct Apus: Sendable {
  let daemon: Daemon

  /// - Parameters:
  ///   - home: where sessions are kept, an absolute path. Usually what `APUS_HOME` says, else `~/.local/state/apus`.
  ///   - environment: what a shell would have: it says where the home and the configuration are, and is what sessions are
  ///     started with. Usually this program's own.
  ///   - programs: the directory of `apusd` and `apus-keeper`. Usually that of this program, else the first in `PATH`.
  /// - Throws: `home.refused` where there is no place to keep sessions.
  public init(home: String? = nil, environment: [String: String]? = nil, programs: String? = nil) throws {
    Loop.serveAside()
    var environment = environment ?? Environment.current()
    if let home { environment["APUS_HOME"] = home }
    daemon = try ApusError.from { () throws(Failure) in
      Daemon(places: try HomeDirectory.places(environment), environment: environment, programs: programs)
    }
  }

  /// Sessions, what needs a person first.
  ///
  /// - Parameters:
  ///   - resumable: only those that will really resume, newest first.
  ///   - owner: only those of this owner.
  ///   - tag: only those with this tag.
  ///   - archived: also those that were set aside.
  ///   - limit: at most so many, counted after everything else was chosen.
  public func sessions(
    resumable: Bool = false, owner: String? = nil, tag: String? = nil, archived: Bool = false, limit: Int? = nil
  ) async throws -> [Session] {
    let request = ListRequest(all: archived, resumable: resumable, owner: owner, tag: tag, limit: nil)
    let found = try await value(.list, request).array ?? []
    // Those of Claude Code that Apus did not start are no sessions yet.
    let ours = found.filter { ($0["source"]?.string ?? "apus") == "apus" }
    return try ours.prefix(limit.map { max(0, $0) } ?? ours.count).map(session)
  }

  /// One session by its name, short id or conversation id.
  ///
  /// - Throws: `session.not_found`, `name.ambiguous`.
  public func session(named name: String) async throws -> Session {
    try session(try await value(.show, SessionRequest(session: name)))
  }

  /// Starts a session. It goes on when this program ends.
  ///
  /// - Parameters:
  ///   - options: what it is called, where it works, what it is to do.
  ///   - wait: whether to return once its first turn is over, with what that answered (`result`), rather than as soon as
  ///     its agent is ready.
  /// - Throws: `name.taken`, `name.invalid`, `directory.missing`, `agent.missing` and what else `apus new` says. What
  ///   fails leaves nothing behind.
  public func create(_ options: SessionOptions, wait: Bool = false) async throws -> Session {
    let daemon = daemon
    var request = try await ApusError.from {
      try await Offload.trying { () throws(Failure) in try options.request(daemon) }
    }
    request.wait = wait
    return try session(try await value(.new, request))
  }

  func session(_ object: JSON) throws -> Session {
    guard let session = Session(object, of: self) else { throw ApusError(Daemon.nonsense) }
    return session
  }

  /// The JSON that a verb answers.
  func value(_ verb: Verb, _ body: some Encodable & Sendable) async throws -> JSON {
    let reply = try await ApusError.from { try await daemon.ask(verb, body) }
    guard let value = try? JSONText.decode(JSON.self, from: reply.body) else { throw ApusError(Daemon.nonsense) }
    return value
  }
}
