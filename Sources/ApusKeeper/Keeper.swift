import ApusFrames
import CSystem
import Glibc

// The keeper: one small process per run that owns the agent and outlives everything else.
//
// It is nobody's child (`apus_detach`), has one thread, one loop and no Foundation. Four promises:
// - What the agent writes is on disk before anyone sees it, and the agent waits for no viewer, only for the disk.
// - Any number of viewers may follow from any offset; an input number is taken once, however often it is sent.
// - Ending is a plan given as data (`TeardownStep`s) and goes on to its end without whoever asked for it.
// - Whatever the run started has ended before the ending is told; the ending is kept on disk, and the keeper stays
//   until somebody acknowledged it.
//
// It never interprets a byte of what it keeps. `KeeperState` decides; this file performs.

/// Keeps the run whose files are in `directory` until its ending was read. Returns the exit code of the process.
package func keep(directory: String, ready: Int32) -> Int32 {
  let directory = Array(directory.utf8)
  func fail(_ what: String, _ code: Int32) -> Int32 {
    let text = what + ": " + String(cString: apus_error_text(code)) + "\n"
    _ = text.withCString { write(ready, $0, strlen($0)) }
    return 1
  }
  guard let bytes = loadFile(path(directory, RunFile.launch)), let order = try? LaunchOrder(bytes) else {
    return fail("the launch order cannot be read", errno)
  }
  apus_ignore_pipe_signal()
  let signals = apus_signal_descriptor([SIGCHLD, SIGTERM, SIGINT, SIGHUP], 4)
  let poll = apus_poll_create()
  guard signals >= 0, poll >= 0, apus_become_subreaper() == 0 else { return fail("set-up", errno) }
  let listener = apus_unix_listen(cString(order.socket), 16)
  guard listener >= 0 else { return fail("the keeper's socket", errno) }
  guard let recording = Recording(directory: directory) else {
    let code = errno
    unlink(cString(order.socket))
    return fail("the recording", code)
  }
  let keeper = Keeper(
    directory: directory, order: order, poll: poll, signals: signals, listener: listener, recording: recording)
  if let failure = keeper.begin() {
    unlink(cString(order.socket))
    return fail(failure.what, failure.code)
  }
  _ = write(ready, "R", 1)
  close(ready)
  keeper.run()
  unlink(cString(order.socket))
  return 0
}

final class Keeper {
  private enum Token {
    static let signals: UInt64 = 1
    static let listener: UInt64 = 2
    static let output: UInt64 = 3
    static let errors: UInt64 = 4
    static let input: UInt64 = 5
    static let firstViewer: UInt64 = 16
  }

  /// A viewer that takes nothing for this long is dropped.
  private static let slowMilliseconds: Int64 = 30_000
  private static let retryMilliseconds: Int64 = 200
  /// How a keeper ends its agent when it is itself asked to end (a shutdown of the machine).
  private static let ownTeardown = [
    TeardownStep(.closeInput, milliseconds: 500), TeardownStep(.signal(SIGTERM), milliseconds: 3000),
  ]

  private let directory: [UInt8]
  private let order: LaunchOrder
  private let poll: Int32
  private let signals: Int32
  private let listener: Int32
  private let pid = getpid()
  private var recording: Recording
  private var errorsFile: Int32 = -1
  private var errorsKept = 0
  private var agent = Agent()
  private var agentGone = false
  private var state = KeeperState()
  private var lastInput: UInt64 = 0
  private var viewers: [UInt64: Viewer] = [:]
  private var nextViewer = Token.firstViewer
  private var inputWatched = false
  private var outputWatched = false
  private var ending: KeptEnding?
  private var endingKept = false
  private var toldTrouble: Int32 = 0

  init(
    directory: [UInt8], order: LaunchOrder, poll: Int32, signals: Int32, listener: Int32, recording: Recording
  ) {
    self.directory = directory
    self.order = order
    self.poll = poll
    self.signals = signals
    self.listener = listener
    self.recording = recording
  }

  private var now: Int64 { apus_monotonic_milliseconds() }

