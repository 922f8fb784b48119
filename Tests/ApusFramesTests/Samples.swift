import ApusFrames

/// Every kind of message, with the values where mistakes hide: empty, zero, negative, largest.
enum Samples {
  static let requests: [KeeperRequest] = [
    .hello(version: 0), .hello(version: KeeperProtocol.version), .hello(version: .max),
    .follow(offset: 0), .follow(offset: .max),
    .input(number: 0, bytes: []), .input(number: .max, bytes: [0, 10, 255]),
    .input(number: 7, bytes: [UInt8](repeating: 65, count: 100_000)),
    .closeInput, .acknowledgeEnding,
    .end([]),
    .end([
      TeardownStep(.say([]), milliseconds: 0), TeardownStep(.say(Array("stop\n".utf8)), milliseconds: .max),
      TeardownStep(.closeInput, milliseconds: 500), TeardownStep(.signal(15), milliseconds: 3000),
      TeardownStep(.signal(-1), milliseconds: 1),
    ]),
    .end([TeardownStep](repeating: TeardownStep(.closeInput, milliseconds: 1), count: 64)),
    .view(View(wish: .watch, size: TerminalSize(rows: 0, columns: .max))),
    .view(
      View(
        wish: .lead, size: TerminalSize(rows: 24, columns: 80),
        testament: .init(device: Array("/dev/pts/3".utf8), settings: [0, 1], bytes: [27]))),
    .type([]), .type([3, 27, 255]), .size(TerminalSize(rows: 50, columns: 160)), .lead, .leave, .signal(18),
    .speak(process: 0), .speak(process: .max),
    .signal(-1),
  ]

  static let endings: [KeptEnding] = [
    .exit(0), .exit(255), .exit(.min), .signal(9), .signal(.max), .neverStarted(2), .neverStarted(-2),
  ]

  static let replies: [KeeperReply] =
    [
      .welcome(.init(version: 1, keeper: 2, agent: 3, agentStart: 4, recorded: 5, lastInput: 6)),
      .welcome(
        .init(version: .max, keeper: .min, agent: .max, agentStart: .max, recorded: .max, lastInput: .max)),
      .output(offset: 0, bytes: []), .output(offset: .max, bytes: Array(0...255)),
      .taken(number: 0), .taken(number: .max),
      .trouble(0), .trouble(28), .trouble(.min),
      .refused([]), .refused(Array("no".utf8)),
      .welcome(
        .init(
          version: 2, keeper: 2, agent: 3, agentStart: 4, recorded: 5, lastInput: 6,
          terminal: TerminalSize(rows: 24, columns: 80))),
      .viewing(available: .max, size: TerminalSize(rows: 24, columns: 80), leads: true),
      .viewing(available: 0, size: TerminalSize(rows: 0, columns: 0), leads: false),
      .leads(true), .leads(false), .sized(TerminalSize(rows: 1, columns: 2)), .stopped(true), .stopped(false),
      .viewed(true), .viewed(false), .speaker(0), .speaker(.max),
    ] + endings.map { .ending($0, recorded: 12_345) }
}
