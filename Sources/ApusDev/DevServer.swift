import ApusCore
import ApusLink
import ApusLoop
import ApusWire
import CSystem
import Glibc

// The owner of one development server: `DevState` decides, this performs. It watches before it starts anything, asks
// whether what it started is healthy, hears from the daemon who is at work, and says what became of every change.

@LoopActor
package final class DevServer {
  package enum News {
    /// The daemon knows it: its name, port and session.
    case begun(DevOrder)
    case output([UInt8], isError: Bool)
    case state(DevStateObject)
    case outcome(DevOutcome, lines: [String])
    case note(String)
  }

  static let firstHealthPause = 30
  static let laterHealthPause = 250
  static let slowHealthPause = 1_000
  private static let mostPaths = 500

  package var onNews: @LoopActor (News) -> Void = { _ in }
  let plan: DevPlan
  var state: DevState
  var port: Int?
  var check: HealthCheck
  /// The port it was seen to listen on, which need not be the one it was given.
  var seenPort: Int?
  var problem: String?
  var servers: [Int: GuardedServer] = [:]
  private let talk: DaemonTalk
  private var files: WatchedFiles?
  private var git: GitBusy?
  private var log: ServerLog
  private var daemonHolds: [Hold] = []
  private var lastReport: DevStateObject?
  private var changed: [String] = []
  private var timer: UInt64?
  private var startedAt: Moment = 0
  private var reloadCount = -1
  private var over: Answer<Result<Int32, Failure>>?
  private var isSaying = false
  private var echoes = DevEchoes()

  package init(_ plan: DevPlan) {
    self.plan = plan
    state = DevState(plan.rules)
    check = .listening(port: nil)
    log = ServerLog(path: plan.request.log)
    talk = DaemonTalk(plan.request, places: plan.places, environment: plan.environment)
  }

  /// Runs it to its end; the exit code.
  package func run() async throws(Failure) -> Int32 {
    defer { close() }
    // What is said while a large tree is looked at counts as well.
    talk.onOrder = { [weak self] order in self?.take(order) }
    talk.onTrouble = { [weak self] failure in self?.trouble(failure) }
    let welcome = try await talk.begin()
    port = welcome.port
    check =
      try plan.health.map { text throws(Failure) in
        .answers(try HealthURL(text, port: port), anyPort: text.hasPrefix("/") && plan.request.port.exact == nil)
      } ?? .listening(port: port)
    onNews(.begun(welcome))
    try await requireFreePort()
    let made = try await WatchedFiles.begin(
      plan.roots, rule: plan.watchRule, never: plan.never, environment: plan.environment,
      gathering: min(WatchedFiles.usualGathering, Int(plan.rules.settle / 4)))
    made.onChanges = { [weak self] paths, at in self?.changed(paths, at) }
    made.onTrouble = { [weak self] failure in self?.trouble(failure) }
    files = made
    let git = GitBusy(roots: plan.roots)
    git.onChange = { [weak self] in self?.hold() }
    self.git = git
    let end: Result<Int32, Failure> = await withCheckedContinuation { continuation in
      let answer = Answer(continuation)
      over = answer
      // Somebody wanted it ended before it began.
      if case .left(let code) = state.phase { return answer.give(.success(code)) }
      hold()
      happen(.begun)
    }
    return try end.get()
  }

  private func close() {
    files?.end()
    git?.end()
    talk.end()
    log.remove()
    if let timer { Timers.shared.cancel(timer) }
  }

  /// Ends it with that exit code: politely; asked a second time, at once.
  package func stop(_ code: Int32) {
    if case .leaving = state.phase {
      for server in servers.values { server.end(now: true) }
    } else {
      happen(.stopAsked(status: code))
    }
  }

  package func type(_ bytes: [UInt8]) { state.serving.flatMap { servers[$0] }?.type(bytes) }

  package func resize(_ size: ServerProgram.Size) { for server in servers.values { server.resize(size) } }

  // MARK: hearing

  private func changed(_ paths: [String], _ at: Int64) {
    changed = Array((changed + paths).suffix(Self.mostPaths))
    echoes.changed(paths, now: at)
    happen(.changed(paths.count), at: at)
  }

  private func hold() { happen(.held(daemonHolds + (git?.holds ?? []))) }

  private func take(_ order: DevOrder) {
    switch order.kind {
    case .welcome, .holds:
      daemonHolds = order.holds
      hold()
      if order.kind == .welcome, state.phase != .idle { say(again: true) }
    case .reload: happen(.reloadAsked)
    case .stop: stop(0)
    case .leaving: break
    }
  }

  private func trouble(_ failure: Failure) {
    onNews(.note("warning: \(failure.summary)" + (failure.hint.map { "\nhint: \($0)" } ?? "")))
    problem = failure.summary
    say()
  }

  private func happen(_ event: DevState.Event, at: Int64? = nil) {
    let actions = state.handle(event, now: at ?? apus_monotonic_milliseconds())
    for action in actions { perform(action) }
    say()
    if let timer { Timers.shared.cancel(timer) }
    timer = state.deadline.map { deadline in
      Timers.shared.after(Int(clamping: max(0, deadline - apus_monotonic_milliseconds()))) { [weak self] in
        self?.happen(.timePassed)
      }
    }
  }

  // MARK: doing

  private func perform(_ action: DevState.Action) {
    switch action {
    case .start(let number): start(number)
    case .end(let number): servers[number]?.end()
    case .tell(let outcome): tell(outcome)
    case .leave(let code): over?.give(.success(code))
    }
  }

  private func start(_ number: Int) {
    reloadCount += 1
    startedAt = apus_wall_seconds()
    problem = nil
    if servers.isEmpty { log.beginAnew() }
    for path in echoes.started(now: apus_monotonic_milliseconds()).prefix(5) {
      onNews(
        .note(
          "warning: \(SessionName.excerpt(path)) changes whenever the server starts\nhint: if that is the server's own "
            + "doing, leave it out with --ignore, or have git ignore it"))
    }
    LoopActor.begin { [self] in
      do throws(Failure) {
        // Beside another of ours the port is taken by that one.
        if servers.isEmpty { try await requireFreePort() }
        let server = try GuardedServer.start(number, program, id: plan.request.id)
        servers[number] = server
        server.onOutput = { [weak self] bytes, isError in self?.wrote(bytes, isError) }
        server.onStarted = { [weak self, unowned server] in self?.began(server) }
        server.onFailed = { [weak self] code in
          guard let self else { return }
          cannotStart(number, code)
        }
        server.onOver = { [weak self] status in self?.gone(number, status) }
        // Whoever wanted it may have thought better of it meanwhile.
        if !isWanted(number) { server.end() }
      } catch {
        fail(number, error.summary)
      }
    }
  }

  private func isWanted(_ number: Int) -> Bool {
    switch state.phase {
    case .starting(let process), .serving(let process): process.number == number
    case .replacing(let old, let new): old.number == number || new.number == number
    case .idle, .ending, .down, .leaving, .left: false
    }
  }

  /// What can be started the first time is tried again later; what cannot is an error.
  private func cannotStart(_ number: Int, _ code: Int32) {
    let why = "\(SessionName.excerpt(plan.program)): \(String(cString: apus_error_text(code)))"
    guard number == 1 else { return fail(number, why) }
    servers[number] = nil
    over?.give(.failure(Failure(.usage, why, hint: "name a program that can be run")))
  }

  private func fail(_ number: Int, _ why: String) {
    problem = why
    onNews(.note("error: \(why)"))
    gone(number, 127)
  }

  private func gone(_ number: Int, _ status: Int32) {
    servers[number] = nil
    happen(.gone(number, status: status))
  }

  private func began(_ server: GuardedServer) {
    say()
    awaitHealth(of: server)
  }

  private func wrote(_ bytes: [UInt8], _ isError: Bool) {
    log.add(bytes)
    onNews(.output(bytes, isError: isError))
  }

  private var program: ServerProgram {
    var environment = plan.environment
    if let port {
      environment["PORT"] = String(port)
      if let variable = plan.portVariable { environment[variable] = String(port) }
    }
    // What decides by itself whether it reloads decides as we do.
    if !plan.mode.reloads { environment[DevMode.safeVariable] = "true" }
    return ServerProgram(
      program: plan.program, arguments: plan.arguments, environment: environment, directory: plan.directory,
      politeMilliseconds: plan.politeMilliseconds, terminal: plan.terminal,
      socketPort: plan.handsSocket ? port : nil)
  }

  // MARK: health

  func becameHealthy(_ number: Int, port: Int?) async {
    seenPort = port
    var isShared = plan.handsSocket
    if plan.rules.keepsLastGood, !isShared { isShared = await Offload.run { port.map(Health.isShared) ?? false } }
    problem = nil
    happen(.healthy(number, sharing: isShared))
  }

  // MARK: telling

  private func tell(_ outcome: DevOutcome) {
    let lines = outcome.kind == .failed || outcome.kind == .ended || outcome.kind == .late ? log.last : []
    var report = DevReport(id: plan.request.id, state: object)
    report.changed = changed
    report.outcome = outcome
    report.lines = lines
    changed = []
    lastReport = report.state
    // The daemon first: whoever hears of it here may ask there.
    talk.report(report)
    onNews(.outcome(outcome, lines: lines))
    onNews(.state(report.state))
  }

  /// Says how it is, once what is at hand is done.
  func say(again: Bool = false) {
    if again { lastReport = nil }
    if isSaying { return }
    isSaying = true
    LoopActor.begin { [weak self] in
      guard let self else { return }
      isSaying = false
      let now = object
      guard now != lastReport || !changed.isEmpty else { return }
      var report = DevReport(id: plan.request.id, state: now)
      report.changed = changed
      changed = []
      if now != lastReport { onNews(.state(now)) }
      lastReport = now
      talk.report(report)
    }
  }

  var object: DevStateObject {
    DevStateObject(
      health: state.health, reloads: plan.mode.reloads, why: plan.mode.why, change: state.change, loaded: state.loaded,
      holds: state.holds, port: seenPort ?? port,
      pid: state.serving.flatMap { servers[$0]?.process?.pid }.map(Int.init), files: files?.count ?? 0,
      reloadCount: max(0, reloadCount), since: startedAt, problem: problem)
  }
}
