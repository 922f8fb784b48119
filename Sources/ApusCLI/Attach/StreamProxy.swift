import ApusAgents
import ApusCore
import ApusFrames
import ApusLink
import ApusWire
import CSystem
import Glibc

// `apus-claude` under a program that speaks stream-json with it. The agent is in a keeper; its bytes go through this
// process unread, in both directions, as if it were the agent. Only where the agent lives already, and may still be at
// work for a client that is gone, are lines looked at (`ClaudeHandover`), until it is this client's alone.
//
// What a client says reaches the keeper in whole lines: whoever is killed in the middle of one leaves none torn.

final class StreamProxy {
  /// With so much not taken by one side, no more is taken of the other.
  private static let most = 1 << 17
  /// How much of a recording is read to know where the agent stands: far more than a turn that waits for an answer.
  private static let past: UInt64 = 16 << 20
  /// And of its beginning, where servers were greeted.
  private static let beginning: UInt64 = 4 << 20
  /// What a client that ended said last is still taken.
  private static let leavingMilliseconds: Int64 = 5_000

  private var talk: KeeperTalk
  private let place: RunPlace
  private let parent: Parent
  private let persists: Bool
  private let signals: Int32
  private var output = OwnOutput(errors: false)
  private var errors = OwnOutput(errors: true)
  private var told: RunErrors
  private var piece = [UInt8](repeating: 0, count: 1 << 16)
  /// From where on the client hears the agent, and a line of it that is not whole yet, where lines matter.
  private var next: UInt64 = 0
  private var partial: [UInt8] = []
  /// A line of the client's that is not whole yet.
  private var unfinished: [UInt8] = []
  private var isOpen = true
  private var closes = false
  /// The keeper takes nothing any more.
  private var isDeaf = false
  /// Somebody wants us to end.
  private var isHurried = false
  private var handover: ClaudeHandover?
  /// Followed where the client may leave while the agent works, to know when its turn is over.
  private var standing: ClaudeStanding?
  private var outcome: Outcome?

  enum Outcome {
    case ended(KeptEnding)
    /// The agent lives on.
    case left(Int32)
  }

  /// `parent` is who started us; `persists`: a deliberate close leaves the agent alive.
  init(_ talk: consuming KeeperTalk, _ place: RunPlace, parent: Parent, persists: Bool) {
    self.talk = talk
    self.place = place
    self.parent = parent
    self.persists = persists
    signals = apus_signal_descriptor([SIGTERM, SIGINT, SIGHUP], 3)
    told = RunErrors(directory: place.directory, fromStart: place.isNew)
  }

  deinit { if signals >= 0 { close(signals) } }

  /// Passes everything on until the agent ends or the client leaves.
  func run() throws(Failure) -> Outcome {
    let past = place.isNew ? nil : look(until: talk.welcome.recorded)
    if let past { handover = ClaudeHandover(past) }
    if persists { standing = past ?? ClaudeStanding() }
    say(.follow(offset: next))
    relayErrors()
    while true {
      guard let outcome else {
        try pass()
        continue
      }
      passPartial()
      finish()
      return outcome
    }
  }

  /// What is owed goes out, however slowly it is read; but who was told to end does not wait for a reader.
  private func finish() {
    output.finish(unless: signals, milliseconds: isHurried ? 1_000 : nil)
    repeat {
      errors.finish(unless: signals, milliseconds: isHurried ? 1_000 : nil)
      relayErrors()
    } while errors.owed > 0 && !isHurried && !hasSignal
  }

  private var hasSignal: Bool {
    var waiting = pollfd(fd: signals, events: Int16(POLLIN), revents: 0)
    return poll(&waiting, 1, 0) > 0
  }

  /// Says something to the keeper. Where it has gone meanwhile, its last words are still to be heard.
  private func say(_ request: KeeperRequest) {
    guard !isDeaf else { return }
    do { try talk.send(request) } catch { isDeaf = true }
  }

