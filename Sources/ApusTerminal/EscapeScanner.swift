/// Cuts a terminal's output into text, controls and whole sequences, however it is cut into chunks.
///
/// The grammar is that of ECMA-48 as xterm and the VT500 parser read it: `CAN`, `SUB` and `ESC` break a sequence off,
/// other controls inside one are acted on before it, and a byte that fits nowhere ends it. C1 controls are known as
/// `ESC x` and as UTF-8 (`C2 80`…`C2 9F`), never as a bare byte. A string ends with `ST` or `BEL`.
///
/// What a scanner holds is bounded: a string longer than `longestString` is passed over to its end and dropped whole.
package struct EscapeScanner: Sendable {
  package static let longestString = 1 << 20
  package static let longestSequence = 1 << 12

  enum State: Sendable {
    case ground, character
    case escape, escapeIntermediate
    case prefix, parameters, intermediates, nonsense
    case string, stringEscape, stringC1
  }

  var state = State.ground
  var kind = EscapeToken.Kind.escape
  /// What earlier chunks had of the unfinished sequence, without the controls inside it.
  var held: [UInt8] = []
  var embedded: [UInt8] = []
  var isTooLong = false

  /// How many bytes at the end of all that was scanned belong to an unfinished sequence or character. Before them is
  /// the last place where the stream may be cut.
  package private(set) var pendingBytes = 0

  package init() {}

  /// Bytes which put a fresh scanner where this one is.
  package var pending: [UInt8] {
    guard pendingBytes > 0 else { return [] }
    var bytes = isTooLong ? standIn : held
    // The controls inside, where any sequence bears them: behind its first byte, or its first two where that is C1.
    bytes.insert(contentsOf: embedded, at: min(bytes.first == 0xC2 ? 2 : 1, bytes.count))
    return bytes
  }

  /// Nothing of a sequence that is too long will count: any serves that ends at the same byte and is rejected.
  private var standIn: [UInt8] {
    switch state {
    case .ground, .character, .escape: [0x1B]
    case .escapeIntermediate: [0x1B, 0x20, 0x20]
    case .prefix, .parameters, .intermediates, .nonsense: [0x1B, 0x5B, 0x30, 0x3C]
    case .string: [0x1B, 0x58]
    case .stringEscape: [0x1B, 0x58, 0x1B]
    case .stringC1: [0x1B, 0x58, 0xC2]
    }
  }

  /// Gives each token of the chunk, in order.
  package mutating func scan(_ chunk: UnsafeBufferPointer<UInt8>, _ body: (EscapeToken) -> Void) {
    var at = 0
    var start = 0
    var began = -pendingBytes
    if state == .character {
      at = finishCharacter(chunk, body)
      start = at
    }
    while at < chunk.count {
      switch state {
      case .ground, .character:
        at = ground(chunk, at, body)
        start = opening
        began = opening
      case .string, .stringEscape, .stringC1: string(chunk, &at, &start, &began, body)
      case .escape, .escapeIntermediate, .prefix, .parameters, .intermediates, .nonsense:
        sequence(chunk, &at, &start, &began, body)
      }
    }
    guard state != .ground else {
      pendingBytes = 0
      return
    }
    pendingBytes = chunk.count - began
    hold(chunk, start, chunk.count)
  }

  /// Where in the chunk the sequence or character began that `ground` left unfinished.
  var opening = 0

  var limit: Int {
    switch state {
    case .string, .stringEscape, .stringC1: Self.longestString
    case .ground, .character, .escape, .escapeIntermediate, .prefix, .parameters, .intermediates, .nonsense:
      Self.longestSequence
    }
  }

  mutating func hold(_ chunk: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) {
    guard !isTooLong, start < end else { return }
    if held.count + end - start > limit {
      isTooLong = true
      held = []
    } else {
      held += UnsafeBufferPointer(rebasing: chunk[start..<end])
    }
  }

  /// Ends the sequence that goes to `end`, which is told of as `kind`.
  mutating func complete(
    _ kind: EscapeToken.Kind, _ chunk: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int,
    _ body: (EscapeToken) -> Void
  ) {
    if !embedded.isEmpty {
      embedded.withUnsafeBufferPointer { controls in
        for n in controls.indices { body(EscapeToken(.control, UnsafeBufferPointer(rebasing: controls[n...n]))) }
      }
      embedded = []
    }
    if isTooLong || held.count + end - start > limit {
      body(EscapeToken(.rejected, UnsafeBufferPointer(rebasing: chunk[end..<end])))
    } else if held.isEmpty {
      body(EscapeToken(kind, UnsafeBufferPointer(rebasing: chunk[start..<end])))
    } else {
      if start < end { held += UnsafeBufferPointer(rebasing: chunk[start..<end]) }
      held.withUnsafeBufferPointer { body(EscapeToken(kind, $0)) }
    }
    held.removeAll(keepingCapacity: held.capacity < 1 << 16)
    isTooLong = false
    state = .ground
  }
}
