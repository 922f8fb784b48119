import ApusCore
import CSystem
import Glibc

/// A program run to its end on the caller's thread, with pipes.
package struct Child {
  private let pid: Int32
  private let ends: (input: Int32, output: Int32, errors: Int32)

  /// Nil, with errno, where it cannot be started. It has a session and process group of its own.
  package init?(_ command: [String], environment: [String: String], directory: String) {
    var input: [Int32] = [-1, -1]
    var output: [Int32] = [-1, -1]
    var errors: [Int32] = [-1, -1]
    func closeAll() { for end in input + output + errors where end >= 0 { close(end) } }
    guard apus_pipe(&input) == 0, apus_pipe(&output) == 0, apus_pipe(&errors) == 0 else {
      let code = errno
      closeAll()
      errno = code
      return nil
    }
    let argumentBlock = Self.block(command)
    let environmentBlock = Self.block(environment.map { "\($0.key)=\($0.value)" })
    var pid: Int32 = 0
    let code = argumentBlock.withUnsafeBufferPointer { arguments in
      environmentBlock.withUnsafeBufferPointer { variables in
        command[0].withCString { program in
          directory.withCString { directory in
            var plan = apus_spawn_plan(
              program: program, arguments: arguments.baseAddress, argument_bytes: arguments.count,
              environment: variables.baseAddress, environment_bytes: variables.count, directory: directory,
              input: input[0], output: output[1], errors: errors[1], ready: -1, terminal: nil)
            return apus_spawn(&plan, &pid)
          }
        }
      }
    }
    guard code == 0 else {
      closeAll()
      errno = code
      return nil
    }
    for end in [input[0], output[1], errors[1]] { close(end) }
    self.pid = pid
    ends = (input[1], output[0], errors[0])
  }

  /// Hands it the input, reads what it says, waits for it. Nil when it did not end in time: it is ended then, with all of
  /// its process group.
  package func finish(input: [UInt8], largest: Int, seconds: Double) -> Git.Answer? {
    let until = apus_monotonic_milliseconds() + Int64(seconds * 1000)
    for end in [ends.input, ends.output, ends.errors] { apus_set_nonblocking(end, 1) }
    var written = 0
    var output: [UInt8] = []
    var errors: [UInt8] = []
    var open = (input: true, output: true, errors: true)
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    var isLate = false
    if input.isEmpty {
      close(ends.input)
      open.input = false
    }
    while open.output || open.errors {
      var watched = [
        pollfd(fd: open.output ? ends.output : -1, events: Int16(POLLIN), revents: 0),
        pollfd(fd: open.errors ? ends.errors : -1, events: Int16(POLLIN), revents: 0),
        pollfd(fd: open.input ? ends.input : -1, events: Int16(POLLOUT), revents: 0),
      ]
      let left = until - apus_monotonic_milliseconds()
      guard left > 0 else {
        isLate = true
        break
      }
      if poll(&watched, 3, Int32(clamping: left)) < 0, errno != EINTR { break }
      if watched[2].revents != 0 {
        let got = apus_write_from(ends.input, input, input.count, written)
        if got > 0 { written += got }
        if written >= input.count || (got < 0 && errno != EAGAIN) {
          close(ends.input)
          open.input = false
        }
      }
      if watched[0].revents != 0,
        !Self.read(
          ends.output, &chunk,
          { piece in
            if output.count + piece.count <= largest { output += piece }
          })
      {
        open.output = false
      }
      if watched[1].revents != 0,
        !Self.read(
          ends.errors, &chunk,
          { piece in
            if errors.count < 1 << 20 { errors += piece }
          })
      {
        open.errors = false
      }
    }
    if open.input { close(ends.input) }
    close(ends.output)
    close(ends.errors)
    // It is our child and not yet reaped: the number is its own.
    if isLate { kill(-pid, SIGKILL) }
    var status: Int32 = 0
    _ = apus_reap(pid, &status, 1)
    if isLate { return nil }
    let code = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + status & 0x7F
    return Git.Answer(status: code, output: output, errors: String(decoding: errors, as: UTF8.self))
  }

  /// False at its end.
  private static func read(_ end: Int32, _ chunk: inout [UInt8], _ took: (ArraySlice<UInt8>) -> Void) -> Bool {
    let got = apus_read_to(end, &chunk, chunk.count, 0)
    if got > 0 { took(chunk[..<got]) }
    return got > 0 || (got < 0 && errno == EAGAIN)
  }

  /// Strings one after another, each with its final NUL.
  private static func block(_ strings: [String]) -> [CChar] {
    strings.flatMap { string in string.utf8CString.prefix { $0 != 0 } + [0] }
  }
}
