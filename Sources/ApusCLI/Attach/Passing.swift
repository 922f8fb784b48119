import ApusTerminal

/// The agent's output on its way to a person's terminal: what may pass, and which modes it leaves the terminal in.
struct Passing {
  private var filter = PassFilter()
  private(set) var modes: TerminalModes

  init(modes: TerminalModes = TerminalModes()) { self.modes = modes }

  /// Whether a shell would not find the terminal as it expects it.
  var isUnusual: Bool {
    modes.isAlternate || !modes.isCursorVisible || [1, 1000, 1002, 1003, 1004, 1006, 2004].contains { modes.isSet($0) }
  }

  mutating func pass(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    let passed = filter.pass(bytes)
    modes.feed(passed)
    return passed
  }
}
