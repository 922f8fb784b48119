import ApusFrames
import ApusTestKit
import Testing

@Suite("the files of a run") struct KeptRunTests {
  private static let orders = [
    LaunchOrder(socket: [], program: [], arguments: [], environment: [], directory: []),
    LaunchOrder(
      socket: Array("/s/k".utf8), program: Array("/bin/sh".utf8),
      arguments: [Array("sh".utf8), Array("-c".utf8), [], Array("echo é\n".utf8)],
      environment: [Array("A=b".utf8), Array("C=".utf8)], directory: Array("/tmp".utf8)),
    // A path need not be text.
    LaunchOrder(
      socket: [47, 255, 254], program: [47, 128], arguments: [[192]], environment: [[255, 61]], directory: [47]),
  ]

  @Test(arguments: orders.indices) func `a launch order comes back as it was`(_ n: Int) throws {
    let order = Self.orders[n]
    #expect(try LaunchOrder(order.encoded) == order)
  }

  @Test(arguments: orders.indices) func `a launch order cut short is refused`(_ n: Int) {
    let order = Self.orders[n]
    for length in 0..<order.encoded.count {
      #expect(throws: MalformedBytes.self) { _ = try LaunchOrder(Array(order.encoded.prefix(length))) }
    }
  }

  @Test func `a file without the mark is no launch order`() {
    var bytes = Self.orders[1].encoded
    bytes[0] ^= 1
    #expect(throws: MalformedBytes.self) { _ = try LaunchOrder(bytes) }
    #expect(throws: MalformedBytes.self) { _ = try LaunchOrder([UInt8](repeating: 0, count: 4096)) }
  }

  @Test func `a card comes back as it was and refuses truncation`() throws {
    let card = KeeperCard(keeper: 1, keeperStart: .max, agent: .min, agentStart: 1 << 40)
    #expect(try KeeperCard(card.encoded) == card)
    for length in 0..<card.encoded.count {
      #expect(throws: MalformedBytes.self) { _ = try KeeperCard(Array(card.encoded.prefix(length))) }
    }
  }

  @Test(arguments: Samples.endings) func `an ending note comes back as it was and refuses truncation`(
    _ ending: KeptEnding
  ) throws {
    let note = EndingNote(ending: ending, recorded: .max)
    #expect(try EndingNote(note.encoded) == note)
    for length in 0..<note.encoded.count {
      #expect(throws: MalformedBytes.self) { _ = try EndingNote(Array(note.encoded.prefix(length))) }
    }
  }

  @Test func `a note of an unknown kind of ending is refused`() {
    #expect(throws: MalformedBytes.self) { _ = try EndingNote([3] + [UInt8](repeating: 0, count: 12)) }
  }

  @Test func `ten thousand random files never bring the readers down`() {
    var random = Seeded(4)
    let mark: [UInt8] = Array(Self.orders[0].encoded.prefix(4))
    for _ in 0..<10_000 {
      let bytes = random.bytes(random.below(80))
      _ = try? LaunchOrder(bytes)
      _ = try? LaunchOrder(mark + bytes)
      _ = try? LaunchOrder(mark + bytes.map { $0 & 7 })
      _ = try? KeeperCard(bytes)
      _ = try? EndingNote(bytes)
    }
  }

  @Test func `numbers of every width come back as they were`() throws {
    var writer = ByteWriter()
    writer.number(UInt8.max)
    writer.number(Int16.min)
    writer.number(UInt32.max)
    writer.number(Int64.min)
    writer.number(Int64(-2))
    var reader = ByteReader(writer.bytes)
    #expect(try reader.number(UInt8.self) == .max)
    #expect(try reader.number(Int16.self) == .min)
    #expect(try reader.number(UInt32.self) == .max)
    #expect(try reader.number(Int64.self) == .min)
    #expect(try reader.number(Int64.self) == -2)
    #expect(reader.isAtEnd)
    #expect(throws: MalformedBytes.self) { _ = try reader.number(UInt8.self) }
  }

  @Test func `a list that promises more than there is is refused`() {
    var writer = ByteWriter()
    writer.number(UInt32.max)
    var reader = ByteReader(writer.bytes)
    #expect(throws: MalformedBytes.self) { _ = try reader.list() }
  }
}
