import ApusCore
import Testing

@testable import ApusCLI

@Suite("keys that are no text") struct TypeCommandTests {
  @Test(arguments: [
    ("enter", "\r"), ("escape", "\u{1B}"), ("tab", "\t"), ("backspace", "\u{7F}"), ("space", " "), ("up", "\u{1B}[A"),
    ("down", "\u{1B}[B"), ("right", "\u{1B}[C"), ("left", "\u{1B}[D"), ("home", "\u{1B}[H"), ("end", "\u{1B}[F"),
    ("page-up", "\u{1B}[5~"), ("page-down", "\u{1B}[6~"), ("shift-tab", "\u{1B}[Z"), ("delete", "\u{1B}[3~"),
  ]) func `a key that has a name is what a terminal sends for it`(_ key: String, _ bytes: String) throws {
    #expect(try TypeCommand.bytes(of: key) == bytes)
    #expect(try TypeCommand.bytes(of: key.uppercased()) == bytes)
  }

  @Test func `a control key is its letter's lowest five bits`() throws {
    for letter in UInt8(0x40)...0x5F {
      let key = "ctrl-" + String(decoding: [letter], as: UTF8.self)
      #expect(Array(try TypeCommand.bytes(of: key).utf8) == [letter & 0x1F], "\(key)")
    }
    #expect(try TypeCommand.bytes(of: "ctrl-c") == "\u{3}" && TypeCommand.bytes(of: "Ctrl-C") == "\u{3}")
  }

  @Test(arguments: [
    "", "ctrl", "ctrl-", "ctrl-cc", "ctrl-1", "ctrl-é", "ctrl-{", "return", "f1", "Enter ", "ctrl-\u{1}", "x",
  ])
  func `a key there is not is refused, and the hint names those there are`(_ key: String) {
    let failure = #expect(throws: Failure.self) { _ = try TypeCommand.bytes(of: key) }
    #expect(failure?.code == .usage)
    #expect(failure?.hint?.contains("enter") == true && failure?.hint?.contains("page-down") == true)
  }
}
