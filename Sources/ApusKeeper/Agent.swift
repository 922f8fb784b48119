import ApusFrames
import CSystem
import Glibc

/// The kept agent: its process and our ends of its three pipes, or of its terminal. Closed ends are -1.
struct Agent {
  private(set) var pid: Int32 = 0
  private(set) var start: UInt64 = 0
  private(set) var input: Int32 = -1
  private(set) var output: Int32 = -1
  private(set) var errors: Int32 = -1
  /// The agent's side of its terminal, held open: the terminal goes on when the agent closes it and opens it again.
  private var terminal: Int32 = -1
  private var queue: [UInt8] = []
  private var queueStart = 0
  private var closesInput = false

  /// With so much typed and not read, nobody is listened to until the agent reads.
  private static let fullQueue = 1 << 18

  /// Starts the agent; on failure the error number and nothing is left open.
  static func start(_ order: LaunchOrder) -> Result<Agent, SpawnFailure> {
    order.terminal.map { start(order, on: $0) } ?? startOnPipes(order)
  }

  private static func startOnPipes(_ order: LaunchOrder) -> Result<Agent, SpawnFailure> {
    var agent = Agent()
    var inputs: [Int32] = [-1, -1]
    var outputs: [Int32] = [-1, -1]
    var failures: [Int32] = [-1, -1]
    guard apus_pipe(&inputs) == 0, apus_pipe(&outputs) == 0, apus_pipe(&failures) == 0 else {
      return .failure(SpawnFailure(code: errno))
    }
    let code = spawn(
      program: order.program, arguments: order.arguments, environment: order.environment, directory: order.directory,
      pipes: (inputs[0], outputs[1], failures[1]), pid: &agent.pid)
    for descriptor in [inputs[0], outputs[1], failures[1]] { close(descriptor) }
    guard code == 0 else {
      for descriptor in [inputs[1], outputs[0], failures[0]] { close(descriptor) }
      return .failure(SpawnFailure(code: code))
    }
    (agent.input, agent.output, agent.errors) = (inputs[1], outputs[0], failures[0])
    return .success(agent.begun())
  }

  private static func start(_ order: LaunchOrder, on terminal: LaunchOrder.Terminal) -> Result<Agent, SpawnFailure> {
    var agent = Agent()
    var name = [CChar](repeating: 0, count: 128)
    let ours = apus_tty_open(
      &name, name.count, Int32(terminal.size.rows), Int32(terminal.size.columns), terminal.settings,
      terminal.settings.count, &agent.terminal)
    guard ours >= 0 else { return .failure(SpawnFailure(code: errno)) }
    // Written and read through two descriptors, so that the loop can wait for each by itself.
    let input = fcntl(ours, F_DUPFD_CLOEXEC, 0)
    guard input >= 0 else {
      let code = errno
      for descriptor in [ours, agent.terminal] { close(descriptor) }
      return .failure(SpawnFailure(code: code))
    }
    let code = spawn(
      program: order.program, arguments: order.arguments, environment: order.environment, directory: order.directory,
      terminal: name, pid: &agent.pid)
    guard code == 0 else {
      for descriptor in [ours, input, agent.terminal] { close(descriptor) }
      return .failure(SpawnFailure(code: code))
    }
    (agent.input, agent.output) = (input, ours)
    return .success(agent.begun())
  }

  private func begun() -> Agent {
    var agent = self
    for descriptor in [input, output, errors] where descriptor >= 0 { apus_set_nonblocking(descriptor, 1) }
    var seen = apus_process()
    if apus_process_look(pid, &seen) == 0 { agent.start = seen.start }
    return agent
  }

  struct SpawnFailure: Error { var code: Int32 }

  var wantsToWrite: Bool { input >= 0 && (queueStart < queue.count || closesInput) }
  /// Nothing more can be said to it.
  var isDeaf: Bool { input < 0 || closesInput }
  var isFull: Bool { queue.count - queueStart >= Self.fullQueue }

  /// The size of its terminal; the agent is told by the kernel.
  func resize(_ size: TerminalSize) {
    if output >= 0 { apus_tty_resize(output, Int32(size.rows), Int32(size.columns)) }
  }

  mutating func queue(_ bytes: [UInt8]) {
    guard input >= 0, !closesInput else { return }
    // With one who always types a little more than was read it would never be empty, and grow for ever.
    if queueStart >= Self.fullQueue {
      queue.removeFirst(queueStart)
      queueStart = 0
    }
    queue += bytes
  }

  /// Closes the agent's input once all that was queued is written. A terminal has none that could be closed by itself.
  mutating func closeInputWhenWritten() { closesInput = terminal < 0 }

  /// Writes as much of the queue as the agent takes.
  mutating func write() {
    while input >= 0, queueStart < queue.count {
      let got = apus_write_from(input, queue, queue.count, queueStart)
      if got < 0 {
        if errno == EINTR { continue }
        if errno == EAGAIN { return }
        // The agent closed its input: nobody will read the rest.
        closeInput()
        return
      }
      queueStart += got
    }
    queue.removeAll(keepingCapacity: queue.capacity <= 1 << 16)
    queueStart = 0
    if closesInput { closeInput() }
  }

  private mutating func closeInput() {
    if input >= 0 { close(input) }
    input = -1
    queue = []
    queueStart = 0
  }

  mutating func closeOutput() {
    if output >= 0 { close(output) }
    output = -1
  }

  mutating func closeErrors() {
    if errors >= 0 { close(errors) }
    errors = -1
  }

  mutating func closeAll() {
    closeInput()
    closeOutput()
    closeErrors()
    if terminal >= 0 { close(terminal) }
    terminal = -1
  }
}

/// Starts a program in a session of its own, on pipes or on a terminal; 0, or the error number. `third` arrives as its
/// descriptor 3.
func spawn(
  program: [UInt8], arguments: [[UInt8]], environment: [[UInt8]], directory: [UInt8],
  pipes: (input: Int32, output: Int32, errors: Int32) = (-1, -1, -1), third: Int32 = -1, terminal: [CChar]? = nil,
  pid: inout Int32
) -> Int32 {
  let arguments = block(arguments)
  let environment = block(environment)
  return arguments.withUnsafeBufferPointer { arguments in
    environment.withUnsafeBufferPointer { environment in
      cString(program).withUnsafeBufferPointer { program in
        cString(directory).withUnsafeBufferPointer { directory in
          (terminal ?? [0]).withUnsafeBufferPointer { device in
            var plan = apus_spawn_plan(
              program: program.baseAddress, arguments: arguments.baseAddress, argument_bytes: arguments.count,
              environment: environment.baseAddress, environment_bytes: environment.count,
              directory: directory.baseAddress, input: pipes.input, output: pipes.output, errors: pipes.errors,
              ready: third, terminal: terminal == nil ? nil : device.baseAddress)
            return apus_spawn(&plan, &pid)
          }
        }
      }
    }
  }
}
