import ApusFrames
import ApusTestKit
import Testing

@Suite("the files of a terminal's run") struct TerminalNoteTests {
  private static let sizes = [
    TerminalSize(rows: 24, columns: 80), TerminalSize(rows: 0, columns: .max), TerminalSize(rows: .max, columns: 0),
  ]

  @Test func `a list of sizes comes back as it was, whatever half a record stands at its end`() {
    let notes = Self.sizes.enumerated().map { SizeNote(offset: [0, 7, .max][$0], size: $1) }
    let bytes = notes.flatMap(\.encoded)
    #expect(bytes.count == notes.count * SizeNote.length)
    for length in 0...bytes.count {
      #expect(SizeNote.all(Array(bytes.prefix(length))) == Array(notes.prefix(length / SizeNote.length)))
    }
  }

  @Test func `a size note keeps its bytes`() {
    let note = SizeNote(offset: 0x0102_0304_0506_0708, size: TerminalSize(rows: 0x1112, columns: 0x2122))
    #expect(note.encoded == [8, 7, 6, 5, 4, 3, 2, 1, 0x12, 0x11, 0x22, 0x21])
  }

  @Test func `a screen comes back as it was and refuses a size cut short`() throws {
    for bytes: [UInt8] in [[], [0], Array("\u{1B}[2J\u{1B}[Hé".utf8), [UInt8](repeating: 27, count: 300_000)] {
      for size in Self.sizes {
        let note = ScreenNote(size: size, bytes: bytes)
        #expect(try ScreenNote(note.encoded) == note)
      }
    }
    for length in 0..<4 {
      #expect(throws: MalformedBytes.self) {
        _ = try ScreenNote([UInt8](repeating: 1, count: length))
      }
    }
  }

  @Test func `segments and screens are found by their names, and nothing else is one`() {
    for offset: UInt64 in [0, 1, 64 << 20, .max] {
      #expect(RunFile.segmentStart(of: RunFile.segment(from: offset)) == offset)
      #expect(RunFile.screenOffset(of: RunFile.screen(at: offset)) == offset)
    }
    #expect(RunFile.segment(from: 0) == RunFile.recording)
    for name in [
      "", "record", "recording.", "recording.x", "recording.1.new", "recording.-1", "screen.", "screen", "screen.1.new",
      "screen. 1", "sizes", "ending", "recording.18446744073709551616",
    ] {
      #expect(RunFile.segmentStart(of: name) == nil && RunFile.screenOffset(of: name) == nil, "\(name)")
    }
  }

  @Test func `an order for a terminal comes back as it was and refuses truncation`() throws {
    for settings: [UInt8] in [[], [UInt8](repeating: 5, count: 60)] {
      let order = LaunchOrder(
        socket: [47], program: [47, 97], arguments: [[97]], environment: [[65, 61]], directory: [47],
        terminal: .init(size: TerminalSize(rows: 31, columns: 97), settings: settings))
      #expect(try LaunchOrder(order.encoded) == order)
      for length in 0..<order.encoded.count {
        #expect(throws: MalformedBytes.self) { _ = try LaunchOrder(Array(order.encoded.prefix(length))) }
      }
    }
  }

  @Test func `a keeper of the first version is understood, and understands a greeting`() throws {
    var writer = ByteWriter()
    writer.number(UInt16(1))
    writer.number(Int32(2))
    writer.number(Int32(3))
    for n: UInt64 in 4...6 { writer.number(n) }
    let welcome = KeeperReply.Welcome(version: 1, keeper: 2, agent: 3, agentStart: 4, recorded: 5, lastInput: 6)
    #expect(try KeeperReply(Frame(kind: 64, body: writer.bytes)) == .welcome(welcome))
    #expect(KeeperReply.welcome(welcome).frame.body == writer.bytes)
  }

  @Test func `ten thousand random notes never bring the readers down`() {
    var random = Seeded(57)
    for _ in 0..<10_000 {
      let bytes = random.bytes(random.below(60))
      let notes = SizeNote.all(bytes)
      #expect(bytes.starts(with: notes.flatMap(\.encoded)) && notes.count == bytes.count / SizeNote.length)
      if let note = try? ScreenNote(bytes) { #expect(note.encoded == bytes) }
    }
  }
}
