/// Hides what looks like a secret in text others get to see: the shapes in which well-known services give out keys and
/// tokens. What has no shape (a password) cannot be known.
package enum Secrets {
  /// What a secret begins with, which characters go on, and how many there are at least.
  private struct Form {
    var head: [UInt8]
    var least: Int
    var also: Set<UInt8>

    init(_ head: String, _ least: Int, also: String = "_-") {
      self.head = Array(head.utf8)
      self.least = least
      self.also = Set(also.utf8)
    }
  }

  private static let forms = [
    Form("sk-ant-", 20), Form("sk-proj-", 20), Form("sk-", 32), Form("sk_live_", 16), Form("sk_test_", 16),
    Form("rk_live_", 16), Form("ghp_", 30), Form("gho_", 30), Form("ghu_", 30), Form("ghs_", 30), Form("ghr_", 30),
    Form("github_pat_", 30), Form("glpat-", 16), Form("AKIA", 16, also: ""), Form("ASIA", 16, also: ""),
    Form("AIza", 30), Form("xoxb-", 20), Form("xoxp-", 20), Form("xoxa-", 20), Form("xapp-", 20), Form("npm_", 30),
    Form("pypi-", 40), Form("hf_", 30), Form("dop_v1_", 40), Form("SG.", 40, also: "_-."),
    Form("ya29.", 30, also: "_-."),
    Form("eyJ", 60, also: "_-."), Form("apus_", 40), Form("AGE-SECRET-KEY-", 40, also: ""), Form("shpat_", 30),
    Form("vault:v1:", 20, also: "+/="), Form("hvs.", 20), Form("tskey-", 20),
  ]
  private static let heads: [UInt8: [Form]] = Dictionary(grouping: forms) { $0.head[0] }
  private static let keyBegin = Array("-----BEGIN ".utf8)
  private static let keyEnd = Array("-----END ".utf8)
  /// What is left of a secret's beginning, so that a person knows which it is.
  private static let shown = 8

  private static let mark = Array("…hidden…".utf8)

  /// The text with `…hidden…` in place of all but the first characters of each secret. The same text where there is none.
  package static func hidden(in text: String) -> String {
    let bytes = Array(text.utf8)
    let result = hidden(in: bytes)
    return result == bytes ? text : String(decoding: result, as: UTF8.self)
  }

  /// The same of UTF-8 text, which may be JSON: what was JSON is JSON afterwards.
  package static func hidden(in bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var copied = 0
    var at = 0
    while at < bytes.count {
      guard isHead[Int(bytes[at])], let end = secretEnd(bytes, at) else {
        at += 1
        continue
      }
      result += bytes[copied..<min(at + shown, end)]
      result += mark
      (copied, at) = (end, end)
    }
    if copied == 0 { return bytes }
    return result + bytes[copied...]
  }

  private static let isHead: [Bool] = (0...255).map { byte in heads[UInt8(byte)] != nil || byte == 45 }

  private static func secretEnd(_ bytes: [UInt8], _ at: Int) -> Int? {
    if bytes[at] == keyBegin[0] { return keyBlockEnd(bytes, at) }
    guard let candidates = heads[bytes[at]], beginsWord(bytes, at) else { return nil }
    for form in candidates where bytes[at...].starts(with: form.head) {
      var end = at + form.head.count
      while end < bytes.count, isAlphanumeric(bytes[end]) || form.also.contains(bytes[end]) { end += 1 }
      if end - at - form.head.count >= form.least { return end }
    }
    return nil
  }

  /// The letter of `\n` in JSON is no part of the word behind it.
  private static func beginsWord(_ bytes: [UInt8], _ at: Int) -> Bool {
    guard at > 0, isWord(bytes[at - 1]) else { return true }
    return at > 1 && bytes[at - 2] == UInt8(ascii: "\\") && "nrtbf".utf8.contains(bytes[at - 1])
  }

  /// A private key in PEM: to the line that ends it, or to a quotation mark, which none contains.
  private static func keyBlockEnd(_ bytes: [UInt8], _ at: Int) -> Int? {
    guard bytes[at...].starts(with: keyBegin),
      let dashes = find(dashes, in: bytes, from: at + keyBegin.count, within: longestTitle),
      String(decoding: bytes[at..<dashes], as: UTF8.self).hasSuffix("PRIVATE KEY")
    else { return nil }
    var end = dashes
    while end < bytes.count, bytes[end] != UInt8(ascii: "\"") {
      if bytes[end] == keyEnd[0], bytes[end...].starts(with: keyEnd) {
        return find(Self.dashes, in: bytes, from: end + keyEnd.count, within: longestTitle).map {
          $0 + Self.dashes.count
        }
          ?? end + keyEnd.count
      }
      end += 1
    }
    // A quotation mark that is escaped keeps what escapes it.
    var escapes = 0
    while end - escapes > dashes, bytes[end - escapes - 1] == UInt8(ascii: "\\") { escapes += 1 }
    return end < bytes.count && !escapes.isMultiple(of: 2) ? end - 1 : end
  }

  private static let dashes = Array("-----".utf8)
  private static let longestTitle = 60

  private static func find(_ part: [UInt8], in bytes: [UInt8], from start: Int, within most: Int) -> Int? {
    var at = start
    while at < min(bytes.count, start + most), bytes[at] != UInt8(ascii: "\""), bytes[at] != UInt8(ascii: "\\") {
      if bytes[at] == part[0], bytes[at...].starts(with: part) { return at }
      at += 1
    }
    return nil
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
  }

  private static func isWord(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || byte == UInt8(ascii: "_") }
}
