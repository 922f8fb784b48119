/// What a program has made of a terminal besides what is on the screen: how keys, mouse and pasting are told, titles,
/// colours, margins, character sets (xterm's ctlseqs; kitty's keyboard protocol). Follows a stream; from it come the
/// bytes that bring another terminal into the same modes (`setting`) and back out of them (`undoing`).
package struct TerminalModes: Equatable, Sendable {
  /// Private modes that are not as in a terminal just switched on, in the order in which they were changed: of the
  /// mouse's modes the last one counts.
  package internal(set) var privateModes: [PrivateMode] = []
  package internal(set) var isInserting = false
  package internal(set) var startsNewLine = false
  package internal(set) var hasApplicationKeypad = false
  /// First and last row, from 1; nil for the last where it is the terminal's.
  package internal(set) var margins: Margins?
  package internal(set) var charsets = Charsets()
  /// DECSCUSR; 0 is the terminal's own.
  package internal(set) var cursorStyle = 0
  /// kitty's flags on the primary screen and on the alternate one.
  package internal(set) var keyboards = [Keyboard(), Keyboard()]
  /// XTMODKEYS by resource.
  package internal(set) var keyModifiers: [Int: Int] = [:]
  /// Which private mode showed the alternate screen; nil when the primary one is shown.
  package internal(set) var alternate: Int?
  package internal(set) var titles = Titles()
  package internal(set) var colours = Colours()
  /// OSC 7.
  package internal(set) var directory: [UInt8]?
  /// OSC 8, while a link is open.
  package internal(set) var link: [UInt8]?
  /// OSC 9;4, while progress is shown.
  package internal(set) var progress: [UInt8]?
  /// What DECSC kept of this on each screen; place and pen are the screen's.
  var saved = [Saved(), Saved()]

  struct Saved: Equatable, Sendable {
    var isOrigin = false
    var charsets = Charsets()
  }

  package struct PrivateMode: Equatable, Sendable {
    package let number: Int
    package let isSet: Bool
  }

  package struct Margins: Equatable, Sendable {
    package let top: Int
    package let bottom: Int?
  }

  package struct Keyboard: Equatable, Sendable {
    package internal(set) var flags = 0
    package internal(set) var stack: [Int] = []
  }

  /// Rows of the terminal, where known: margins that do not fit count for nothing.
  private(set) var rows: Int?
  private var scanner = Scanning()

  package init(rows: Int? = nil) { self.rows = rows }

  package mutating func feed(_ bytes: ArraySlice<UInt8>) {
    var scanner = EscapeScanner()
    swap(&scanner, &self.scanner.value)
    bytes.withUnsafeBufferPointer { scanner.scan($0) { apply($0) } }
    swap(&scanner, &self.scanner.value)
  }

  package mutating func feed(_ bytes: [UInt8]) { feed(bytes[...]) }

  /// Modes are the same whatever is unfinished.
  private struct Scanning: Equatable, Sendable {
    var value = EscapeScanner()
    static func == (_: Scanning, _: Scanning) -> Bool { true }
  }

  /// The terminal has another size: margins are the whole of it.
  mutating func fit(rows: Int) {
    self.rows = rows
    margins = nil
  }

  package var isAlternate: Bool { alternate != nil }
  package var isCursorVisible: Bool { isSet(25) }
  var isOrigin: Bool { isSet(6) }
  var wraps: Bool { isSet(7) }
  var shown: Int { isAlternate ? 1 : 0 }

  /// Modes that are on in a terminal just switched on: wrapping, auto-repeat, the cursor.
  static let usuallySet: Set<Int> = [7, 8, 25]

  package func isSet(_ mode: Int) -> Bool {
    if mode == 47 || mode == 1047 || mode == 1049 { return isAlternate }
    return privateModes.first { $0.number == mode }?.isSet ?? Self.usuallySet.contains(mode)
  }

  static let longestText = 4096

  /// Only modes that may reach a person's terminal are followed: no other must be put on one, or undone there.
  mutating func set(_ mode: Int, _ isSet: Bool) {
    guard PassRules.modes.contains(mode) else { return }
    privateModes.removeAll { $0.number == mode }
    guard isSet != Self.usuallySet.contains(mode) else { return }
    privateModes.append(PrivateMode(number: mode, isSet: isSet))
  }

  package mutating func apply(_ token: EscapeToken) {
    switch token.kind {
    case .text, .malformed: charsets.single = nil
    case .control: charsets.shift(token.final)
    case .escape: applyEscape(token)
    case .csi: applySequence(token)
    case .osc: applyCommand(token)
    case .dcs, .apc, .pm, .sos, .rejected: break
    }
  }

  private mutating func applyEscape(_ token: EscapeToken) {
    if charsets.apply(token) { return }
    switch (token.intermediate, token.final) {
    case (0, UInt8(ascii: "7")): save()
    case (0, UInt8(ascii: "8")): restore()
    case (0, UInt8(ascii: "=")): hasApplicationKeypad = true
    case (0, UInt8(ascii: ">")): hasApplicationKeypad = false
    case (0, UInt8(ascii: "c")): reset()
    case (UInt8(ascii: "#"), UInt8(ascii: "8")): margins = nil  // DECALN
    default: break
    }
  }

  mutating func save() {
    saved[shown] = Saved(isOrigin: isOrigin, charsets: charsets)
    saved[shown].charsets.single = nil
  }

  mutating func restore() {
    set(6, saved[shown].isOrigin)
    charsets = saved[shown].charsets
  }

  /// RIS. Titles and the working directory are not the terminal's to forget.
  private mutating func reset() {
    var fresh = TerminalModes(rows: rows)
    fresh.titles = titles
    fresh.directory = directory
    fresh.scanner = scanner
    self = fresh
  }

  /// DECSTR (VT220 Programmer Reference §4.13.1; wrapping stays on as in xterm).
  mutating func softReset() {
    privateModes.removeAll { [1, 6, 7, 25, 66].contains($0.number) }
    isInserting = false
    hasApplicationKeypad = false
    margins = nil
    charsets = Charsets()
    saved[shown] = Saved()
  }

  private mutating func applyCommand(_ token: EscapeToken) {
    guard let command = OperatingCommand(token.payload) else { return }
    // What is longer is no title, directory or address; colours look after themselves.
    let text = command.text.flatMap { $0.count <= Self.longestText ? Array($0) : nil }
    switch command.number {
    case 0, 1, 2: titles.set(command.number, text ?? [])
    case 7: directory = text
    case 8: link = text.flatMap { $0.last == UInt8(ascii: ";") || !$0.contains(UInt8(ascii: ";")) ? nil : $0 }
    case 9:
      guard let text, text.starts(with: "4;".utf8) else { break }
      progress = text.starts(with: "4;0".utf8) ? nil : text
    default: colours.apply(command)
    }
  }
}
