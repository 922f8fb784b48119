/// Text: what is between the sequences, most of all there is.
extension EscapeScanner {
  /// Gives text and controls from `from` on; returns behind the first byte or two of a sequence, or at the end.
  mutating func ground(_ chunk: UnsafeBufferPointer<UInt8>, _ from: Int, _ body: (EscapeToken) -> Void) -> Int {
    var start = from
    var at = from
    state = .ground
    while true {
      at = Self.skipPrintable(chunk, at)
      guard at < chunk.count else {
        text(chunk, start, at, body)
        return at
      }
      let byte = chunk[at]
      if byte < 0x80 {
        text(chunk, start, at, body)
        at += 1
        if byte == 0x1B {
          state = .escape
          opening = at - 1
          return at
        }
        body(EscapeToken(.control, UnsafeBufferPointer(rebasing: chunk[(at - 1)..<at])))
        start = at
        continue
      }
      let length = Self.character(chunk, at)
      if length > 0 {
        if byte == 0xC2, chunk[at + 1] < 0xA0 {
          text(chunk, start, at, body)
          opening = at
          at += 2
          guard isWhole(chunk[at - 1]) else { return at }
          body(EscapeToken(.escape, UnsafeBufferPointer(rebasing: chunk[(at - 2)..<at])))
          start = at
        } else {
          at += length
        }
      } else if length == 0 {
        text(chunk, start, at, body)
        state = .character
        opening = at
        return chunk.count
      } else {
        text(chunk, start, at, body)
        body(EscapeToken(.malformed, UnsafeBufferPointer(rebasing: chunk[at..<(at - length)])))
        at -= length
        start = at
      }
    }
  }

  private func text(
    _ chunk: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int, _ body: (EscapeToken) -> Void
  ) {
    if start < end { body(EscapeToken(.text, UnsafeBufferPointer(rebasing: chunk[start..<end]))) }
  }

  /// A C1 control by its second byte: true where it is whole by itself, else the sequence it introduces has begun.
  private mutating func isWhole(_ second: UInt8) -> Bool {
    switch second {
    case 0x9B: state = .prefix
    case 0x90, 0x98, 0x9D, 0x9E, 0x9F:
      state = .string
      kind = Self.stringKind(second - 0x40)
    default: return true
    }
    return false
  }

  /// A C1 control whose bytes did not come together.
  mutating func control(_ second: UInt8, _ body: (EscapeToken) -> Void) {
    held = [0xC2, second]
    guard isWhole(second) else { return }
    held.withUnsafeBufferPointer { body(EscapeToken(.escape, $0)) }
    held = []
    state = .ground
  }

  /// The rest of a character whose first bytes came with an earlier chunk. Returns behind it.
  mutating func finishCharacter(_ chunk: UnsafeBufferPointer<UInt8>, _ body: (EscapeToken) -> Void) -> Int {
    for at in chunk.indices {
      held.append(chunk[at])
      let length = held.withUnsafeBufferPointer { Self.character($0, 0) }
      if length == 0 { continue }
      let isMalformed = length < 0
      if isMalformed { held.removeLast() }
      state = .ground
      if !isMalformed, held[0] == 0xC2, held[1] < 0xA0 {
        control(held[1], body)
      } else {
        held.withUnsafeBufferPointer { body(EscapeToken(isMalformed ? .malformed : .text, $0)) }
        held = []
      }
      return isMalformed ? at : at + 1
    }
    return chunk.count
  }

  /// The first place from `from` on that is no printable ASCII. Eight bytes at a time.
  static func skipPrintable(_ chunk: UnsafeBufferPointer<UInt8>, _ from: Int) -> Int {
    var at = from
    let raw = UnsafeRawBufferPointer(chunk)
    while at + 8 <= chunk.count {
      let word = raw.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      // A high bit stays set where a byte is below 0x20, DEL, or above it.
      let odd = (word &- 0x2020_2020_2020_2020) | (word &+ 0x0101_0101_0101_0101) | word
      if odd & 0x8080_8080_8080_8080 != 0 { break }
      at += 8
    }
    while at < chunk.count, chunk[at] >= 0x20, chunk[at] < 0x7F { at += 1 }
    return at
  }

  /// The length of the character at `at` (Unicode 15, table 3-7); 0 where the chunk ends inside it; where it is
  /// malformed, minus the length of what should become one replacement character.
  static func character(_ chunk: UnsafeBufferPointer<UInt8>, _ at: Int) -> Int {
    let first = chunk[at]
    var low: UInt8 = 0x80
    var high: UInt8 = 0xBF
    let length: Int
    switch first {
    case 0x00...0x7F: return 1
    case 0xC2...0xDF: length = 2
    case 0xE0:
      length = 3
      low = 0xA0
    case 0xED:
      length = 3
      high = 0x9F
    case 0xE1...0xEF: length = 3
    case 0xF0:
      length = 4
      low = 0x90
    case 0xF1...0xF3: length = 4
    case 0xF4:
      length = 4
      high = 0x8F
    default: return -1
    }
    for n in 1..<length {
      guard at + n < chunk.count else { return 0 }
      guard chunk[at + n] >= low, chunk[at + n] <= high else { return -n }
      low = 0x80
      high = 0xBF
    }
    return length
  }
}
