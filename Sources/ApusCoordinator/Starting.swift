import ApusAgents
import ApusCore
import ApusFrames
import ApusLink
import ApusLoop
import ApusWire
import CSystem
import Glibc

// Starting a run: recorded before anything lives, so that nothing of ours can live unrecorded.

extension Coordinator {
  private static let settingsMilliseconds = 2000

  /// The lease that only one run at a time may have, whoever starts it.
  static func leaseName(_ session: Session) -> String { "conversation:\(session.conversationID)" }

  /// Keeps the run, takes the right to the conversation, starts keeper and agent. Returns when the agent is ready.
  func start(
    _ id: String, opening: Opening, continuing: Bool, carried: [String], inputs: [Input],
    terminal: TerminalWish? = nil, prompt: String? = nil, spoken: Bool = false
  ) async throws {
    sessions[id]?.terminal = terminal != nil
    guard let session = sessions[id] else { return }
    // A client would see our hooks in what the agent writes (SessionStart always, measured on 2.1.329).
    let settings = spoken ? nil : try await agentSettings(session, opening)
    // From here to where it is among the living nothing is waited for.
    try refuseWhileShuttingDown()
    let run = try open(session, continuing: continuing, spoken: spoken)
    let waiting = inputs.filter { $0.kind == .prompt && !carried.contains($0.promptID) }.map(\.promptID)
    var files: [String: [UInt8]] = [:]
    files[RunFile.settings] = settings
    if isOfOurWords(session, opening) {
      files[RunFile.servers] = try ClaudeServers.configuration(program: try Detached.sibling("apus"))
    }
    func path(_ name: String) -> String? { files[name] == nil ? nil : run.directory + "/" + name }
    let (file, servers) = (path(RunFile.settings), path(RunFile.servers))
    let context = openingContext(session)
    let spec: LaunchSpec
    if case .given(let words) = opening, spoken {
      spec = ClaudeAgent.launchAsGiven(session, words)
    } else if terminal == nil {
      spec = ClaudeAgent.launch(
        session, opening: opening, run: run.number, settings: file, servers: servers, context: context)
    } else {
      spec = ClaudeAgent.launchInTerminal(
        session, opening: opening, prompt: prompt, settings: file, servers: servers, context: context)
    }
    let liveRun = try LiveRun(
      run: run,
      turn: TurnState(
        since: now, continuing: continuing, carried: carried, waiting: waiting, isTerminal: run.isTerminal,
        isSpoken: run.isSpoken),
      greeting: spec.greeting, inputs: inputs, store: store, log: log, hooks: hooks())
    live[id] = liveRun
    changes.announce(id)
    watchLimits()
    joinTogether(id)
    do {
      try liveRun.advance([liveRun.event(.runStarted, .object(["continuing": .bool(continuing)]))])
      try await startKeeper(run, session, spec, terminal, files)
      guard liveRun.attach() else {
        throw Failure(
          .keeperFailed, "the keeper of \(session.name) does not answer", hint: "`apus logs --daemon` says more")
      }
      log.info(
        "session \(id) \(session.name): run \(run.number) started in \(session.directory), \(spoken ? "for a client" : "\(opening)")"
      )
    } catch {
      fail(liveRun, error as? Failure ?? Failure(.internalError, "\(error)"))
      throw error
    }
    expectClient(liveRun)
    try await becomeReady(liveRun)
  }

  /// The records of a new run, in one step.
  private func open(_ session: Session, continuing: Bool, spoken: Bool) throws -> Run {
    let number = session.run
    let holder = "\(session.id)/\(number)"
    return try store.transaction {
      let decision = try store.decide(
        .take(holder: holder, seconds: nil, deadHolder: "\(session.id)/\(number - 1)"),
        name: Self.leaseName(session), now: now)
      guard case .granted(let lease) = decision else {
        var by = "another run"
        if case .refused(let other) = decision { by = "run \(other.holder), since \(MomentText.iso(other.since))" }
        throw Failure(
          .conversationHeld, "the conversation of \(session.name) is held by \(by)",
          hint: "`apus show \(session.name)` says what it does")
      }
      var run = Run(
        session: session.id, number: number, directory: places.runDirectory(session: session.id, run: number),
        socket: places.keeperSocket(session: session.id, run: number), startedAt: now, continuing: continuing,
        leaseToken: lease.token)
      run.terminal = session.terminal
      if spoken { run.spoken = true }
      run.boot = boot
      try store.save(session)
      try store.save(run)
      return run
    }
  }

