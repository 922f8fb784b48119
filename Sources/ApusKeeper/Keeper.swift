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
// It never interprets a byte of what it keeps. `KeeperState` decides; this file performs.

final class Keeper {
  private enum Token: UInt64 { case signals = 1, listener, output, errors, input }

  private static let retryMilliseconds: Int64 = 200
  private static let chunk = 1 << 16
  /// More than a pipe or a terminal holds. None of the run may still write, but one of ours started inside it may.
  private static let lastPieces = 1024

  private let directory: [UInt8]
  private let order: LaunchOrder
  private let poll: Int32
  private let signals: Int32
  private let listener: Int32
  let pid = getpid()
  private var tree = Tree(root: getpid())
  var recording: Recording
  private var errorsFile: Int32 = -1
  private var errorsKept = 0
  var agent = Agent()
  private var agentGone = false
  var agentStopped = false
  var state = KeeperState()
  var lastInput: UInt64 = 0
  var viewers: Viewers
  var sizes: Sizes?
  private var screens = ScreenKeeping()
  private var draughtsman = Draughtsman()
  private var inputWatched = false
  private var outputWatched = false
  private var ending: KeptEnding?
  private var endingKept = false
  var toldTrouble: Int32 = 0
  private var piece = [UInt8](repeating: 0, count: chunk)

  init(
    directory: [UInt8], order: LaunchOrder, poll: Int32, signals: Int32, listener: Int32, recording: Recording
  ) {
    self.directory = directory
    self.order = order
    self.poll = poll
    self.signals = signals
    self.listener = listener
    self.recording = recording
    viewers = Viewers(poll: poll, listener: listener)
  }

  var now: Int64 { apus_monotonic_milliseconds() }

