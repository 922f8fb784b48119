import ApusAgents
import ApusCore
import ApusFrames
import ApusLink
import ApusLoop
import CSystem

// One run as the daemon follows it: it reads what the keeper recorded, turns it into events, and says what is to be
// said. Nothing here keeps the agent alive; all of it can be dropped and rebuilt from the store and the recording.
//
// The rule that makes a crash harmless: a change of the turn, the events that tell of it, and how far the recording was
// read are written in one step (`advance`). Only then is it so. What fails to be written did not happen, and is read
// again from the recording.

@LoopActor
final class LiveRun {
  /// What the coordinator does about a run.
  struct Hooks {
    /// Events were kept; the session may look different now.
    var changed: @LoopActor (LiveRun, [AgentEvent]) -> Void
    var ended: @LoopActor (LiveRun, KeptEnding) -> Void
    var lost: @LoopActor (LiveRun) -> Void
    /// The keeper said who its agent is.
    var attached: @LoopActor (LiveRun) -> Void
  }

  private static let greetingNumber: UInt64 = 1
  private static let retryMilliseconds = 500

  let session: String
  private(set) var run: Run
  private(set) var turn: TurnState
  private var stream: ClaudeStream
  private var offset: UInt64
  private var partial: [UInt8] = []
  private(set) var inputs: [Input]
  private var nextNumber: UInt64 = greetingNumber + 1
  private(set) var link: KeeperLink?
  /// The keeper said which inputs it has; before that no number is known to be free.
  private var isWelcome = false
  private var greeting: [UInt8]
  private let store: any Store
  let log: Log
  private let hooks: Hooks
  /// How it is to end, once that was asked. Told to the keeper whenever it is there: it may just be started. One that
  /// carries the plan out does not begin anew.
  var teardown: [TeardownStep]?
  /// Asked to end: an ending is no crash then.
  var isStopping: Bool { teardown != nil }
  /// Why we end it, where that is to be told of the session afterwards.
  var endsBecause: Failure?
  /// Somebody is attached to it.
  var hasViewers = false
  /// The process of the client that speaks with the agent at the moment.
  private(set) var speaker: Int32?
  private(set) var isOver = false
  /// Its ending is among the events; keeping it in the store may have to be tried again.
  var isEndingTold = false
  private(set) var trouble: Int32 = 0
  /// Why what the agent writes cannot be taken in at the moment. It is recorded, and read again until it can.
  private(set) var obstacle: Failure?
  var endWhenIdle: [TeardownStep]?
  /// What came of the latest turns, as far as this daemon saw it: whoever waits for one is woken long before it is
  /// forgotten, and a run of many turns must not grow with each answer.
  private var outcomes: [TurnResult] = []
  private static let outcomesKept = 8

  init(
    run: Run, turn: TurnState, greeting: [UInt8], inputs: [Input], store: any Store, log: Log, hooks: Hooks
  ) throws {
    session = run.session
    self.run = run
    self.greeting = greeting
    self.inputs = inputs
    self.store = store
    self.log = log
    self.hooks = hooks
    if let cursor = try store.loadCursor(session: run.session, run: run.number) {
      self.turn = cursor.turn
      offset = cursor.offset
      stream =
        (try? JSONText.decode(ClaudeStream.self, from: Array(cursor.stream.utf8)))
        ?? ClaudeStream(isSpoken: run.isSpoken)
    } else {
      self.turn = turn
      offset = 0
      stream = ClaudeStream(isSpoken: run.isSpoken)
    }
  }

  private var now: Moment { apus_wall_seconds() }

  // MARK: the keeper

  /// Attaches to the keeper; false when nobody listens there.
  func attach() -> Bool {
    guard let link = KeeperLink.connect(socket: run.socket) else { return false }
    self.link?.close()
    self.link = link
    isWelcome = false
    speaker = nil
    link.onReply = { [unowned self] reply in hear(reply) }
    link.onGone = { [unowned self] in
      self.link = nil
      hooks.lost(self)
    }
    link.send(.hello(version: KeeperProtocol.version))
    if let teardown { link.send(.end(teardown)) }
    return true
  }

  var isAttached: Bool { link != nil }
  /// Whether the agent has written anything.
  var hasWritten: Bool { offset > 0 || !partial.isEmpty }

  /// What came of that prompt, where it was lately.
  func outcome(of prompt: String) -> TurnResult? { outcomes.last { $0.prompts.contains(prompt) } ?? turn.lastResult }

  /// How the last turn ended.
  var lastOutcome: TurnResult? { outcomes.last ?? turn.lastResult }

  /// Lets go of the keeper, which goes on.
  func detach() {
    link?.close()
    link = nil
  }

