import ApusCore
import ApusFrames
import ApusLink
import ApusWire
import CSystem
import Glibc

// `apus hook`: what an agent runs at every prompt and every tool. The agent, or a person who watches it, may wait for
// it, so it has a time limit of its own, never fails, and says nothing that nobody asked for. It hands on what it was
// given without reading it; where no daemon takes it in time it leaves it in the run's directory, where the daemon finds
// it.

package enum HookClient {
  /// For all it does with a report, in milliseconds.
  private static let limit: Int64 = 80
  /// The same where a tool is about to change something and a daemon is there to say whether it may.
  private static let changeLimit: Int64 = 1500
  /// The same where the agent does not wait for us.
  private static let besideLimit: Int64 = 5_000
  /// Where it would otherwise be refused.
  private static let guardLimit: Int64 = 10_000
  /// For the agent to hand the report over: until it has, it is not waiting for us.
  private static let patience: Int64 = 1000
  /// A report beyond this is cut down to its head.
  private static let largest = 8 << 20
  /// What is left of a run whose daemon is gone for long must not fill the disk.
  private static let largestSpool = 64 << 20
  private static let attempts = 16
  private static let pause: Int32 = 500
  private static let shortPause: Int32 = 100

  /// Carries one report from standard input; 0, or 2 where what the agent is about to do shall not happen.
  package static func run() -> Int32 {
    apus_ignore_pipe_signal()
    let run = getenv("APUS_RUN").map { String(cString: $0) } ?? ""
    // Of an agent that is not ours, with our plugin, or of nobody.
    guard !run.isEmpty || getenv("CLAUDE_CODE_SESSION_ID") != nil else { return 0 }
    var request = HookRequest(run: run, stamp: beginning(), pid: getpid(), report: [])
    let (report, isWhole) = read(until: apus_monotonic_milliseconds() + patience)
    let begun = apus_monotonic_milliseconds()
    guard let report = isWhole ? report : HookHead.cut(report) else { return 0 }
    request.report = report
    let environment = Environment.current()
    guard let places = try? HomeDirectory.places(environment) else { return 0 }
    if run.isEmpty { introduce(&request, environment) }
    var isThere = false
    var answered = ask(request, places, until: begun + (HookHead.isChange(report) ? changeLimit : limit), &isThere)
    if isUnheard(answered), HookHead.isBeside(report) {
      if !run.isEmpty, let directory = directory(of: request, places) { spool(request, in: directory) }
      answered = askLater(request, places, until: begun + besideLimit)
    }
    let refusal = isUnheard(answered) ? HookGuard.refusal(report, places) : nil
    if isThere, refusal != nil {
      // It is only slow: what it says counts.
      answered = ask(request, places, until: begun + guardLimit, &isThere)
    }
    // Asked to wait, and the daemon went away meanwhile: the next one knows what is waited for.
    while case .brokenOff(let end) = answered, apus_monotonic_milliseconds() < end {
      poll(nil, 0, pause)
      let again = ask(request, places, until: apus_monotonic_milliseconds() + patience, &isThere)
      if case .unheard = again { continue }
      answered = again
    }
    switch answered {
    case .answered(let answer): return say(answer)
    case .refused: return 0
    case .unheard, .brokenOff:
      let start = HookHead.isStart(report)
      if !run.isEmpty, !HookHead.isBeside(report) {
        guard let directory = directory(of: request, places) else { return 0 }
        spool(request, in: directory)
      }
      if !isThere, start || refusal != nil { startDaemon(places, environment) }
      return refusal.map { say(HookAnswer(refusing: $0)) } ?? 0
    }
  }

  /// A daemon that is busy, or is just being replaced, answers in a moment; the agent does not wait for that.
  private static func askLater(_ request: HookRequest, _ places: Places, until: Int64) -> Answer {
    var isThere = false
    while apus_monotonic_milliseconds() < until {
      let answer = ask(request, places, until: until, &isThere)
      guard isUnheard(answer) else { return answer }
      poll(nil, 0, shortPause)
    }
    return .unheard
  }

  private static func isUnheard(_ answer: Answer) -> Bool {
    switch answer {
    case .unheard: true
    case .answered, .refused, .brokenOff: false
    }
  }

  private static func say(_ answer: HookAnswer) -> Int32 {
    if !answer.output.isEmpty { Output.bytes(answer.output) }
    if !answer.reason.isEmpty { Output.reason(answer.reason) }
    return Int32(answer.code)
  }

  /// Who it is that runs us, where no run of ours says so.
  private static func introduce(_ request: inout HookRequest, _ environment: [String: String]) {
    let pid = environment["CLAUDE_PID"].flatMap { Int32($0) } ?? getppid()
    request.agent = Processes.mark(of: pid)
    if HookHead.isStart(request.report) { request.environment = environment.map { "\($0.key)=\($0.value)" } }
  }

  // MARK: the report

  /// When the agent started this process, in nanoseconds since 1970: near to what it tells of. On a busy machine it may
  /// take long until it gets to run.
  private static func beginning() -> UInt64 {
    var own = apus_process()
    var sinceBoot = timespec()
    let now = apus_wall_seconds()
    guard apus_process_look(getpid(), &own) == 0, clock_gettime(CLOCK_BOOTTIME, &sinceBoot) == 0 else {
      return UInt64(now * 1e9)
    }
    let age =
      Double(sinceBoot.tv_sec) + Double(sinceBoot.tv_nsec) / 1e9 - Double(own.start)
      / Double(sysconf(Int32(_SC_CLK_TCK)))
    return UInt64(max(0, now - max(0, age)) * 1e9)
  }

  /// Standard input to its end, or as far as it comes in time and in size.
  private static func read(until: Int64) -> (bytes: [UInt8], isWhole: Bool) {
    var bytes: [UInt8] = []
    var isWhole = true
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      var input = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
      let left = until - apus_monotonic_milliseconds()
      guard left > 0, poll(&input, 1, Int32(left)) > 0 else { return (bytes, false) }
      let got = Glibc.read(0, &chunk, chunk.count)
      if got < 0, errno == EINTR { continue }
      guard got > 0 else { return (bytes, isWhole) }
      if bytes.count + got <= largest { bytes += chunk[..<got] } else { isWhole = false }
    }
  }

  // MARK: the daemon

  private enum Answer {
    case answered(HookAnswer)
    /// It is of no use to anybody.
    case refused
    case unheard
    /// It was to wait until then.
    case brokenOff(Int64)
  }

  private static func ask(_ request: HookRequest, _ places: Places, until: Int64, _ isThere: inout Bool) -> Answer {
    let socket = apus_unix_connect_at_once(places.daemonSocket)
    guard socket >= 0 else {
      isThere = errno != ENOENT && errno != ECONNREFUSED
      return .unheard
    }
    defer { close(socket) }
    isThere = true
    var user: uid_t = 0
    guard apus_peer_user(socket, &user) == 0, user == getuid() else { return .unheard }
    let bytes = Control.request(.hook, bytes: request.encoded).encoded
    var done = 0
    while done < bytes.count {
      let got = apus_write_from(socket, bytes, bytes.count, done)
      if got > 0 {
        done += got
      } else {
        guard errno == EAGAIN, isReady(socket, POLLOUT, until) else { return .unheard }
      }
    }
    return answer(socket, until)
  }

  private static func answer(_ socket: Int32, _ until: Int64) -> Answer {
    var reader = FrameReader()
    var chunk = [UInt8](repeating: 0, count: 1 << 12)
    let first = until
    var until = until
    var broken: Answer { until == first ? .unheard : .brokenOff(until) }
    while isReady(socket, POLLIN, until) {
      let got = Glibc.read(socket, &chunk, chunk.count)
      if got < 0, errno == EINTR || errno == EAGAIN { continue }
      guard got > 0 else { return broken }
      reader.feed(chunk[..<got])
      while let frame = try? reader.next() {
        switch frame.kind {
        case Control.Kind.item:
          // Asked to wait: something has to become free first.
          if let more = HookAnswer.patience(frame.body) { until = apus_monotonic_milliseconds() + Int64(more) }
        case Control.Kind.done: return (try? HookAnswer(frame.body)).map { .answered($0) } ?? .unheard
        default: return refusal(frame)
        }
      }
    }
    return .unheard
  }

  private static func refusal(_ frame: Frame) -> Answer {
    let failure = try? JSONText.decode(Failure.self, from: frame.body)
    return failure?.code == .sessionNotRunning || failure?.code == .usage ? .refused : .unheard
  }

  private static func isReady(_ descriptor: Int32, _ event: Int32, _ until: Int64) -> Bool {
    var watched = pollfd(fd: descriptor, events: Int16(event), revents: 0)
    let left = until - apus_monotonic_milliseconds()
    return left > 0 && poll(&watched, 1, Int32(left)) > 0
  }

  /// The environment is not that of a person who asked for a daemon, so nobody is told how it went.
  private static func startDaemon(_ places: Places, _ environment: [String: String]) {
    guard let program = try? Detached.sibling("apusd") else { return }
    let started = try? Detached.start(
      program: program, arguments: [],
      environment: Environment.ofOurs(home: places.home, role: "daemon", from: environment),
      directory: "/")
    if let started { close(started.ready) }
  }

  // MARK: the disk

  /// The run's directory, if that really is one of ours.
  private static func directory(of request: HookRequest, _ places: Places) -> String? {
    guard let real = resolved(request.run), let runs = resolved(places.runs), real.hasPrefix(runs + "/") else {
      return nil
    }
    return real
  }

  private static func spool(_ request: HookRequest, in directory: String) {
    let path = directory + "/" + RunFile.hooks
    let line = request.line
    // The daemon takes the file away by its name and holds the lock while it reads; the name then leads to another.
    for attempt in 0..<attempts {
      let file = apus_open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600)
      guard file >= 0 else { return }
      defer { close(file) }
      if attempt < attempts - 1, apus_lock_file(file) != 0 {
        poll(nil, 0, 1)
        continue
      }
      var facts = stat()
      guard fstat(file, &facts) == 0, facts.st_uid == getuid() else { return }
      if facts.st_nlink == 0 { continue }
      if Int(facts.st_size) + line.count <= largestSpool { _ = apus_write_from(file, line, line.count, 0) }
      return
    }
  }

  /// The directory's real path, where it is one of this user's.
  private static func resolved(_ directory: String) -> String? {
    guard let found = realpath(directory, nil) else { return nil }
    defer { free(found) }
    var facts = stat()
    guard stat(found, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR, facts.st_uid == getuid() else { return nil }
    return String(cString: found)
  }
}
