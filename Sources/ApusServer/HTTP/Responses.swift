import ApusLoop
import CHTTP
import CSystem
import Glibc

/// Answers as the library takes them.
enum Responses {
  /// What goes with every answer: nothing here is for another site's page, to be kept, or to be taken for what it is not.
  static let everywhere = [
    ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"), ("Referrer-Policy", "no-referrer"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"), ("X-Frame-Options", "DENY"),
  ]

  static func make(_ reply: HTTPReply, connection: UInt) -> OpaquePointer? {
    switch reply.body {
    case .bytes(let bytes):
      return bytes.withUnsafeBytes { bytes in
        MHD_create_response_from_buffer(
          bytes.count, UnsafeMutableRawPointer(mutating: bytes.baseAddress), .RESPMEM_MUST_COPY)
      }
    case .stream(let outbox):
      let reader = Unmanaged.passRetained(Reader(outbox: outbox, connection: connection)).toOpaque()
      return MHD_create_response_from_callback(.max, 16 << 10, readOutbox, reader, freeReader)
    case .upgrade(let take):
      return apus_http_upgrade(upgraded, Unmanaged.passRetained(Taker(take)).toOpaque())
    }
  }

  final class Reader: Sendable {
    let outbox: Outbox
    let connection: UInt

    init(outbox: Outbox, connection: UInt) {
      self.outbox = outbox
      self.connection = connection
    }
  }

  final class Taker: Sendable {
    let take: @LoopActor @Sendable (Upgraded) -> Void

    init(_ take: @escaping @LoopActor @Sendable (Upgraded) -> Void) { self.take = take }
  }
}

/// A connection that is no longer HTTP.
struct Upgraded: Sendable {
  /// A descriptor of its own for it, not blocking.
  var descriptor: Int32
  /// What was read of it already.
  var early: [UInt8]
  private var handle: UInt

  fileprivate init(descriptor: Int32, early: [UInt8], handle: UInt) {
    self.descriptor = descriptor
    self.early = early
    self.handle = handle
  }

  /// To be called once, when it is done with.
  func close() { apus_http_upgrade_close(OpaquePointer(bitPattern: handle)) }
}

private let endOfStream = -1

private func readOutbox(
  _ context: UnsafeMutableRawPointer?, _ position: UInt64, _ place: UnsafeMutablePointer<CChar>?, _ room: Int
) -> Int {
  guard let context, let place else { return endOfStream }
  let reader = Unmanaged<Responses.Reader>.fromOpaque(context).takeUnretainedValue()
  return reader.outbox.take(room, into: place, connection: reader.connection) ?? endOfStream
}

private func freeReader(_ context: UnsafeMutableRawPointer?) {
  if let context { Unmanaged<Responses.Reader>.fromOpaque(context).release() }
}

private func upgraded(
  _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ kept: UnsafeMutableRawPointer?,
  _ early: UnsafePointer<CChar>?, _ earlyCount: Int, _ socket: Int32, _ handle: OpaquePointer?
) {
  guard let context, let handle else { return }
  let taker = Unmanaged<Responses.Taker>.fromOpaque(context).takeRetainedValue()
  let descriptor = apus_duplicate(socket)
  let bytes = early.map { Array(UnsafeRawBufferPointer(start: $0, count: earlyCount)) } ?? []
  let upgraded = Upgraded(descriptor: descriptor, early: bytes, handle: UInt(bitPattern: handle))
  guard descriptor >= 0 else { return upgraded.close() }
  apus_set_nonblocking(descriptor, 1)
  LoopActor.begin { taker.take(upgraded) }
}
