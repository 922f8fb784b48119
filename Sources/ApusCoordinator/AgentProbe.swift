import ApusCore
import ApusLink
import ApusLoop
import ApusWire
import CSystem
import Glibc

/// Finds out which version an agent's program is, and whether it is one we can work with. Asked once per program file:
/// the answer is kept with the file's identity, size and time.
@LoopActor
final class AgentProbe {
  private static let patience = 10_000
  private let store: any Store
  private let children: Children

  init(store: any Store, children: Children) {
    self.store = store
    self.children = children
  }

  /// Throws `agent.missing` or `agent.too_old`; returns the version.
  func check(program: String, environment: [String: String]) async throws -> String {
    let known = await Offload.run { Self.identity(program) }
    guard let known else {
      throw Failure(
        .agentMissing, "there is no claude program at \(SessionName.printable(program))",
        hint: "install Claude Code, or say where it is with APUS_CLAUDE")
    }
    let key = "agent.version:" + known
    let version: String
    if let kept = try store.loadValue(key) {
      version = kept
    } else {
      version = try await ask(program, environment)
      try store.saveValue(key, version)
    }
    let numbers = version.split(separator: ".").map { Int($0) ?? 0 }
    guard !numbers.lexicographicallyPrecedes(Version.oldestClaude) else {
      let oldest = Version.oldestClaude.map(String.init).joined(separator: ".")
      throw Failure(
        .agentTooOld, "the claude program at \(program) is \(version); apus needs \(oldest) or newer",
        hint: "run `claude update`, or name a newer one with APUS_CLAUDE")
    }
    return version
  }

  private nonisolated static func identity(_ program: String) -> String? {
    var facts = stat()
    guard stat(program, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, access(program, X_OK) == 0 else { return nil }
    return "\(facts.st_dev):\(facts.st_ino):\(facts.st_size):\(facts.st_mtim.tv_sec).\(facts.st_mtim.tv_nsec)"
  }

  private func ask(_ program: String, _ environment: [String: String]) async throws -> String {
    let (output, status) = await run([program, "--version"], environment)
    let first = output.split(separator: "\n").first.map(String.init) ?? ""
    let version = first.prefix { $0.isNumber || $0 == "." }
    guard status == 0, version.split(separator: ".").count == 3 else {
      throw Failure(
        .agentMissing,
        "\(program) is no Claude Code: `--version` "
          + (status == 0 ? "says \"\(SessionName.excerpt(first))\"" : "failed"),
        hint: "say where Claude Code is with APUS_CLAUDE")
    }
    return String(version)
  }

  /// Runs a program with nothing on its input; its output (at most 4 MiB) and raw status (-1: it did not end in time
  /// or could not be started).
  func run(_ arguments: [String], _ environment: [String: String]) async -> (String, Int32) {
    guard
      let child = ChildProgram.start(arguments, environment: environment, directory: "/", pipes: .output)
    else { return ("", -1) }
    apus_set_nonblocking(child.output, 1)
    var seen = apus_process()
    apus_process_look(child.pid, &seen)
    let pipe = Descriptor(child.output)
    var output: [UInt8] = []
    let status: Int32 = await withCheckedContinuation { continuation in
      let answer = Answer<Int32>(continuation)
      let timer = Timers.shared.after(Self.patience) {
        apus_process_signal(child.pid, seen.start, SIGKILL)
        answer.give(-1)
      }
      pipe.onReadable = {
        var chunk = [UInt8](repeating: 0, count: 4096)
        let got = read(pipe.number, &chunk, chunk.count)
        if got > 0, output.count < 1 << 22 { output += chunk[..<got] }
        if got == 0 { pipe.close() }
      }
      pipe.watch()
      children.whenEnded(child.pid) { status in
        Timers.shared.cancel(timer)
        answer.give(status)
      }
    }
    // What it wrote before it ended may still be in the pipe.
    var chunk = [UInt8](repeating: 0, count: 4096)
    while pipe.isOpen {
      let got = read(pipe.number, &chunk, chunk.count)
      guard got > 0 else { break }
      output += chunk[..<got]
    }
    pipe.close()
    return (String(decoding: output, as: UTF8.self), status)
  }
}
