import ApusCore
import ApusWire
import CSystem

struct TopCommand: Command {
  static let about = About(
    name: "top", group: .care, summary: "watch what live sessions take: memory, CPU, disk, ports",
    example: "apus top --once",
    more:
      "Every two seconds, the largest first; q leaves. Where there is no terminal it looks once. With --json there is "
      + "one object a line for each look.")

  @Flag("--once", help: "look once") var once

  private static let milliseconds: Int64 = 2000

  func run(_ context: Context) throws(Failure) -> Int32 {
    if context.isJSON {
      while true {
        context.output.json(try look(context))
        if once || context.output.isLeft(afterMilliseconds: Int32(Self.milliseconds)) { return 0 }
      }
    }
    if once || !context.output.isTerminal { return try show(context) }
    // Asked first: an error is told on the terminal as it is.
    var now = try look(context)
    guard let screen = Screen() else { return try show(context) }
    var output = context.output
    while true {
      output.measure()
      screen.draw(LiveTable.lines(now, rows: output.rows, output), output)
      let until = apus_monotonic_milliseconds() + Self.milliseconds
      var isDue = false
      while !isDue {
        switch screen.wait(milliseconds: Int(max(0, until - apus_monotonic_milliseconds()))) {
        case .key(UInt8(ascii: "q")), .key(UInt8(ascii: "Q")), .gone: return 0
        case .key: break
        case .changed:
          output.measure()
          screen.draw(LiveTable.lines(now, rows: output.rows, output), output)
        case .passed: isDue = true
        }
      }
      now = try look(context)
    }
  }

  private func show(_ context: Context) throws(Failure) -> Int32 {
    let lines = LiveTable.lines(try look(context), rows: nil, context.output)
    context.output.write(lines.joined(separator: "\n") + "\n")
    return 0
  }

  private func look(_ context: Context) throws(Failure) -> LiveLook {
    let reply = try context.rawAgain(.list) {
      ListRequest(all: false, resumable: false, owner: nil, tag: nil, limit: nil, figures: true)
    }
    return LiveLook(
      try context.decode(reply), memoryAvailable: Machine.memoryAvailable().map { $0 << 10 }, now: apus_wall_seconds())
  }
}
