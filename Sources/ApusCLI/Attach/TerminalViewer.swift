import ApusCore
import ApusFrames
import ApusTerminal
import CSystem
import Glibc

// Sits between a person's terminal and a keeper: paints what the agent's screen is now, then hands bytes on in both
// directions. It holds nothing the agent needs: whatever becomes of it, the agent does not notice.

/// One sitting at an agent's terminal.
final class TerminalViewer {
  /// How it behaves.
  struct Manner {
    var wish: View.Wish
    /// Nil: every key is the agent's.
    var keys: DetachKeys?
    /// As if the agent ran here itself: signals are its, and it may stop us.
    var isDropIn = false
    /// Shown at the bottom for a moment.
    var notice: String?
    var noticeMilliseconds: Int64 = 2_500
  }

  enum Outcome {
    case detached
    /// The terminal went away.
    case hungUp
    case ended(KeptEnding)
  }

  private static let chunk = 1 << 16
  /// With so much to be written nothing more is taken in.
  private static let comfortable = 1 << 18
  /// Once it was more, nothing is taken in before only so much is left.
  private static let relieved = 1 << 16
  /// A viewer that fell so far behind is shown the screen as it is instead of all that went by.
  private static let tooFarBehind: UInt64 = 4 << 20
  /// Drawing takes in some 70 MB a second: nobody waits longer than this for a screen while the agent writes.
  private static let drawnSoon: UInt64 = 2 << 20
  /// How often it is looked whether the agent rests, or whether the disk is still full.
  private static let waitingMilliseconds: Int64 = 2_500
  /// After so long without another size it is the last one.
  private static let settledMilliseconds: Int64 = 150
  /// A keeper that hangs up sooner does not want us.
  private static let leastMilliseconds: Int64 = 1_000
  /// So much may be typed that the agent does not take: behind it there may be the keys that detach.
  private static let mostTyped = 1 << 20

  private let terminal: OwnTerminal
  private let directory: String
  private var talk: KeeperTalk
  private var manner: Manner
  private let signals: Int32
  private var passing: Passing
  /// The offset of the next byte to be taken in.
  private var position: UInt64 = 0
  private var leads = false
  /// Something of the agent's was shown: the terminal may be in modes of the agent's.
  private var isPainted = false
  /// The testament leaves the alternate screen.
  private var leavesAlternate = false
  private var isBehind = false
  /// The screen was painted, and the person's own title put aside for that.
  private var hasPainted = false
  /// What is written over the last line, and until when it is to be seen.
  private var notice: (text: String, until: Int64)?
  /// When the picture is due to be painted anew.
  private var paintAt: Int64?
  /// A terminal that changed its size may have moved what it shows: then all of it is painted again.
  private var isMoved = false
  /// Why the recording cannot be written at the moment; 0 when it can.
  private var trouble: Int32 = 0
  private var since = apus_monotonic_milliseconds()
  private var outcome: Outcome?
  private var piece = [UInt8](repeating: 0, count: chunk)

  init(_ terminal: OwnTerminal, directory: String, talk: consuming KeeperTalk, manner: Manner) {
    self.terminal = terminal
    self.directory = directory
    self.talk = talk
    self.manner = manner
    passing = Passing()
    signals = apus_signal_descriptor([SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGCONT], 6)
  }

  deinit { Glibc.close(signals) }

  /// Sits there until the agent ends, the person leaves or the terminal goes away.
  func sit(fromStart: Bool) throws(Failure) -> Outcome {
    terminal.lend()
    defer { terminal.takeBack() }
    do throws(Failure) {
      try begin(fromStart: fromStart)
      while outcome == nil {
        do throws(Failure) { try turn() } catch { try comeBack(after: error) }
      }
      try end()
    } catch {
      if !isEnded {
        putRight(below: true)
        throw error
      }
    }
    return outcome ?? .detached
  }

