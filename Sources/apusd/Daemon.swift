import ApusCoordinator
import ApusCore
import ApusLink
import ApusLoop
import ApusServer
import ApusStoreSQLite
import ApusWire
import CSystem
import Glibc

// Builds the daemon of one home and lets it run. In order: out of the caller's session, the home's lock (which the
// kernel releases), the store, the living runs, the socket; only then does it say that it is ready.

/// Says a word to whoever started us (descriptor 3, where there is one) and on standard error.
private func say(_ text: String) {
  _ = text.withCString { write(3, $0, strlen($0)) }
  if isatty(2) == 1 { _ = text.withCString { write(2, $0, strlen($0)) } }
}

func runDaemon() -> Never {
  if CommandLine.arguments.count > 1 {
    let text = """
      apusd is the daemon of one APUS_HOME. `apus` starts it when it needs it; `apus up`, `apus down`, `apus restart`
      are the commands for people. It takes no arguments; SIGTERM is a shutdown, like `apus down`.

      """
    _ = text.withCString { write(2, $0, strlen($0)) }
    exit(2)
  }
  guard apus_detach() == 0 else { exit(1) }
  // Started from inside a session of ours: no part of that one's run.
  apus_group_leave("apus-run-")
  umask(0o077)
  apus_ignore_pipe_signal()
  let signals = apus_signal_descriptor([SIGCHLD, SIGTERM, SIGINT, SIGHUP], 4)
  LoopActor.begin {
    do { try Daemon.start(signals: signals) } catch {
      let failure = error as? Failure ?? Failure(.internalError, "\(error)")
      // As an object, so that whoever started us can fail as we did.
      say(((try? JSONText.string(failure)) ?? failure.summary) + "\n")
      exit(1)
    }
  }
  Loop.shared.run()
  // A listener's thread may still be at work: nothing is taken down under it.
  _exit(0)
}

@LoopActor
private final class Daemon {
  private let coordinator: Coordinator
  private let log: Log
  private let store: SQLiteStore
  private let signals: Descriptor
  private let children: Children
  private let places: Places
  private let settings: Settings
  private let http: HTTPDoor
  private var door: ControlDoor?
  private static var current: Daemon?

  static func start(signals: Int32) throws {
    let environment = Environment.current()
    let places = try HomeDirectory.places(environment)
    try HomeDirectory.prepare(places)
    try lock(places)
    current = try Daemon(places: places, environment: environment, signals: signals)
    try current?.serve()
  }

  /// Held until this process ends, however it ends. No agent can inherit it: keepers close everything.
  private static func lock(_ places: Places) throws(Failure) {
    let descriptor = apus_open(places.daemonLock, O_RDWR | O_CREAT, 0o600)
    guard descriptor >= 0 else {
      throw Failure(
        errno == ENOSPC ? .diskFull : .homeRefused,
        "\(places.daemonLock): \(String(cString: apus_error_text(errno)))", hint: "`apus doctor` says more")
    }
    guard apus_lock_file(descriptor) == 0 else {
      var text = [UInt8](repeating: 0, count: 32)
      let got = read(descriptor, &text, text.count)
      let pid = String(decoding: text.prefix(max(0, got)), as: UTF8.self).filter(\.isNumber)
      say("taken: another daemon (pid \(pid)) serves \(places.home)\n")
      exit(1)
    }
    let pid = Array("\(getpid())\n".utf8)
    ftruncate(descriptor, 0)
    pwrite(descriptor, pid, pid.count, 0)
  }

  private init(places: Places, environment: [String: String], signals: Int32) throws {
    self.places = places
    settings = try Configuration.load(environment: environment, directory: nil)
    let path = settings[.logPath].isEmpty ? places.daemonLog : settings[.logPath]
    log = Log(path: path, level: Log.Level(settings[.logLevel]) ?? .info)
    store = try SQLiteStore(path: places.store, eventPath: places.eventStore)
    children = Children()
    coordinator = try Coordinator(
      places: places, store: store, log: log, settings: settings, environment: environment, children: children)
    http = HTTPDoor(coordinator: coordinator, log: log)
    self.signals = Descriptor(signals)
    self.signals.onReadable = { [unowned self] in takeSignals() }
    self.signals.watch()
  }

  private func serve() throws {
    log.info("apusd \(Version.text) pid \(getpid()) starts for \(places.home), SQLite \(SQLiteStore.libraryVersion)")
    try coordinator.adopt()
    let listening = try listen()
    door = ControlDoor(
      listening: listening, coordinator: coordinator, http: http, log: log,
      shutDown: { [unowned self] mode in try await coordinator.shutDown(mode) },
      leave: { [unowned self] in leave() })
    // What git and set-up commands write in our name is as it would be without us. Every file of our own says its mode
    // itself, and SQLite gives its further files that of the first.
    umask(0o022)
    http.begin(settings)
    say("ready\n")
    close(3)
  }

  /// A socket file that is there although we hold the lock is a dead daemon's, unless something answers.
  private func listen() throws(Failure) -> Int32 {
    let path = places.daemonSocket
    var listening = apus_unix_listen(path, 128)
    if listening < 0, errno == EADDRINUSE {
      let probe = apus_unix_connect(path, 0)
      if probe >= 0 {
        close(probe)
        throw DaemonLink.taken(socket: path)
      }
      unlink(path)
      listening = apus_unix_listen(path, 128)
    }
    guard listening >= 0 else {
      throw Failure(
        errno == ENOSPC ? .diskFull : .homeRefused, "\(path): \(String(cString: apus_error_text(errno)))",
        hint: "`apus doctor` says more")
    }
    return listening
  }

  private func takeSignals() {
    while true {
      switch apus_signal_next(signals.number) {
      case 0: return
      case SIGCHLD: children.reap()
      case SIGTERM, SIGINT:
        log.info("asked to shut down by a signal")
        LoopActor.begin { [self] in
          do { _ = try await coordinator.shutDown(.asRecorded, asked: false) } catch {
            log.error("shut down: \(error)")
          }
          leave()
        }
      default: break
      }
    }
  }

  private func leave() {
    door?.close()
    LoopActor.begin { [self] in
      await http.end()
      log.info("apusd pid \(getpid()) ends")
      unlink(places.daemonSocket)
      store.close()
      Loop.shared.stop()
    }
  }
}
