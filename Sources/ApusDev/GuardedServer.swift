import ApusCore
import ApusLink
import ApusLoop
import CSystem
import Glibc

/// What a development server is started as.
package struct ServerProgram: Sendable {
  /// Absolute, and its arguments with its own name first.
  package var program: String
  package var arguments: [String]
  package var environment: [String: String]
  package var directory: String
  /// How long it may take to end politely.
  package var politeMilliseconds: Int
  /// The size of the terminal its output goes to; nil: that is none.
  package var terminal: Size?
  /// The port whose socket it is given; nil: it makes its own.
  package var socketPort: Int?

  package struct Size: Sendable, Equatable {
    package var rows: Int
    package var columns: Int

    package init(rows: Int, columns: Int) {
      self.rows = rows
      self.columns = columns
    }
  }

  package init(
    program: String, arguments: [String], environment: [String: String], directory: String, politeMilliseconds: Int,
    terminal: Size?, socketPort: Int? = nil
  ) {
    self.program = program
    self.arguments = arguments
    self.environment = environment
    self.directory = directory
    self.politeMilliseconds = politeMilliseconds
    self.terminal = terminal
    self.socketPort = socketPort
  }
}

/// One run of the server, below a guard of its own (`apus-keeper --guard`): the guard ends all of it when it is told to,
/// and when we are gone. Where the guard itself is gone, what it left comes to us and is ended here.
@LoopActor
final class GuardedServer {
  static let mark = "APUS_DEV"
  static let runMark = "APUS_DEV_RUN"
  private static let sweepMilliseconds = 10

  let number: Int
  private(set) var process: ProcessMark?
  var onStarted: @LoopActor () -> Void = {}
  /// It could not be started: the error number.
  var onFailed: @LoopActor (Int32) -> Void = { _ in }
  var onOutput: @LoopActor ([UInt8], _ isError: Bool) -> Void = { _, _ in }
  /// Nothing of it lives any more, and all it wrote was handed on.
  var onOver: @LoopActor (Int32) -> Void = { _ in }

  private let guardian: Int32
  private let entry: String
  private let talk: Descriptor
  private var outputs: [Descriptor] = []
  private var terminal: Descriptor?
  private var said: [UInt8] = []
  private var status: Int32?
  private var failure: Int32?
  private var isEnding = false

  /// The guards that live, whose trees are not ours to sweep.
  private static var guardians: Set<Int32> = []

  /// Every process that descends from its guard.
  var pids: [Int32] { Processes.below([guardian]).map(\.pid) }

