import ApusFrames
import ApusTestKit
import Testing

@Suite("keeper messages as frames") struct KeeperCodecTests {
  @Test(arguments: Samples.requests.indices) func `every request comes back as it was`(_ n: Int) throws {
    let request = Samples.requests[n]
    #expect(try KeeperRequest(request.frame) == request)
    #expect(request.frame.kind < 64)
  }

  @Test(arguments: Samples.replies.indices) func `every reply comes back as it was`(_ n: Int) throws {
    let reply = Samples.replies[n]
    #expect(try KeeperReply(reply.frame) == reply)
    #expect(reply.frame.kind >= 64)
  }

  @Test func `kinds are promises and keep their numbers`() {
    let requests: [KeeperRequest] = [
      .hello(version: 1), .follow(offset: 0), .input(number: 1, bytes: []), .closeInput, .end([]), .acknowledgeEnding,
    ]
    #expect(requests.map(\.frame.kind) == [1, 2, 3, 4, 5, 6])
    let replies: [KeeperReply] = [
      .welcome(.init(version: 1, keeper: 0, agent: 0, agentStart: 0, recorded: 0, lastInput: 0)),
      .output(offset: 0, bytes: []), .taken(number: 0), .ending(.exit(0), recorded: 0), .trouble(0), .refused([]),
    ]
    #expect(replies.map(\.frame.kind) == [64, 65, 66, 67, 68, 69])
  }

  @Test func `the first message of all times keeps its bytes`() {
    #expect(KeeperRequest.hello(version: 1).frame.encoded == [3, 0, 0, 0, 1, 1, 0])
  }

  @Test(arguments: Samples.requests.indices) func `a request cut short is refused`(_ n: Int) {
    let request = Samples.requests[n]
    let whole = request.frame
    for length in 0..<min(whole.body.count, 200) {
      let cut = Frame(kind: whole.kind, body: Array(whole.body.prefix(length)))
      #expect(throws: MalformedBytes.self) { _ = try KeeperRequest(cut) }
    }
  }

  @Test(arguments: Samples.replies.indices) func `a reply cut short is refused`(_ n: Int) {
    let reply = Samples.replies[n]
    let whole = reply.frame
    for length in 0..<whole.body.count {
      let cut = Frame(kind: whole.kind, body: Array(whole.body.prefix(length)))
      #expect(throws: MalformedBytes.self) { _ = try KeeperReply(cut) }
    }
  }

  @Test func `an unknown request is refused and an unknown reply passed over`() throws {
    for kind: UInt8 in [0, 14, 63, 200] {
      #expect(throws: MalformedBytes.self) { _ = try KeeperRequest(Frame(kind: kind, body: [])) }
    }
    for kind: UInt8 in [0, 63, 76, 255] {
      #expect(try KeeperReply(Frame(kind: kind, body: [1, 2])) == nil)
    }
  }

  @Test func `what a later version appends to a message is passed over`() throws {
    for request in Samples.requests {
      let longer = Frame(kind: request.frame.kind, body: request.frame.body + [1, 2, 3])
      #expect(try KeeperRequest(longer) == request)
    }
    for reply in Samples.replies {
      let longer = Frame(kind: reply.frame.kind, body: reply.frame.body + [1, 2, 3])
      #expect(try KeeperReply(longer) == reply)
    }
  }

  @Test func `a plan of more than 64 steps is refused`() {
    let step = TeardownStep(.closeInput, milliseconds: 1)
    let frame = KeeperRequest.end([TeardownStep](repeating: step, count: 65)).frame
    #expect(throws: MalformedBytes.self) { _ = try KeeperRequest(frame) }
  }

  @Test func `a message that promises more bytes than there are is refused without room being made`() {
    var writer = ByteWriter()
    writer.number(UInt64(1))
    writer.number(UInt32.max)
    #expect(throws: MalformedBytes.self) { _ = try KeeperRequest(Frame(kind: 3, body: writer.bytes)) }
    #expect(throws: MalformedBytes.self) { _ = try KeeperReply(Frame(kind: 65, body: writer.bytes)) }
  }

  @Test func `ten thousand random messages never bring the codec down, and what is read is written alike`() throws {
    var random = Seeded(2)
    for _ in 0..<10_000 {
      let request = Frame(kind: UInt8(random.below(15)), body: random.bytes(random.below(48)))
      if let read = try? KeeperRequest(request) {
        #expect(request.body.starts(with: read.frame.body))
      }
      let reply = Frame(kind: UInt8(62 + random.below(15)), body: random.bytes(random.below(48)))
      if let read = try? KeeperReply(reply) {
        #expect(reply.body.starts(with: read.frame.body))
      }
    }
  }

  @Test func `a message with one byte changed never brings the codec down`() {
    var random = Seeded(3)
    let frames = Samples.requests.map(\.frame) + Samples.replies.map(\.frame)
    for _ in 0..<10_000 {
      var frame = random.pick(frames)
      guard !frame.body.isEmpty else { continue }
      frame.body[random.below(min(frame.body.count, 64))] = UInt8(random.below(256))
      _ = try? KeeperRequest(frame)
      _ = try? KeeperReply(frame)
    }
  }
}