  private func begin(fromStart: Bool) throws(Failure) {
    try talk.send(.view(view(wish: manner.wish)))
    guard let replies = try talk.wait(for: { if case .viewing = $0 { true } else { false } }) else {
      throw KeeperTalk.gone
    }
    for reply in replies {
      guard case .viewing(let available, _, let leads) = reply else { continue }
      self.leads = leads
      if fromStart {
        isPainted = true
        try talk.send(.follow(offset: 0))
      } else {
        try paint(until: available, clearing: true)
      }
    }
    since = apus_monotonic_milliseconds()
    trouble = talk.trouble
    if trouble != 0 { show(Self.fullDisk) } else if let notice = manner.notice { show(notice) }
  }

  /// A keeper lets go of a viewer that took nothing for long, and does its last will. Where the keeper is still there, so
  /// are we again, at the screen as it is now.
  private func comeBack(after failure: Failure) throws(Failure) {
    guard failure.code == .keeperFailed, outcome == nil, apus_monotonic_milliseconds() > since + Self.leastMilliseconds,
      let again = try KeeperTalk.open(socket: talk.socket)
    else { throw failure }
    talk = again
    terminal.lend()
    manner.wish = wishNow
    try begin(fromStart: false)
  }

  private func view(wish: View.Wish) -> View {
    View(
      wish: wish, size: terminal.size,
      testament: View.Testament(
        device: terminal.device, settings: terminal.settings,
        bytes: TerminalModes.undoingAnything + (leavesAlternate ? TerminalModes.leavingAlternate : [])))
  }

  // MARK: showing

  /// Shows the agent's screen as it was at that offset, and goes on from there.
  private func paint(until offset: UInt64, clearing: Bool) throws(Failure) {
    guard let drawn = RecordedScreen.load(directory: directory, until: offset) else {
      throw Failure(
        .keeperFailed, "the recording of the run cannot be read", hint: "`apus doctor` says what may be wrong")
    }
    // What is cut off may be in the middle of a sequence.
    if terminal.waiting > 0 { terminal.cutOff() }
    // In one go, where the terminal knows how: it is brought back from whatever modes it is in first.
    var bytes = Array((isPainted ? "\u{1B}[?2026h" : "").utf8)
    if isPainted { bytes += undoing }
    (hasPainted, isMoved) = (true, false)
    // What the person had there goes where their terminal keeps what scrolled away.
    if !isPainted {
      let rows = Int(terminal.size.rows)
      bytes += Array("\u{1B}[r\u{1B}[\(rows);1H".utf8) + [UInt8](repeating: 10, count: rows)
    }
    if clearing { bytes += Array("\u{18}\u{1B}[0m\u{1B}[r\u{1B}[H\u{1B}[2J".utf8) }
    bytes += drawn.screen.paint()
    if isPainted, !drawn.screen.modes.isSet(2026) { bytes += Array("\u{1B}[?2026l".utf8) }
    passing = Passing(modes: drawn.screen.modes)
    try write(bytes)
    isPainted = true
    position = drawn.end - UInt64(drawn.screen.pendingBytes)
    isBehind = false
    try talk.send(.follow(offset: position))
  }

  private func write(_ bytes: [UInt8]) throws(Failure) {
    // Before the terminal shows the alternate screen the testament knows of it, and as long as it may.
    if passing.modes.isAlternate { try keepTestament() }
    terminal.write(bytes)
    try keepTestament()
  }

  private func keepTestament() throws(Failure) {
    let mayBeAlternate = passing.modes.isAlternate || (leavesAlternate && terminal.waiting > 0)
    guard mayBeAlternate != leavesAlternate else { return }
    leavesAlternate = mayBeAlternate
    try talk.send(.view(view(wish: wishNow)))
  }

  private var wishNow: View.Wish { manner.wish == .watch ? .watch : .follow }

  private func took(_ bytes: [UInt8], at offset: UInt64) throws(Failure) {
    let end = offset + UInt64(bytes.count)
    // Of what was asked for before the last painting.
    guard end > position else { return }
    // The oldest part of the recording went before we came to it.
    guard offset <= position else {
      return try paint(until: max(end, RecordedScreen.end(directory: directory)), clearing: true)
    }
    try write(passing.pass(bytes[Int(position - offset)...]))
    position = end
  }

