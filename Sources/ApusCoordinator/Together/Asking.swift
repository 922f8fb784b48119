import ApusCore
import ApusGit
import ApusWire

// Who asks for a lock, a claim or a message, and in which repository.

extension Coordinator {
  struct Asking {
    var session: Session?
    var owner: LockOwner
    var anchor: LockAnchor
    /// A repository's common directory, or everywhere.
    var scope: String
    var directory: String
  }

  /// Throws where the asker says it is a session that there is not.
  func identify(_ asker: Asker, ticket: String = "") throws -> Asking {
    let session = try findSession(of: asker)
    let directory = session.map { $0.place?.worktree ?? $0.directory } ?? asker.directory
    var scope = LockKey.everywhere
    if !asker.isEverywhere { scope = repository(of: session, directory) ?? LockKey.everywhere }
    var anchor: LockAnchor = asker.process.map { .process($0) } ?? session.map { .session($0.id) } ?? .word
    let owner: LockOwner
    if let session {
      owner = LockOwner(id: session.id, name: session.name, isSession: true)
    } else if let program = asker.program {
      owner = program
    } else if let inherited = asker.owner, !inherited.isSession,
      locks.book.locks.values.contains(where: { $0.owner?.id == inherited.id })
    {
      owner = inherited
      // What is asked for inside a command goes with the command.
      let around = locks.book.tickets.values.first { $0.owner.id == inherited.id && $0.taken > 0 }
      if asker.process == nil, let around { anchor = around.anchor }
    } else if let process = asker.process {
      owner = LockOwner(id: "\(process.pid)-\(process.start)", name: "pid \(process.pid)", isSession: false)
    } else {
      owner = LockOwner(id: ticket, name: "a shell", isSession: false)
    }
    return Asking(session: session, owner: owner, anchor: anchor, scope: scope, directory: directory)
  }

  /// The session a process belongs to, or the one a person named.
  func findSession(of asker: Asker) throws -> Session? {
    if let named = asker.session { return try require(named) }
    if let run = asker.run, let id = RunID(directory: run, below: places.runs), let session = sessions[id.session] {
      return session
    }
    guard let conversation = asker.conversation?.lowercased() else { return nil }
    return sessions.values.first { $0.conversationID == conversation && $0.state.isLive }
  }

  func requireSession(of asker: Asker, for what: String) throws -> Session {
    if let session = try findSession(of: asker) { return session }
    throw Failure(
      .usage, "\(what) needs a session, and this is called in none",
      hint: "name one with --session, as `apus list` shows it")
  }

  /// The repository's identity; nil outside every one.
  func repository(of session: Session?, _ directory: String) -> String? {
    session?.place?.repository ?? Repository.common(of: directory)
  }

  /// The working tree a session edits in.
  func checkout(of session: Session) -> String {
    session.place?.worktree ?? Repository.checkout(of: session.directory) ?? session.directory
  }

  /// Live sessions of one repository.
  func companions(in scope: String) -> [Session] {
    sessions.values.filter { $0.state.isLive && $0.state != .queued && repository(of: $0, $0.directory) == scope }
      .sorted { $0.id < $1.id }
  }
}
