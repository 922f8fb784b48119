import ApusLink
import CSystem
import Dispatch
import Glibc

/// What a program did.
package struct Outcome: Sendable {
  /// The exit code; 128 + n for signal n; -1 when it did not end in time and was killed.
  package var status: Int32
  package var output: String
  package var errors: String
}

/// Runs programs the way a shell would, without blocking the test's own threads.
package enum Program {
  private static let queue = DispatchQueue(label: "apus.testing", attributes: .concurrent)

  package static func run(
    _ arguments: [String], environment: [String: String], directory: String, input: String? = nil, seconds: Double = 60
  ) async -> Outcome {
    await withCheckedContinuation { continuation in
      queue.async { continuation.resume(returning: runBlocking(arguments, environment, directory, input, seconds)) }
    }
  }

  /// Starts a program and returns its pid and the ends of its pipes, all of which are the caller's to close.
  package static func start(
    _ arguments: [String], environment: [String: String], directory: String
  ) -> ChildProgram? {
    ChildProgram.start(arguments, environment: environment, directory: directory, pipes: [.input, .output, .errors])
  }

  private static func runBlocking(
    _ arguments: [String], _ environment: [String: String], _ directory: String, _ input: String?, _ seconds: Double
  ) -> Outcome {
    apus_ignore_pipe_signal()
    guard let started = start(arguments, environment: environment, directory: directory) else {
      return Outcome(status: -1, output: "", errors: "cannot start \(arguments[0])")
    }
    var toWrite = Array((input ?? "").utf8)[...]
    var (inputEnd, output, errors): (Int32, [UInt8], [UInt8]) = (started.input, [], [])
    apus_set_nonblocking(inputEnd, 1)
    var open: Set<Int32> = [started.output, started.errors]
    let until = apus_monotonic_milliseconds() + Int64(seconds * 1000)
    var isLate = false
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while !open.isEmpty {
      if inputEnd >= 0, toWrite.isEmpty {
        close(inputEnd)
        inputEnd = -1
      }
      var watched = open.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      if inputEnd >= 0 { watched.append(pollfd(fd: inputEnd, events: Int16(POLLOUT), revents: 0)) }
      let left = until - apus_monotonic_milliseconds()
      if left <= 0 {
        isLate = true
        break
      }
      guard poll(&watched, UInt(watched.count), Int32(left)) > 0 else { continue }
      for one in watched where one.revents != 0 {
        if one.fd == inputEnd {
          let got = toWrite.withUnsafeBytes { write(inputEnd, $0.baseAddress, $0.count) }
          toWrite = got > 0 ? toWrite.dropFirst(got) : []
          continue
        }
        let got = read(one.fd, &chunk, chunk.count)
        if got > 0 {
          if one.fd == started.output { output += chunk[..<got] } else { errors += chunk[..<got] }
        } else {
          close(one.fd)
          open.remove(one.fd)
        }
      }
    }
    if isLate { kill(started.pid, SIGKILL) }
    for descriptor in open { close(descriptor) }
    if inputEnd >= 0 { close(inputEnd) }
    var status: Int32 = 0
    while waitpid(started.pid, &status, 0) < 0, errno == EINTR {}
    let code = status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
    return Outcome(
      status: isLate ? -1 : code, output: String(decoding: output, as: UTF8.self),
      errors: String(decoding: errors, as: UTF8.self) + (isLate ? "\n(killed after \(seconds) s)" : ""))
  }
}