  /// Where the screen is now, if what was shown last is long past.
  private var farAhead: UInt64? {
    let end = RecordedScreen.end(directory: directory)
    return end > position + Self.tooFarBehind ? end : nil
  }

  /// Who was held up for long sees what is, not all that was, unless handing that on is sooner done than drawing: then
  /// it is asked again a little later. A keeper leaves a screen whenever its agent rests.
  private func catchUp() throws(Failure) {
    isBehind = false
    guard let end = farAhead, isDrawnSoon(end) else { return }
    try paint(until: end, clearing: true)
  }

  private func isDrawnSoon(_ offset: UInt64) -> Bool {
    RecordedScreen.work(directory: directory, until: offset) <= Self.drawnSoon
  }

  private static let fullDisk = "the disk is full: the agent may have to wait"

  private func show(_ notice: String) {
    let milliseconds = trouble != 0 ? Self.waitingMilliseconds : manner.noticeMilliseconds
    let until = apus_monotonic_milliseconds() + milliseconds
    self.notice = (notice, until)
    paintAt = min(paintAt ?? .max, until)
    write(notice)
  }

  private func write(_ notice: String) {
    let size = terminal.size
    let text = Width.cut(" " + notice + " ", Int(size.columns))
    // Over the last line, in reverse; then back to where the agent's cursor is.
    terminal.write(
      Array("\u{1B}7\u{1B}[?6l\u{1B}[\(size.rows);1H\u{1B}[0;7m\(text)\u{1B}[0m\u{1B}8".utf8))
  }

  /// Puts the person's terminal back as a shell expects it.
  /// `below`: and goes on below all that is on it.
  private func putRight(below: Bool = false) {
    terminal.write(undoing)
    if below { terminal.write(Array("\u{1B}[\(terminal.size.rows);1H\r\n".utf8)) }
    terminal.drain(milliseconds: 1000)
    terminal.takeBack()
  }

  private static let titleBack = Array("\u{1B}[23;0t".utf8)

  /// A painting puts the person's own title aside; where there was none, none is to be brought back.
  private var undoing: [UInt8] {
    let bytes = passing.modes.undoing
    guard !hasPainted, bytes.suffix(Self.titleBack.count) == Self.titleBack[...] else { return bytes }
    return bytes.dropLast(Self.titleBack.count)
  }

  // MARK: the loop

  private func turn() throws(Failure) {
    let takesMore = terminal.waiting < (isBehind ? Self.relieved : Self.comfortable)
    var watched = [
      pollfd(fd: talk.waiting > Self.mostTyped ? -1 : 0, events: Int16(POLLIN), revents: 0),
      // Not even that the keeper hung up is of interest before there is room for what it said.
      pollfd(
        fd: takesMore || talk.wantsToWrite ? talk.descriptor : -1,
        events: Int16((takesMore ? POLLIN : 0) | (talk.wantsToWrite ? POLLOUT : 0)), revents: 0),
      pollfd(fd: signals, events: Int16(POLLIN), revents: 0),
      pollfd(fd: terminal.descriptor, events: terminal.waiting > 0 ? Int16(POLLOUT) : 0, revents: 0),
    ]
    let until = paintAt.map { max(0, $0 - apus_monotonic_milliseconds()) } ?? -1
    if poll(&watched, 4, Int32(clamping: until)) < 0, errno != EINTR { throw KeeperTalk.gone }
    if watched[2].revents != 0 { try takeSignals() }
    if Int32(watched[3].revents) & (POLLERR | POLLHUP) != 0 { outcome = outcome ?? .hungUp }
    if outcome != nil { return }
    terminal.flush()
    if leavesAlternate { try keepTestament() }
    if !takesMore { isBehind = true } else if isBehind { try catchUp() }
    if watched[0].revents != 0 { try takeKeys() }
    try talk.flush()
    if takesMore, watched[1].revents != 0 { try hear() }
    if let paintAt, case let now = apus_monotonic_milliseconds(), now >= paintAt { try paintAgain(now) }
  }