  /// Starts the agent and leaves the card; nil when all is well.
  func begin() -> (what: String, code: Int32)? {
    errorsFile = apus_open(path(directory, RunFile.errors), O_WRONLY | O_CREAT | O_APPEND, 0o600)
    sizes = order.terminal.map { Sizes(directory: directory, first: $0.size) }
    apus_poll_set(poll, signals, Token.signals.rawValue, 1, 0, 0)
    apus_poll_set(poll, listener, Token.listener.rawValue, 1, 0, 0)
    var never: Int32?
    tree.enterGroup(directory: directory)
    let start = Agent.start(order)
    tree.leaveGroup()
    switch start {
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
    apus_poll_set(poll, agent.output, Token.output.rawValue, 1, 0, 0)
    outputWatched = true
    if agent.errors >= 0 { apus_poll_set(poll, agent.errors, Token.errors.rawValue, 1, 0, 0) }
    return nil
  }

  func run() {
    var events = [apus_poll_event](repeating: apus_poll_event(), count: 64)
    while state.phase != .gone {
      let count = apus_poll_wait(poll, &events, 64, waitMilliseconds())
      for event in events.prefix(Int(max(0, count))) { handle(event) }
      if recording.isBehind { recording.flush() }
      sizes?.keep()
      if ending != nil, !endingKept { keepEnding() }
      perform(state.handle(.timePassed, now: now))
      settle()
      for token in viewers.serve(recording, ending: endingKept ? ending : nil, isFull: agent.isFull, now: now) {
        hearOut(token)  // Its last word may be that it has kept the ending.
        drop(token)
      }
    }
    viewers.finish()
  }

  private func waitMilliseconds() -> Int32 {
    let isOwed = recording.isBehind || (ending != nil && !endingKept)
    let draws = sizes != nil && ending == nil
    let moments = [
      state.deadline, isOwed ? now + Self.retryMilliseconds : nil, viewers.deadline(now: now),
      draws ? screens.deadline(recorded: recording.recorded) : nil,
    ].compactMap(\.self)
    return moments.min().map { Int32(clamping: max(0, $0 - now)) } ?? -1
  }

  private func handle(_ event: apus_poll_event) {
    switch Token(rawValue: event.token) {
    case .signals: takeSignals()
    case .listener: viewers.accept()
    case .output: readOutput()
    case .errors: readErrors()
    case .input: agent.write()
    case nil: hear(event.token)
    }
  }

  // MARK: the agent

  private func takeSignals() {
    while true {
      let signal = apus_signal_next(signals)
      if signal == 0 { return }
      if signal == SIGCHLD { reap() }
      if signal == SIGTERM || signal == SIGINT {
        perform(state.handle(.endRequested(KeeperState.ownTeardown), now: now))
      }
    }
  }

  private func reap() {
    var status: Int32 = 0
    while true {
      let child = apus_reap_or_stop(&status)
      if child <= 0 { return }
      let stopped = apus_status_stopped(status)
      if stopped >= 0 {
        if child == agent.pid { agentStopped(stopped == 1) }
        continue
      }
      if child == draughtsman.pid {
        draughtsman.ended()
        screenDrawn(well: status == 0)
      }
      if child == agent.pid, !agentGone {
        agentGone = true
        let signal = status & 0x7f
        perform(
          state.handle(
            .agentEnded(signal == 0 ? .exit((status >> 8) & 0xff) : .signal(signal)), now: now))
      }
    }
  }

  /// Stopped as by Ctrl-Z: whoever sits there decides when it goes on; with nobody there it goes on at once.
  private func agentStopped(_ stopped: Bool) {
    agentStopped = stopped
    viewers.tellViewing(.stopped(stopped))
    if stopped { continueUnseen() }
  }

  func continueUnseen() { if agentStopped, !viewers.anyoneViews, !agentGone { goOn() } }

  /// The whole group goes on, as a shell would have it; its leader is our child and not reaped, so its number is its.
  private func goOn() { kill(-agent.pid, SIGCONT) }

  /// Reads what the agent wrote: one piece, since the others come first and what is left is told again.
  func readOutput(pieces: Int = 1) {
    for _ in 0..<pieces {
      guard agent.output >= 0, !recording.isStalled else { return }
      var filled = 0
      var isOpen = true
      while filled < piece.count {
        let got = apus_read_to(agent.output, &piece, piece.count, filled)
        if got < 0, errno == EAGAIN { break }
        // A terminal whose other side is closed by all says EIO.
        isOpen = got > 0
        guard isOpen else { break }
        filled += got
      }
      if filled > 0 {
        recording.append(&piece, count: filled)
        if sizes != nil { screens.wrote(now: now) }
      }
      if !isOpen {
        unwatchOutput()
        agent.closeOutput()
      }
      if filled < Self.chunk { return }
    }
  }

  private func unwatchOutput() {
    if outputWatched { apus_poll_remove(poll, agent.output) }
    outputWatched = false
  }

  private func readErrors() {
    // As much as their pipe holds: what is left is told again.
    for _ in 0..<16 where agent.errors >= 0 {
      let got = apus_read_to(agent.errors, &piece, piece.count, 0)
      if got < 0, errno == EAGAIN { return }
      if got <= 0 {
        apus_poll_remove(poll, agent.errors)
        agent.closeErrors()
        return
      }
      let room = min(got, RunFile.errorsLimit - errorsKept)
      if room > 0, errorsFile >= 0 { errorsKept += max(0, write(errorsFile, piece, room)) }
    }
  }

  // MARK: the state's wishes

  func perform(_ actions: [KeeperState.Action]) {
    for action in actions {
      switch action {
      case .say(let bytes):
        agent.queue(bytes)
        agent.write()
      case .closeInput:
        agent.closeInputWhenWritten()
        agent.write()
      case .signalAgent(let signal):
        guard !agentGone else { continue }
        apus_process_signal(agent.pid, agent.start, signal)
        // What is stopped takes no signal before it goes on.
        if agentStopped, signal != SIGKILL { goOn() }
      case .signalTree(let signal): tree.signal(signal)
      case .announce(let how):
        readOutput(pieces: Self.lastPieces)
        readErrors()
        unwatchOutput()
        agent.closeAll()
        tree.removeGroup()
        ending = how
        keepEnding()
      case .leave: tree.removeGroup()
      }
    }
  }

  /// Brings what is watched and what is decided in step with what is the case.
  private func settle() {
    if case .sweeping = state.phase {
      reap()
      if tree.isEmpty, drained() { perform(state.handle(.treeSeenEmpty, now: now)) }
    }
    if agent.output >= 0, outputWatched == recording.isStalled {
      if recording.isStalled {
        unwatchOutput()
      } else {
        apus_poll_set(poll, agent.output, Token.output.rawValue, 1, 0, 0)
        outputWatched = true
      }
    }
    if agent.wantsToWrite { agent.write() }
    viewers.tellViewed()
    if agent.input < 0 { inputWatched = false }
    if agent.input >= 0, agent.wantsToWrite != inputWatched {
      if agent.wantsToWrite {
        apus_poll_set(poll, agent.input, Token.input.rawValue, 0, 1, 0)
      } else {
        apus_poll_remove(poll, agent.input)
      }
      inputWatched = agent.wantsToWrite
    }
    if recording.trouble != toldTrouble {
      toldTrouble = recording.trouble
      viewers.tellGreeted(.trouble(toldTrouble))
    }
    drawScreen()
  }

  private func drawScreen() {
    guard sizes != nil, ending == nil,
      let offset = screens.due(recorded: recording.recorded, segmentBytes: RunFile.segmentBytes, now: now)
    else { return }
    screens.began(offset)
    if !draughtsman.start(directory: directory, offset: offset) { screenDrawn(well: false) }
  }

  private func screenDrawn(well: Bool) {
    screens.ended(well: well)
    recording.drop(shown: screens.shown)
  }

  /// The agent's last words are in the recording.
  private func drained() -> Bool {
    readOutput(pieces: Self.lastPieces)
    return !recording.isBehind
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
}
