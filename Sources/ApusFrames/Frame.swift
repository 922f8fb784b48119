/// One message on a socket of ours: a kind and its bytes.
///
/// On the wire: four bytes of length (little endian, of everything after them), one byte of kind, the body.
package struct Frame: Equatable, Sendable {
  /// No message of ours is larger; a length beyond it means the other side does not speak frames.
  package static let largest = 256 << 20

  package var kind: UInt8
  package var body: [UInt8]

  package init(kind: UInt8, body: [UInt8]) {
    self.kind = kind
    self.body = body
  }

  package var encoded: [UInt8] {
    var writer = ByteWriter()
    writer.number(UInt32(body.count + 1))
    writer.number(kind)
    return writer.bytes + body
  }
}

/// Cuts a stream of bytes into frames, wherever the stream was broken up.
package struct FrameReader {
  private var buffer: [UInt8] = []
  private var start = 0

  package init() {}

  package mutating func feed(_ bytes: some Sequence<UInt8>) {
    if start > 0, start == buffer.count {
      buffer.removeAll(keepingCapacity: buffer.capacity <= 1 << 20)
      start = 0
    }
    buffer += bytes
  }

  /// The next whole frame, nil until there is one. Throws where no frame can begin like this: the connection is
  /// of no more use then.
  package mutating func next() throws(MalformedBytes) -> Frame? {
    guard buffer.count - start >= 5 else { return nil }
    var head = ByteReader(buffer[start..<(start + 5)])
    let length = Int(try head.number(UInt32.self))
    guard length >= 1, length <= Frame.largest else { throw MalformedBytes() }
    guard buffer.count - start >= 4 + length else { return nil }
    let frame = Frame(kind: buffer[start + 4], body: Array(buffer[(start + 5)..<(start + 4 + length)]))
    start += 4 + length
    if start > 1 << 16 {
      buffer.removeFirst(start)
      start = 0
    }
    return frame
  }
}
