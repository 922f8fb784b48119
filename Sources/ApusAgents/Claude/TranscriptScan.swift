import ApusCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

// Reads a transcript for its soundness: is each line a whole JSON object, is there a conversation in it, does every
// line continue one that is there. No JSON is decoded: strings are leapt over by memchr, only the depth of brackets is
// counted, and of the top-level fields three are looked at. What the fields mean: claude-contract §2.1–2.4.

struct TranscriptScan {
  private(set) var content = TranscriptContent()
  private var ids: Set<UInt64> = []
  private var parents: Set<UInt64> = []
  private var lastLineUnreadable = false

  /// Scans the file; nil and errno when it cannot be read.
  static func scan(path: String) -> TranscriptContent? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var scan = TranscriptScan()
    var buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
    defer { buffer.deallocate() }
    var filled = 0
    while var base = buffer.baseAddress {
      if filled == buffer.count {
        // A line longer than the buffer: twice the room.
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: buffer.count * 2, alignment: 16)
        larger.copyMemory(from: UnsafeRawBufferPointer(buffer))
        buffer.deallocate()
        buffer = larger
        guard let moved = buffer.baseAddress else { return nil }
        base = moved
      }
      let got = read(descriptor, base + filled, buffer.count - filled)
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { return nil }
      if got == 0 { break }
      filled += got
      var start = 0
      while let newline = memchr(base + start, 10, filled - start) {
        let end = UnsafeRawPointer(newline) - UnsafeRawPointer(base)
        scan.line(UnsafeRawBufferPointer(rebasing: buffer[start..<end]), ended: true)
        start = end + 1
      }
      if start > 0 {
        memmove(base, base + start, filled - start)
        filled -= start
      }
    }
    if filled > 0 { scan.line(UnsafeRawBufferPointer(rebasing: buffer[..<filled]), ended: false) }
    return scan.finish()
  }

  private mutating func finish() -> TranscriptContent {
    if lastLineUnreadable {
      // What is wrong with the last line is a torn tail, not a bad line within.
      content.tornTail = true
      content.unreadableLines -= 1
    }
    content.missingParents = parents.subtracting(ids).count
    return content
  }

  private mutating func line(_ bytes: UnsafeRawBufferPointer, ended: Bool) {
    guard bytes.contains(where: { $0 != 32 && $0 != 13 && $0 != 9 }) else { return }
    guard let fields = TopLevelFields(bytes) else {
      content.unreadableLines += 1
      lastLineUnreadable = true
      return
    }
    lastLineUnreadable = false
    if fields.type == .conversation { content.conversationLines += 1 }
    if let id = fields.id { ids.insert(id) }
    if let parent = fields.parent { parents.insert(parent) }
  }
}

/// Three fields of one line, ids as hashes. Nil for what is no whole JSON object.
private struct TopLevelFields {
  enum Kind { case conversation, other }

  var type = Kind.other
  var id: UInt64?
  var parent: UInt64?

  private enum Key { case type, uuid, parent, other }

  init?(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress else { return nil }
    let count = bytes.count
    var at = 0
    while at < count, bytes[at] == 32 || bytes[at] == 9 { at += 1 }
    guard at < count, bytes[at] == UInt8(ascii: "{") else { return nil }
    var depth = 1
    var expectsKey = true
    var key = Key.other
    at += 1
    while at < count {
      let byte = bytes[at]
      switch byte {
      case UInt8(ascii: "\""):
        guard let end = Self.stringEnd(base, from: at + 1, count: count) else { return nil }
        if depth == 1 {
          let text = UnsafeRawBufferPointer(rebasing: bytes[(at + 1)..<end])
          if expectsKey {
            key = Self.key(text)
            expectsKey = false
          } else {
            take(text, for: key)
          }
        }
        at = end
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        if depth == 0 {
          // Nothing but blanks may follow.
          guard bytes[(at + 1)...].allSatisfy({ $0 == 32 || $0 == 13 || $0 == 9 }) else { return nil }
          return
        }
      case UInt8(ascii: ","): if depth == 1 { expectsKey = true }
      case 0: return nil
      default: break
      }
      at += 1
    }
    return nil
  }

  /// The position of the closing quote.
  private static func stringEnd(_ base: UnsafeRawPointer, from start: Int, count: Int) -> Int? {
    var at = start
    while at < count, let found = memchr(base + at, 34, count - at) {
      let quote = UnsafeRawPointer(found) - base
      var slashes = 0
      while quote - 1 - slashes >= start, base.load(fromByteOffset: quote - 1 - slashes, as: UInt8.self) == 92 {
        slashes += 1
      }
      if slashes % 2 == 0 { return quote }
      at = quote + 1
    }
    return nil
  }

  private static func key(_ text: UnsafeRawBufferPointer) -> Key {
    switch text.count {
    case 4:
      if same(text, "type") { return .type }
      return same(text, "uuid") ? .uuid : .other
    case 10: return same(text, "parentUuid") ? .parent : .other
    default: return .other
    }
  }

  private mutating func take(_ text: UnsafeRawBufferPointer, for key: Key) {
    switch key {
    case .type: if Self.same(text, "user") || Self.same(text, "assistant") { type = .conversation }
    case .uuid: id = Self.hash(text)
    case .parent: parent = Self.hash(text)
    case .other: break
    }
  }

  private static func same(_ text: UnsafeRawBufferPointer, _ word: StaticString) -> Bool {
    text.count == word.utf8CodeUnitCount
      && text.baseAddress.map { memcmp($0, word.utf8Start, text.count) == 0 } ?? false
  }

  private static func hash(_ text: UnsafeRawBufferPointer) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in text { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hash
  }
}
