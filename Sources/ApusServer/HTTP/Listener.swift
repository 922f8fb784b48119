import ApusCore
import ApusLoop
import ApusWire
import CHTTP
import CSystem
import Glibc
import Synchronization

/// One address programs may ask at: libmicrohttpd on a thread of its own, which does no more than read, let `Gate` decide
/// and write. What a request means is decided on the loop.
final class Listener: Sendable {
  private static let connections = 4096
  /// Descriptors that are left for everybody else: our own programs, keepers, files.
  private static let spared = 512
  private static let idleSeconds: UInt32 = 60
  /// Request line and headers of one connection, and what is read at a time.
  private static let connectionBytes = 32 << 10

  let address: ListenAddress
  /// Whether it speaks TLS.
  let isSecure: Bool
  private let gate: Mutex<Gate>
  private let open = Mutex<[ObjectIdentifier: Exchange]>([:])
  private let handle: @LoopActor @Sendable (Exchange) async -> HTTPReply
  private let daemon = Mutex<UInt>(0)
  private let isClosing = Atomic(false)

  /// Listens until `close`. Throws where the library would not begin.
  init(
    _ address: ListenAddress, socket: Int32, gate: Gate, tls: TLSFiles.Text?,
    handle: @escaping @LoopActor @Sendable (Exchange) async -> HTTPReply
  ) throws(Failure) {
    self.address = address
    isSecure = tls != nil
    self.gate = Mutex(gate)
    self.handle = handle
    let settings = (tls?.certificate ?? "", tls?.key ?? "")
    let started = settings.0.withCString { certificate in
      settings.1.withCString { key in
        var settings = apus_http_settings()
        settings.listener = socket
        settings.handler = handleRequest
        settings.completed = requestCompleted
        settings.context = Unmanaged.passUnretained(self).toOpaque()
        settings.connections = UInt32(max(64, min(Self.connections, Int(apus_raise_descriptors()) - Self.spared)))
        settings.idle_seconds = Self.idleSeconds
        settings.connection_bytes = Self.connectionBytes
        settings.certificate = tls == nil ? nil : certificate
        settings.key = tls == nil ? nil : key
        return apus_http_start(&settings)
      }
    }
    guard let started else {
      Glibc.close(socket)
      throw Failure(
        .internalError,
        "\(address.text) cannot be served" + (tls == nil ? "" : ": is the certificate one, and the key its key?"),
        hint: "`apus logs --daemon` may say more")
    }
    daemon.withLock { $0 = UInt(bitPattern: started) }
  }

  func change(_ change: (inout Gate) -> Void) { gate.withLock { change(&$0) } }

  private static let goingMilliseconds = 1_000
  /// Longer than anybody may take for an answer.
  private static let lastMilliseconds = 120_000
  private static let lookMilliseconds = 5

  /// Takes nobody in any more, and ends what goes on there. Returns when that is done, or, where somebody takes an answer
  /// slowly, after a moment: the rest is seen to later.
  @LoopActor
  func close() async {
    let daemon = self.daemon.withLock { daemon in
      defer { daemon = 0 }
      return daemon
    }
    guard daemon != 0 else { return }
    isClosing.store(true, ordering: .relaxed)
    let socket = MHD_quiesce_daemon(OpaquePointer(bitPattern: daemon))
    if socket >= 0 { Glibc.close(socket) }
    if await isLeft(within: Self.goingMilliseconds) { return await stop(daemon) }
    LoopActor.begin { [self] in
      // Nothing may be suspended when it is stopped.
      if await isLeft(within: Self.lastMilliseconds) { await stop(daemon) }
    }
  }

  @LoopActor
  private func isLeft(within milliseconds: Int) async -> Bool {
    let until = apus_monotonic_milliseconds() + Int64(milliseconds)
    while true {
      for end in sittings.values { end() }
      let exchanges = open.withLock { Array($0.values) }
      if exchanges.isEmpty { return true }
      for exchange in exchanges { exchange.cutOff() }
      if apus_monotonic_milliseconds() > until { return false }
      await withCheckedContinuation { continuation in
        _ = Timers.shared.after(Self.lookMilliseconds) { continuation.resume() }
      }
    }
  }

  @LoopActor
  private func stop(_ daemon: UInt) async {
    await Offload.run { MHD_stop_daemon(OpaquePointer(bitPattern: daemon)) }
  }

  // MARK: connections that became something else

  @LoopActor private var sittings: [UInt64: @LoopActor () -> Void] = [:]
  @LoopActor private var nextSitting: UInt64 = 0

  /// `end` ends it at once; the number is for `stand`.
  @LoopActor
  func sit(_ end: @escaping @LoopActor () -> Void) -> UInt64 {
    nextSitting += 1
    sittings[nextSitting] = end
    return nextSitting
  }

  @LoopActor
  func stand(_ number: UInt64) { sittings[number] = nil }

  // MARK: on the listener's thread

