import ApusTerminal
import ApusTestKit
import Foundation

/// A tmux server of a test's own, at a socket in a directory of its own. It ends with this, or with the tests.
final class Tmux: Sendable {
  private let directory: TemporaryDirectory
  private let socket: String
  static let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path

  init() throws {
    directory = try TemporaryDirectory()
    socket = directory.path + "/s"
    try directory.write("conf", "set -g status off\nset -g history-limit 0\nset -g default-terminal tmux-256color\n")
    // A server ends with its last session.
    _ = try run(["new-session", "-d", "-s", "first", "exec tail --pid=\(getpid()) -f /dev/null"])
  }

  deinit { _ = try? run(["kill-server"]) }

  private func run(_ arguments: [String]) throws -> [UInt8] {
    let (output, code) = try Captured.run(
      "/usr/bin/tmux", ["-u", "-S", socket, "-f", directory.path + "/conf"] + arguments)
    guard code == 0 else { throw TestFailure("tmux \(arguments): \(String(decoding: output, as: UTF8.self))") }
    return output
  }

  /// What a pane of that size shows after those bytes: its lines, and each with SGR sequences.
  func show(_ bytes: [UInt8], rows: Int, columns: Int) throws -> (lines: [String], ansi: [[UInt8]]) {
    let name = "n" + UUID().uuidString
    try directory.write(name, bytes)
    let command = "exec '\(Self.here)/replay' '\(directory.path)/\(name)' \(name) \(getpid())"
    _ = try run(["new-session", "-d", "-s", name, "-x", "\(columns)", "-y", "\(rows)", command])
    _ = try run(["wait-for", name])
    let text = try run(["capture-pane", "-p", "-t", name])
    let ansi = try run(["capture-pane", "-p", "-e", "-t", name])
    _ = try run(["kill-session", "-t", name])
    let split = { (all: [UInt8]) in
      all.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast().map { Array($0) }
    }
    return (split(text).map { String(decoding: $0, as: UTF8.self) }, split(ansi))
  }
}

/// A program's output.
enum Captured {
  static func run(
    _ program: String, _ arguments: [String], environment: [String: String]? = nil
  ) throws -> (output: [UInt8], code: Int32) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw TestFailure("no pipe: errno \(errno)") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(ends[0]) }
    var variables = ProcessInfo.processInfo.environment
    variables["LC_ALL"] = "C.UTF-8"
    variables["TMUX"] = nil
    variables["TERM"] = "xterm-256color"
    for (key, value) in environment ?? [:] { variables[key] = value }
    let pid = try Child.start(program, arguments, environment: variables, output: ends[1])
    close(ends[1])
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(ends[0], &buffer, buffer.count)
      if count <= 0 { break }
      all += buffer[..<count]
    }
    return (all, Child.wait(pid))
  }

  /// What a program writes to a terminal of that size. Its home is a directory of its own.
  static func record(
    _ steps: [String], _ program: [String], rows: Int, columns: Int, in directory: TemporaryDirectory
  ) throws -> [UInt8] {
    let file = "recorded-\(rows)x\(columns)"
    let (output, code) = try run(
      "/usr/bin/python3",
      [Tmux.here + "/record", "\(rows)", "\(columns)", directory.path + "/" + file] + steps + ["--"] + program,
      environment: ["HOME": directory.path])
    guard code == 0, let bytes = directory.load(file) else {
      throw TestFailure("\(program): \(String(decoding: output, as: UTF8.self))")
    }
    return bytes
  }
}
