import ApusLoop
import CHTTP

/// Long answers to those who say that they unpack: a list of many sessions says the same names over and over.
enum Packing {
  /// Shorter than this is not worth a look.
  private static let least = 4096
  /// Little is gained by trying harder.
  private static let level: Int32 = 3

  static func pack(_ reply: HTTPReply, for head: RequestHead) async -> HTTPReply {
    guard case .bytes(let bytes) = reply.body, bytes.count >= least,
      reply.headers.contains(where: { $0.0 == "Content-Type" && $0.1 == "application/json" }), isTaken(by: head)
    else { return reply }
    guard let packed = await Offload.run({ gzip(bytes) }) else { return reply }
    var reply = reply
    reply.body = .bytes(packed)
    reply.headers += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
    return reply
  }

  static func isTaken(by head: RequestHead) -> Bool {
    head.values("accept-encoding").flatMap { $0.split(separator: ",") }.contains { offer in
      let words = offer.split(separator: ";").map { String($0).trimmingBlanks }
      return words.first == "gzip" && !words.dropFirst().contains { $0 == "q=0" || $0.hasPrefix("q=0.0") }
    }
  }

  /// Nil where there is no room.
  static func gzip(_ bytes: [UInt8]) -> [UInt8]? {
    var stream = z_stream()
    // 16 above the largest window: gzip's own frame.
    guard
      deflateInit2_(
        &stream, level, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { return nil }
    defer { deflateEnd(&stream) }
    var source = bytes
    var packed = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))))
    let isWhole = source.withUnsafeMutableBufferPointer { source in
      packed.withUnsafeMutableBufferPointer { packed in
        (stream.next_in, stream.avail_in) = (source.baseAddress, UInt32(source.count))
        (stream.next_out, stream.avail_out) = (packed.baseAddress, UInt32(packed.count))
        return deflate(&stream, Z_FINISH) == Z_STREAM_END
      }
    }
    guard isWhole else { return nil }
    return Array(packed.prefix(Int(stream.total_out)))
  }
}
