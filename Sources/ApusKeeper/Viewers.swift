import ApusFrames
import CSystem
import Glibc

/// All who are attached: who they are, who of them leads, what each is still owed.
struct Viewers {
  /// Tokens of viewers on the loop begin here.
  static let firstToken: UInt64 = 16
  /// A viewer that takes nothing for this long is dropped.
  static let slowMilliseconds: Int64 = 30_000
  private static let againMilliseconds: Int64 = 10

  private let poll: Int32
  private let listener: Int32
  private var all: [UInt64: Viewer] = [:]
  private var next = firstToken
  private var leading = Leading()
  /// Who speaks with the agent over its pipes.
  private(set) var speaker: UInt64?
  /// Last wills of those that are gone, whose terminals have no room for them yet.
  private var testaments: [OpenTestament] = []
  private var chunk = [UInt8](repeating: 0, count: 1 << 14)

  init(poll: Int32, listener: Int32) {
    self.poll = poll
    self.listener = listener
  }

  var tokens: [UInt64] { Array(all.keys) }
  subscript(_ token: UInt64) -> Viewer? {
    get { all[token] }
    set { all[token] = newValue }
  }

  /// Whether anybody looks at the terminal.
  var anyoneViews: Bool { all.values.contains { $0.isViewing } }
  var lead: UInt64? { leading.lead }

  mutating func accept() {
    while true {
      let descriptor = apus_unix_accept(listener)
      guard descriptor >= 0 else { return }
      var user: uid_t = 0
      guard apus_peer_user(descriptor, &user) == 0, user == getuid() else {
        close(descriptor)
        continue
      }
      apus_poll_set(poll, descriptor, next, 1, 0, 0)
      all[next] = Viewer(descriptor: descriptor)
      next += 1
    }
  }

  /// What that viewer asks; nil where it is gone.
  mutating func receive(from token: UInt64) -> [KeeperRequest]? { all[token]?.receive(&chunk) }

  mutating func send(_ reply: KeeperReply, to token: UInt64) { all[token]?.send(reply) }

  /// Tells all who view the terminal.
  mutating func tellViewing(_ reply: KeeperReply, except token: UInt64? = nil) {
    for each in tokens where each != token && all[each]?.isViewing == true { send(reply, to: each) }
  }

  /// Tells all who have greeted: the welcome is always the first word.
  mutating func tellGreeted(_ reply: KeeperReply) {
    for each in tokens where all[each]?.greeted == true { send(reply, to: each) }
  }

  /// A viewer of the terminal comes, or wants to be another one than it was. Returns the size the agent is to have
  /// from now on, where the lead changed.
  mutating func view(_ view: View, by token: UInt64) -> TerminalSize? {
    all[token]?.testament?.tearUp()
    all[token]?.size = view.size
    all[token]?.testament = view.testament.flatMap { OpenTestament($0) }
    let size = tell(leading.join(token, view.wish))
    return lead == token ? view.size : size
  }

  /// The first who asks speaks with the agent until it goes.
  mutating func speak(_ token: UInt64, process: Int32) {
    guard speaker == nil else { return send(.speaker(speaking), to: token) }
    speaker = token
    all[token]?.process = process
    tellGreeted(.speaker(process))
  }

  /// The process that speaks; 0 where there is none.
  var speaking: Int32 { speaker.flatMap { all[$0]?.process } ?? 0 }

  mutating func takeLead(_ token: UInt64) -> TerminalSize? { tell(leading.take(token)) }

  private mutating func tell(_ changes: [Leading.Change]) -> TerminalSize? {
    for change in changes { send(.leads(change.leads), to: change.viewer) }
    return changes.last { $0.leads }.flatMap { all[$0.viewer]?.size }
  }

  private var toldViewed = false

  /// Tells who waits for the ending alone (a daemon, from version 2 on) when somebody comes to view, or the last goes.
  mutating func tellViewed() {
    guard anyoneViews != toldViewed else { return }
    toldViewed = anyoneViews
    for each in tokens where all[each]?.following == .max { send(.viewed(toldViewed), to: each) }
  }

  /// Sends everybody what it is owed. While the agent's input `isFull`, whoever typed too much is not listened to.
  /// Returns those that are gone or took nothing for too long.
  mutating func serve(_ recording: Recording, ending: KeptEnding?, isFull: Bool, now: Int64) -> [UInt64] {
    var gone: [UInt64] = []
    for token in tokens {
      guard var viewer = all.removeValue(forKey: token) else { continue }
      let fine = viewer.write(recording, ending: ending, now: now)
      // A client of the agent's may read when it likes, as it might of the agent itself.
      let slow = token != speaker && viewer.blockedSince.map { now - $0 >= Self.slowMilliseconds } ?? false
      viewer.isHeld = viewer.isHeld && isFull
      let wanted = (readable: !viewer.isHeld, writable: viewer.blockedSince != nil)
      if wanted != viewer.watched {
        apus_poll_set(poll, viewer.descriptor, token, wanted.readable ? 1 : 0, wanted.writable ? 1 : 0, 1)
        viewer.watched = wanted
      }
      all[token] = viewer
      if !fine || slow { gone.append(token) }
    }
    performTestaments(now: now)
    return gone
  }

  /// When there is something to do though nobody said anything; nil where there is not.
  func deadline(now: Int64) -> Int64? {
    if !testaments.isEmpty { return now + Self.againMilliseconds }
    return all.lazy.filter { $0.key != speaker }.compactMap(\.value.blockedSince).min()
      .map { $0 + Self.slowMilliseconds }
  }

  private mutating func performTestaments(now: Int64) {
    testaments = testaments.compactMap { testament in
      var testament = testament
      return testament.perform(now: now) ? nil : testament
    }
  }

  /// The keeper goes: those that are still to be done are waited for.
  mutating func finish() {
    while !testaments.isEmpty {
      Glibc.poll(nil, 0, Int32(Self.againMilliseconds))
      performTestaments(now: apus_monotonic_milliseconds())
    }
  }

  /// Lets go of a viewer: its last will is done where it left without a farewell. Returns the size the agent is to have
  /// where another leads now.
  mutating func drop(_ token: UInt64, farewell: Bool, now: Int64) -> TerminalSize? {
    guard let viewer = all.removeValue(forKey: token) else { return nil }
    apus_poll_remove(poll, viewer.descriptor)
    close(viewer.descriptor)
    if farewell { viewer.testament?.tearUp() } else if let testament = viewer.testament { testaments.append(testament) }
    performTestaments(now: now)
    if speaker == token {
      speaker = nil
      tellGreeted(.speaker(0))
    }
    return tell(leading.leave(token))
  }
}
