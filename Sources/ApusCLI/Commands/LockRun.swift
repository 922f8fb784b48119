import ApusCore
import ApusLink
import ApusWire
import CSystem
import Glibc

// A command that runs while we have a lock. The right lasts as long as its whole tree: what it left running comes to us
// when its parent ends, so that we are through when nothing of it lives any more. Where we are killed the daemon sees to
// that tree by the mark in its environment.

/// Asks for locks, and keeps the place in the queue over the end of a daemon.
enum LockAsking {
  private static let answerMilliseconds: Int64 = 15_000

  /// Waits as long as the request says; who waits is told for whom.
  static func ask(_ request: LockRequest, _ context: Context) throws(Failure) -> [UInt8] {
    let began = apus_monotonic_milliseconds()
    var told = ""
    var tries = 0
    while true {
      var left = request
      if let wait = request.waitSeconds {
        left.waitSeconds = max(0, wait - Double(apus_monotonic_milliseconds() - began) / 1000)
      }
      do throws(Failure) {
        var link = try DaemonLink.open(try context.places, environment: context.environment)
        // The daemon keeps the time; this is for one that hangs.
        let patience = left.waitSeconds.map { Int64(min($0, 1e8) * 1000) + answerMilliseconds }
        let bytes = try link.ask(.lock, left, within: patience) { item in
          guard let reply = try? JSONText.decode(LockReply.self, from: item) else { return true }
          let text = waiting(reply)
          if text != told { context.output.note(text) }
          told = text
          return true
        }
        return bytes ?? []
      } catch {
        // The ticket is known to the next daemon, with its place.
        tries += 1
        guard error == DaemonLink.gone, request.waitSeconds != nil || tries < 3 else { throw error }
        poll(nil, 0, 50)
      }
    }
  }

  private static func waiting(_ reply: LockReply) -> String {
    let note = reply.holderNote.map { " for \"\(SessionName.excerpt($0))\"" } ?? ""
    let holder = reply.holder.map { "held by \($0.name) (\($0.id))\(note)" } ?? "not free yet"
    return "waiting for \(reply.waitsFor ?? "it"): \(holder); \(reply.place.map(LockWords.place) ?? "") in line"
  }
}

struct LockRun {
  private let request: LockRequest
  private let command: [String]
  private let verify: String?
  private let verifySeconds: Double
  private let context: Context
  private let beatSeconds: Double

  private static let usualBeat: Double = 30
  private static let verifyPauses: [Double] = [0.5, 1, 2, 5]
  private static let endingPause: Double = 0.05
  private static let beatPatience: Int64 = 5_000

  private enum Health {
    case healthy, unhealthy, lost
    /// Somebody wants us to end.
    case asked(Int32)
  }

  init(_ request: LockRequest, command: [String], _ options: LockCommand, _ context: Context) throws(Failure) {
    guard !options.isLater else { throw Usage.wrong("lock", "run waits; --later is for acquire") }
    self.request = request
    self.command = command
    verify = options.verify
    verifySeconds = options.verifyFor ?? 600
    self.context = context
    beatSeconds = min(Self.usualBeat, max(0.25, (request.leaseSeconds ?? LockTicket.usualLease) / 10))
  }

  func perform() throws(Failure) -> Int32 {
    _ = try ProgramSearch.find(command[0], context.environment["PATH"] ?? "/usr/bin:/bin")
    let reply: LockReply = try context.decode(try LockAsking.ask(request, context))
    var signals = Signals()
    let tree: (code: Int32, isLost: Bool)
    do throws(Failure) { tree = try run(reply, &signals) } catch {
      _ = release(reply)
      throw error
    }
    var health = tree.isLost ? Health.lost : .healthy
    if let verify, !tree.isLost { health = try keepUntil(verify, reply, &signals) }
    if case .lost = health {} else if !release(reply) { health = .lost }
    switch health {
    case .healthy: return tree.code
    case .lost:
      context.output.note("hint: `apus lock history \(reply.names[0])` says who has it and why")
      return tree.code == 0 ? ErrorCode.lockStale.exitCode : tree.code
    case .asked(let signal): return tree.code == 0 ? 128 + signal : tree.code
    case .unhealthy:
      if tree.code != 0 { return tree.code }
      throw Failure(
        .timedOut,
        "\(reply.names[0]) was released although its check never succeeded: \(SessionName.excerpt(verify ?? ""))",
        hint: "look what is wrong; --verify-for gives it more time")
    }
  }

  private static var now: Double { Double(apus_monotonic_milliseconds()) / 1000 }