  private func hear(_ reply: KeeperReply) {
    switch reply {
    case .welcome(let welcome): welcomed(welcome)
    case .output(let at, let bytes): took(bytes, at: at)
    case .taken(let number): wasTaken(number)
    case .ending(let ending, _):
      isOver = true
      hooks.ended(self, ending)
    case .trouble(let code):
      trouble = code
      log.warning(
        "run \(run.holder): the recording \(code == 0 ? "can be written again" : "cannot be written (\(String(cString: apus_error_text(code))))")"
      )
      advanceQuietly([
        event(code == 0 ? .recordingResumed : .recordingStalled, .object(["error": .integer(Int64(code))]))
      ])
    case .refused(let reason):
      log.error("run \(run.holder): keeper refused: \(String(decoding: reason, as: UTF8.self))")
    // Said to viewers alone.
    case .viewing, .leads, .sized, .stopped: break
    case .viewed(let isViewed): hasViewers = isViewed
    case .speaker(let process):
      speaker = process == 0 ? nil : process
      hasViewers = speaker != nil
      hooks.changed(self, [])
    }
  }

  /// The agent is there and can be talked to; where others talk to it we know only that its program runs.
  var isEstablished: Bool { run.isTerminal || run.isSpoken ? isWelcome : turn.isReady }

  private func welcomed(_ welcome: KeeperReply.Welcome) {
    isWelcome = true
    let start = welcome.agentStart
    run.agent = welcome.agent > 0 ? ProcessMark(pid: welcome.agent, start: start) : nil
    run.keeper = Processes.mark(of: welcome.keeper)
    hooks.attached(self)
    if run.isTerminal {
      // What a terminal shows is nobody's words: only its ending is waited for here.
      link?.send(.follow(offset: Run.onlyEnding))
      if run.phase == .starting { hooks.changed(self, [.ready(version: nil)]) }
      return
    }
    link?.send(.follow(offset: offset))
    if run.isSpoken, run.phase == .starting { hooks.changed(self, [.ready(version: nil)]) }
    if !greeting.isEmpty, welcome.lastInput < Self.greetingNumber {
      link?.send(.input(number: Self.greetingNumber, bytes: greeting))
    }
    nextNumber = max(nextNumber, welcome.lastInput + 1)
    for input in inputs where input.run == run.number {
      guard let number = input.number else { continue }
      nextNumber = max(nextNumber, number + 1)
      if number > welcome.lastInput {
        link?.send(.input(number: number, bytes: bytes(of: input)))
      } else if input.kind != .control, !turn.open.contains(input.promptID) {
        finish(input)
      }
    }
    sendWaiting()
  }

  // MARK: what the agent writes

  private func took(_ bytes: [UInt8], at: UInt64) {
    guard at == offset + UInt64(partial.count) else {
      return reread(Failure(.internalError, "a gap in what the keeper sent"))
    }
    let before = partial.count
    partial += bytes
    guard let newest = bytes.lastIndex(of: 10) else { return }
    let last = before + newest
    var stream = self.stream
    var turn = self.turn
    var seen: [AgentEvent] = []
    var events: [Event] = []
    var start = 0
    while start <= last {
      let end = partial[start...].firstIndex(of: 10) ?? last
      for said in stream.read(line: partial[start..<end], at: offset + UInt64(start)) {
        // Every client greets anew.
        if case .ready = said, turn.isReady { continue }
        let said = turn.completed(said)
        turn.handle(said, now: now)
        seen.append(said)
        if let event = EventText.event(of: said) { events.append(self.event(event.kind, event.detail)) }
      }
      start = end + 1
    }
    do {
      let offset = offset + UInt64(last + 1)
      if !seen.isEmpty, seen.allSatisfy(\.isPassing) {
        // Nothing to be kept: another daemon may read it once more.
        (self.turn, self.stream, self.offset) = (turn, stream, offset)
      } else {
        try advance(events, turn: turn, stream: stream, offset: offset)
      }
    } catch { return reread(error as? Failure ?? Failure(.internalError, "\(error)")) }
    obstacle = nil
    partial.removeFirst(last + 1)
    remember(seen)
    hooks.changed(self, seen)
    if isOver { return }
    settleInputs()
    if turn.mustBeToldToContinue { tellToContinue() }
    sendWaiting()
    if let steps = endWhenIdle, self.turn.mode == .idle {
      endWhenIdle = nil
      order(steps)
    }
  }

  /// Something could not be kept: forget it, and read it again from the recording in a moment.
  private func reread(_ why: Failure) {
    log.error("run \(run.holder): reading again from \(offset): \(why.summary)")
    obstacle = why
    partial = []
    detach()
    Timers.shared.after(Self.retryMilliseconds) { [weak self] in
      guard let self, !isOver, link == nil else { return }
      if !attach() { hooks.lost(self) }
    }
  }

  // MARK: the turn

  func event(_ kind: Event.Kind, _ detail: JSON = .object([:])) -> Event {
    Event(n: 0, at: now, session: session, run: run.number, kind: kind, detail: detail)
  }

  private func advance(_ events: [Event], turn: TurnState, stream: ClaudeStream, offset: UInt64) throws {
    let cursor = RunCursor(offset: offset, stream: try JSONText.string(stream), turn: turn)
    _ = try store.append(events, cursor: cursor, session: session, run: run.number)
    (self.turn, self.stream, self.offset) = (turn, stream, offset)
  }