  private func paintAgain(_ now: Int64) throws(Failure) {
    // Why the agent waits is to be seen as long as it does.
    if trouble != 0 { return show(Self.fullDisk) }
    // Where much was written meanwhile, it waits until the agent rests: by then it has long gone out of the picture.
    let offset = farAhead ?? position
    guard isDrawnSoon(offset) else { return paintAt = now + Self.waitingMilliseconds }
    paintAt = nil
    try paint(until: offset, clearing: isMoved)
    guard let notice, notice.until > now else { return self.notice = nil }
    paintAt = notice.until
    write(notice.text)
  }

  private func hear() throws(Failure) {
    guard let replies = try talk.receive(&piece) else { throw KeeperTalk.gone }
    for reply in replies {
      switch reply {
      case .output(let offset, let bytes): try took(bytes, at: offset)
      case .ending(let ending, _): outcome = .ended(ending)
      case .leads(let leads): try lead(leads)
      case .sized:
        guard !manner.isDropIn else { continue }
        isMoved = true
        paintAt = min(paintAt ?? .max, apus_monotonic_milliseconds() + Self.settledMilliseconds)
      case .stopped(let stopped): if stopped { try agentStopped() }
      case .trouble(let code):
        trouble = code
        if code != 0 { show(Self.fullDisk) } else { (notice, paintAt) = (nil, apus_monotonic_milliseconds()) }
      case .welcome, .taken, .refused, .viewing, .viewed, .speaker: break
      }
    }
  }

  private func lead(_ leads: Bool) throws(Failure) {
    self.leads = leads
    if leads { try talk.send(.size(terminal.size)) }
    if manner.notice != nil { show(leads ? "you lead now" : "another leads now; you watch") }
  }

  private func takeKeys() throws(Failure) {
    let got = apus_read_to(0, &piece, piece.count, 0)
    guard got > 0 else {
      if got < 0, errno == EAGAIN { return }
      outcome = .hungUp
      return
    }
    guard manner.keys != nil else { return try talk.send(.type(Array(piece[..<got]))) }
    for part in manner.keys?.take(piece[..<got]) ?? [] {
      switch part {
      case .keys(let keys): if leads { try talk.send(.type(keys)) }
      case .lead: if manner.wish != .watch { try talk.send(.lead) }
      case .detach:
        outcome = .detached
        return
      }
    }
  }

  private func takeSignals() throws(Failure) {
    while case let signal = apus_signal_next(signals), signal != 0 {
      switch signal {
      case SIGWINCH: try talk.send(.size(terminal.size))
      case SIGCONT: try goOn()
      case SIGHUP: outcome = .hungUp
      case SIGTERM, SIGINT, SIGQUIT:
        if manner.isDropIn { try talk.send(.signal(signal)) } else { outcome = .detached }
      default: break
      }
    }
  }

  /// Stopped from outside, and the shell has had the terminal meanwhile. (In the agent's stead it is the agent that draws
  /// again.)
  private func goOn() throws(Failure) {
    guard !manner.isDropIn else { return }
    terminal.lend()
    try talk.send(.size(terminal.size))
    try paint(until: farAhead ?? position, clearing: true)
  }

  /// The agent stopped itself, as by Ctrl-Z: whoever runs it in the agent's stead stops as well, and both go on together.
  private func agentStopped() throws(Failure) {
    guard manner.isDropIn else {
      if leads { try talk.send(.signal(SIGCONT)) }
      return
    }
    putRight()
    raise(SIGSTOP)
    terminal.lend()
    try talk.send(.size(terminal.size))
    try talk.send(.signal(SIGCONT))
  }

  private var isEnded: Bool {
    if case .ended? = outcome { true } else { false }
  }

  private func end() throws(Failure) {
    switch outcome {
    case .hungUp:
      // Told to go, it may still have its terminal.
      putRight()
      try? talk.leave()
    case .detached, .ended, nil:
      // What has ended here by itself left the terminal as it wanted; only what it could not put right is.
      if isEnded, manner.isDropIn, !passing.isUnusual {
        terminal.drain(milliseconds: 1000)
      } else {
        putRight(below: !isEnded)
      }
      try? talk.leave()
    }
  }
}
