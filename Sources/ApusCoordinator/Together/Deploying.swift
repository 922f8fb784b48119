import ApusCore
import ApusGit
import ApusLoop
import ApusWire

// The verbs of deployments.

extension Coordinator {
  private static let briefMilliseconds = 10_000
  private static let mostWatchers = 1_000

  /// Watches the newest deployment until it is ready, or until it is the asker's to fix, or for so long.
  package func deployWatch(_ request: DeployWatchRequest, _ caller: Caller) async throws -> DeployWatchReply {
    let asking = try identify(request.asker, ticket: request.id)
    if let session = asking.session, !session.state.isLive || session.state == .queued {
      throw Failure(
        .sessionNotRunning, "\(session.name) (\(session.id)) is not running: it can fix nothing",
        hint: "`apus resume \(session.name)` continues it")
    }
    guard request.waits || asking.session != nil else {
      throw Failure(
        .usage, "only a session can be told later how a deployment is",
        hint: "leave out --no-wait, or name one with --session")
    }
    let question = try question(of: request, asking)
    let one = try deployments.open(question)
    let id = asking.session?.id ?? "caller " + request.id
    guard one.state.watchers.count < Self.mostWatchers || one.state.watcher(id) != nil else {
      throw Failure(.limitReached, "\(Self.mostWatchers) watch that deployment already", hint: "`apus deploy status`")
    }
    let limit = max(0, question.settings.limit - request.waitedSeconds)
    let watcher = DeployWatcher(
      id: id, isSession: asking.session != nil, isAttended: true, stays: !request.waits,
      deadline: LockDesk.clock() + limit)
    one.homes[id] = (request.asker.directory, request.environment.filter { $0.key != "APUS_ROLE" })
    let word = await answer(to: watcher, of: one, DeployCall(caller, isBrief: !request.waits))
    if word == .timedOut {
      throw Failure(
        .timedOut, deployWords(.timedOut, id, one),
        hint: "`apus deploy status` says how it is; wait longer with --limit")
    }
    return deployReply(word, id, one)
  }

  /// Comes back with what becomes of it; nil: it goes on watching, and that is what it wanted to know.
  private func answer(to watcher: DeployWatcher, of one: Deployment, _ call: DeployCall) async -> DeployWord? {
    let key = UInt64(UInt(bitPattern: ObjectIdentifier(call)))
    var timer: UInt64?
    let word = await withCheckedContinuation { (continuation: CheckedContinuation<DeployWord?, Never>) in
      call.answer = Answer(continuation)
      one.calls[watcher.id, default: []].append(call)
      call.caller.whenGone(key) { [weak self] in self?.hangUp(call, watcher.id, one) }
      if call.isBrief {
        timer = Timers.shared.after(Self.briefMilliseconds) { [weak self] in self?.hangUp(call, watcher.id, one) }
      }
      happen(.joined(watcher), to: one)
    }
    if let timer { Timers.shared.cancel(timer) }
    call.caller.forget(key)
    return word
  }

  /// One call less; with the last of them nobody is connected for that watcher.
  func hangUp(_ call: DeployCall, _ id: String, _ one: Deployment) {
    one.calls[id]?.removeAll { $0 === call }
    if one.calls[id]?.isEmpty == true {
      one.calls[id] = nil
      happen(.left(id), to: one)
    }
    call.answer?.give(nil)
  }

  private func question(of request: DeployWatchRequest, _ asking: Asking) throws -> DeployQuestion {
    let directory = request.asker.directory
    var settings =
      guards.settings(checkout: Repository.checkout(of: directory) ?? directory, log: log).deploy ?? DeploySettings()
    if let seconds = request.intervalSeconds { settings.interval = max(0.05, min(seconds, 86_400)) }
    if let seconds = request.limitSeconds { settings.limit = max(0, min(seconds, 86_400 * 30)) }
    // What complains counts as well: some print their lists there.
    if let words = request.command, !words.isEmpty {
      let shown = words.map(Self.quoted).joined(separator: " ")
      guard shown.utf8.count <= 20_000, !words.contains(where: { $0.utf8.contains(0) }) else {
        throw Failure(.usage, "that command is too long", hint: "put it into a file")
      }
      return DeployQuestion(
        scope: asking.scope, command: shown, program: ["/bin/sh", "-c", "exec \"$@\" 2>&1", "sh"] + words,
        again: "apus deploy watch -- " + shown, directory: directory, settings: settings)
    }
    guard let command = settings.command, !command.isEmpty else {
      throw Failure(
        .usage, "nothing says which command tells how a deployment is",
        hint: "`apus deploy watch -- vercel ls`, or \"deploy\": {\"command\": \"vercel ls\"} in .apus/config.json")
    }
    return DeployQuestion(
      scope: asking.scope, command: command, program: ["/bin/sh", "-c", "exec 2>&1\n" + command],
      again: "apus deploy watch", directory: directory, settings: settings)
  }

