import ApusAgents
import ApusCore
import ApusLink
import ApusLoop
import ApusWire
import CSystem
import Glibc

// For programs that embed sessions: what a new one is started with where no shell is there to say, keys that make asking
// twice asking once, and sessions that end with the program that made them.

/// A new session as a program asks for it; what is left out is as the settings have it.
package struct SessionWish: Sendable {
  package var name: String?
  package var directory: String
  package var prompt: String?
  package var model: String?
  package var permissionMode: String?
  package var maxTurns: Int?
  /// Beside what the daemon was started with.
  package var variables: [String: String] = [:]
  package var owner: String?
  package var tags: [String] = []
  package var persists: Bool?
  package var terminal: TerminalWish?
  /// Nil: it works in its directory as it is.
  package var place: PlaceWish?
  /// A process that makes sessions only for as long as it lives.
  package var tiedTo: Int?
  package var creation: Session.Creation?

  package init(directory: String) { self.directory = directory }
}

extension Coordinator {
  package nonisolated static var permissionModes: [String] { ClaudeAgent.permissionModes }

  /// What a wish comes to. Throws what is wrong with it.
  package func compose(_ wish: SessionWish) throws(Failure) -> NewRequest {
    let variables = environment.merging(wish.variables) { $1 }
    let settings = try Configuration.load(environment: variables, directory: wish.directory)
    let spec = try AgentProgram.spec(
      settings, model: wish.model ?? settings[.model], permissionMode: wish.permissionMode ?? settings[.permissionMode],
      maxTurns: wish.maxTurns, environment: variables, directory: wish.directory)
    var request = NewRequest(
      name: wish.name ?? freeName(nil, wish.directory), directory: wish.directory, prompt: wish.prompt, spec: spec,
      owner: wish.owner, tags: wish.tags, persists: try persists(wish, settings), wait: false,
      terminal: wish.terminal)
    request.place = wish.place
    request.place?.given = Array(wish.variables.keys)
    request.place?.date = LocalDate.today()
    request.creation = wish.creation
    request.tiedTo = try wish.tiedTo.map { pid throws(Failure) in try mark(toTie: pid) }
    return request
  }

  package func mark(toTie pid: Int) throws(Failure) -> ProcessMark {
    if let mark = Processes.mark(of: Int32(clamping: pid)) { return mark }
    throw Failure(
      .usage, "there is no process \(pid) to tie the session to", hint: "name one that runs, such as your own")
  }

  private func persists(_ wish: SessionWish, _ settings: Settings) throws(Failure) -> Bool {
    if let asked = wish.persists { return asked }
    return try settings.flag(.persist)
  }

  /// The session that was made under that key. Throws where something else was asked under it.
  package func made(under creation: Session.Creation) throws(Failure) -> Session? {
    guard let session = sessions.values.first(where: { $0.creation?.key == creation.key }) else { return nil }
    guard session.creation == creation else {
      throw Failure(
        .keyReused, "that key was used for another request, which made \(session.name) (\(session.id))",
        hint: "choose a new Idempotency-Key for each new thing")
    }
    return session
  }

  package func owner(of id: String) -> String? { sessions[id]?.owner }
  package func name(of id: String) -> String? { sessions[id]?.name }

  // MARK: ties

  private static var tieRetryMilliseconds: Int { 1000 }

  /// From now on the end of the process the session is tied to is a deliberate shutdown for it.
  func tie(_ session: Session) {
    guard let mark = session.tiedTo, ties[mark] == nil else { return }
    let number = apus_process_watch(mark.pid, mark.start)
    guard number >= 0 else {
      if errno == ESRCH {
        LoopActor.begin { [self] in await tieEnded(mark) }
        return
      }
      log.error("pid \(mark.pid) cannot be watched: \(String(cString: apus_error_text(errno)))")
      Timers.shared.after(Self.tieRetryMilliseconds) { [weak self] in self?.tie(session) }
      return
    }
    let end = Descriptor(number)
    ties[mark] = end
    end.onReadable = { [unowned self] in
      end.close()
      ties[mark] = nil
      LoopActor.begin { [self] in await tieEnded(mark) }
    }
    end.watch()
  }

  /// Each of its sessions as its own record says: those that persist go on, all others end gracefully.
  private func tieEnded(_ mark: ProcessMark) async {
    let tied = sessions.values.filter { $0.tiedTo == mark && $0.state.isLive }
    let persisted = tied.filter(\.persists)
    log.info(
      "pid \(mark.pid) ended, to which \(tied.count) sessions are tied. Claude sessions persisted: \(persisted.count)")
    do {
      for session in tied { try update(session.id) { $0.tiedTo = nil } }
      try await end(tied.filter { !$0.persists }.map(\.id), now: false)
    } catch { log.error("sessions of pid \(mark.pid): \(error)") }
  }

  /// What a session's next run is tied to: what is named for it, else what the last one was, where that still lives. The
  /// end of a program it had nothing to do with any more must not end it.
  func nextTie(_ session: Session, _ named: ProcessMark?) -> ProcessMark? {
    named ?? session.tiedTo.flatMap { Processes.mark(of: $0.pid) == $0 ? $0 : nil }
  }

  /// A new daemon watches what the last one did.
  func tieAll() { for session in sessions.values where session.tiedTo != nil && session.state.isLive { tie(session) } }
}
