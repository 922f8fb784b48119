import ApusFrames
import ApusTestKit
import CSystem
import Glibc

@testable import ApusKeeper

/// A run kept by the real `apus-keeper` in a directory of its own. When it goes, so does everything it started.
final class Kept {
  let directory: String
  let socket: String
  let card: KeeperCard
  /// The directory of the run's control group, while there is one; nil where control groups are not ours to divide.
  let group: String?
  /// The process that was started and forked the keeper off.
  let launcher: Int32
  private let place: TemporaryDirectory

  /// Starts `sh -c script`, or the program given, under a keeper, and waits until it says that the agent runs. On a
  /// terminal of that size and with those settings where one is asked for.
  init(
    _ script: String = "", program: String = "/bin/sh", arguments: [String]? = nil, environment: [String] = [],
    working: String = "/", terminal: TerminalSize? = nil, settings: [UInt8] = [], place: TemporaryDirectory? = nil,
    directory: String? = nil
  ) throws {
    let place = try place ?? TemporaryDirectory()
    self.place = place
    self.directory = directory ?? place.path
    socket = self.directory + "/s"
    var order = Kept.order(
      socket: socket, program: program, arguments: arguments ?? [program, "-c", script], environment: environment,
      working: working)
    order.terminal = terminal.map { LaunchOrder.Terminal(size: $0, settings: settings) }
    let launch = try Kept.launch(order, in: self.directory)
    launcher = launch.launcher
    guard launch.said == "R" else { throw TestFailure("the keeper did not begin: \(launch.said)") }
    guard let bytes = Kept.load(self.directory + "/" + RunFile.keeper) else { throw TestFailure("no keeper's card") }
    card = try KeeperCard(bytes)
    let name = Tree.groupName(directory: Array(self.directory.utf8))
    group = Groups.areOurs ? Groups.find(of: card.keeper).map { $0 + "/" + name } : nil
  }

  static func order(
    socket: String, program: String, arguments: [String], environment: [String] = [], working: String = "/"
  ) -> LaunchOrder {
    LaunchOrder(
      socket: Array(socket.utf8), program: Array(program.utf8), arguments: arguments.map { Array($0.utf8) },
      environment: (["PATH=/usr/local/bin:/usr/bin:/bin"] + environment).map { Array($0.utf8) },
      directory: Array(working.utf8))
  }

  /// Starts a keeper for that order; what it says on descriptor 3 until it closes it, and how the launcher ended.
  static func launch(
    _ order: LaunchOrder, in directory: String
  ) throws -> (said: String, launcher: Int32, exit: Int32) {
    try save(order.encoded, directory + "/" + RunFile.launch)
    return try launch(directory: directory)
  }

  static func launch(directory: String) throws -> (said: String, launcher: Int32, exit: Int32) {
    var ends: [Int32] = [-1, -1]
    guard apus_pipe(&ends) == 0 else { throw TestFailure("no pipe") }
    defer { close(ends[0]) }
    let pid = try Child.start(try Built.program("apus-keeper"), [directory], ready: ends[1])
    close(ends[1])
    var said: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      guard Wait.readable(ends[0], seconds: 30) else { throw TestFailure("the keeper says nothing") }
      let got = read(ends[0], &chunk, chunk.count)
      if got <= 0 { break }
      said += chunk[..<got]
    }
    return (String(decoding: said, as: UTF8.self), pid, Child.wait(pid))
  }

  static func save(_ bytes: [UInt8], _ path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0, write(descriptor, bytes, bytes.count) == bytes.count else {
      throw TestFailure("cannot write \(path): errno \(errno)")
    }
    close(descriptor)
  }

  static func load(_ path: String) -> [UInt8]? { loadFile(path.utf8CString.map { $0 }) }

  var keeper: ProcessID { ProcessID(pid: card.keeper, start: card.keeperStart) }
  var agent: ProcessID { ProcessID(pid: card.agent, start: card.agentStart) }
  var recording: [UInt8] { Kept.load(directory + "/" + RunFile.recording) ?? [] }
  var recordingSize: UInt64 {
    var facts = stat()
    return stat(directory + "/" + RunFile.recording, &facts) == 0 ? UInt64(facts.st_size) : 0
  }
  /// Its terminal's sizes, each from which offset on.
  var sizes: [SizeNote] { SizeNote.all(Kept.load(directory + "/" + RunFile.sizes) ?? []) }
  var note: EndingNote? { Kept.load(directory + "/" + RunFile.ending).flatMap { try? EndingNote($0) } }

  func isStopped(_ pid: Int32) -> Bool {
    var facts = apus_process()
    return apus_process_look(pid, &facts) == 0 && facts.state == CChar(UInt8(ascii: "T"))
  }

  func attach() throws -> Attached {
    let attached = try Attached(socket, of: self)
    try attached.hello()
    return attached
  }

  /// Has the ending told and acknowledged, and waits until the keeper is gone.
  @discardableResult func finish() throws -> Attached.Told {
    let attached = try attach()
    let told = try attached.followToEnd()
    try attached.send(.acknowledgeEnding)
    try keeper.waitForEnd()
    return told
  }

  deinit {
    defer { if let group { rmdir(group) } }
    guard keeper.isAlive else { return }
    let below = Tree.descendants(of: card.keeper).map { ProcessID(pid: $0.pid, start: $0.start) }
    for process in [keeper] + below { process.signal(SIGKILL) }
    for process in [keeper] + below { try? process.waitForEnd(seconds: 10) }
  }
}
