/// What an OSC says: a number in its plain form and a text, which is well-formed UTF-8 without any control.
struct OperatingCommand {
  let number: Int
  /// What follows the first `;`; nil where there is none.
  let text: Slice<UnsafeBufferPointer<UInt8>>?

  init?(_ payload: UnsafeBufferPointer<UInt8>) {
    let digits = payload.prefix { (0x30...0x39).contains($0) }
    guard (1...5).contains(digits.count), digits.count == 1 || digits.first != 0x30 else { return nil }
    number = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    let rest = payload[digits.endIndex...]
    guard let separator = rest.first else {
      text = nil
      return
    }
    guard separator == 0x3B, Self.isText(payload) else { return nil }
    text = rest.dropFirst()
  }

  private static func isText(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    var at = 0
    while at < bytes.count {
      at = EscapeScanner.skipPrintable(bytes, at)
      guard at < bytes.count else { return true }
      guard bytes[at] >= 0x80 else { return false }
      let length = EscapeScanner.character(bytes, at)
      guard length > 0, bytes[at] != 0xC2 || bytes[at + 1] >= 0xA0 else { return false }
      at += length
    }
    return true
  }
}