  private func startKeeper(
    _ run: Run, _ session: Session, _ spec: LaunchSpec, _ terminal: TerminalWish?, _ files: [String: [UInt8]]
  ) async throws {
    let temporary = places.temporaryDirectory(session: session.id, run: run.number)
    for directory in [places.runs, places.runs + "/" + session.id, run.directory, temporary] {
      let code = Files.makeDirectory(directory)
      guard code == 0 else { throw filesFailed(directory, code) }
    }
    // Files of the run, so that nothing of the person's or the repository's changes.
    for (name, bytes) in files {
      let code = Files.make(run.directory + "/" + name, bytes: bytes)
      guard code == 0 else { throw filesFailed(run.directory, code) }
    }
    var variables = spec.environment
    variables["APUS_HOME"] = places.home
    variables["APUS_SESSION"] = session.name
    variables[ClaudeEnvironment.temporaryDirectory] = temporary
    let cookie = places.cookie(session: session.id, run: run.number)
    let entries = variables.map { "\($0.key)=\($0.value)" } + [cookie]
    let order = LaunchOrder(
      socket: Array(run.socket.utf8), program: Array(spec.program.utf8),
      arguments: spec.arguments.map { Array($0.utf8) },
      environment: entries.map { Array($0.utf8) }, directory: Array(spec.directory.utf8),
      terminal: terminal.map { wish in
        LaunchOrder.Terminal(
          size: TerminalSize(rows: UInt16(clamping: wish.rows), columns: UInt16(clamping: wish.columns)),
          settings: wish.settings)
      })
    let code = Files.make(run.directory + "/" + RunFile.launch, bytes: order.encoded)
    guard code == 0 else { throw filesFailed(run.directory, code) }
    unlink(run.socket)

    var own = Environment.ofOurs(home: places.home, role: "keeper", from: environment)
    own["APUS_UMASK"] = String(session.spec.umask ?? 0o022)
    own["APUS_KEEPS"] = run.directory
    let command = [try Detached.sibling("apus-keeper"), run.directory]
    var word = ""
    if case .reachable(let runtime) = UserScope.find(environment) {
      let unit = "apus-\(session.id)-\(run.number)-\(RandomID.conversation().prefix(8))"
      var scoped = own
      scoped["XDG_RUNTIME_DIR"] = runtime
      word = try await launch(UserScope.command(command, unit: unit), scoped)
      if word.isEmpty { log.warning("session \(session.id): no scope of the user's for its keeper; it starts without") }
    }
    if word.isEmpty { word = try await launch(command, own) }
    guard word == "R" else {
      throw Failure(
        .keeperFailed,
        "the keeper of \(session.name) did not start: \(SessionName.printable(word.isEmpty ? "it ended" : word))",
        hint: "`apus doctor` says what may be wrong")
    }
  }

  /// Starts a program that leaves our session by itself; its first words.
  private func launch(_ command: [String], _ environment: [String: String]) async throws -> String {
    let (ready, pid) = try Detached.start(
      program: command[0], arguments: Array(command.dropFirst()), environment: environment, directory: "/")
    children.whenEnded(pid) { _ in }
    return await word(from: ready)
  }

  /// Whether we chose the agent's words: a person's own `claude` command line gets no tools that it did not name.
  private func isOfOurWords(_ session: Session, _ opening: Opening) -> Bool {
    if case .given = opening { return false }
    return session.spec.arguments == nil
  }

