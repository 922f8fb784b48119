import ApusCore
import ApusLoop
import ApusWire
import CSystem

// How a deployment is followed: its command is run as long as somebody watches, what Core decides is done, and what has to
// outlive the daemon is kept.

extension Coordinator {
  private static let valueName = "deploy.watches"
  private static let returnMilliseconds = 60_000
  private static let queueSeconds: Double = 86_400 * 30

  /// Takes up what the last daemon followed.
  func beginDeployments() throws {
    var known: Set<String> = []
    if let text = try store.loadValue(Self.valueName) {
      deployments.kept = text
      for var one in (try? JSONText.decode([KeptDeployment].self, from: text.utf8)) ?? [] {
        one.state.restart { sessions[$0]?.state.isLive == true }
        guard one.state.isWatched else { continue }
        let deployment = Deployment(one.question, one.state)
        deployments.all[one.question.key] = deployment
        known.formUnion(one.state.tickets)
        compare(deployment)
        look(at: deployment)
        schedule(deployment)
        Timers.shared.after(Self.returnMilliseconds) { [weak self] in
          for watcher in deployment.state.watchers where deployment.calls[watcher.id] == nil {
            self?.happen(.left(watcher.id), to: deployment)
          }
        }
      }
    }
    // Asked for in the last moment of a daemon that could not write that down.
    let lost = locks.book.tickets.keys.filter { $0.hasPrefix(DeployDesk.ticketPrefix) && !known.contains($0) }
    if !lost.isEmpty { locks.performQuietly(lost.map { .left(ticket: $0) }) }
  }

  /// A session's run is over: it watches nothing any more.
  func endDeployments(of session: String) {
    for one in deployments.all.values where one.state.watcher(session) != nil {
      happen(.ended(session), to: one)
      for call in one.calls.removeValue(forKey: session) ?? [] { call.answer?.give(nil) }
    }
  }

  /// These locks look different now: somebody may have got the job, or given it back.
  func deployLocksChanged(_ keys: Set<LockKey>) {
    for one in deployments.all.values where keys.contains(one.question.lock) && !one.state.tickets.isEmpty {
      LoopActor.begin { [self] in compare(one) }
    }
  }

  /// The lock's own book is what counts.
  private func compare(_ one: Deployment) {
    for ticket in one.state.tickets where locks.book.tickets[ticket] == nil { happen(.lost(ticket: ticket), to: one) }
    for watcher in one.state.watchers where watcher.tookAt == nil {
      if let ticket = watcher.ticket, locks.book.tickets[ticket]?.isComplete == true {
        happen(.took(ticket: ticket, waited: true), to: one)
      }
    }
  }

  // MARK: looking

  private func look(at one: Deployment) {
    guard !one.isLooking else { return one.looksAgain = true }
    if let timer = one.nextLook { Timers.shared.cancel(timer) }
    one.nextLook = nil
    one.isLooking = true
    one.looksAgain = false
    let question = one.question
    let (directory, environment) = home(of: one)
    let began = LockDesk.clock()
    LoopActor.begin { [self] in
      let reading = await Offload.run { question.read(in: directory, environment) }
      one.isLooking = false
      one.checkedAt = now
      if reading.state != one.state.latest?.state {
        log.info("deployment \(question.command): \(reading.state.rawValue): \(reading.text)")
      }
      happen(.read(reading, began: began), to: one)
      for (id, calls) in one.calls { for call in calls where call.isBrief { hangUp(call, id, one) } }
      guard one.state.isWatched, !isShuttingDown else { return }
      if one.looksAgain { return look(at: one) }
      guard !one.isLooking else { return }
      one.nextLook = Timers.shared.after(Int(one.question.settings.interval * 1000)) { [weak self] in
        one.nextLook = nil
        if one.state.isWatched { self?.look(at: one) }
      }
    }
  }

  /// Where the command runs: where the first who watches asked from, else where that session works.
  private func home(of one: Deployment) -> (String, [String: String]) {
    for watcher in one.state.watchers {
      if let home = one.homes[watcher.id] { return home }
      if let session = sessions[watcher.id] {
        return (one.question.directory, session.spec.environment.filter { $0.key != "APUS_ROLE" })
      }
    }
    return (one.question.directory, environment)
  }