  private var wantsToWrite: Bool { talk.wantsToWrite && !isDeaf }

  /// Reads what the agent wrote before, and goes on from its last line that is not whole.
  private func look(until end: UInt64) -> ClaudeStanding {
    let answered = RunRecord.text(place.directory + "/" + RunFile.answered).split(separator: 10)
    var standing = ClaudeStanding(answered: Set(answered.map { String(decoding: $0, as: UTF8.self) }))
    let from = end > Self.past ? end - Self.past : 0
    let bytes = RunRecord.text(place.directory + "/" + RunFile.recording, from: from, until: end)
    var whole = bytes[...]
    if from > 0 {
      standing.hear(
        beginning: RunRecord.text(place.directory + "/" + RunFile.recording, until: min(from, Self.beginning))[...])
      whole = whole[(whole.firstIndex(of: 10).map { $0 + 1 } ?? whole.endIndex)...]
    }
    standing.hear(recorded: whole)
    next = from + UInt64((bytes.lastIndex(of: 10) ?? -1) + 1)
    return standing
  }

  // MARK: passing

  private func pass() throws(Failure) {
    let takesInput = isOpen && (isDeaf || talk.waiting < Self.most) && (handover?.heldBytes ?? 0) < 64 * Self.most
    let takesOutput = output.owed < Self.most
    var watched = [
      pollfd(fd: takesInput ? 0 : -1, events: Int16(POLLIN), revents: 0),
      pollfd(
        fd: takesOutput || wantsToWrite ? talk.descriptor : -1,
        events: Int16((takesOutput ? POLLIN : 0) | (wantsToWrite ? POLLOUT : 0)), revents: 0),
      pollfd(fd: output.isRead ? 1 : -1, events: Int16(output.owed > 0 ? POLLOUT : 0), revents: 0),
      pollfd(fd: signals, events: Int16(POLLIN), revents: 0),
      pollfd(fd: errors.owed > 0 ? -1 : told.watch, events: Int16(POLLIN), revents: 0),
      pollfd(fd: errors.owed > 0 ? 2 : -1, events: Int16(POLLOUT), revents: 0),
    ]
    guard poll(&watched, UInt(watched.count), -1) > 0 else { return }
    if watched[3].revents != 0 { takeSignals() }
    if Int32(watched[2].revents) & POLLERR != 0 { output.leave() }
    output.flush()
    errors.flush()
    if watched[4].revents != 0 || watched[5].revents != 0 { relayErrors() }
    if watched[1].revents != 0 {
      if wantsToWrite { do { try talk.flush() } catch { isDeaf = true } }
      if takesOutput, Int32(watched[1].revents) & ~POLLOUT != 0 { try hear() }
    }
    if outcome == nil, watched[0].revents != 0 { try takeInput() }
  }

  private func hear() throws(Failure) {
    guard let replies = try talk.receive(&piece) else { return try endFromRecord() }
    for reply in replies {
      switch reply {
      case .output(let offset, let bytes):
        guard offset == next + UInt64(partial.count) else { throw KeeperTalk.gone }
        took(bytes)
      case .ending(let ending, _): outcome = .ended(ending)
      case .refused, .welcome, .taken, .trouble, .viewing, .leads, .sized, .stopped, .viewed, .speaker: break
      }
    }
  }

  private func took(_ bytes: [UInt8]) {
    guard handover != nil || standing != nil else {
      next += UInt64(bytes.count)
      return output.write(bytes)
    }
    partial += bytes
    guard let end = bytes.lastIndex(of: 10).map({ partial.count - bytes.count + $0 }) else { return }
    var rest = partial[...end]
    while handover != nil, let end = rest.firstIndex(of: 10) {
      perform(handover?.fromAgent(rest[...end]) ?? [])
      rest = rest[(end + 1)...]
    }
    standing?.hear(recorded: partial[...end])
    output.write(rest)
    next += UInt64(end + 1)
    partial.removeFirst(end + 1)
    if handover == nil, standing == nil { passPartial() }
    if !isOpen, !closes { leaveAtRest() }
  }