  fileprivate func begin(_ head: RequestHead) -> (HTTPReply?, Exchange?) {
    if isClosing.load(ordering: .relaxed) { return (Exchange.closing, nil) }
    switch gate.withLock({ $0 }).admit(head) {
    case .refused(let reply): return (reply, nil)
    case .health: return (.empty, nil)
    // What is answered before all was read costs the connection.
    case .page(let reply): return (nil, enter(Exchange(head: head, grant: .nobody, token: nil, listener: self), reply))
    case .admitted(let grant, let token):
      return (nil, enter(Exchange(head: head, grant: grant, token: token, listener: self), nil))
    }
  }

  private func enter(_ exchange: Exchange, _ reply: HTTPReply?) -> Exchange {
    open.withLock { $0[ObjectIdentifier(exchange)] = exchange }
    if let reply { exchange.answer(reply) }
    return exchange
  }

  fileprivate func ask(_ exchange: Exchange) {
    let handle = self.handle
    LoopActor.begin { exchange.answer(await handle(exchange)) }
  }

  fileprivate func ended(_ exchange: Exchange) {
    open.withLock { $0[ObjectIdentifier(exchange)] = nil }
    exchange.end()
  }
}

/// MHD_AccessHandlerCallback: called first with the head alone, then with each piece of the body, then with none.
private func handleRequest(
  _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ target: UnsafePointer<CChar>?,
  _ method: UnsafePointer<CChar>?, _ version: UnsafePointer<CChar>?, _ upload: UnsafePointer<CChar>?,
  _ uploadCount: UnsafeMutablePointer<Int>?, _ kept: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
  guard let context, let connection, let target, let method, let uploadCount, let kept else { return .NO }
  let listener = Unmanaged<Listener>.fromOpaque(context).takeUnretainedValue()
  guard let known = kept.pointee else {
    let head = RequestHead(connection, method: String(cString: method), target: String(cString: target))
    let (reply, exchange) = listener.begin(head)
    if let exchange { kept.pointee = Unmanaged.passRetained(exchange).toOpaque() }
    return reply.map { queue($0, connection) } ?? .YES
  }
  let exchange = Unmanaged<Exchange>.fromOpaque(known).takeUnretainedValue()
  if uploadCount.pointee > 0, let upload {
    guard exchange.take(UnsafeRawBufferPointer(start: upload, count: uploadCount.pointee)) else { return .NO }
    uploadCount.pointee = 0
    return .YES
  }
  let reply = exchange.reply(or: { listener.ask(exchange) }, connection: UInt(bitPattern: connection))
  return reply.map { queue($0, connection) } ?? .YES
}

/// MHD_RequestCompletedCallback: also where the other side went away in the middle.
private func requestCompleted(
  _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
  _ kept: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ how: MHD_RequestTerminationCode
) {
  guard let context, let known = kept?.pointee else { return }
  kept?.pointee = nil
  Unmanaged<Listener>.fromOpaque(context).takeUnretainedValue().ended(
    Unmanaged<Exchange>.fromOpaque(known).takeRetainedValue())
}

private func queue(_ reply: HTTPReply, _ connection: OpaquePointer) -> MHD_Result {
  guard let response = Responses.make(reply, connection: UInt(bitPattern: connection)) else { return .NO }
  defer { MHD_destroy_response(response) }
  for (name, value) in reply.headers { MHD_add_response_header(response, name, value) }
  for (name, value) in Responses.everywhere where !reply.headers.contains(where: { $0.0 == name }) {
    MHD_add_response_header(response, name, value)
  }
  if reply.closes { MHD_add_response_header(response, "Connection", "close") }
  return MHD_queue_response(connection, UInt32(reply.status), response)
}

extension RequestHead {
  fileprivate init(_ connection: OpaquePointer, method: String, target: String) {
    let (headers, query) = (Pairs(), Pairs())
    MHD_get_connection_values(connection, .HEADER_KIND, collect, Unmanaged.passUnretained(headers).toOpaque())
    MHD_get_connection_values(connection, .GET_ARGUMENT_KIND, collect, Unmanaged.passUnretained(query).toOpaque())
    var user: uid_t = 0
    let isOwnUser = apus_peer_user(apus_http_socket(connection), &user) == 0 && user == getuid()
    self.init(
      method: method, target: target, headers: headers.all.map { ($0.name.lowercased(), $0.value) },
      query: query.all,
      isOwnUser: isOwnUser)
  }
}

private final class Pairs { var all: [(name: String, value: String)] = [] }

private func collect(
  _ context: UnsafeMutableRawPointer?, _ kind: MHD_ValueKind, _ name: UnsafePointer<CChar>?,
  _ value: UnsafePointer<CChar>?
) -> MHD_Result {
  guard let context, let name else { return .NO }
  Unmanaged<Pairs>.fromOpaque(context).takeUnretainedValue().all.append(
    (String(cString: name), value.map { String(cString: $0) } ?? ""))
  return .YES
}
