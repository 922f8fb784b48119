import ApusCore
import ApusWire
import Glibc

/// The processes of runs, each below its parent.
enum ProcessList {
  static func text(_ runs: [RunProcesses], _ output: Output) -> String {
    if runs.isEmpty { return "No session is live.\n" }
    let all = runs.flatMap(\.processes)
    let ports = min(12, max(5, all.map { Width.of(Amount.ports($0.listening)) }.max() ?? 5))
    var text = ""
    if !all.isEmpty {
      text += output.styled(line("PID", "STARTED", "MEMORY", "CPU", "PORTS", ports) + "COMMAND", .dim) + "\n"
    }
    for run in runs {
      text += output.styled(run.name, .bold) + " (\(run.id)) run \(run.run)"
      text += run.processes.isEmpty ? ": nothing of it lives\n" : "\n"
      for process in run.processes { text += row(process, ports, output) + "\n" }
    }
    return text
  }

  private static func row(_ process: ProcessObject, _ ports: Int, _ output: Output) -> String {
    let start = line(
      String(process.pid), started(process), Amount.bytes(process.memory), Amount.percent(process.cpu),
      Amount.ports(process.listening), ports)
    let command = String(repeating: "  ", count: min(process.depth, 8)) + brief(process.command)
    return start + Width.cut(command, max(16, output.columns - Width.of(start)))
  }

  /// The command line with its program's name alone: where that is says little and takes all the room.
  private static func brief(_ command: String) -> String {
    let words = SessionName.printable(command).split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
    let program = words[0].split(separator: "/").last ?? words[0]
    return ([program] + words.dropFirst()).joined(separator: " ")
  }

  private static func line(
    _ pid: String, _ started: String, _ memory: String, _ cpu: String, _ ports: String, _ width: Int
  ) -> String {
    Amount.right(pid, 8) + "  " + Width.fit(started, 8) + " " + Amount.right(memory, 7) + " " + Amount.right(cpu, 5)
      + "  " + Width.fit(ports, width) + "  "
  }

  /// The time of day, or the day where that was longer ago; of this place.
  private static func started(_ process: ProcessObject) -> String {
    clock(secondsAgo: process.age, process.age < 86_400 ? "%H:%M:%S" : "%d %b")
  }

  static func clock(secondsAgo: Double, _ format: String) -> String {
    var moment = time(nil) - Int(secondsAgo)
    var parts = tm()
    localtime_r(&moment, &parts)
    var text = [CChar](repeating: 0, count: 32)
    let length = strftime(&text, text.count, format, &parts)
    return String(decoding: text[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
