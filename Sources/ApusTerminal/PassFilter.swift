/// Lets through what an agent's output may do to the terminal of the person who watches it (`PassRules`).
///
/// What comes out is well-formed UTF-8 and ends, after every call, at the end of a character or sequence: whoever stops
/// between two calls leaves no terminal in the middle of something. Allowed output comes out byte for byte, but for
/// three things: C1 controls come out in their 7-bit form, a control inside a sequence comes out before it, and bytes
/// that are no UTF-8 come out as U+FFFD. A sequence longer than `EscapeScanner` keeps does not come out.
package struct PassFilter: Sendable {
  private var scanner = EscapeScanner()
  private let rules: PassRules

  /// `clipboard`: whether the agent may write (never read) the person's clipboard.
  package init(clipboard: Bool = true) { rules = PassRules(clipboard: clipboard) }

  /// How many bytes of the input are held back because their sequence is unfinished.
  package var pendingBytes: Int { scanner.pendingBytes }

  package mutating func pass(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count + 64)
    let rules = rules
    bytes.withUnsafeBufferPointer { chunk in
      var run = Run(chunk)
      scanner.scan(chunk) { token in
        switch Self.verdict(token, rules) {
        case .unchanged: run.extend(token.bytes, &output)
        case .sevenBit:
          run.flush(&output)
          Self.writeSevenBit(token, &output)
        case .replaced:
          run.flush(&output)
          output.add("\u{FFFD}")
        case .dropped: run.flush(&output)
        }
      }
      run.flush(&output)
    }
    return output
  }

  package mutating func pass(_ bytes: [UInt8]) -> [UInt8] { pass(bytes[...]) }

  private enum Verdict { case unchanged, sevenBit, replaced, dropped }

  private static func verdict(_ token: EscapeToken, _ rules: PassRules) -> Verdict {
    switch token.kind {
    case .text: return .unchanged
    case .malformed: return .replaced
    case .control, .escape, .csi, .osc, .dcs, .apc, .pm, .sos, .rejected:
      guard rules.allow(token) else { return .dropped }
      return isSevenBit(token) ? .unchanged : .sevenBit
    }
  }

  /// Whether no two terminals disagree on what the sequence is and where it ends: not all know C1 controls as UTF-8,
  /// and not all take a `BEL` for the end of a DCS.
  private static func isSevenBit(_ token: EscapeToken) -> Bool {
    let bytes = token.bytes
    guard bytes.count > 1 else { return true }
    if bytes[0] != 0x1B { return false }
    switch token.kind {
    case .osc: return token.isEndedByBell || bytes[bytes.count - 2] == 0x1B
    case .dcs, .apc, .pm, .sos: return bytes[bytes.count - 2] == 0x1B
    case .text, .malformed, .control, .escape, .csi, .rejected: return true
    }
  }

  private static func writeSevenBit(_ token: EscapeToken, _ output: inout [UInt8]) {
    let bytes = token.bytes
    let isString = token.kind == .osc || token.kind == .dcs
    output.append(0x1B)
    output.append(bytes[0] == 0x1B ? bytes[1] : bytes[1] - 0x40)
    let end = bytes.count - (isString ? token.isEndedByBell ? 1 : 2 : 0)
    if end > 2 { output += UnsafeBufferPointer(rebasing: bytes[2..<end]) }
    if isString { output.add("\u{1B}\\") }
  }

  /// Neighbours in the chunk are copied in one go.
  private struct Run {
    private let chunk: UnsafeBufferPointer<UInt8>
    private var start = 0
    private var end = 0

    init(_ chunk: UnsafeBufferPointer<UInt8>) { self.chunk = chunk }

    mutating func extend(_ bytes: UnsafeBufferPointer<UInt8>, _ output: inout [UInt8]) {
      guard let first = chunk.baseAddress, let from = bytes.baseAddress, from >= first, from < first + chunk.count
      else {
        // Its beginning came earlier: the bytes are the scanner's, and only now.
        flush(&output)
        output += bytes
        return
      }
      if first + end != from {
        flush(&output)
        start = from - first
      }
      end = from - first + bytes.count
    }

    mutating func flush(_ output: inout [UInt8]) {
      if start < end { output += UnsafeBufferPointer(rebasing: chunk[start..<end]) }
      start = end
    }
  }
}
