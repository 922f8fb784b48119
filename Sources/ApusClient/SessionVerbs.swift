import ApusCore
import ApusWire

extension Session {
  /// What can be waited for.
  public enum Goal: Sendable {
    /// That nothing is under way.
    case idle
    /// That its run is over.
    case ended
    /// That it needs a person.
    case needsYou

    fileprivate var wire: WaitGoal {
      switch self {
      case .idle: .idle
      case .ended: .ended
      case .needsYou: .needsYou
      }
    }
  }

  /// The session as it is now.
  public func refreshed() async throws -> Session { try await apus.session(named: id) }

  /// Sends a message. One that comes while the agent works is taken up when it comes to it.
  ///
  /// - Parameter wait: whether to return once the turn that answers it is over, with the answer in `result`.
  /// - Throws: `session.not_running`.
  @discardableResult
  public func send(_ text: String, wait: Bool = false) async throws -> Session {
    try await asked(.send, SendRequest(session: id, text: text, wait: wait))
  }

  /// Returns once it is so, however many daemons come and go meanwhile.
  ///
  /// - Parameter timeout: how long to wait at most; nil: as long as it takes.
  /// - Throws: `timed_out`; `session.ended` where it can no longer come.
  @discardableResult
  public func wait(for goal: Goal = .idle, timeout: Duration? = nil) async throws -> Session {
    let (id, seconds) = (id, timeout?.inSeconds)
    let reply = try await ApusError.from {
      try await apus.daemon.again { spent in
        (Verb.wait, WaitRequest(session: id, goal: goal.wire, seconds: seconds.map { max(0, $0 - spent) }))
      }
    }
    return try apus.session((try? JSONText.decode(JSON.self, from: reply.body)) ?? .null)
  }

  /// Interrupts the turn; the session stays.
  @discardableResult
  public func interrupt() async throws -> Session { try await asked(.interrupt, SessionRequest(session: id)) }

  /// Answers what the agent asks to do.
  ///
  /// - Parameters:
  ///   - allow: whether it may.
  ///   - request: which of `needs`; may be left out where there is one.
  ///   - message: of a denial: why, for the agent to read.
  /// - Throws: `permission.not_found`, `permission.ambiguous`.
  @discardableResult
  public func permit(_ allow: Bool, request: String? = nil, message: String? = nil) async throws -> Session {
    try await asked(.permit, PermitRequest(session: id, request: request, allow: allow, message: message))
  }

  /// Ends its run, with all the agent started; it can be resumed.
  ///
  /// - Parameter now: without waiting for the agent to finish what it does.
  @discardableResult
  public func stop(now: Bool = false) async throws -> Session {
    try await asked(.stop, StopRequest(session: id, now: now))
  }

  /// Continues its conversation in a new run. A turn that was cut off is taken up again first.
  ///
  /// - Parameters:
  ///   - text: a message to send then.
  ///   - directory: goes on there instead of where it was.
  ///   - wait: whether to return once it is done with that, with the answer in `result`.
  /// - Throws: `session.not_resumable`, `session.live`.
  @discardableResult
  public func resume(_ text: String? = nil, directory: String? = nil, wait: Bool = false) async throws -> Session {
    try await asked(.resume, ResumeRequest(session: id, text: text, fork: nil, directory: directory, wait: wait))
  }

  /// Continues a copy of its conversation, under a name of its own; this session stays as it is.
  ///
  /// - Parameters:
  ///   - name: the copy's name.
  ///   - text: a message to send to it.
  ///   - directory: where the copy works; usually where this one does.
  ///   - wait: whether to return once it is done with that, with the answer in `result`.
  /// - Throws: `session.not_resumable`, `name.taken`, `name.invalid`.
  public func fork(
    as name: String, _ text: String? = nil, directory: String? = nil, wait: Bool = false
  ) async throws -> Session {
    try ApusError.from { try SessionName.check(name) }
    return try await asked(
      .resume, ResumeRequest(session: id, text: text, fork: name, directory: directory, wait: wait))
  }

  /// Sets it aside where it does not run; nothing is deleted.
  ///
  /// - Throws: `session.live`.
  @discardableResult
  public func archive() async throws -> Session { try await asked(.archive, SessionRequest(session: id)) }

  /// Whether it can be resumed, and why not.
  public func verdict() async throws -> Verdict {
    let items = try await apus.value(.check, CheckRequest(sessions: [id])).array
    guard let verdict = items?.first?["verdict"] else { throw ApusError(Daemon.nonsense) }
    return Verdict(verdict)
  }

  /// The conversation from its beginning; of a fork, with what was said before it.
  public func transcript() async throws -> [Message] {
    let reply = try await ApusError.from {
      try await apus.daemon.ask(.logs, LogsRequest(session: id, follow: false))
    }
    return reply.items.compactMap { (try? JSONText.decode(JSON.self, from: $0)).map(Message.init) }
  }

  /// What happens to it, from number `from` on, each once and in order, also over the end of a daemon.
  ///
  /// - Parameters:
  ///   - from: the first event's number; 0 is the session's beginning.
  ///   - follow: whether to go on as they come. Such a sequence ends only when its reader leaves.
  public func events(from: Int = 0, follow: Bool = true) -> SessionEvents {
    SessionEvents(daemon: apus.daemon, session: id, from: from, follow: follow)
  }

  private func asked(_ verb: Verb, _ body: some Encodable & Sendable) async throws -> Session {
    try apus.session(try await apus.value(verb, body))
  }
}

extension Duration {
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
