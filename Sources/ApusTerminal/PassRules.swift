/// The allow-list: what an agent's output may do to a person's terminal. What stands in no row does not pass.
///
/// What is kept out: anything that makes a terminal type what an agent chose (reports of titles, settings, the screen's
/// content; answers from the clipboard), that acts outside the terminal's window (printing, logging to a file, running a
/// program, moving windows, the keyboard's lock), or that changes how the terminal reads the bytes after it (VT52,
/// Tektronix, other encodings, passing through a multiplexer).
package struct PassRules: Sendable {
  package let clipboard: Bool

  package init(clipboard: Bool = true) { self.clipboard = clipboard }

  func allow(_ token: EscapeToken) -> Bool {
    switch token.kind {
    case .text, .malformed: true
    case .control: token.final != 0x05  // ENQ: the terminal would type its answerback
    case .escape: Self.allowEscape(token)
    case .csi: Self.allowSequence(token)
    case .osc: allowCommand(token)
    case .dcs: Self.allowDevice(token)
    case .apc: Self.allowGraphicsQuestion(token)
    case .pm, .sos, .rejected: false
    }
  }

  /// `ESC`.
  private static func allowEscape(_ token: EscapeToken) -> Bool {
    switch token.intermediate {
    case 0:
      // DECSC DECRC DECKPAM DECKPNM IND NEL HTS RI SS2 SS3 DA RIS LS2 LS3 LS1R LS2R LS3R ST
      "78=>DEHMNOZcno|}~\\".utf8.contains(token.final)
    case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"),
      UInt8(ascii: "."), UInt8(ascii: "/"):
      true  // character sets
    case UInt8(ascii: "#"): "58".utf8.contains(token.final)  // DECSWL DECALN
    case UInt8(ascii: "%"): token.final == UInt8(ascii: "G")  // UTF-8; never the way out of it
    case UInt8(ascii: " "): token.final == UInt8(ascii: "F")  // S7C1T
    default: false
    }
  }

  /// `CSI`, by intermediate and prefix.
  private static func allowSequence(_ token: EscapeToken) -> Bool {
    switch (token.intermediate, token.prefix) {
    case (0, 0): allowPlain(token)
    case (0, UInt8(ascii: "?")): allowPrivate(token)
    case (0, UInt8(ascii: ">")):
      // DA2, XTMODKEYS, its undoing, XTVERSION, kitty keyboard: push
      "cmnqu".utf8.contains(token.final)
    case (0, UInt8(ascii: "=")): "cu".utf8.contains(token.final)  // DA3, kitty keyboard: set
    case (0, UInt8(ascii: "<")): token.final == UInt8(ascii: "u")  // kitty keyboard: pop
    case (UInt8(ascii: " "), 0): token.final == UInt8(ascii: "q")  // DECSCUSR
    case (UInt8(ascii: "!"), 0): token.final == UInt8(ascii: "p")  // DECSTR
    case (UInt8(ascii: "\""), 0): token.final == UInt8(ascii: "q")  // DECSCA
    case (UInt8(ascii: "'"), 0): "}~".utf8.contains(token.final)  // DECIC DECDC
    case (UInt8(ascii: "$"), 0), (UInt8(ascii: "$"), UInt8(ascii: "?")):
      token.final == UInt8(ascii: "p")  // DECRQM
    default: false
    }
  }

  private static func allowPlain(_ token: EscapeToken) -> Bool {
    switch token.final {
    case UInt8(ascii: "h"), UInt8(ascii: "l"): all(token) { $0 == 4 || $0 == 20 }  // IRM LNM
    case UInt8(ascii: "n"): all(token) { $0 == 5 || $0 == 6 }  // DSR CPR
    case UInt8(ascii: "c"): all(token) { $0 == 0 }  // DA1
    case UInt8(ascii: "T"): token.parameter(1) == nil  // SD; with more it would be XTHIMOUSE
    case UInt8(ascii: "t"): allowTitleStack(token)
    default:
      // ICH CUU CUD CUF CUB CNL CPL CHA CUP CHT ED EL IL DL DCH SU ECH CBT HPA HPR REP VPA VPR HVP TBC HPB VPB SGR
      // DECSTBM SCOSC SCORC
      "@ABCDEFGHIJKLMPSXZ`abdefgjkmrsu".utf8.contains(token.final)
    }
  }

  private static func allowPrivate(_ token: EscapeToken) -> Bool {
    switch token.final {
    case UInt8(ascii: "h"): all(token) { modes.contains($0) }
    // Leaving what a terminal may be in by default, as `tput reset` does.
    case UInt8(ascii: "l"): all(token) { modes.contains($0) || [3, 4, 1001].contains($0) }
    case UInt8(ascii: "n"): all(token) { $0 == 6 || $0 == 996 }  // DECXCPR, light or dark
    case UInt8(ascii: "J"), UInt8(ascii: "K"): true  // DECSED DECSEL
    case UInt8(ascii: "u"), UInt8(ascii: "m"): true  // questions: kitty keyboard, XTMODKEYS
    case UInt8(ascii: "W"): all(token) { $0 == 5 }  // DECST8C
    default: false
    }
  }

  /// Private modes. Not among them: 2 (VT52), 3 (width), 18, 19 (printing), 38 (Tektronix), 42 (national sets), 46
  /// (logging), 1001 (waits for a cooperating program), 1043 (raises the window).
  static let modes: Set<Int> = [
    1, 5, 6, 7, 8, 9, 12, 13, 14, 25, 45, 47, 66, 67, 69, 80, 1000, 1002, 1003, 1004, 1005, 1006, 1007, 1015, 1016,
    1034,
    1035, 1036, 1039, 1042, 1047, 1048, 1049, 1070, 2004, 2026, 2027, 2031, 2048, 7727, 8452, 9001,
  ]

  /// Of the window manipulations only those that keep a title and put it back.
  private static func allowTitleStack(_ token: EscapeToken) -> Bool {
    let first = token.parameter(0)
    return (first == 22 || first == 23) && (token.parameter(1) ?? 0) <= 2 && token.parameter(2) == nil
  }

  private static func all(_ token: EscapeToken, _ isAllowed: (Int) -> Bool) -> Bool {
    var reader = ParameterReader(token.parameters)
    if token.parameters.isEmpty { return isAllowed(0) }
    while let one = reader.next() { if one.isSub || !isAllowed(one.value ?? 0) { return false } }
    return true
  }

  /// `OSC`. A number in any but its plain form is unknown: terminals may read it as another.
  private func allowCommand(_ token: EscapeToken) -> Bool {
    let payload = token.payload
    guard let command = OperatingCommand(payload) else { return false }
    let text = command.text
    switch command.number {
    // Titles; colours; working directory; marks of commands (133); notifications (99); light or dark (7501).
    case 0, 1, 2, 4, 5, 7, 10...19, 99, 133: return text != nil
    case 104...119, 7501: return true
    case 8: return Self.allowLink(text)
    case 9: return Self.allowNotice(text)
    case 52: return clipboard && Self.isClipboardWrite(text)
    case 777: return text?.starts(with: "notify;".utf8) == true
    default: return false
    }
  }

  /// `OSC 8 ; parameters ; address`: addresses of schemes that open a page, a file or a letter; or the end of a link.
  private static func allowLink(_ text: Slice<UnsafeBufferPointer<UInt8>>?) -> Bool {
    guard let text, let cut = text.firstIndex(of: UInt8(ascii: ";")) else { return false }
    let address = text[(cut + 1)...]
    guard address.allSatisfy({ (0x21...0x7E).contains($0) }), address.count <= 2083 else { return false }
    let schemes = ["https:", "http:", "file:", "mailto:"]
    let start = address.prefix(8).map { $0 | 0x20 }
    return address.isEmpty || schemes.contains { start.starts(with: $0.utf8) }
  }

  /// `OSC 9`: text to show, or `4;…` progress, `9;…` working directory. ConEmu's other numbers run programs and macros.
  private static func allowNotice(_ text: Slice<UnsafeBufferPointer<UInt8>>?) -> Bool {
    guard let text else { return false }
    let digits = text.prefix { (0x30...0x39).contains($0) }
    let rest = text[digits.endIndex...]
    guard !digits.isEmpty, rest.isEmpty || rest.first == UInt8(ascii: ";") else { return true }
    return digits.count == 1 && (digits.first == UInt8(ascii: "4") || digits.first == UInt8(ascii: "9"))
  }

  /// `OSC 52 ; selections ; Base64`, nothing else: anything else may be a question.
  private static func isClipboardWrite(_ text: Slice<UnsafeBufferPointer<UInt8>>?) -> Bool {
    guard let text, let cut = text.firstIndex(of: UInt8(ascii: ";")) else { return false }
    return text[..<cut].allSatisfy { "cpqs01234567".utf8.contains($0) }
      && text[(cut + 1)...].allSatisfy(isBase64)
  }

  private static func isBase64(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="): true
    default: false
    }
  }

  /// `APC G`: the question whether there are kitty's graphics, with a picture in the question itself. The answer is the
  /// number that was given and a word of the terminal's own. Pictures do not pass: they may come from files, which are
  /// read, or even removed.
  private static func allowGraphicsQuestion(_ token: EscapeToken) -> Bool {
    let payload = token.payload
    guard payload.first == UInt8(ascii: "G"), payload.count <= 256, token.bytes[token.bytes.count - 2] == 0x1B else {
      return false
    }
    let parts = payload.dropFirst().split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
    guard parts.count == 2, parts[1].allSatisfy(isBase64) else { return false }
    var asks = false
    for field in parts[0].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
      let text = String(decoding: field, as: UTF8.self)
      if text == "a=q" { asks = true } else if text != "t=d", !isNumbered(field) { return false }
    }
    return asks
  }

  /// A number, a width, a height or a format: `i=31`.
  private static func isNumbered(_ field: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
    let bytes = Array(field)
    return (3...11).contains(bytes.count) && "isvf".utf8.contains(bytes[0]) && bytes[1] == UInt8(ascii: "=")
      && bytes[2...].allSatisfy { (0x30...0x39).contains($0) }
  }

  /// `DCS`: sixel pictures and XTGETTCAP.
  private static func allowDevice(_ token: EscapeToken) -> Bool {
    guard token.prefix == 0, token.final == UInt8(ascii: "q") else { return false }
    switch token.intermediate {
    case 0: return token.payload.allSatisfy { (0x21...0x7E).contains($0) || $0 == 0x0A || $0 == 0x0D }
    case UInt8(ascii: "+"):
      return token.parameters.isEmpty
        && token.payload.allSatisfy {
          (0x30...0x39).contains($0) || (0x41...0x46).contains($0) || (0x61...0x66).contains($0) || $0 == 0x3B
        }
    default: return false
    }
  }
}
