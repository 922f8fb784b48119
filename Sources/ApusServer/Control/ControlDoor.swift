import ApusCoordinator
import ApusCore
import ApusFrames
import ApusLoop
import ApusWire
import CSystem
import Glibc

/// The door for our own programs: frames over a Unix socket in a directory only its owner may enter.
@LoopActor
package final class ControlDoor {
  private let coordinator: Coordinator
  private let http: HTTPDoor
  private let log: Log
  private let listener: Descriptor
  private let shutDown: @LoopActor (ShutDownMode) async throws -> ShutDownReply
  private let leave: @LoopActor () -> Void
  private var connections: [ObjectIdentifier: ControlConnection] = [:]
  private var isClosed = false

  /// `listening` is a listening socket. `shutDown` ends or leaves the sessions, `leave` then ends the daemon.
  package init(
    listening: Int32, coordinator: Coordinator, http: HTTPDoor, log: Log,
    shutDown: @escaping @LoopActor (ShutDownMode) async throws -> ShutDownReply,
    leave: @escaping @LoopActor () -> Void
  ) {
    self.coordinator = coordinator
    self.http = http
    self.log = log
    self.shutDown = shutDown
    self.leave = leave
    listener = Descriptor(listening)
    listener.onReadable = { [unowned self] in accept() }
    listener.watch()
  }

  /// Nothing is answered any more: what was asked is for the next daemon to hear, whose store is not closed.
  package func close() {
    isClosed = true
    listener.close()
  }

  private func accept() {
    while true {
      let number = apus_unix_accept(listener.number)
      guard number >= 0 else {
        // Out of descriptors: this connection waits in the queue; those we have go on.
        if errno == EMFILE || errno == ENFILE { log.error("no descriptor for another connection") }
        return
      }
      var user: uid_t = 0
      guard apus_peer_user(number, &user) == 0, user == getuid() else {
        log.warning("a connection of user \(user) was refused")
        Glibc.close(number)
        continue
      }
      let connection = ControlConnection(number)
      connections[ObjectIdentifier(connection)] = connection
      connection.onClosed = { [unowned self, unowned connection] in
        connections[ObjectIdentifier(connection)] = nil
      }
      connection.onRequest = { [unowned self] frame, connection in
        LoopActor.begin { await self.answer(frame, connection) }
      }
      connection.begin()
    }
  }

  private func answer(_ frame: Frame, _ connection: ControlConnection) async {
    do {
      let request = try Control.parse(frame)
      log.debug("request \(request.verb.rawValue)")
      if request.verb == .shutDown {
        let reply = try await shutDown(try decode(ShutDownRequest.self, request.body).mode)
        connection.send(Frame(kind: Control.Kind.done, body: try JSONText.encode(reply)))
        await connection.drained()
        return leave()
      }
      // A hook gives up after a moment: what it will not hear must not count as told.
      if request.verb == .hook { connection.look() }
      let body = try await perform(request, connection.caller)
      guard !isClosed else { return }
      connection.send(Frame(kind: Control.Kind.done, body: body))
    } catch {
      guard !isClosed else { return }
      let failure = error as? Failure ?? Failure(.internalError, "\(error)", hint: "`apus logs --daemon` says more")
      if failure.code == .internalError || failure.code == .storeFailed || failure.code == .diskFull {
        log.error("request failed: \(failure.code.rawValue): \(failure.summary)")
      }
      connection.send(Frame(kind: Control.Kind.failed, body: (try? JSONText.encode(failure)) ?? []))
    }
  }

  private func decode<T: Decodable>(_: T.Type, _ body: [UInt8]) throws -> T {
    do { return try JSONText.decode(T.self, from: body) } catch {
      throw Failure(
        .usage, "the request is malformed: \(error)", hint: "is `apus` of the daemon's version? `apus restart`")
    }
  }

  private func perform(_ request: Control.Parsed, _ caller: Caller) async throws -> [UInt8] {
    let body = request.body
    let brain = coordinator
    switch request.verb {
    case .status: return try JSONText.encode(brain.status())
    case .shutDown: return []
    case .new: return try JSONText.encode(try await brain.new(try decode(NewRequest.self, body), caller))
    case .send: return try JSONText.encode(try await brain.send(try decode(SendRequest.self, body), caller))
    case .wait: return try JSONText.encode(try await brain.wait(try decode(WaitRequest.self, body), caller))
    case .interrupt: return try JSONText.encode(try await brain.interrupt(try decode(SessionRequest.self, body)))
    case .permit: return try JSONText.encode(try await brain.permit(try decode(PermitRequest.self, body)))
    case .list: return try JSONText.encode(try await brain.list(try decode(ListRequest.self, body)))
    case .show: return try JSONText.encode(try await brain.show(try decode(SessionRequest.self, body)))
    case .check: return try JSONText.encode(try await brain.check(try decode(CheckRequest.self, body)))
    case .logs:
      try await brain.logs(try decode(LogsRequest.self, body), caller)
      return []
    case .events:
      try await brain.events(try decode(EventsRequest.self, body), caller)
      return []
    case .stop: return try JSONText.encode(try await brain.stop(try decode(StopRequest.self, body), caller))
    case .stopAll:
      return try JSONText.encode(try await brain.stopAll(now: try decode(StopRequest.self, body).now))
    case .resume: return try JSONText.encode(try await brain.resume(try decode(ResumeRequest.self, body), caller))
    case .rename: return try JSONText.encode(try await brain.rename(try decode(RenameRequest.self, body)))
    case .tag: return try JSONText.encode(try await brain.tag(try decode(TagRequest.self, body)))
    case .archive: return try JSONText.encode(try await brain.archive(try decode(SessionRequest.self, body)))
    case .locate: return try JSONText.encode(brain.locate(try decode(SessionRequest.self, body)))
    case .claude: return try JSONText.encode(try await brain.claude(try decode(ClaudeRequest.self, body)))
    case .initialise: return try JSONText.encode(try await brain.initialise(try decode(InitRequest.self, body)))
    case .setUpState: return try JSONText.encode(try await brain.setUpState(try decode(DirectoryRequest.self, body)))
    case .place: return try JSONText.encode(brain.place(try decode(SessionRequest.self, body)))
    case .sync: return try JSONText.encode(try await brain.sync(try decode(BranchRequest.self, body), caller))
    case .merge: return try JSONText.encode(try await brain.merge(try decode(BranchRequest.self, body), caller))
    case .pullRequest:
      return try JSONText.encode(try await brain.pullRequest(try decode(BranchRequest.self, body), caller))
    case .conflicts: return try JSONText.encode(try await brain.conflicts(try decode(DirectoryRequest.self, body)))
    case .compare: return try JSONText.encode(try await brain.compare(try decode(CompareRequest.self, body)))
    case .keep: return try JSONText.encode(try await brain.keep(try decode(KeepRequest.self, body)))
    case .remove: return try JSONText.encode(try await brain.remove(try decode(RemoveRequest.self, body)))
    case .rescues: return try JSONText.encode(try await brain.rescues(try decode(DirectoryRequest.self, body)))
    case .restore: return try JSONText.encode(try await brain.restore(try decode(RestoreRequest.self, body)))
    case .moveCommits:
      return try JSONText.encode(try await brain.moveCommits(try decode(MoveCommitsRequest.self, body)))
    case .find: return try JSONText.encode(try await brain.find(try decode(FindRequest.self, body)))
    case .ports: return try JSONText.encode(try await brain.ports(try decode(PortsRequest.self, body)))
    case .garbage: return try JSONText.encode(try await brain.garbage(try decode(GarbageRequest.self, body)))
    case .workLog: return try JSONText.encode(try await brain.workLog(try decode(WorkLogRequest.self, body)))
    case .mend: return try JSONText.encode(try await brain.mend())
    case .doctor: return try JSONText.encode(try await brain.examine())
    case .ps: return try JSONText.encode(try await brain.processes(try decode(ProcessesRequest.self, body)))
    case .prune: return try JSONText.encode(try await brain.prune(try decode(PruneRequest.self, body)))
    case .recover:
      try await brain.recover(try decode(RecoverRequest.self, body), caller)
      return []
    case .adopt: return try JSONText.encode(try await brain.adopt(try decode(AdoptRequest.self, body)))
    case .lock: return try JSONText.encode(try await brain.lock(try decode(LockRequest.self, body), caller))
    case .heldLock: return try JSONText.encode(try brain.heldLock(try decode(HeldLockRequest.self, body)))
    case .locks: return try JSONText.encode(try brain.locks(try decode(LocksRequest.self, body)))
    case .lockStories: return try JSONText.encode(try brain.lockStories(try decode(LocksRequest.self, body)))
    case .claims: return try JSONText.encode(try await brain.claims(try decode(ClaimRequest.self, body)))
    case .tell: return try JSONText.encode(try brain.tell(try decode(TellRequest.self, body)))
    case .inbox: return try JSONText.encode(try brain.inbox(try decode(InboxRequest.self, body)))
    case .deployWatch:
      return try JSONText.encode(try await brain.deployWatch(try decode(DeployWatchRequest.self, body), caller))
    case .deployStatus: return try JSONText.encode(try brain.deployStatus(try decode(DeployStatusRequest.self, body)))
    case .devServe: return try JSONText.encode(try await brain.devServe(try decode(DevServeRequest.self, body), caller))
    case .devReport: return try JSONText.encode(brain.devReport(try decode(DevReport.self, body)))
    case .devStatus: return try JSONText.encode(try brain.devStatus(try decode(DevStatusRequest.self, body)))
    case .devAct: return try JSONText.encode(try await brain.devAct(try decode(DevActRequest.self, body), caller))
    case .diff: return try JSONText.encode(try await brain.diff(try decode(SessionRequest.self, body)))
    case .listen: return try JSONText.encode(try await http.listen(try decode(ListenRequest.self, body)))
    case .openPage: return try JSONText.encode(try await http.openPage(try decode(PageRequest.self, body)))
    case .tokens: return try JSONText.encode(try http.tokens(try decode(TokensRequest.self, body)))
    case .hook:
      guard let hook = try? HookRequest(body) else { throw Failure(.usage, "the hook's report is malformed") }
      return try await brain.hear(hook, caller).encoded
    }
  }
}