  /// Starts the agent and leaves the card; nil when all is well.
  func begin() -> (what: String, code: Int32)? {
    errorsFile = apus_open(path(directory, RunFile.errors), O_WRONLY | O_CREAT | O_APPEND, 0o600)
    apus_poll_set(poll, signals, Token.signals, 1, 0, 0)
    apus_poll_set(poll, listener, Token.listener, 1, 0, 0)
    var never: Int32?
    switch Agent.start(order) {
    case .success(let started): agent = started
    case .failure(let failure): never = failure.code
    }
    var own = apus_process()
    apus_process_look(pid, &own)
    let card = KeeperCard(keeper: pid, keeperStart: own.start, agent: agent.pid, agentStart: agent.start)
    // After a power cut there is no keeper to be found: the card need not survive one.
    let code = keepFile(RunFile.keeper, in: directory, bytes: card.encoded, synced: false)
    if code != 0 {
      if never == nil { apus_process_signal(agent.pid, agent.start, SIGKILL) }
      return ("the keeper's card", code)
    }
    if let never {
      agentGone = true
      perform(state.handle(.agentEnded(.neverStarted(never)), now: now))
      settle()
      return nil
    }
    apus_poll_set(poll, agent.output, Token.output, 1, 0, 0)
    outputWatched = true
    apus_poll_set(poll, agent.errors, Token.errors, 1, 0, 0)
    return nil
  }

  func run() {
    var events = [apus_poll_event](repeating: apus_poll_event(), count: 64)
    while state.phase != .gone {
      let count = apus_poll_wait(poll, &events, 64, waitMilliseconds())
      for event in events.prefix(Int(max(0, count))) { handle(event) }
      if recording.isStalled { recording.flush() }
      if ending != nil, !endingKept { keepEnding() }
      perform(state.handle(.timePassed, now: now))
      settle()
      serve()
    }
  }

  private func waitMilliseconds() -> Int32 {
    var until = state.deadline
    func atMost(_ moment: Int64) { until = min(until ?? moment, moment) }
    if recording.isStalled || (ending != nil && !endingKept) { atMost(now + Self.retryMilliseconds) }
    for viewer in viewers.values {
      if let since = viewer.blockedSince { atMost(since + Self.slowMilliseconds) }
    }
    guard let until else { return -1 }
    return Int32(clamping: max(0, until - now))
  }

  private func handle(_ event: apus_poll_event) {
    switch event.token {
    case Token.signals: takeSignals()
    case Token.listener: acceptViewers()
    case Token.output: readOutput()
    case Token.errors: readErrors()
    case Token.input: agent.write()
    default: hear(event.token)
    }
  }

  // MARK: the agent

  private func takeSignals() {
    while true {
      let signal = apus_signal_next(signals)
      if signal == 0 { return }
      if signal == SIGCHLD { reap() }
      if signal == SIGTERM || signal == SIGINT {
        perform(state.handle(.endRequested(Self.ownTeardown), now: now))
      }
    }
  }

  private func reap() {
    var status: Int32 = 0
    while true {
      let ended = apus_reap(&status)
      if ended <= 0 { return }
      if ended == agent.pid, !agentGone {
        agentGone = true
        let signal = status & 0x7f
        perform(
          state.handle(
            .agentEnded(signal == 0 ? .exit((status >> 8) & 0xff) : .signal(signal)), now: now))
      }
    }
  }

  private func readOutput() {
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while agent.output >= 0, !recording.isStalled {
      let got = read(agent.output, &chunk, chunk.count)
      if got < 0, errno == EINTR { continue }
      if got < 0, errno == EAGAIN { return }
      if got <= 0 {
        unwatchOutput()
        agent.closeOutput()
        return
      }
      recording.append(chunk[..<got])
      if got < chunk.count { return }
    }
  }

  private func unwatchOutput() {
    if outputWatched { apus_poll_remove(poll, agent.output) }
    outputWatched = false
  }

  private func readErrors() {
    var chunk = [UInt8](repeating: 0, count: 1 << 14)
    while agent.errors >= 0 {
      let got = read(agent.errors, &chunk, chunk.count)
      if got < 0, errno == EINTR { continue }
      if got < 0, errno == EAGAIN { return }
      if got <= 0 {
        apus_poll_remove(poll, agent.errors)
        agent.closeErrors()
        return
      }
      let room = min(got, RunFile.errorsLimit - errorsKept)
      if room > 0, errorsFile >= 0 { errorsKept += max(0, write(errorsFile, chunk, room)) }
    }
  }

  // MARK: the state's wishes

  private func perform(_ actions: [KeeperState.Action]) {
    for action in actions {
      switch action {
      case .say(let bytes):
        agent.queue(bytes)
        agent.write()
      case .closeInput:
        agent.closeInputWhenWritten()
        agent.write()
      case .signalAgent(let signal):
        if !agentGone { apus_process_signal(agent.pid, agent.start, signal) }
      case .signalTree(let signal): Tree.signal(signal, below: pid)
      case .announce(let how):
        readOutput()
        readErrors()
        unwatchOutput()
        agent.closeAll()
        ending = how
        keepEnding()
      case .leave: break
      }
    }
  }