  /// The command and all it left, to their end; where the right is lost they are brought to it.
  private func run(_ reply: LockReply, _ signals: inout Signals) throws(Failure) -> (code: Int32, isLost: Bool) {
    var tree = try CommandTree(command, variables(reply), mark: Self.mark(reply))
    var isLost = false
    var nextBeat = Self.now + beatSeconds
    while tree.lives {
      tree.wait(until: isLost ? Self.now + Self.endingPause : nextBeat, &signals)
      if !isLost, tree.lives, signals.isPoked || Self.now >= nextBeat {
        nextBeat = Self.now + beatSeconds
        isLost = beat(reply) == false
        if isLost { context.output.note("error: the lock \(reply.names[0]) was lost; its command is ended") }
      }
      if isLost { tree.end() }
    }
    signals.forget()
    return (tree.exitCode, isLost)
  }

  private func variables(_ reply: LockReply) -> [String: String] {
    var variables = context.environment
    variables[LockVariable.name] = reply.names[0]
    variables[LockVariable.token] = reply.tokens[reply.names[0]].map { String($0) }
    variables[LockVariable.ticket] = reply.ticket
    variables[LockVariable.owner] = (try? JSONText.string(reply.owner)) ?? ""
    let mark = LockVariable.mark(of: reply.ticket)
    variables[mark.name] = mark.value
    return variables
  }

  private static func mark(_ reply: LockReply) -> String {
    let mark = LockVariable.mark(of: reply.ticket)
    return mark.name + "=" + mark.value
  }

  /// False when the right is gone; nil where nobody could be asked: a daemon that is begun anew gives everybody the whole
  /// time again, so none is begun for this.
  private func beat(_ reply: LockReply) -> Bool? {
    do throws(Failure) {
      var link = try DaemonLink.open(try context.places, environment: context.environment, starting: false)
      _ = try link.ask(.heldLock, held(.renew, reply), within: Self.beatPatience)
      return true
    } catch { return error.code == .lockStale ? false : nil }
  }

  /// False where it was not ours any more.
  private func release(_ reply: LockReply) -> Bool {
    var wasCutOff = false
    for _ in 0..<5 {
      do throws(Failure) {
        _ = try context.raw(.heldLock, held(.release, reply))
        return true
      } catch {
        // What broke off may have been done.
        if error.code == .lockStale, !wasCutOff { context.output.note("error: \(error.summary)") }
        if error.code == .lockStale { return wasCutOff }
        // Without a daemon our end is what releases it.
        guard error == DaemonLink.gone else { return true }
        wasCutOff = true
        poll(nil, 0, 50)
      }
    }
    return true
  }

  private func held(_ act: HeldLockRequest.Act, _ reply: LockReply) -> HeldLockRequest {
    var held = HeldLockRequest(asker: request.asker, act: act, name: reply.names[0])
    held.token = reply.tokens[reply.names[0]]
    held.ticket = act == .release ? reply.ticket : nil
    held.seconds = request.leaseSeconds
    return held
  }

  /// Asks again and again, and stays alive for the daemon meanwhile.
  private func keepUntil(_ check: String, _ reply: LockReply, _ signals: inout Signals) throws(Failure) -> Health {
    let until = Self.now + verifySeconds
    var pauses = Self.verifyPauses[...]
    var nextBeat = Self.now + beatSeconds
    var isTold = false
    while true {
      var tree = try CommandTree(["/bin/sh", "-c", check], variables(reply), mark: Self.mark(reply))
      var isLost = false
      while tree.lives {
        let isEnding = isLost || Self.now >= until || signals.end != nil
        tree.wait(until: isEnding ? Self.now + Self.endingPause : min(nextBeat, until), &signals)
        isLost = isLost || !isKept(reply, signals, &nextBeat)
        if isLost || Self.now >= until || signals.end != nil { tree.end() }
      }
      if isLost { return .lost }
      if tree.exitCode == 0 { return .healthy }
      if !isTold { context.output.note("\(reply.names[0]) is kept until this succeeds: \(SessionName.excerpt(check))") }
      isTold = true
      let next = Self.now + (pauses.count > 1 ? pauses.removeFirst() : pauses.first ?? 1)
      while signals.end == nil, Self.now < min(next, until) {
        signals.wait(until: min(next, until, nextBeat))
        if !isKept(reply, signals, &nextBeat) { return .lost }
      }
      if let signal = signals.end { return .asked(signal) }
      if Self.now >= until { return .unhealthy }
    }
  }

  /// Says that we live where it is time to, or where the daemon asks.
  private func isKept(_ reply: LockReply, _ signals: Signals, _ nextBeat: inout Double) -> Bool {
    guard signals.isPoked || Self.now >= nextBeat else { return true }
    nextBeat = Self.now + beatSeconds
    guard beat(reply) == false else { return true }
    context.output.note("error: the lock \(reply.names[0]) was lost while its check did not succeed yet")
    return false
  }
}
