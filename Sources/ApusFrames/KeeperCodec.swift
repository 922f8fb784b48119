// The two message sets of a keeper as frames. Kinds below 64 are requests.

extension TeardownStep {
  func write(to writer: inout ByteWriter) {
    switch act {
    case .say(let bytes):
      writer.number(UInt8(0))
      writer.string(bytes)
    case .closeInput: writer.number(UInt8(1))
    case .signal(let signal):
      writer.number(UInt8(2))
      writer.number(signal)
    }
    writer.number(milliseconds)
  }

  init(from reader: inout ByteReader) throws(MalformedBytes) {
    switch try reader.number(UInt8.self) {
    case 0: act = .say(try reader.string())
    case 1: act = .closeInput
    case 2: act = .signal(try reader.number())
    default: throw MalformedBytes()
    }
    milliseconds = try reader.number()
  }
}

extension KeptEnding {
  package func write(to writer: inout ByteWriter) {
    switch self {
    case .exit(let code):
      writer.number(UInt8(0))
      writer.number(code)
    case .signal(let signal):
      writer.number(UInt8(1))
      writer.number(signal)
    case .neverStarted(let error):
      writer.number(UInt8(2))
      writer.number(error)
    }
  }

  package init(from reader: inout ByteReader) throws(MalformedBytes) {
    let kind = try reader.number(UInt8.self)
    let value = try reader.number(Int32.self)
    switch kind {
    case 0: self = .exit(value)
    case 1: self = .signal(value)
    case 2: self = .neverStarted(value)
    default: throw MalformedBytes()
    }
  }
}

extension KeeperRequest {
  package var frame: Frame {
    var writer = ByteWriter()
    let kind: UInt8
    switch self {
    case .hello(let version):
      kind = 1
      writer.number(version)
    case .follow(let offset):
      kind = 2
      writer.number(offset)
    case .input(let number, let bytes):
      kind = 3
      writer.number(number)
      writer.string(bytes)
    case .closeInput: kind = 4
    case .end(let steps):
      kind = 5
      writer.number(UInt32(steps.count))
      for step in steps { step.write(to: &writer) }
    case .acknowledgeEnding: kind = 6
    }
    return Frame(kind: kind, body: writer.bytes)
  }

  /// Throws for a kind this version does not know.
  package init(_ frame: Frame) throws(MalformedBytes) {
    var reader = ByteReader(frame.body)
    switch frame.kind {
    case 1: self = .hello(version: try reader.number())
    case 2: self = .follow(offset: try reader.number())
    case 3: self = .input(number: try reader.number(), bytes: try reader.string())
    case 4: self = .closeInput
    case 5:
      let count = try reader.number(UInt32.self)
      guard count <= 64 else { throw MalformedBytes() }
      var steps: [TeardownStep] = []
      for _ in 0..<count { steps.append(try TeardownStep(from: &reader)) }
      self = .end(steps)
    case 6: self = .acknowledgeEnding
    default: throw MalformedBytes()
    }
  }
}

extension KeeperReply {
  package var frame: Frame {
    var writer = ByteWriter()
    let kind: UInt8
    switch self {
    case .welcome(let welcome):
      kind = 64
      writer.number(welcome.version)
      writer.number(welcome.keeper)
      writer.number(welcome.agent)
      writer.number(welcome.agentStart)
      writer.number(welcome.recorded)
      writer.number(welcome.lastInput)
    case .output(let offset, let bytes):
      kind = 65
      writer.number(offset)
      writer.string(bytes)
    case .taken(let number):
      kind = 66
      writer.number(number)
    case .ending(let ending, let recorded):
      kind = 67
      ending.write(to: &writer)
      writer.number(recorded)
    case .trouble(let error):
      kind = 68
      writer.number(error)
    case .refused(let reason):
      kind = 69
      writer.string(reason)
    }
    return Frame(kind: kind, body: writer.bytes)
  }

  /// Nil for a kind of a later version: unknown replies are passed over.
  package init?(_ frame: Frame) throws(MalformedBytes) {
    var reader = ByteReader(frame.body)
    switch frame.kind {
    case 64:
      self = .welcome(
        Welcome(
          version: try reader.number(), keeper: try reader.number(), agent: try reader.number(),
          agentStart: try reader.number(), recorded: try reader.number(), lastInput: try reader.number()))
    case 65: self = .output(offset: try reader.number(), bytes: try reader.string())
    case 66: self = .taken(number: try reader.number())
    case 67: self = .ending(try KeptEnding(from: &reader), recorded: try reader.number())
    case 68: self = .trouble(try reader.number())
    case 69: self = .refused(try reader.string())
    default: return nil
    }
  }
}
