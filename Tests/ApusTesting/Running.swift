import ApusCore
import ApusLink
import CSystem
import Dispatch
import Glibc

/// A program that runs beside the test: read line by line, talked to, left, killed, or waited for.
package final class Running: @unchecked Sendable {
  package struct TimedOut: Error, CustomStringConvertible { package var description: String }

  package let pid: Int32
  package let mark: ProcessMark?
  // All below is touched on the queue alone.
  private let queue = DispatchQueue(label: "apus.testing.running")
  private var input: Int32
  private var output: Int32
  private var errors: Int32
  private var text: [UInt8] = []
  private var isWhole = false

  package init(_ arguments: [String], environment: [String: String], directory: String) throws {
    guard let started = Program.start(arguments, environment: environment, directory: directory) else {
      throw Failure(.internalError, "cannot start \(arguments.joined(separator: " "))")
    }
    (pid, input, output, errors) = (started.pid, started.input, started.output, started.errors)
    mark = Processes.mark(of: started.pid)
  }

  /// The next line it writes, without its end; nil when there are no more.
  package func line(seconds: Double = 120) async throws -> [UInt8]? {
    try await onQueue { try self.nextLine(until: apus_monotonic_milliseconds() + Int64(seconds * 1000)) }
  }

  package func say(_ line: String) async {
    await onQueue {
      var rest = Array((line + "\n").utf8)[...]
      while !rest.isEmpty {
        let got = rest.withUnsafeBytes { write(self.input, $0.baseAddress, $0.count) }
        guard got > 0 else { return }
        rest = rest.dropFirst(got)
      }
    }
  }

  package func closeInput() async { await onQueue { self.shut(&self.input) } }

  /// Stops listening: whatever it writes from now on finds nobody.
  package func leave() async { await onQueue { self.shut(&self.output) } }

  package func kill(_ signal: Int32 = SIGKILL) { _ = mark.map { Processes.signal($0, signal) } }

  /// Waits for its end, reading what it still says.
  package func finish(seconds: Double = 60) async throws -> Outcome {
    try await onQueue {
      let until = apus_monotonic_milliseconds() + Int64(seconds * 1000)
      var said: [UInt8] = []
      while self.output >= 0, let line = try self.nextLine(until: until) { said += line + [10] }
      var complaints: [UInt8] = []
      var chunk = [UInt8](repeating: 0, count: 1 << 12)
      if let mark = self.mark, !ended(mark.pid, start: mark.start, seconds: max(0, seconds)) {
        throw TimedOut(description: "process \(self.pid) did not end in \(seconds) s")
      }
      apus_set_nonblocking(self.errors, 1)
      while case let got = read(self.errors, &chunk, chunk.count), got > 0 { complaints += chunk[..<got] }
      return Outcome(
        status: self.reap(), output: String(decoding: said, as: UTF8.self),
        errors: String(decoding: complaints, as: UTF8.self))
    }
  }

  /// Ends it if it still runs, and lets go of everything.
  package func release() async {
    await onQueue {
      self.kill()
      _ = self.reap()
      self.shut(&self.input)
      self.shut(&self.output)
      self.shut(&self.errors)
    }
  }

  private var status: Int32?

  private func reap() -> Int32 {
    if let status { return status }
    var raw: Int32 = 0
    while waitpid(pid, &raw, 0) < 0, errno == EINTR {}
    let code = raw & 0x7f == 0 ? (raw >> 8) & 0xff : 128 + (raw & 0x7f)
    status = code
    return code
  }

  private func shut(_ descriptor: inout Int32) {
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
  }

  private func nextLine(until: Int64) throws -> [UInt8]? {
    var searched = 0
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      if let end = text[searched...].firstIndex(of: 10) {
        let line = Array(text[..<end])
        text.removeFirst(end + 1)
        return line
      }
      searched = text.count
      if isWhole || output < 0 {
        defer { text = [] }
        return text.isEmpty ? nil : text
      }
      let left = until - apus_monotonic_milliseconds()
      var watched = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
      guard left > 0, poll(&watched, 1, Int32(clamping: left)) > 0 else {
        if left > 0, errno == EINTR { continue }
        throw TimedOut(description: "process \(pid) said nothing in time")
      }
      let got = read(output, &chunk, chunk.count)
      if got > 0 { text += chunk[..<got] } else if got == 0 || errno != EINTR { isWhole = true }
    }
  }

  private func onQueue<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Result { try work() }) }
    }
  }

  private func onQueue(_ work: @escaping @Sendable () -> Void) async {
    await withCheckedContinuation { continuation in
      queue.async {
        work()
        continuation.resume()
      }
    }
  }
}
