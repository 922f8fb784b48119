import ApusFrames
import CSystem
import Glibc

/// The kept agent: its process and our ends of its three pipes. Closed ends are -1.
struct Agent {
  private(set) var pid: Int32 = 0
  private(set) var start: UInt64 = 0
  private(set) var input: Int32 = -1
  private(set) var output: Int32 = -1
  private(set) var errors: Int32 = -1
  private var queue: [UInt8] = []
  private var queueStart = 0
  private var closesInput = false

  /// Starts the agent; on failure the error number and nothing is left open.
  static func start(_ order: LaunchOrder) -> Result<Agent, SpawnFailure> {
    var agent = Agent()
    var inputs: [Int32] = [-1, -1]
    var outputs: [Int32] = [-1, -1]
    var failures: [Int32] = [-1, -1]
    guard apus_pipe(&inputs) == 0, apus_pipe(&outputs) == 0, apus_pipe(&failures) == 0 else {
      return .failure(SpawnFailure(code: errno))
    }
    let arguments = block(order.arguments)
    let environment = block(order.environment)
    let code = arguments.withUnsafeBufferPointer { arguments in
      environment.withUnsafeBufferPointer { environment in
        cString(order.program).withUnsafeBufferPointer { program in
          cString(order.directory).withUnsafeBufferPointer { directory in
            var plan = apus_spawn_plan(
              program: program.baseAddress, arguments: arguments.baseAddress, argument_bytes: arguments.count,
              environment: environment.baseAddress, environment_bytes: environment.count,
              directory: directory.baseAddress, input: inputs[0], output: outputs[1], errors: failures[1], ready: -1)
            return apus_spawn(&plan, &agent.pid)
          }
        }
      }
    }
    for descriptor in [inputs[0], outputs[1], failures[1]] { close(descriptor) }
    guard code == 0 else {
      for descriptor in [inputs[1], outputs[0], failures[0]] { close(descriptor) }
      return .failure(SpawnFailure(code: code))
    }
    for descriptor in [inputs[1], outputs[0], failures[0]] { apus_set_nonblocking(descriptor, 1) }
    (agent.input, agent.output, agent.errors) = (inputs[1], outputs[0], failures[0])
    var seen = apus_process()
    if apus_process_look(agent.pid, &seen) == 0 { agent.start = seen.start }
    return .success(agent)
  }

  struct SpawnFailure: Error { var code: Int32 }

  var wantsToWrite: Bool { input >= 0 && (queueStart < queue.count || closesInput) }

  mutating func queue(_ bytes: [UInt8]) {
    guard input >= 0, !closesInput else { return }
    queue += bytes
  }

  /// Closes the agent's input once all that was queued is written.
  mutating func closeInputWhenWritten() { closesInput = true }

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
  }
}
