import CSystem
import Foundation

/// A process that surely is the one that was meant: pid and start time.
package struct ProcessID: Hashable, Sendable {
  package var pid: Int32
  package var start: UInt64

  package init(pid: Int32, start: UInt64) {
    self.pid = pid
    self.start = start
  }

  /// The process that has this pid at the moment; nil when there is none.
  package init?(pid: Int32) {
    var found = apus_process()
    guard apus_process_look(pid, &found) == 0 else { return nil }
    self.init(pid: pid, start: found.start)
  }

  package var isAlive: Bool {
    var found = apus_process()
    guard apus_process_look(pid, &found) == 0, found.start == start else { return false }
    return found.state != CChar(UInt8(ascii: "Z")) && found.state != CChar(UInt8(ascii: "X"))
  }

  package func signal(_ number: Int32) { _ = apus_process_signal(pid, start, number) }

  /// Waits until it has ended.
  package func waitForEnd(seconds: Double = 120) throws {
    let watch = apus_process_watch(pid, start)
    guard watch >= 0 else { return }
    defer { close(watch) }
    guard Wait.readable(watch, seconds: seconds) else {
      throw TestFailure("process \(pid) is still there after \(seconds) s")
    }
  }

  package static func parent(of pid: Int32) -> Int32? {
    var found = apus_process()
    return apus_process_look(pid, &found) == 0 ? found.parent : nil
  }
}

package enum Wait {
  /// Whether something can be read (or the other end is gone) before the time is over.
  package static func readable(_ descriptor: Int32, seconds: Double) -> Bool {
    wait(descriptor, Int16(POLLIN), seconds)
  }

  package static func writable(_ descriptor: Int32, seconds: Double) -> Bool {
    wait(descriptor, Int16(POLLOUT), seconds)
  }

  private static func wait(_ descriptor: Int32, _ events: Int16, _ seconds: Double) -> Bool {
    let deadline = apus_monotonic_milliseconds() + Int64(seconds * 1000)
    while true {
      var one = pollfd(fd: descriptor, events: events, revents: 0)
      let left = max(0, deadline - apus_monotonic_milliseconds())
      let count = poll(&one, 1, Int32(clamping: left))
      if count > 0 { return true }
      if count == 0 { return false }
      guard errno == EINTR else { return false }
    }
  }
}

/// A child of the test.
package enum Child {
  /// Starts a program with its output and errors going to `output` (-1: nowhere), and `ready` as its descriptor 3.
  package static func start(
    _ program: String, _ arguments: [String] = [], environment: [String: String]? = nil, directory: String? = nil,
    output: Int32 = -1, ready: Int32 = -1
  ) throws -> Int32 {
    let variables = (environment ?? ProcessInfo.processInfo.environment).map { "\($0)=\($1)" }
    let argv = ([program] + arguments).flatMap { Array($0.utf8CString) }
    let envp = variables.flatMap { Array($0.utf8CString) }
    var pid: Int32 = 0
    let code = program.withCString { path in
      (directory ?? "/").withCString { place in
        argv.withUnsafeBufferPointer { arguments in
          envp.withUnsafeBufferPointer { environment in
            var plan = apus_spawn_plan(
              program: path, arguments: arguments.baseAddress, argument_bytes: arguments.count,
              environment: environment.baseAddress, environment_bytes: environment.count, directory: place,
              input: -1, output: output, errors: output, ready: ready, terminal: nil)
            return apus_spawn(&plan, &pid)
          }
        }
      }
    }
    guard code == 0 else { throw TestFailure("\(program) cannot be started: error \(code)") }
    return pid
  }

  /// Its exit code; negative: the signal that ended it.
  package static func wait(_ pid: Int32) -> Int32 {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : -signal
  }

  package static func run(_ program: String, _ arguments: [String]) throws -> Int32 {
    wait(try start(program, arguments))
  }
}

/// The programs of this package, as they were built together with the tests.
package enum Built {
  package static func program(_ name: String) throws -> String {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    let path = (own as NSString).deletingLastPathComponent + "/" + name
    guard access(path, X_OK) == 0 else {
      throw TestFailure("\(path) is missing: `swift build --build-tests` makes it")
    }
    return path
  }
}