  /// Keeps events and a change of the turn that did not come from the agent.
  func advance(_ events: [Event], _ change: (inout TurnState) -> Void = { _ in }) throws {
    var turn = self.turn
    change(&turn)
    try advance(events, turn: turn, stream: stream, offset: offset)
  }

  private func advanceQuietly(_ events: [Event]) {
    do { try advance(events) } catch { log.error("run \(run.holder): \(error)") }
    hooks.changed(self, [])
  }

  // MARK: inputs

  /// Takes an input that is in the store, and sends it as soon as the agent takes it.
  func accept(_ input: Input) throws {
    let brief: JSON = .object(["id": .string(input.promptID), "text": .string(input.text)])
    switch input.kind {
    case .prompt: try advance([event(.promptAccepted, brief)]) { $0.acceptPrompt(input.promptID, now: now) }
    case .continuation, .control: break
    }
    inputs.append(input)
    sendWaiting()
  }

  private func sendWaiting() {
    guard link != nil, isWelcome, !run.isTerminal else { return }
    for index in inputs.indices where inputs[index].number == nil {
      switch inputs[index].kind {
      case .control: break
      case .continuation: guard turn.isReady, !isStopping else { continue }
      case .prompt: guard turn.takesPrompts, !isStopping else { continue }
      }
      var input = inputs[index]
      input.run = run.number
      input.number = nextNumber
      do { try store.save(input) } catch { return log.error("run \(run.holder): input not kept: \(error)") }
      nextNumber += 1
      inputs[index] = input
      link?.send(.input(number: input.number ?? 0, bytes: bytes(of: input)))
    }
  }

  private func bytes(of input: Input) -> [UInt8] {
    switch input.kind {
    case .control: Array(input.text.utf8)
    case .prompt, .continuation: ClaudeAgent.prompt(id: input.promptID, text: input.text)
    }
  }

  /// The prompt of ours with that text which the agent has and nothing was seen of since.
  func promptNotTakenUp(_ text: String) -> String? {
    func trimmed(_ text: String) -> Substring { text.trimmingPrefix { $0.isWhitespace } }
    return inputs.first { input in
      input.kind == .prompt && input.number != nil && turn.open.contains(input.promptID)
        && !turn.started.contains(input.promptID) && trimmed(input.text) == trimmed(text)
    }?.promptID
  }

  /// What was heard of the agent otherwise than from its stream.
  func settle(_ said: [AgentEvent]) {
    remember(said)
    settleInputs()
  }

  private func remember(_ said: [AgentEvent]) {
    for case .turnEnded(let result) in said { outcomes.append(result) }
    outcomes.removeFirst(max(0, outcomes.count - Self.outcomesKept))
  }

  private func wasTaken(_ number: UInt64) {
    for input in inputs where input.kind == .control && input.number == number { finish(input) }
  }

  /// Marks what the agent is done with.
  private func settleInputs() {
    for input in inputs where input.number != nil && input.kind != .control {
      let isDone = input.kind == .continuation ? !turn.continuing : !turn.open.contains(input.promptID)
      if isDone { finish(input) }
    }
  }

  private func finish(_ input: Input) {
    var input = input
    input.finished = true
    do { try store.save(input) } catch { return log.error("run \(run.holder): input not kept: \(error)") }
    inputs.removeAll { $0.row == input.row }
  }

  /// The agent did not take the cut-off turn up by itself (it does not where that turn was interrupted, nor where a
  /// continuation was itself cut off): it is told to.
  private func tellToContinue() {
    guard !inputs.contains(where: { $0.kind == .continuation }) else { return }
    do {
      let input = try store.add(
        Input(
          row: 0, session: session, kind: .continuation, promptID: RandomID.conversation(),
          text: ClaudeAgent.continuation, acceptedAt: now))
      log.info("run \(run.holder): told to continue")
      try accept(input)
    } catch { log.error("run \(run.holder): \(error)") }
  }

  /// What is typed at its terminal.
  func type(_ keys: [UInt8]) { link?.send(.type(keys)) }

  func acknowledgeEnding() {
    link?.send(.acknowledgeEnding)
    detach()
  }

  /// Reads what is in the recording but was not seen yet, from the file itself: its keeper is gone.
  func readRest() {
    guard !run.isTerminal else { return }
    let path = run.directory + "/" + RunFile.recording
    guard let rest = Files.load(path, from: offset + UInt64(partial.count)) else { return }
    isOver = true
    if !rest.isEmpty { took(rest, at: offset + UInt64(partial.count)) }
  }

  func mark(_ phase: Run.Phase, ending: Ending?) {
    run.phase = phase
    run.ending = ending
    run.endedAt = now
    isOver = true
  }

  func markRunning() { run.phase = .running }

  /// The run holds another lease now, or none.
  func hold(token: Int64) { run.leaseToken = token }

  /// Its ending cannot be kept at the moment.
  func isHeldUp(by error: any Error) { obstacle = error as? Failure }
}
