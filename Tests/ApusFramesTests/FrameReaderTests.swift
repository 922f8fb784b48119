import ApusFrames
import ApusTestKit
import Testing

@Suite("frames on a stream") struct FrameReaderTests {
  private let frames = [
    Frame(kind: 1, body: []), Frame(kind: 0, body: [0]), Frame(kind: 255, body: [1, 2, 3]),
    Frame(kind: 64, body: [UInt8](repeating: 7, count: 300)), Frame(kind: 65, body: []),
  ]

  private var stream: [UInt8] { frames.flatMap(\.encoded) }

  private func drain(_ reader: inout FrameReader) throws -> [Frame] {
    var found: [Frame] = []
    while let frame = try reader.next() { found.append(frame) }
    return found
  }

  @Test func `a length is of everything after it, in little endian`() {
    #expect(Frame(kind: 9, body: [1, 2]).encoded == [3, 0, 0, 0, 9, 1, 2])
    #expect(Frame(kind: 9, body: []).encoded == [1, 0, 0, 0, 9])
  }

  @Test func `a stream split at any byte gives the same frames`() throws {
    for cut in 0...stream.count {
      var reader = FrameReader()
      reader.feed(stream[..<cut])
      var found = try drain(&reader)
      reader.feed(stream[cut...])
      found += try drain(&reader)
      #expect(found == frames, "split at \(cut)")
    }
  }

  @Test func `a stream that arrives byte by byte gives the same frames`() throws {
    var reader = FrameReader()
    var found: [Frame] = []
    for byte in stream {
      reader.feed([byte])
      found += try drain(&reader)
    }
    #expect(found == frames)
  }

  @Test func `a whole stream at once gives the same frames`() throws {
    var reader = FrameReader()
    reader.feed(stream)
    #expect(try drain(&reader) == frames)
    #expect(try reader.next() == nil)
  }

  @Test func `many large frames in random pieces arrive whole and in order`() throws {
    var random = Seeded(11)
    let sent = (0..<60).map { Frame(kind: UInt8($0), body: random.bytes(random.below(60_000))) }
    let bytes = sent.flatMap(\.encoded)
    var reader = FrameReader()
    var found: [Frame] = []
    var at = 0
    while at < bytes.count {
      let end = min(bytes.count, at + 1 + random.below(90_000))
      reader.feed(bytes[at..<end])
      if random.chance(60) { found += try drain(&reader) }
      at = end
    }
    found += try drain(&reader)
    #expect(found == sent)
  }

  @Test func `no frame is given before its last byte`() throws {
    let bytes = Frame(kind: 3, body: [1, 2, 3, 4]).encoded
    var reader = FrameReader()
    for byte in bytes.dropLast() {
      reader.feed([byte])
      #expect(try reader.next() == nil)
    }
  }

  @Test func `a length of zero is refused`() {
    var reader = FrameReader()
    reader.feed([0, 0, 0, 0, 1])
    #expect(throws: MalformedBytes.self) { _ = try reader.next() }
  }

  @Test func `a length beyond the largest is refused before its bytes arrive`() {
    for length in [UInt32(Frame.largest + 1), .max] {
      var writer = ByteWriter()
      writer.number(length)
      writer.number(UInt8(1))
      var reader = FrameReader()
      reader.feed(writer.bytes)
      #expect(throws: MalformedBytes.self) { _ = try reader.next() }
    }
  }

  @Test func `the largest length is waited for`() throws {
    var writer = ByteWriter()
    writer.number(UInt32(Frame.largest))
    writer.number(UInt8(1))
    var reader = FrameReader()
    reader.feed(writer.bytes)
    #expect(try reader.next() == nil)
  }

  @Test func `text of another protocol is refused`() {
    for text in ["GET / HTTP/1.1\r\n", "SSH-2.0-x\r\n", "{\"type\":\"hello\"}\n"] {
      var reader = FrameReader()
      reader.feed(Array(text.utf8))
      #expect(throws: MalformedBytes.self) { _ = try reader.next() }
    }
  }

  @Test func `ten thousand pieces of garbage never bring the reader down`() {
    var random = Seeded(1)
    for _ in 0..<10_000 {
      var reader = FrameReader()
      for _ in 0..<(1 + random.below(3)) {
        var bytes = random.bytes(random.below(64))
        // Often a plausible length, so that the bodies are looked at too.
        if bytes.count > 5, random.chance(70) {
          bytes.replaceSubrange(0..<4, with: [UInt8(random.below(40)), 0, 0, 0])
        }
        reader.feed(bytes)
        while let frame = try? reader.next() {
          _ = try? KeeperRequest(frame)
          _ = try? KeeperReply(frame)
        }
      }
    }
  }
}