  static func start(_ number: Int, _ program: ServerProgram, id: String) throws(Failure) -> GuardedServer {
    let keeper = try Detached.sibling("apus-keeper")
    apus_become_subreaper()
    let listener = try program.socketPort.map { port throws(Failure) in try bound(port) }
    defer { if let listener { close(listener) } }
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
      throw cannot(keeper, errno)
    }
    var pipes = Pipes()
    guard pipes.open(program.terminal) else {
      let code = errno
      for end in ends { close(end) }
      throw cannot("its output", code)
    }
    var environment = program.environment
    if listener != nil { environment["LISTEN_FDS"] = "1" }
    environment[mark] = id
    environment[runMark] = "\(id).\(number)"
    let (pid, code) = Spawn.start(
      keeper,
      ["apus-keeper", "--guard", String(program.politeMilliseconds)] + (listener == nil ? [] : ["--socket"])
        + [program.program] + program.arguments.dropFirst(), environment, program.directory,
      input: listener ?? pipes.theirs[0],
      output: pipes.theirs[1], errors: pipes.theirs[2], ready: ends[1])
    close(ends[1])
    pipes.closeTheirs()
    guard code == 0 else {
      close(ends[0])
      pipes.closeOurs()
      throw cannot(keeper, code)
    }
    apus_set_nonblocking(ends[0], 1)
    return GuardedServer(number, pid, "\(runMark)=\(id).\(number)", ends[0], pipes)
  }

  private init(_ number: Int, _ guardian: Int32, _ entry: String, _ talk: Int32, _ pipes: Pipes) {
    self.number = number
    self.guardian = guardian
    self.entry = entry
    self.talk = Descriptor(talk)
    Self.guardians.insert(guardian)
    for (index, end) in pipes.ours.enumerated() {
      let output = Descriptor(end)
      outputs.append(output)
      output.onReadable = { [unowned self, unowned output] in take(output, isError: index == 1) }
      output.watch()
    }
    if pipes.isTerminal { terminal = outputs[0] }
    self.talk.onReadable = { [unowned self] in hear() }
    self.talk.watch()
  }

  /// Politely, then not; `now`: at once.
  func end(now: Bool = false) {
    isEnding = true
    tell(now ? "K" : "T")
  }

  /// What a person types at the terminal.
  func type(_ bytes: [UInt8]) {
    guard let terminal, terminal.isOpen else { return }
    _ = apus_write_from(terminal.number, bytes, bytes.count, 0)
  }

  func resize(_ size: ServerProgram.Size) {
    guard let terminal, terminal.isOpen else { return }
    apus_tty_resize(terminal.number, Int32(size.rows), Int32(size.columns))
  }

  private func tell(_ word: String) {
    guard talk.isOpen else { return }
    let bytes = Array(word.utf8)
    _ = apus_write_from(talk.number, bytes, bytes.count, 0)
  }

  private func hear() {
    var chunk = [UInt8](repeating: 0, count: 256)
    while talk.isOpen {
      let got = read(talk.number, &chunk, chunk.count)
      if got < 0, errno == EINTR { continue }
      if got < 0, errno == EAGAIN { return }
      guard got > 0 else { return guardGone() }
      said += chunk[..<got]
      while let end = said.firstIndex(of: 10) {
        let line = String(decoding: said[..<end], as: UTF8.self)
        said.removeFirst(end + 1)
        hear(line.split(separator: " ").map(String.init))
      }
    }
  }

  private func hear(_ words: [String]) {
    switch words.first {
    case "S":
      if words.count == 3, let pid = Int32(words[1]), let start = UInt64(words[2]) {
        process = ProcessMark(pid: pid, start: start)
      }
      onStarted()
    case "F": failure = words.count == 2 ? Int32(words[1]) ?? EIO : EIO
    case "X": status = words.count == 2 ? Int32(words[1]) ?? 1 : 1
    default: break
    }
  }

  private func guardGone() {
    talk.close()
    var ignored: Int32 = 0
    _ = apus_reap(guardian, &ignored, 1)
    Self.guardians.remove(guardian)
    if status != nil || failure != nil { return over() }
    LoopActor.begin { [self] in
      await sweep()
      over()
    }
  }

  /// The guard was killed: what it guarded carries its mark, or came to us.
  private func sweep() async {
    let (entry, others) = (entry, Self.guardians)
    let isPolite = !isEnding
    var rounds = 0
    while true {
      let left = await Offload.run {
        Set(Processes.carrying(entry)).union(Processes.below([getpid()], without: others))
      }
      for mark in left {
        if rounds == 0, isPolite { Processes.signal(mark, SIGTERM) }
        Processes.signal(mark, SIGKILL)
        var ignored: Int32 = 0
        _ = apus_reap(mark.pid, &ignored, 0)
      }
      if left.isEmpty { return }
      rounds += 1
      await pause(milliseconds: Self.sweepMilliseconds)
      var ignored: Int32 = 0
      for mark in left { _ = apus_reap(mark.pid, &ignored, 0) }
    }
  }

  private func over() {
    for (index, output) in outputs.enumerated() where output.isOpen {
      take(output, isError: index == 1)
      output.close()
    }
    if let failure { onFailed(failure) } else { onOver(status ?? 128 + SIGKILL) }
    (onStarted, onFailed, onOutput, onOver) = ({}, { _ in }, { _, _ in }, { _ in })
  }

  private func take(_ output: Descriptor, isError: Bool) {
    var chunk = [UInt8](repeating: 0, count: 1 << 15)
    // A bounded share per call: a server that writes without end must not keep the loop from everything else.
    for _ in 0..<8 {
      guard output.isOpen else { return }
      let got = read(output.number, &chunk, chunk.count)
      if got < 0, errno == EINTR { continue }
      if got < 0, errno == EAGAIN { return }
      guard got > 0 else { return output.close() }
      onOutput(Array(chunk[..<got]), isError)
    }
  }

  /// A socket on that port, for a server to listen on: beside the one of the server before, while that lives.
  private static func bound(_ port: Int) throws(Failure) -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var on: Int32 = 1
    for option in [SO_REUSEADDR, SO_REUSEPORT] {
      setsockopt(descriptor, SOL_SOCKET, option, &on, socklen_t(MemoryLayout<Int32>.size))
    }
    guard descriptor >= 0, Health.bind(descriptor, port) else {
      let code = errno
      close(descriptor)
      throw cannot("port \(port)", code)
    }
    return descriptor
  }

  private static func cannot(_ what: String, _ code: Int32) -> Failure {
    Failure(
      .internalError, "the server cannot be started: \(what): \(String(cString: apus_error_text(code)))",
      hint: "apus, apusd and apus-keeper belong side by side: install all three with `make install`")
  }
}

/// The server's input and output: a terminal, or /dev/null and a pipe for each of its two outputs.
private struct Pipes {
  var ours: [Int32] = []
  var theirs: [Int32] = [-1, -1, -1]
  var isTerminal = false

  mutating func open(_ terminal: ServerProgram.Size?) -> Bool {
    if let terminal { return openTerminal(terminal) }
    for target in 1...2 {
      var ends: [Int32] = [-1, -1]
      guard apus_pipe(&ends) == 0 else {
        closeOurs()
        closeTheirs()
        return false
      }
      apus_set_nonblocking(ends[0], 1)
      ours.append(ends[0])
      theirs[target] = ends[1]
    }
    return true
  }

  /// Every byte passes as it is: lines are edited, and echoed, by the terminal the person sits at.
  private mutating func openTerminal(_ size: ServerProgram.Size) -> Bool {
    var name = [CChar](repeating: 0, count: 128)
    var other: Int32 = -1
    let end = apus_tty_open(&name, name.count, Int32(size.rows), Int32(size.columns), nil, 0, &other)
    guard end >= 0 else { return false }
    apus_tty_raw(other)
    apus_set_nonblocking(end, 1)
    ours = [end]
    theirs = [other, other, other]
    isTerminal = true
    return true
  }

  mutating func closeTheirs() {
    for end in Set(theirs) where end >= 0 { close(end) }
    theirs = [-1, -1, -1]
  }

  mutating func closeOurs() {
    for end in ours { close(end) }
    ours = []
  }
}
