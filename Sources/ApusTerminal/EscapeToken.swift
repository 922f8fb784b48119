/// One piece of a terminal's output, whole: some text, a control, or a sequence (ECMA-48 §5, xterm's ctlseqs).
/// Its bytes are those of the chunk or of the scanner: valid only while the scanner's closure runs.
package struct EscapeToken {
  package enum Kind: Sendable {
    /// Characters in well-formed UTF-8.
    case text
    /// Bytes that are no UTF-8: one replacement character.
    case malformed
    /// C0 or DEL.
    case control
    /// `ESC`, intermediates, final byte; C1 controls but for the introducers of the others too.
    case escape
    case csi, osc, dcs, apc, pm, sos
    /// A sequence that was cut off, makes no sense or is longer than anything should be. No terminal should see it.
    case rejected
  }

  package let kind: Kind
  package let bytes: UnsafeBufferPointer<UInt8>
  /// Of a sequence: `<`, `=`, `>` or `?`; else 0.
  package private(set) var prefix: UInt8 = 0
  /// Of a sequence: the intermediate byte; 0 where there is none, 0xFF where there are several.
  package private(set) var intermediate: UInt8 = 0
  /// Of a sequence: its last byte. Of a control: itself.
  package private(set) var final: UInt8 = 0
  private var from = 0
  private var to = 0

  init(_ kind: Kind, _ bytes: UnsafeBufferPointer<UInt8>) {
    self.kind = kind
    self.bytes = bytes
    switch kind {
    case .text, .malformed, .rejected: break
    case .control: final = bytes[0]
    case .escape: readEscape()
    case .csi: readParameters(from: 2)
    case .osc, .apc, .pm, .sos:
      from = 2
      to = bytes.count - (isEndedByBell ? 1 : 2)
    case .dcs:
      to = bytes.count - (isEndedByBell ? 1 : 2)
      readParameters(from: 2)
    }
  }

  private mutating func readEscape() {
    if bytes[0] == 0xC2 {  // a C1 control as UTF-8
      final = bytes[1] - 0x40
      return
    }
    final = bytes[bytes.count - 1]
    if bytes.count > 2 { intermediate = bytes.count == 3 ? bytes[1] : 0xFF }
  }

  private mutating func readParameters(from start: Int) {
    let end = kind == .csi ? bytes.count : to
    var at = start
    if at < end, (0x3C...0x3F).contains(bytes[at]) {
      prefix = bytes[at]
      at += 1
    }
    from = at
    while at < end, (0x30...0x3B).contains(bytes[at]) { at += 1 }
    let parametersEnd = at
    while at < end, (0x20...0x2F).contains(bytes[at]) {
      intermediate = at == parametersEnd ? bytes[at] : 0xFF
      at += 1
    }
    if at < end { final = bytes[at] }
    if kind == .csi {
      to = parametersEnd
    } else {
      parametersTo = parametersEnd
      dataFrom = min(at + 1, end)
    }
  }

  private var parametersTo = 0
  private var dataFrom = 0

  /// Of a string: ended by `BEL`, not by `ST`.
  package var isEndedByBell: Bool { bytes[bytes.count - 1] == 0x07 }

  /// Of a sequence: the digits, `;` and `:` between prefix and intermediates.
  package var parameters: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(rebasing: bytes[from..<(kind == .dcs ? parametersTo : to)])
  }

  /// Of a string: what stands between introducer and terminator; of a DCS what follows its final byte.
  package var payload: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(rebasing: bytes[(kind == .dcs ? dataFrom : from)..<to])
  }

  /// The parameter at a position, subparameters aside; nil where it is missing.
  package func parameter(_ position: Int) -> Int? {
    var reader = ParameterReader(parameters)
    var n = 0
    while let one = reader.next() {
      guard !one.isSub else { continue }
      if n == position { return one.value }
      n += 1
    }
    return nil
  }

  /// A count of lines or columns: missing and 0 mean 1.
  func count(_ position: Int = 0) -> Int { max(1, parameter(position) ?? 1) }
}
