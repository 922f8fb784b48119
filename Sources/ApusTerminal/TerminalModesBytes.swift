/// Into modes and out of them.
extension TerminalModes {
  /// Brings a terminal just switched on into these modes, alternate screen included. The terminal's own title is put
  /// aside first, for `undoing` to put back. Where the cursor ends is not said: place it afterwards. What may not pass
  /// (`PassFilter`) is not in it.
  package var setting: [UInt8] {
    var filter = PassFilter()
    return filter.pass(keepingTitle + entering + settingOnScreen)
  }

  /// The first part of `setting`.
  var keepingTitle: [UInt8] {
    var bytes: [UInt8] = []
    bytes.control(22, 0, end: "t")
    return bytes
  }

  /// The second part of `setting`: onto the alternate screen, where that is shown.
  package var entering: [UInt8] {
    guard let alternate else { return [] }
    var bytes: [UInt8] = []
    keyboards[0].select(into: &bytes)
    bytes.control(alternate, prefix: "?", end: "h")
    return bytes
  }

  /// The last part of `setting`: everything but the screen that is shown, for use once its content is painted.
  var settingOnScreen: [UInt8] {
    var bytes: [UInt8] = []
    titles.select(into: &bytes)
    colours.select(into: &bytes)
    if let directory { bytes.command(7, directory) }
    if let progress { bytes.command(9, progress) }
    keyboards[shown].select(into: &bytes)
    for (resource, value) in keyModifiers.sorted(by: { $0.key < $1.key }) {
      if value < 0 {
        bytes.control(resource, prefix: ">", end: "n")
      } else {
        bytes.control(resource, value, prefix: ">", end: "m")
      }
    }
    if hasApplicationKeypad { bytes.add("\u{1B}=") }
    if isInserting { bytes.add("\u{1B}[4h") }
    if startsNewLine { bytes.add("\u{1B}[20h") }
    if cursorStyle != 0 { bytes.control(cursorStyle, end: " q") }
    // Before the origin mode: it counts from them.
    if let margins {
      if let bottom = margins.bottom {
        bytes.control(margins.top, bottom, end: "r")
      } else {
        bytes.control(margins.top, end: "r")
      }
    }
    charsets.select(into: &bytes)
    for mode in privateModes { bytes.control(mode.number, prefix: "?", end: mode.isSet ? "h" : "l") }
    if let link { bytes.command(8, link) }
    return bytes
  }

  /// Brings a terminal which `setting` brought into these modes, or a program, back to where a shell expects it: the
  /// screen before, with the cursor where it was then, mouse and pasting as usual, its own title and colours. Writes no
  /// text and scrolls nothing. The cursor stays where it is on the primary screen, but goes home where a program had set
  /// the origin mode there.
  package var undoing: [UInt8] {
    var bytes: [UInt8] = []
    // First, or the terminal shows nothing of the rest.
    if isSet(2026) { bytes.add("\u{1B}[?2026l") }
    if link != nil { bytes.command(8, [UInt8(ascii: ";")]) }
    bytes.add("\u{1B}[0m")
    for mode in privateModes where mode.number != 2026 && mode.number != 6 {
      bytes.control(mode.number, prefix: "?", end: mode.isSet ? "l" : "h")
    }
    if isOrigin || margins != nil { Self.undoMargins(isOrigin: isOrigin, into: &bytes) }
    charsets.deselect(into: &bytes)
    if cursorStyle != 0 { bytes.add("\u{1B}[0 q") }
    if startsNewLine { bytes.add("\u{1B}[20l") }
    if isInserting { bytes.add("\u{1B}[4l") }
    if hasApplicationKeypad { bytes.add("\u{1B}>") }
    for resource in keyModifiers.keys.sorted() { bytes.control(resource, prefix: ">", end: "m") }
    if let alternate {
      keyboards[1].deselect(into: &bytes)
      bytes.control(alternate, prefix: "?", end: "l")
      // 1049 has put the pen back that was used when the screen was changed.
      bytes.add("\u{1B}[0m")
    }
    keyboards[0].deselect(into: &bytes)
    if progress != nil { bytes.command(9, Array("4;0".utf8)) }
    colours.deselect(into: &bytes)
    titles.deselect(into: &bytes)
    bytes.control(23, 0, end: "t")
    return bytes
  }

  private static func undoMargins(isOrigin: Bool, into bytes: inout [UInt8]) {
    // Both send the cursor home, so it is put aside meanwhile; what was put aside says the origin mode too.
    bytes.add("\u{1B}7\u{1B}[?6l\u{1B}[r\u{1B}8")
    if isOrigin { bytes.add("\u{1B}[?6l") }
  }

  /// For a terminal of which nothing is known but that a program's output went to it: all that `undoing` does for the
  /// modes programs use, and nothing that shows on a terminal in none of them. The screen that is shown stays (whoever
  /// knows that it is the alternate one writes `leavingAlternate` too), and so do colours, which may be the person's.
  package static let undoingAnything: [UInt8] = {
    var bytes: [UInt8] = []
    bytes.add("\u{18}\u{1B}\\\u{1B}[?2026l")
    bytes.command(8, [UInt8(ascii: ";")])
    for mode in [1000, 1001, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 9, 1, 5, 45, 66, 69, 2004, 2031, 2048, 9001] {
      bytes.control(mode, prefix: "?", end: "l")
    }
    bytes.add("\u{1B}[?7h\u{1B}[?25h")
    undoMargins(isOrigin: false, into: &bytes)
    bytes.add("\u{1B}(B\u{0F}\u{1B}[0 q\u{1B}[20l\u{1B}[4l\u{1B}>\u{1B}[>4m\u{1B}[<99u\u{1B}[=0;1u")
    bytes.command(9, Array("4;0".utf8))
    bytes.add("\u{1B}[23;0t\u{1B}[0m")
    return bytes
  }()

  /// Back from the alternate screen: only for a terminal that shows it. On another the cursor would jump.
  package static let leavingAlternate: [UInt8] = {
    var bytes: [UInt8] = []
    bytes.add("\u{1B}[<99u\u{1B}[?1049l\u{1B}[0m\u{1B}[<99u\u{1B}[=0;1u")
    return bytes
  }()
}
