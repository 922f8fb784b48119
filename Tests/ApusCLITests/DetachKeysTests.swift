import ApusCore
import ApusTestKit
import Testing

@testable import ApusCLI

@Suite("the keys a viewer keeps for itself") struct DetachKeysTests {
  private typealias Piece = DetachKeys.Piece

  private static let prefix: UInt8 = 0x1C
  private static let d = UInt8(ascii: "d")
  private static let l = UInt8(ascii: "l")

  private func usual() throws -> DetachKeys { try DetachKeys("ctrl-\\ d") }

  /// Keys next to each other are the same as keys in one piece.
  private static func joined(_ pieces: [Piece]) -> [Piece] {
    var all: [Piece] = []
    for piece in pieces {
      if case .keys(let more) = piece, case .keys(let before)? = all.last {
        all[all.count - 1] = .keys(before + more)
      } else {
        all.append(piece)
      }
    }
    return all
  }

  private func take(_ bytes: [UInt8]) throws -> [Piece] {
    var keys = try usual()
    return keys.take(bytes[...])
  }

  @Test func `everything else goes to the agent as it is`() throws {
    #expect(try take([]) == [])
    let all = (0...255).map { UInt8($0) }.filter { $0 != Self.prefix }
    #expect(try take(all) == [.keys(all)])
  }

  @Test func `prefix and letter detach, and what came before is typed first`() throws {
    #expect(try take([Self.prefix, Self.d]) == [.detach])
    #expect(try take([65, Self.prefix, Self.d, 66]) == [.keys([65]), .detach, .keys([66])])
    #expect(try take([Self.prefix, Self.l]) == [.lead])
    #expect(
      try take([65, Self.prefix, Self.l, Self.prefix, Self.d]) == [.keys([65]), .lead, .detach])
  }

  @Test func `the prefix pressed twice is meant for the agent once`() throws {
    #expect(try take([Self.prefix, Self.prefix]) == [.keys([Self.prefix])])
    #expect(try take([Self.prefix, Self.prefix, Self.d]) == [.keys([Self.prefix, Self.d])])
    #expect(try take([Self.prefix, Self.prefix, Self.prefix, Self.d]) == [.keys([Self.prefix]), .detach])
  }

  @Test func `the prefix before any other key is meant for the agent with it`() throws {
    for byte in (0...255).map({ UInt8($0) }) where ![Self.prefix, Self.d, Self.l].contains(byte) {
      #expect(try take([65, Self.prefix, byte, 66]) == [.keys([65, Self.prefix, byte, 66])], "\(byte)")
    }
    // Letters are the ones that were set, not their capitals.
    #expect(try take([Self.prefix, UInt8(ascii: "D")]) == [.keys([Self.prefix, UInt8(ascii: "D")])])
  }

  @Test func `keys split at any byte mean the same`() throws {
    let bytes: [UInt8] = [
      65, Self.prefix, Self.prefix, 66, Self.prefix, Self.l, 67, Self.prefix, 68, 27, 91, 65, Self.prefix, Self.d, 69,
    ]
    let whole = try take(bytes)
    #expect(
      whole == [
        .keys([65, Self.prefix, 66]), .lead, .keys([67, Self.prefix, 68, 27, 91, 65]), .detach, .keys([69]),
      ])
    for cut in 0...bytes.count {
      for second in cut...bytes.count {
        var keys = try usual()
        let pieces = keys.take(bytes[..<cut]) + keys.take(bytes[cut..<second]) + keys.take(bytes[second...])
        #expect(Self.joined(pieces) == whole, "\(cut), \(second)")
      }
    }
  }

  @Test func `whatever is typed, no key is lost or made up`() throws {
    var random = Seeded(81)
    for _ in 0..<5_000 {
      let bytes = (0..<random.below(20)).map { _ in random.pick([Self.prefix, Self.prefix, Self.d, Self.l, 65, 0]) }
      var keys = try usual()
      var pieces: [Piece] = []
      var at = 0
      while at < bytes.count {
        let end = min(bytes.count, at + 1 + random.below(4))
        pieces += keys.take(bytes[at..<end])
        at = end
      }
      // The other way round: each piece written as it is pressed.
      let pressed = pieces.flatMap { piece -> [UInt8] in
        switch piece {
        case .keys(let some): some.filter { $0 != Self.prefix }
        case .detach: [Self.d]
        case .lead: [Self.l]
        }
      }
      #expect(pressed == bytes.filter { $0 != Self.prefix })
      #expect(!pieces.contains(.keys([])))
    }
  }

  @Test(arguments: [
    ("ctrl-\\ d", 0x1C, "d", "Ctrl-\\ d"), ("ctrl-a q", 1, "q", "Ctrl-A q"), ("CTRL-A D", 1, "D", "Ctrl-A D"),
    ("ctrl-] .", 0x1D, ".", "Ctrl-] ."), ("ctrl-@ x", 0, "x", "Ctrl-@ x"), ("Ctrl-_ ~", 0x1F, "~", "Ctrl-_ ~"),
    ("  ctrl-b   d ", 2, "d", "Ctrl-B d"), ("ctrl-z L", 26, "L", "Ctrl-Z L"),
  ]) func `keys that were set are the ones that count`(_ text: String, _ prefix: Int, _ letter: String, _ shown: String)
    throws
  {
    var keys = try DetachKeys(text)
    #expect(keys.shown == shown)
    #expect(keys.take([UInt8(prefix)] + Array(letter.utf8)) == [.detach])
    #expect(keys.take([UInt8(prefix), Self.l]) == [.lead])
  }

  @Test(arguments: [
    "", " ", "ctrl-\\", "d", "ctrl-\\ dd", "ctrl-\\ l", "ctrl-\\ d d", "ctrl-\\d", "alt-a d", "ctrl-1 d", "ctrl-? d",
    "ctrl-aa d", "ctrl- d", "ctrl-é d", "ctrl-a é", "a ctrl-b", "ctrl-a \t", "ctrl-a \u{1}", "ctrl-a \u{7F}",
    "ctrl-{ d",
    "^\\ d", "ctrl+a d", "ctrl-ß d",
  ]) func `a setting that names no keys is refused, and the hint says how`(_ text: String) {
    let failure = #expect(throws: Failure.self) { _ = try DetachKeys(text) }
    #expect(failure?.code == .configurationInvalid)
    #expect(failure?.hint?.contains("ctrl-\\ d") == true)
  }
}