  /// What was kept back to look at it whole.
  private func passPartial() {
    if handover == nil { output.write(partial) }
    next += UInt64(partial.count)
    partial = []
  }

  private func perform(_ actions: [ClaudeHandover.Action]) {
    for action in actions {
      switch action {
      case .toAgent(let line): say(.type(line))
      case .toClient(let line): output.write(line)
      }
    }
    if closes, handover?.holds != true { say(.closeInput) }
    if handover?.isOver == true { handover = nil }
  }

  private func relayErrors() {
    while errors.owed == 0 {
      let more = told.next()
      if more.isEmpty { return }
      errors.write(more)
    }
  }

  // MARK: the client

  private func takeInput() throws(Failure) {
    let got = apus_read_to(0, &piece, piece.count, 0)
    if got < 0, errno == EAGAIN { return }
    guard got > 0 else { return inputEnded() }
    unfinished += piece[..<got]
    guard let newline = piece[..<got].lastIndex(of: 10) else {
      guard unfinished.count < Frame.largest / 2 else {
        throw Failure(.usage, "a line of more than 128 MB on standard input", hint: "name the file in it instead")
      }
      return
    }
    let end = unfinished.count - got + newline
    let whole = unfinished[...end]
    unfinished = Array(unfinished[(end + 1)...])
    pass(whole)
  }

  private func pass(_ lines: ArraySlice<UInt8>) {
    standing?.say(lines: lines)
    var rest = lines
    while handover != nil, let end = rest.firstIndex(of: 10) {
      perform(handover?.fromClient(rest[...end]) ?? [])
      rest = rest[(end + 1)...]
    }
    if !rest.isEmpty { say(.type(Array(rest))) }
    // Only then: what was not answered and is thought to be is waited for, for ever.
    RunRecord.answered(by: lines, place.directory)
  }

  /// The client closed our input, or was ended. The agent's is closed only in the first case.
  private func inputEnded() {
    isOpen = false
    if parent.isLeaving { return leave(0) }
    if !unfinished.isEmpty {
      // A last line ends with the input, which stays open where the agent lives on.
      if persists { unfinished.append(10) }
      standing?.say(lines: unfinished[...])
      if let actions = handover?.fromClient(unfinished[...]) {
        perform(actions)
      } else {
        say(.type(unfinished))
      }
    }
    if persists { return leaveAtRest() }
    closes = true
    if handover?.holds != true { say(.closeInput) }
  }

  /// Leaves the agent alive, once the turn that the client asked for is over or waits for what nobody here will answer.
  private func leaveAtRest() {
    guard let standing, standing.isAtWork, !standing.isWaiting else { return leave(0) }
  }

  private func takeSignals() {
    while case let signal = apus_signal_next(signals), signal != 0 {
      isHurried = true
      // A line that is cut or a terminal that closes ends nothing.
      if signal == SIGHUP || persists {
        leave(signal == SIGHUP ? 128 + SIGHUP : 0)
      } else {
        say(.signal(signal))
      }
    }
  }

  private func leave(_ code: Int32) {
    let until = apus_monotonic_milliseconds() + Self.leavingMilliseconds
    while wantsToWrite, apus_monotonic_milliseconds() < until {
      var room = pollfd(fd: talk.descriptor, events: Int16(POLLOUT), revents: 0)
      poll(&room, 1, 100)
      do { try talk.flush() } catch { isDeaf = true }
    }
    outcome = .left(code)
  }

  // MARK: the end

  /// The keeper has gone, as it does once a daemon has read the ending: the rest is on disk.
  private func endFromRecord() throws(Failure) {
    guard let ending = RunRecord.ending(place.directory) else { throw KeeperTalk.gone }
    took(RunRecord.text(place.directory + "/" + RunFile.recording, from: next + UInt64(partial.count)))
    outcome = .ended(ending)
  }
}
