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

extension TerminalSize {
  package func write(to writer: inout ByteWriter) {
    writer.number(rows)
    writer.number(columns)
  }

  package init(from reader: inout ByteReader) throws(MalformedBytes) {
    rows = try reader.number()
    columns = try reader.number()
  }
}

extension View {
  func write(to writer: inout ByteWriter) {
    writer.number(wish.rawValue)
    size.write(to: &writer)
    writer.flag(testament != nil)
    guard let testament else { return }
    writer.string(testament.device)
    writer.string(testament.settings)
    writer.string(testament.bytes)
  }

  init(from reader: inout ByteReader) throws(MalformedBytes) {
    guard let wish = Wish(rawValue: try reader.number()) else { throw MalformedBytes() }
    self.init(wish: wish, size: try TerminalSize(from: &reader))
    guard try reader.flag() else { return }
    testament = Testament(
      device: try reader.string(), settings: try reader.string(), bytes: try reader.string())
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
    case .view(let view):
      kind = 7
      view.write(to: &writer)
    case .type(let bytes):
      kind = 8
      writer.string(bytes)
    case .size(let size):
      kind = 9
      size.write(to: &writer)
    case .lead: kind = 10
    case .signal(let signal):
      kind = 11
      writer.number(signal)
    case .leave: kind = 12
    case .speak(let process):
      kind = 13
      writer.number(process)
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
    case 7: self = .view(try View(from: &reader))
    case 8: self = .type(try reader.string())
    case 9: self = .size(try TerminalSize(from: &reader))
    case 10: self = .lead
    case 11: self = .signal(try reader.number())
    case 12: self = .leave
    case 13: self = .speak(process: try reader.number())
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
      guard welcome.version >= KeeperProtocol.terminals else { break }
      writer.flag(welcome.terminal != nil)
      welcome.terminal?.write(to: &writer)
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
    case .viewing(let available, let size, let leads):
      kind = 70
      writer.number(available)
      size.write(to: &writer)
      writer.flag(leads)
    case .leads(let leads):
      kind = 71
      writer.flag(leads)
    case .sized(let size):
      kind = 72
      size.write(to: &writer)
    case .stopped(let stopped):
      kind = 73
      writer.flag(stopped)
    case .viewed(let viewed):
      kind = 74
      writer.flag(viewed)
    case .speaker(let process):
      kind = 75
      writer.number(process)
    }
    return Frame(kind: kind, body: writer.bytes)
  }

  /// Nil for a kind of a later version: unknown replies are passed over.
  package init?(_ frame: Frame) throws(MalformedBytes) {
    var reader = ByteReader(frame.body)
    switch frame.kind {
    case 64:
      var welcome = Welcome(
        version: try reader.number(), keeper: try reader.number(), agent: try reader.number(),
        agentStart: try reader.number(), recorded: try reader.number(), lastInput: try reader.number())
      if welcome.version >= KeeperProtocol.terminals, try reader.flag() {
        welcome.terminal = try TerminalSize(from: &reader)
      }
      self = .welcome(welcome)
    case 65: self = .output(offset: try reader.number(), bytes: try reader.string())
    case 66: self = .taken(number: try reader.number())
    case 67: self = .ending(try KeptEnding(from: &reader), recorded: try reader.number())
    case 68: self = .trouble(try reader.number())
    case 69: self = .refused(try reader.string())
    case 70:
      self = .viewing(
        available: try reader.number(), size: try TerminalSize(from: &reader), leads: try reader.flag())
    case 71: self = .leads(try reader.flag())
    case 72: self = .sized(try TerminalSize(from: &reader))
    case 73: self = .stopped(try reader.flag())
    case 74: self = .viewed(try reader.flag())
    case 75: self = .speaker(try reader.number())
    default: return nil
    }
  }
}
