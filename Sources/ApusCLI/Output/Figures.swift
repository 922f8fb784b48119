import ApusCore
import ApusWire

/// What a session takes of the machine, as far as tables show it.
struct FigureRow: Decodable {
  var id: String
  var memory: Int?
  var cpu: Double?
  var listening: [Int]?
  var disk: Int?
}

/// Amounts in at most seven columns.
enum Amount {
  static func bytes(_ bytes: Int?) -> String {
    guard let bytes else { return "–" }
    let kilobytes = (max(0, bytes) + 1023) >> 10
    if kilobytes < 1000 { return "\(kilobytes) KB" }
    let tenths = (kilobytes * 10) >> 10
    if tenths < 100 { return "\(tenths / 10).\(tenths % 10) MB" }
    if tenths < 10_000 { return "\(tenths / 10) MB" }
    let ofGiga = tenths >> 10
    return ofGiga < 1000 ? "\(ofGiga / 10).\(ofGiga % 10) GB" : "\(ofGiga / 10) GB"
  }

  static func percent(_ share: Double?) -> String {
    guard let share else { return "–" }
    let tenths = Int((share * 10).rounded())
    return tenths == 0 || tenths >= 100 ? "\((tenths + 5) / 10)%" : "\(tenths / 10).\(tenths % 10)%"
  }

  static func ports(_ ports: [Int]?) -> String { (ports ?? []).map { String($0) }.joined(separator: ",") }

  /// Cut off or filled on the left to exactly that many columns.
  static func right(_ text: String, _ columns: Int) -> String {
    String(repeating: " ", count: max(0, columns - Width.of(text))) + Width.cut(text, columns)
  }
}

/// The columns MEMORY, CPU, DISK and PORTS of a table of sessions.
struct FigureColumns {
  private let ports: Int

  init(_ rows: [FigureRow]) {
    ports = min(12, max(5, rows.map { Width.of(Amount.ports($0.listening)) }.max() ?? 5))
  }

  var width: Int { heading.count }
  var heading: String { line("MEMORY", "CPU", "DISK", "PORTS") }

  func row(_ figures: FigureRow?) -> String {
    line(
      Amount.bytes(figures?.memory), Amount.percent(figures?.cpu), Amount.bytes(figures?.disk),
      Amount.ports(figures?.listening))
  }

  private func line(_ memory: String, _ cpu: String, _ disk: String, _ ports: String) -> String {
    " " + Amount.right(memory, 7) + " " + Amount.right(cpu, 5) + " " + Amount.right(disk, 7) + "  "
      + Width.fit(ports, self.ports)
  }
}
