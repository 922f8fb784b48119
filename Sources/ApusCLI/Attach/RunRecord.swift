import ApusAgents
import ApusCore
import ApusFrames
import CSystem
import Glibc

/// What is on disk of a run, for who speaks with its agent.
enum RunRecord {
  /// A file from an offset on; empty where there is none.
  static func text(_ path: String, from: UInt64 = 0, until: UInt64 = .max) -> [UInt8] {
    let descriptor = apus_open(path, O_RDONLY, 0)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    lseek(descriptor, off_t(from), SEEK_SET)
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while from + UInt64(bytes.count) < until {
      let wanted = Int(min(UInt64(chunk.count), until - from - UInt64(bytes.count)))
      let got = apus_read_to(descriptor, &chunk, wanted, 0)
      guard got > 0 else { break }
      bytes += chunk[..<got]
    }
    return bytes
  }

  /// How it ended; nil where that is not written down.
  static func ending(_ directory: String) -> KeptEnding? {
    (try? EndingNote(text(directory + "/" + RunFile.ending)))?.ending
  }

  /// Notes which requests of the agent these lines answer: whoever speaks with it next is not asked them again.
  static func answered(by lines: ArraySlice<UInt8>, _ directory: String) {
    var ids: [UInt8] = []
    var rest = lines
    while let end = rest.firstIndex(of: 10) {
      if let id = ClaudeHandover.answered(by: rest[..<end]) { ids += Array(id.utf8) + [10] }
      rest = rest[(end + 1)...]
    }
    guard !ids.isEmpty else { return }
    let descriptor = apus_open(directory + "/" + RunFile.answered, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    guard descriptor >= 0 else { return }
    _ = apus_write_from(descriptor, ids, ids.count, 0)
    close(descriptor)
  }

  /// Ends as the agent did, whose part we played: the exit code to end with, where no signal did it.
  static func end(as ending: KeptEnding) throws(Failure) -> Int32 {
    switch ending {
    case .exit(let code): return code
    case .signal(let number):
      // As it was for the agent, so for whoever waits for us.
      var only = sigset_t()
      sigemptyset(&only)
      sigaddset(&only, number)
      signal(number, SIG_DFL)
      sigprocmask(SIG_UNBLOCK, &only, nil)
      raise(number)
      return 128 + number
    case .neverStarted(let code):
      throw Failure(
        .agentMissing, "claude could not be started: \(String(cString: apus_error_text(code)))",
        hint: "say where it is with APUS_CLAUDE")
    }
  }
}
