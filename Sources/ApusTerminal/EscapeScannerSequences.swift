/// Sequences, byte by byte, so that a chunk may end anywhere in them.
extension EscapeScanner {
  static func stringKind(_ final: UInt8) -> EscapeToken.Kind {
    switch final {
    case UInt8(ascii: "P"): .dcs
    case UInt8(ascii: "]"): .osc
    case UInt8(ascii: "^"): .pm
    case UInt8(ascii: "_"): .apc
    default: .sos
    }
  }

  /// One or more bytes of a sequence that is no string.
  mutating func sequence(
    _ chunk: UnsafeBufferPointer<UInt8>, _ at: inout Int, _ start: inout Int, _ began: inout Int,
    _ body: (EscapeToken) -> Void
  ) {
    while at < chunk.count {
      let byte = chunk[at]
      if byte >= 0x80 {
        complete(.rejected, chunk, start, at, body)  // and the byte is looked at again
        return
      }
      if byte < 0x20 || byte == 0x7F {
        if isBreak(byte, chunk, &at, &start, &began, body) { return }
        hold(chunk, start, at)
        if byte != 0x7F { embedded.append(byte) }
        at += 1
        start = at
        guard embedded.count < Self.longestSequence else {
          complete(.rejected, chunk, start, at, body)
          return
        }
        continue
      }
      at += 1
      guard let end = step(byte) else { continue }
      if state == .string { return }
      complete(end, chunk, start, at, body)
      return
    }
  }

  /// Goes one byte on; what has ended with it, or nil. A string is told as `sos` and has only begun.
  private mutating func step(_ byte: UInt8) -> EscapeToken.Kind? {
    let isFinal = byte >= 0x40
    switch state {
    case .escape:
      switch byte {
      case UInt8(ascii: "["): state = .prefix
      case UInt8(ascii: "P"), UInt8(ascii: "]"), UInt8(ascii: "X"), UInt8(ascii: "^"), UInt8(ascii: "_"):
        state = .string
        kind = Self.stringKind(byte)
        return .sos
      case 0x20...0x2F: state = .escapeIntermediate
      default: return .escape
      }
    case .escapeIntermediate: return byte < 0x30 ? nil : .escape
    case .prefix:
      state = .parameters
      if byte < 0x3C || byte > 0x3F { return step(byte) }
    case .parameters:
      if isFinal { return .csi }
      if byte < 0x30 { state = .intermediates } else if byte > 0x3B { state = .nonsense }
    case .intermediates:
      if isFinal { return .csi }
      if byte >= 0x30 { state = .nonsense }
    case .nonsense: return isFinal ? .rejected : nil
    case .ground, .character, .string, .stringEscape, .stringC1: return .rejected
    }
    return nil
  }

  /// What breaks a sequence off: `ESC`, which begins another, `CAN` and `SUB`.
  private mutating func isBreak(
    _ byte: UInt8, _ chunk: UnsafeBufferPointer<UInt8>, _ at: inout Int, _ start: inout Int, _ began: inout Int,
    _ body: (EscapeToken) -> Void
  ) -> Bool {
    guard byte == 0x1B || byte == 0x18 || byte == 0x1A else { return false }
    complete(.rejected, chunk, start, at, body)
    if byte == 0x1B {
      state = .escape
      start = at
      began = at
    } else {
      body(EscapeToken(.control, UnsafeBufferPointer(rebasing: chunk[at...at])))
    }
    at += 1
    return true
  }

  /// One or more bytes of a string.
  mutating func string(
    _ chunk: UnsafeBufferPointer<UInt8>, _ at: inout Int, _ start: inout Int, _ began: inout Int,
    _ body: (EscapeToken) -> Void
  ) {
    switch state {
    case .stringEscape:
      if chunk[at] == UInt8(ascii: "\\") {
        at += 1
        complete(kind, chunk, start, at, body)
      } else {
        // Not its end but the beginning of another sequence, whose ESC may have come with an earlier chunk.
        complete(.rejected, chunk, start, at, body)
        state = .escape
        began = at - 1
        start = at
        held = [0x1B]
      }
    case .stringC1:
      let second = chunk[at]
      at += 1
      if second == 0x9C {
        complete(kind, chunk, start, at, body)
      } else if (0x80..<0xA0).contains(second) {
        complete(.rejected, chunk, start, at, body)
        control(second, body)
        began = at - 2
        start = at
      } else {
        state = .string
        if second < 0x80 { at -= 1 }
        if second == 0xC2 { at -= 1 }
      }
    case .string:
      at = Self.skipPrintable(chunk, at)
      guard at < chunk.count else { return }
      let byte = chunk[at]
      switch byte {
      case 0x1B:
        state = .stringEscape
        at += 1
      case 0x07:
        at += 1
        complete(kind, chunk, start, at, body)
      case 0x18, 0x1A: _ = isBreak(byte, chunk, &at, &start, &began, body)
      case 0xC2:
        state = .stringC1
        at += 1
      default: at += 1
      }
    case .ground, .character, .escape, .escapeIntermediate, .prefix, .parameters, .intermediates, .nonsense: return
    }
  }
}
