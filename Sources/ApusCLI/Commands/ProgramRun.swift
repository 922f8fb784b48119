import ApusLink
import CSystem
import Glibc

/// A program that is run to its end while we wait: what it said.
struct ProgramRun {
  /// The exit code; 128 and more for a signal; nil where it could not be started, or took too long and was ended.
  var status: Int32?
  var output: [UInt8] = []
  var errors: [UInt8] = []

  init(_ arguments: [String], environment: [String: String], directory: String, seconds: Int64) {
    guard
      let child = ChildProgram.start(
        arguments, environment: environment, directory: directory, pipes: [.output, .errors])
    else { return }
    let until = apus_monotonic_milliseconds() + seconds * 1000
    var open = [child.output, child.errors]
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while !open.isEmpty {
      var watched = open.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      let left = until - apus_monotonic_milliseconds()
      guard left > 0 else { break }
      guard poll(&watched, nfds_t(watched.count), Int32(clamping: left)) > 0 else { continue }
      for one in watched where one.revents != 0 {
        let got = read(one.fd, &chunk, chunk.count)
        if got < 0, errno == EINTR { continue }
        if got > 0 {
          if one.fd == child.output { output += chunk[..<got] } else { errors += chunk[..<got] }
        } else {
          close(one.fd)
          open.removeAll { $0 == one.fd }
        }
      }
    }
    let isLate = !open.isEmpty
    for descriptor in open { close(descriptor) }
    if isLate { kill(child.pid, SIGKILL) }
    var code: Int32 = 0
    while waitpid(child.pid, &code, 0) < 0, errno == EINTR {}
    if !isLate { status = code & 0x7f == 0 ? (code >> 8) & 0xff : 128 + (code & 0x7f) }
  }

  /// The last line of what it said, of the errors before the rest.
  var lastWord: String {
    for bytes in [errors, output] {
      let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
      if let last = lines.last(where: { $0.contains { !$0.isWhitespace } }) { return String(last.prefix(300)) }
    }
    return ""
  }
}
