import ApusCore
import ApusWire

struct TypeCommand: Command {
  static let about = About(
    name: "type", group: .terminals, summary: "type at a session's terminal",
    example: "apus type fix-parser \"run the tests\" --enter",
    more:
      "The keys go to the agent as if its lead had pressed them. --key names those that are no text; each is pressed "
      + "once the agent has read what was before it.")

  private static let keys: [String: String] = [
    "enter": "\r", "escape": "\u{1B}", "tab": "\t", "backspace": "\u{7F}", "space": " ", "up": "\u{1B}[A",
    "down": "\u{1B}[B", "right": "\u{1B}[C", "left": "\u{1B}[D", "home": "\u{1B}[H", "end": "\u{1B}[F",
    "page-up": "\u{1B}[5~", "page-down": "\u{1B}[6~", "shift-tab": "\u{1B}[Z", "delete": "\u{1B}[3~",
  ]

  @Operand("NAME", help: "a session", completes: .sessions) var name
  @Operands("TEXT", help: "what to type; - reads it from standard input") var words
  @Repeated("--key", value: "KEY", help: "after the text: enter, escape, up, down, tab, ctrl-c …; may be repeated")
  var keys
  @Flag("--enter", help: "press Enter at the end") var enter

  func run(_ context: Context) throws(Failure) -> Int32 {
    var typed = words.isEmpty ? [] : [try context.bytes(words.joined(separator: " "))]
    for key in keys { typed.append(Array(try Self.bytes(of: key).utf8)) }
    if enter { typed.append([UInt8(ascii: "\r")]) }
    typed.removeAll(where: \.isEmpty)
    guard !typed.isEmpty else { throw Usage.wrong("type", "nothing to type: TEXT, --key or --enter") }
    var talk = try Seat.open(try RunFinder.find(name, context))
    for (number, piece) in typed.enumerated() {
      if number > 0 { try talk.untilRead() }
      try talk.send(.type(piece))
    }
    // The farewell is heard after the keys: then they are taken.
    try talk.leave()
    return 0
  }

  static func bytes(of key: String) throws(Failure) -> String {
    let name = key.lowercased()
    if let known = keys[name] { return known }
    if name.hasPrefix("ctrl-"), name.utf8.count == 6, let letter = name.uppercased().utf8.last,
      (0x40...0x5F).contains(letter)
    {
      return String(decoding: [letter & 0x1F], as: UTF8.self)
    }
    throw Failure(
      .usage, "there is no key \"\(SessionName.excerpt(key))\"",
      hint: "ctrl- and a letter, or one of \(keys.keys.sorted().joined(separator: ", "))")
  }
}
