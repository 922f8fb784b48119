import ApusCore
import ApusWire
import CSystem
import Glibc

/// One look at what the live sessions take, as `apus top` tells it.
struct LiveLook: Encodable {
  var at: String
  /// How many there are, live or not.
  var sessions: Int
  var live: Int
  /// Bytes the live ones share of the machine's memory, and bytes it still has for programs.
  var memory: Int
  var memoryAvailable: Int?
  var cpu: Double
  /// The live ones, the largest first.
  var table: [SessionObject]

  init(_ all: [SessionObject], memoryAvailable: Int?, now: Moment) {
    at = MomentText.iso(now)
    sessions = all.count
    table = all.filter(\.state.isLive).sorted { ($0.memory ?? -1, $1.name) > ($1.memory ?? -1, $0.name) }
    live = table.count
    memory = table.compactMap(\.memory).reduce(0, +)
    cpu = (table.compactMap(\.cpu).reduce(0, +) * 10).rounded() / 10
    self.memoryAvailable = memoryAvailable
  }

  private enum CodingKeys: String, CodingKey { case at, sessions, live, memory, memoryAvailable, cpu, table }

  func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(at, forKey: .at)
    try fields.encode(sessions, forKey: .sessions)
    try fields.encode(live, forKey: .live)
    try fields.encode(memory, forKey: .memory)
    try fields.encode(memoryAvailable, forKey: .memoryAvailable)
    try fields.encode(cpu, forKey: .cpu)
    try fields.encode(table, forKey: .table)
  }
}

/// The live sessions as a table, with a line of totals above it.
enum LiveTable {
  /// No line is longer than the output is wide; with `rows` there are no more lines than that.
  static func lines(_ look: LiveLook, rows: Int?, _ output: Output) -> [String] {
    let figures = look.table.map {
      FigureRow(id: $0.id, memory: $0.memory, cpu: $0.cpu, listening: $0.listening, disk: $0.disk)
    }
    let columns = FigureColumns(figures)
    let names = min(max(8, output.columns / 6), max(8, look.table.map { Width.of($0.name) }.max() ?? 8))
    var totals = "\(look.live) of \(look.sessions) sessions live, \(Amount.bytes(look.memory)), "
    totals += "\(Amount.percent(look.cpu)) CPU"
    if let available = look.memoryAvailable { totals += "; \(Amount.bytes(available)) available" }
    var lines = [output.styled(Width.cut(totals, output.columns), .bold)]
    let room = max(0, output.columns - (8 + names + 2 + 10 + columns.width + 2))
    func line(_ id: String, _ name: String, _ activity: String, _ takes: String, _ what: String) -> String {
      let start = "  " + Width.fit(id, 6) + Width.fit(name, names) + "  " + Width.fit(activity, 10) + takes
      let line = room < 8 ? start : start + "  " + Width.cut(what, room)
      return String(line.reversed().drop { $0 == " " }.reversed())
    }
    lines.append(output.styled(line("ID", "NAME", "ACTIVITY", columns.heading, "DOING"), .dim))
    let shown = rows.map { max(0, $0 - 3) } ?? look.table.count
    for (session, takes) in zip(look.table, figures).prefix(shown) {
      let activity = session.state == .running ? session.activity.rawValue : session.state.rawValue
      let doing = SessionName.printable(session.needs.first.map { "allow \($0.brief)?" } ?? session.doing ?? "")
      lines.append(line(session.id, session.name, activity, columns.row(takes), doing))
    }
    if look.table.count > shown { lines.append("  … \(look.table.count - shown) more") }
    return lines
  }
}

/// A terminal that is drawn on again and again. It is given back as it was found, whatever ends the program.
struct Screen: ~Copyable {
  private static let enter = StaticString("\u{1B}[?1049h\u{1B}[?25l\u{1B}[2J")
  private static let leave = StaticString("\u{1B}[?25h\u{1B}[?1049l")

  /// Nil where there is no terminal to draw on and to read keys from.
  init?() {
    let (enter, leave) = (Self.enter.utf8Start, Self.leave.utf8Start)
    let taken = enter.withMemoryRebound(to: CChar.self, capacity: Self.enter.utf8CodeUnitCount) { enter in
      leave.withMemoryRebound(to: CChar.self, capacity: Self.leave.utf8CodeUnitCount) { leave in
        apus_screen_take(enter, leave)
      }
    }
    guard taken == 0 else { return nil }
  }

  deinit { apus_screen_give_back() }

  func draw(_ lines: [String], _ output: Output) {
    output.write("\u{1B}[H" + lines.map { $0 + "\u{1B}[K" }.joined(separator: "\n") + "\u{1B}[J")
  }

  enum Wait { case passed, key(UInt8), changed, gone }

  /// Until the time has passed, a key was pressed, the screen changed or its terminal went away.
  func wait(milliseconds: Int) -> Wait {
    if apus_screen_has_changed() != 0 { return .changed }
    var keys = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    let count = poll(&keys, 1, Int32(milliseconds))
    if apus_screen_has_changed() != 0 { return .changed }
    guard count > 0 else { return .passed }
    var key: UInt8 = 0
    return read(STDIN_FILENO, &key, 1) == 1 ? .key(key) : .gone
  }
}