  private static func quoted(_ word: String) -> String {
    let isPlain =
      !word.isEmpty && word.utf8.allSatisfy { $0 > 32 && $0 < 127 && !"'\"\\$`*?&|;<>(){}[]!#~".utf8.contains($0) }
    return isPlain ? word : "'" + word.replacing("'", with: "'\\''") + "'"
  }

  /// Every deployment of the repository that is or was watched.
  package func deployStatus(_ request: DeployStatusRequest) throws -> [DeploymentObject] {
    let asking = try identify(request.asker)
    return deployments.all.values.filter { $0.question.scope == asking.scope }
      .sorted { $0.question.command < $1.question.command }
      .map { one in
        DeploymentObject(
          command: one.question.command, reading: one.reading, lock: one.question.settings.lock,
          interval: one.question.settings.interval, checkedAt: one.checkedAt, fixer: one.state.fixer.map(owner),
          watchers: one.state.watchers.map { $0.isSession ? owner($0.id).name : "a shell" }, now: now)
      }
  }

  private func owner(_ id: String) -> LockOwner { LockOwner(id: id, name: sessions[id]?.name ?? id, isSession: true) }

  // MARK: words

  func deployReply(_ word: DeployWord?, _ id: String, _ one: Deployment) -> DeployWatchReply {
    let lock = locks.book.locks[one.question.lock]
    let outcome: DeployWatchReply.Outcome
    switch word {
    case .ready: outcome = .ready
    case .job: outcome = .job
    case .failed: outcome = one.state.watcher(id) == nil ? .failed : .watching
    case .building, .unknown, .awaited, .timedOut, nil: outcome = .watching
    }
    var token: Int64?
    if let ticket = one.state.watcher(id)?.ticket, one.state.fixer == id {
      token = locks.book.tickets[ticket]?.tokens.first
    }
    return DeployWatchReply(
      outcome: outcome, reading: one.reading, command: one.question.command, lock: one.question.settings.lock,
      fixer: one.state.fixer.map(owner), holder: lock?.owner, token: token,
      words: deployWords(word ?? presentWord(id, one), id, one))
  }

  /// How it stands, for who asked nothing but that.
  private func presentWord(_ id: String, _ one: Deployment) -> DeployWord {
    switch one.reading.state {
    case .ready: .ready
    case .error: one.state.fixer == id ? .awaited : .failed(fixer: one.state.fixer)
    case .building: .building
    case .unknown: .unknown(one.reading.text)
    }
  }

  func deployWords(_ word: DeployWord, _ id: String, _ one: Deployment) -> String {
    let (text, lock) = (one.reading.text, one.question.settings.lock)
    switch word {
    case .ready: return "The newest deployment is ready: \(text)"
    case .job:
      return
        "The newest deployment failed: \(text)\nYou have the lock \(lock), and nobody else fixes this. Fix it, push, then "
        + "run `\(one.question.again)` again. The lock is released by itself once the deployment is ready; "
        + "`apus lock release \(lock)` leaves it to the next."
    case .failed(let fixer):
      if let fixer {
        let name = owner(fixer).name
        return "The newest deployment failed: \(text)\n\(name) (\(fixer)) has the job of fixing it."
      }
      if let holder = locks.book.holder(of: one.question.lock) {
        return "The newest deployment failed: \(text)\nThe lock \(lock) is held by \(holder.name) (\(holder.id))."
      }
      return "The newest deployment failed: \(text)\nNobody has the job of fixing it."
    case .building: return "The newest deployment is not ready yet: \(text)"
    case .unknown(let why): return "How the newest deployment is, is not known: \(why)"
    case .awaited:
      return "You have the lock \(lock) for this failure, and there is no newer deployment yet: \(text)"
    case .timedOut:
      return
        "no deployment was ready within \(DurationText.text(one.question.settings.limit)); the last that was read: \(text)"
    }
  }
}
