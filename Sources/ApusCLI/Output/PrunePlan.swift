import ApusCore
import ApusWire

/// What would go, or went, as a person reads it.
enum PrunePlan {
  static func text(_ items: [PruneItem], _ output: Output) -> String {
    if items.isEmpty { return "Nothing is left of runs that are over.\n" }
    var text = items.map { line($0, mark: "", reason: $0.why, output) + "\n" }.joined()
    let bytes = items.filter { $0.mark == nil }.compactMap(\.bytes).reduce(0, +)
    let memory = items.filter { $0.mark != nil }.compactMap(\.bytes).reduce(0, +)
    text += "\n\(items.count) in all: \(Amount.bytes(memory)) of memory, \(Amount.bytes(bytes)) on disk."
    return text + " Nothing was done; to remove them:\n  apus prune --yes\n"
  }

  static func text(_ outcomes: [PruneOutcome], _ output: Output) -> String {
    if outcomes.isEmpty { return "Nothing is left of runs that are over.\n" }
    return outcomes.map { outcome in
      let mark: String
      switch outcome.result {
      case .removed: mark = output.styled("✓", .green)
      case .gone, .kept: mark = output.styled("·", .cyan)
      case .failed: mark = output.styled("✗", .red)
      }
      let reason = outcome.result.rawValue + (outcome.detail.map { ": \($0)" } ?? "")
      return line(outcome.item, mark: mark + " ", reason: reason, output) + "\n"
    }.joined()
  }

  /// Two lines where one is too narrow: what it is, then why.
  private static func line(_ item: PruneItem, mark: String, reason: String, _ output: Output) -> String {
    let indent = mark.isEmpty ? 0 : 2
    let size = item.bytes.map { Amount.bytes($0) } ?? ""
    let of = item.runID.map { "run \($0)" } ?? "session \(item.session)"
    let who = item.pid.map { "pid \($0) " } ?? ""
    let start = Width.fit(item.kind.rawValue, 10) + who
    let room = max(12, output.columns - indent - Width.of(start) - 9)
    let first = mark + start + Width.fit(SessionName.printable(item.what), room) + "  " + Amount.right(size, 7)
    return first + "\n" + String(repeating: " ", count: indent + 10) + output.styled("\(of): \(reason)", .dim)
  }
}
