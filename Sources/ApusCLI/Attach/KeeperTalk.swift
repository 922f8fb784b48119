import ApusCore
import ApusFrames
import CSystem
import Glibc

/// A conversation with one keeper, for programs that sit at a terminal. Never waits but where it says so.
struct KeeperTalk: ~Copyable {
  let descriptor: Int32
  let socket: String
  private(set) var welcome: KeeperReply.Welcome
  /// Why the recording could not be written when the keeper was greeted; 0 when it could.
  private(set) var trouble: Int32 = 0
  private var reader = FrameReader()
  private var outbox: [UInt8] = []
  private var isHungUp = false

  private static let patienceMilliseconds: Int32 = 5_000
  /// For so long after a read Claude Code takes more input for the rest of a pasted text (measured: 100).
  private static let betweenKeysMilliseconds: Int32 = 150

  /// Connects and waits for the keeper's welcome; nil when nobody keeps that run.
  static func open(socket: String) throws(Failure) -> KeeperTalk? {
    let descriptor = apus_unix_connect(socket, 1)
    guard descriptor >= 0 else { return nil }
    var user: uid_t = 0
    guard apus_peer_user(descriptor, &user) == 0, user == getuid() else {
      close(descriptor)
      throw Failure(
        .homeRefused, "what answers at \(socket) belongs to another user (uid \(user))",
        hint: "set APUS_HOME to a directory of your own")
    }
    var talk = KeeperTalk(descriptor: descriptor, socket: socket)
    try talk.send(.hello(version: KeeperProtocol.version))
    guard let replies = try talk.wait(for: { if case .welcome = $0 { true } else { false } }) else { return nil }
    for reply in replies {
      switch reply {
      case .welcome(let welcome): talk.welcome = welcome
      // Said with the welcome where there is any.
      case .trouble(let code): talk.trouble = code
      case .output, .taken, .ending, .refused, .viewing, .leads, .sized, .stopped, .viewed, .speaker: break
      }
    }
    guard talk.welcome.version >= KeeperProtocol.terminals else {
      throw Failure(
        .daemonVersion, "that run was started by an older apus, which knew no terminals",
        hint: "it ends as always: `apus stop NAME`")
    }
    return talk
  }

  private init(descriptor: Int32, socket: String) {
    self.descriptor = descriptor
    self.socket = socket
    welcome = KeeperReply.Welcome(version: 0, keeper: 0, agent: 0, agentStart: 0, recorded: 0, lastInput: 0)
  }

  deinit { close(descriptor) }

  var wantsToWrite: Bool { !outbox.isEmpty }
  /// How much was said and is not taken yet.
  var waiting: Int { outbox.count }

  /// Says something, as far as the keeper takes it; the rest with `flush`.
  mutating func send(_ request: KeeperRequest) throws(Failure) {
    outbox += request.frame.encoded
    try flush()
  }

  mutating func flush() throws(Failure) {
    var done = 0
    while done < outbox.count {
      let got = apus_write_from(descriptor, outbox, outbox.count, done)
      if got < 0, errno == EAGAIN { break }
      guard got > 0 else { throw Self.gone }
      done += got
    }
    outbox.removeFirst(done)
  }

  /// What the keeper said by now; nil when it has hung up.
  mutating func receive(_ chunk: inout [UInt8]) throws(Failure) -> [KeeperReply]? {
    let got = apus_read_to(descriptor, &chunk, chunk.count, 0)
    if got < 0, errno == EAGAIN { return [] }
    guard got > 0 else {
      isHungUp = true
      return nil
    }
    reader.feed(chunk[..<got])
    var replies: [KeeperReply] = []
    do {
      while let frame = try reader.next() {
        if let reply = try KeeperReply(frame) { replies.append(reply) }
      }
    } catch { throw Self.gone }
    return replies
  }

  /// Waits for a reply of that kind; the replies up to it, nil when the keeper hung up or is silent for too long.
  mutating func wait(for isIt: (KeeperReply) -> Bool) throws(Failure) -> [KeeperReply]? {
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    var all: [KeeperReply] = []
    var until = apus_monotonic_milliseconds() + Int64(Self.patienceMilliseconds)
    while true {
      let left = until - apus_monotonic_milliseconds()
      var watched = pollfd(fd: descriptor, events: Int16(POLLIN | (wantsToWrite ? POLLOUT : 0)), revents: 0)
      guard left > 0 else { return nil }
      guard poll(&watched, 1, Int32(left)) > 0 else { continue }
      let owed = outbox.count
      try flush()
      // Much that is typed takes its time; what moves is not silent.
      if outbox.count < owed { until = apus_monotonic_milliseconds() + Int64(Self.patienceMilliseconds) }
      guard let replies = try receive(&chunk) else { return nil }
      all += replies
      if replies.contains(where: isIt) { return all }
    }
  }

  /// Waits until the keeper has taken all that was said and hung up after our farewell.
  mutating func leave() throws(Failure) {
    try send(.leave)
    _ = try wait { _ in false }
    guard isHungUp else { throw Self.unread }
  }

  /// Waits until the agent has read what was typed. What is typed then is a key of its own: programs take Enter for a
  /// line of a pasted text when it comes in one piece with the text (Claude Code from some 50 characters on).
  mutating func untilRead() throws(Failure) {
    try send(.hello(version: KeeperProtocol.version))
    guard try wait(for: { if case .welcome = $0 { true } else { false } }) != nil else {
      throw isHungUp ? Self.gone : Self.unread
    }
    let terminal = apus_tty_device("/proc/\(welcome.agent)/fd/0")
    defer { if terminal >= 0 { close(terminal) } }
    let until = apus_monotonic_milliseconds() + Int64(Self.patienceMilliseconds)
    while terminal >= 0, apus_tty_unread(terminal) > 0, apus_monotonic_milliseconds() < until { poll(nil, 0, 5) }
    poll(nil, 0, Self.betweenKeysMilliseconds)
  }

  static let unread = Failure(
    .timedOut, "the agent has not read what was typed; it is kept for it",
    hint: "`apus screen NAME` shows what it does instead")

  static let gone = Failure(
    .keeperFailed, "the keeper went away",
    hint: "`apus list` says what became of the run; `apus resume NAME` continues it")
}
