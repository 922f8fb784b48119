import ApusCore
import ApusLoop
import CHTTP
import Synchronization

/// One request and its answer, between the listener's thread, which reads and writes, and the loop, which decides.
final class Exchange: Sendable {
  private struct State: Sendable {
    var body: [UInt8] = []
    var reply: HTTPReply?
    var isAsked = false
    var isOver = false
    /// The connection that waits for the answer, as an address.
    var suspended: UInt = 0
    var onOver: [@LoopActor @Sendable () -> Void] = []
  }

  let head: RequestHead
  let grant: AccessGrant
  /// The id of the token that was shown.
  let token: String?
  let listener: Listener
  private let state = Mutex(State())

  init(head: RequestHead, grant: AccessGrant, token: String?, listener: Listener) {
    self.listener = listener
    self.head = head
    self.grant = grant
    self.token = token
  }

  var body: [UInt8] { state.withLock { $0.body } }
  var isOver: Bool { state.withLock { $0.isOver } }

  /// False where it is more than was announced and is allowed.
  func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
    state.withLock { state in
      guard state.body.count + bytes.count <= Gate.longestBody else { return false }
      state.body += bytes
      return true
    }
  }

  /// The answer where there is one; otherwise the connection is suspended until there is, and `ask` is called once.
  func reply(or ask: @Sendable () -> Void, connection: UInt) -> HTTPReply? {
    let (reply, isFirst) = state.withLock { state -> (HTTPReply?, Bool) in
      if let reply = state.reply { return (reply, false) }
      defer { state.isAsked = true }
      state.suspended = connection
      MHD_suspend_connection(OpaquePointer(bitPattern: connection))
      return (nil, !state.isAsked)
    }
    if isFirst { ask() }
    return reply
  }

  /// What it is answered. The first answer counts.
  func answer(_ reply: HTTPReply) {
    state.withLock { state in
      guard state.reply == nil else { return }
      state.reply = reply
      state.body = []
      guard state.suspended != 0 else { return }
      MHD_resume_connection(OpaquePointer(bitPattern: state.suspended))
      state.suspended = 0
    }
  }

  static var closing: HTTPReply {
    var reply = HTTPReply.problem(Failure(.daemonUnreachable, "this address is no longer served"))
    reply.closes = true
    return reply
  }

  /// Nobody is here any more: what is asked is answered so, what is told bit by bit ends.
  func cutOff() {
    answer(Self.closing)
    if case .stream(let outbox)? = state.withLock({ $0.reply })?.body { outbox.finish() }
  }

  /// Called once it was answered or the other side is gone; at once where that is so.
  @LoopActor
  func whenOver(_ action: @escaping @LoopActor @Sendable () -> Void) {
    let isOver = state.withLock { state in
      if !state.isOver { state.onOver.append(action) }
      return state.isOver
    }
    if isOver { action() }
  }

  func end() {
    let (actions, reply) = state.withLock { state in
      defer { state.onOver = [] }
      state.isOver = true
      return (state.onOver, state.reply)
    }
    if case .stream(let outbox)? = reply?.body { outbox.leave() }
    guard !actions.isEmpty else { return }
    LoopActor.begin { for action in actions { action() } }
  }
}
