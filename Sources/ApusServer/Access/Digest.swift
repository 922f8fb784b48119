import CHTTP

/// What is done with keys.
enum Digest {
  /// In hexadecimal digits.
  static func sha256(_ text: String) -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    let bytes = Array(text.utf8)
    apus_sha256(bytes, bytes.count, &digest)
    return hexadecimal(digest)
  }

  static func sha1(_ bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 20)
    apus_sha1(bytes, bytes.count, &digest)
    return digest
  }

  /// In hexadecimal digits.
  static func hmac(_ bytes: [UInt8], key: String) -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    let key = Array(key.utf8)
    apus_hmac_sha256(key, key.count, bytes, bytes.count, &digest)
    return hexadecimal(digest)
  }

  /// Nobody can foresee them; nil where the machine has none to give.
  static func random(_ count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    return apus_random_key(&bytes, count) == 0 ? bytes : nil
  }

  static func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)

  /// RFC 4648; for addresses with `-_` and no end.
  static func base64(_ bytes: [UInt8], forAddresses: Bool = false) -> String {
    let alphabet = letters + Array((forAddresses ? "-_" : "+/").utf8)
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let piece = bytes[start..<min(start + 3, bytes.count)]
      let number = piece.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - piece.count))
      for place in 0...3 {
        if place <= piece.count {
          text.append(alphabet[number >> (18 - 6 * place) & 63])
        } else if !forAddresses {
          text.append(UInt8(ascii: "="))
        }
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