  private func schedule(_ one: Deployment) {
    if let timer = one.nextDeadline { Timers.shared.cancel(timer) }
    one.nextDeadline = nil
    guard let next = one.state.nextDeadline else { return }
    let milliseconds = max(0, (next - LockDesk.clock()) * 1000).rounded(.up)
    one.nextDeadline = Timers.shared.after(Int(min(milliseconds, 1e9))) { [weak self] in
      one.nextDeadline = nil
      self?.happen(.ticked, to: one)
    }
  }

  // MARK: doing

  /// Lets the rule decide, and does it.
  func happen(_ event: DeployEvent, to one: Deployment) {
    let before = one.state
    let actions = one.state.handle(event, now: LockDesk.clock())
    for action in actions { perform(action, of: one) }
    if one.state.watchers != before.watchers || one.state.known?.identity != before.known?.identity
      || one.state.known?.state != before.known?.state
    {
      keepDeployments()
    }
    for id in Array(one.homes.keys) where one.state.watcher(id) == nil { one.homes[id] = nil }
    schedule(one)
  }

  private func perform(_ action: DeployAction, of one: Deployment) {
    switch action {
    case .ask(let ticket, let id, let note): ask(ticket, id, note, one)
    case .leave(let ticket):
      guard locks.book.tickets[ticket] != nil, locks.book.locks[one.question.lock]?.drain?.ticket != ticket else {
        return
      }
      locks.performQuietly([.left(ticket: ticket)])
    case .note(let ticket, let text):
      guard locks.book.locks[one.question.lock]?.holds.contains(ticket) == true else { return }
      locks.performQuietly([.noted(one.question.lock, note: text)])
    case .settle: happen(.settled, to: one)
    case .look: look(at: one)
    case .answer(let id, let word):
      for call in one.calls.removeValue(forKey: id) ?? [] { call.answer?.give(word) }
    case .say(let id, let word):
      guard let bytes = try? JSONText.encode(deployReply(word, id, one)) else { return }
      for call in one.calls[id] ?? [] { LoopActor.begin { await call.caller.item(bytes) } }
    case .tell(let id, let word, let wakes):
      guard sessions[id]?.state.isLive == true else { return }
      leave(Notice(session: id, kind: .deploy, from: nil, text: deployWords(word, id, one), at: now, wakes: wakes))
    }
  }

  private func ask(_ id: String, _ watcher: String, _ note: String, _ one: Deployment) {
    guard let session = sessions[watcher], session.state.isLive else { return happen(.ended(watcher), to: one) }
    var ticket = LockTicket(
      id: id, owner: LockOwner(id: watcher, name: session.name, isSession: true), keys: [one.question.lock],
      anchor: .session(watcher), since: now)
    ticket.note = note
    ticket.deadline = LockDesk.clock() + Self.queueSeconds
    do {
      for effect in try locks.perform([.asked(ticket)]) {
        switch effect {
        case .granted(id): return happen(.took(ticket: id, waited: false), to: one)
        case .refused(id, _): return happen(.lost(ticket: id), to: one)
        default: continue
        }
      }
    } catch {
      log.error("session \(watcher): it cannot be given the lock \(one.question.lock.name): \(error)")
      happen(.lost(ticket: id), to: one)
    }
  }

  /// Jobs, and sessions that are told later, outlive the daemon.
  private func keepDeployments() {
    let lasting = deployments.all.sorted { $0.key < $1.key }.map(\.value).filter { !$0.state.lasting.isEmpty }
      .map { KeptDeployment(question: $0.question, state: $0.state) }
    do {
      let text = lasting.isEmpty ? "" : try JSONText.string(lasting)
      guard text != deployments.kept else { return }
      if text.isEmpty { try store.removeValue(Self.valueName) } else { try store.saveValue(Self.valueName, text) }
      deployments.kept = text
    } catch { log.error("deployments are not kept: \(error)") }
  }
}
