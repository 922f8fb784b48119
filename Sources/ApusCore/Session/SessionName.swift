/// Names of sessions: 1–64 of `[A-Za-z0-9._-]`, beginning with a letter or digit.
package enum SessionName {
  package static let longest = 64

  package static func check(_ name: String) throws(Failure) {
    let bytes = Array(name.utf8)
    let fits = bytes.count >= 1 && bytes.count <= longest && isAlphanumeric(bytes[0]) && bytes.allSatisfy(isAllowed)
    guard fits else {
      let shown = name.count > 40 ? name.prefix(40) + "…" : name[...]
      throw Failure(
        .nameInvalid, "\"\(printable(String(shown)))\" cannot be the name of a session",
        hint: "use 1 to 64 of A-Z a-z 0-9 . _ - and begin with a letter or a digit, as in `apus new fix-parser`")
    }
  }

  /// A name made of any text: what may not be in one becomes `-`.
  package static func made(from text: String) -> String {
    let bytes = text.utf8.prefix(longest - 8).map { isAllowed($0) ? $0 : UInt8(ascii: "-") }
    let name = bytes.drop { !isAlphanumeric($0) }
    return name.isEmpty ? "session" : String(decoding: name, as: UTF8.self)
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
  }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    isAlphanumeric(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
  }

  /// Foreign text fit for one line of a terminal: control characters become `?`.
  package static func printable(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { scalar in
          let isControl =
            scalar.value < 32 || (127...159).contains(scalar.value) || (0x202A...0x202E).contains(scalar.value)
            || (0x2066...0x2069).contains(scalar.value)
          return isControl ? "?" : scalar
        }))
  }

  /// The same of its first characters, for a text of any length.
  package static func excerpt(_ text: String, of most: Int = 80) -> String {
    printable(text.count > most ? text.prefix(most) + "…" : text)
  }
}

/// The short id of a session: four hexadecimal digits, more only where four are taken.
package enum ShortID {
  /// Whether `choose` may have made it.
  package static func isWellFormed(_ text: String) -> Bool {
    (4...16).contains(text.utf8.count) && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
  }

  /// The shortest free id that begins as `random` does.
  package static func choose(random: UInt64, taken: (String) -> Bool) -> String {
    var digits = String(random, radix: 16)
    digits = String(repeating: "0", count: 16 - digits.count) + digits
    for length in 4...16 {
      let candidate = String(digits.prefix(length))
      if !taken(candidate) { return candidate }
    }
    // Sixteen digits taken: the next number is as random as this one.
    return choose(random: random &+ 1, taken: taken)
  }
}