  /// Brings what is watched and what is decided in step with what is the case.
  private func settle() {
    if case .sweeping = state.phase {
      reap()
      if Tree.isEmpty(below: pid), drained() { perform(state.handle(.treeSeenEmpty, now: now)) }
    }
    if agent.output >= 0, outputWatched == recording.isStalled {
      if recording.isStalled {
        unwatchOutput()
      } else {
        apus_poll_set(poll, agent.output, Token.output, 1, 0, 0)
        outputWatched = true
      }
    }
    if agent.wantsToWrite { agent.write() }
    if agent.input < 0 { inputWatched = false }
    if agent.input >= 0, agent.wantsToWrite != inputWatched {
      if agent.wantsToWrite {
        apus_poll_set(poll, agent.input, Token.input, 0, 1, 0)
      } else {
        apus_poll_remove(poll, agent.input)
      }
      inputWatched = agent.wantsToWrite
    }
    if recording.trouble != toldTrouble {
      toldTrouble = recording.trouble
      // Who has not greeted yet is told after the welcome, which is always the first word.
      for token in viewers.keys where viewers[token]?.greeted == true { viewers[token]?.send(.trouble(toldTrouble)) }
    }
  }

  /// The agent's last words are in the recording (with nobody left to write, reading ends by itself).
  private func drained() -> Bool {
    readOutput()
    return !recording.isStalled
  }

  private func keepEnding() {
    guard let ending else { return }
    recording.sync()
    let note = EndingNote(ending: ending, recorded: recording.recorded)
    let code = keepFile(RunFile.ending, in: directory, bytes: note.encoded, synced: true)
    endingKept = code == 0
    // The run's directory was removed: nobody can find this keeper any more, nor misses what it knows.
    if code == ENOENT { perform(state.handle(.endingAcknowledged, now: now)) }
  }

  // MARK: viewers

  private func acceptViewers() {
    while true {
      let descriptor = apus_unix_accept(listener)
      guard descriptor >= 0 else { return }
      var user: uid_t = 0
      guard apus_peer_user(descriptor, &user) == 0, user == getuid() else {
        close(descriptor)
        continue
      }
      apus_poll_set(poll, descriptor, nextViewer, 1, 0, 0)
      viewers[nextViewer] = Viewer(descriptor: descriptor)
      nextViewer += 1
    }
  }

  private func hear(_ token: UInt64) {
    guard let requests = viewers[token]?.receive() else {
      drop(token)
      return
    }
    for request in requests { answer(request, to: token) }
  }

  private func answer(_ request: KeeperRequest, to token: UInt64) {
    if viewers[token]?.greeted != true {
      guard case .hello = request else {
        drop(token)
        return
      }
    }
    switch request {
    case .hello:
      viewers[token]?.greeted = true
      viewers[token]?.send(
        .welcome(
          .init(
            version: KeeperProtocol.version, keeper: pid, agent: agent.pid, agentStart: agent.start,
            recorded: recording.recorded, lastInput: lastInput)))
      if toldTrouble != 0 { viewers[token]?.send(.trouble(toldTrouble)) }
    case .follow(let offset): viewers[token]?.follow(from: offset)
    case .input(let number, let bytes):
      if number > lastInput {
        lastInput = number
        agent.queue(bytes)
      }
      viewers[token]?.send(.taken(number: number))
    case .closeInput: agent.closeInputWhenWritten()
    case .end(let steps): perform(state.handle(.endRequested(steps), now: now))
    case .acknowledgeEnding: perform(state.handle(.endingAcknowledged, now: now))
    }
  }

  private func serve() {
    for token in Array(viewers.keys) {
      guard var viewer = viewers[token] else { continue }
      let fine = viewer.write(recording, ending: endingKept ? ending : nil, now: now)
      viewers[token] = viewer
      let slow = viewer.blockedSince.map { now - $0 >= Self.slowMilliseconds } ?? false
      guard fine, !slow else {
        drop(token)
        continue
      }
      apus_poll_set(poll, viewer.descriptor, token, 1, viewer.blockedSince == nil ? 0 : 1, 1)
    }
  }

  private func drop(_ token: UInt64) {
    guard let viewer = viewers.removeValue(forKey: token) else { return }
    apus_poll_remove(poll, viewer.descriptor)
    close(viewer.descriptor)
  }
}