  /// What makes the agent report to us, a person's own settings among it. Nil where theirs cannot be read: they go to
  /// the agent as they are, which says what is wrong with them as it would without us.
  private func agentSettings(_ session: Session, _ opening: Opening) async throws -> [UInt8]? {
    let program = try Detached.sibling("apus")
    var words = session.spec.arguments ?? []
    if case .given(let now) = opening { words = now }
    guard let given = ClaudeArguments(words).settings.last else {
      let rules = isOfOurWords(session, opening) ? [ClaudeServers.rule] : []
      return try ClaudeHooks.settings(program: program, allowing: rules)
    }
    var text: [UInt8]? = Array(given.utf8)
    if given.first(where: { !$0.isWhitespace }) != "{" {
      let path = given.hasPrefix("/") ? given : session.directory + "/" + given
      text = await Offload.run(withinMilliseconds: Self.settingsMilliseconds) { Files.load(path) } ?? nil
    }
    guard let text, let own = try? JSONText.decode(JSON.self, from: text), own.object != nil else { return nil }
    return try ClaudeHooks.settings(program: program, merging: own)
  }

  func filesFailed(_ path: String, _ code: Int32) -> Failure {
    Failure(
      code == ENOSPC ? .diskFull : .storeFailed, "\(path): \(String(cString: apus_error_text(code)))",
      hint: code == ENOSPC ? "make room, then do it again" : "`apus doctor` says what may be wrong")
  }

  /// Everything a starting program says on its pipe before it closes it.
  private func word(from number: Int32) async -> String {
    apus_set_nonblocking(number, 1)
    let pipe = Descriptor(number)
    var text: [UInt8] = []
    await withCheckedContinuation { continuation in
      let answer = Answer<Void>(continuation)
      pipe.onReadable = {
        var chunk = [UInt8](repeating: 0, count: 512)
        while true {
          let got = read(pipe.number, &chunk, chunk.count)
          if got > 0 {
            text += chunk[..<got]
            continue
          }
          if got < 0, errno == EAGAIN || errno == EINTR { return }
          pipe.close()
          return answer.give(())
        }
      }
      pipe.watch()
    }
    return String(decoding: text, as: UTF8.self).filter { $0 != "\n" }
  }

  /// Waits until the agent answered its greeting; throws what kept it from it.
  private func becomeReady(_ run: LiveRun) async throws {
    let limit = Int((try? settings.number(.startSeconds)) ?? 60) * 1000
    let until = apus_monotonic_milliseconds() + Int64(limit)
    let nobody = Caller.nobody()
    while !run.isEstablished {
      guard live[run.session] === run, !run.isOver else {
        if run.isStopping, run.endsBecause == nil { throw stoppedEarly(run) }
        throw sessions[run.session]?.problem
          ?? Failure(.agentCrashed, "the agent ended before it was ready", hint: "`apus logs --daemon` says more")
      }
      let left = until - apus_monotonic_milliseconds()
      guard left > 0 else {
        run.end(now: true, milliseconds: 0)
        throw Failure(
          .agentError, "the agent did not become ready in \(limit / 1000) s; it is ended",
          hint: "try `claude -p hello` in that directory; startSeconds sets the limit")
      }
      await changes.next(of: run.session, caller: nobody, milliseconds: Int(left))
    }
  }

  private func stoppedEarly(_ run: LiveRun) -> Failure {
    let name = sessions[run.session]?.name ?? run.session
    return Failure(
      .sessionEnded, "\(name) was stopped before its agent was ready", hint: "`apus resume \(name)` starts it again")
  }

  func hooks() -> LiveRun.Hooks {
    LiveRun.Hooks(
      changed: { [unowned self] run, events in follow(run, events) },
      ended: { [unowned self] run, ending in finish(run, ending) },
      lost: { [unowned self] run in keeperGone(run) },
      attached: { [unowned self] run in
        observe(run)
        look(run)
      })
  }
}
