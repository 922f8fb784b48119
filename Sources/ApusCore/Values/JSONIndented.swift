extension JSON {
  /// As text for people, keys sorted, two blanks a level. What is short stands on one line.
  package var indented: String { text(0) }

  private static let shortest = 80

  private func text(_ level: Int) -> String {
    let plain = (try? JSONText.string(self)) ?? "null"
    if plain.utf8.count + 2 * level <= Self.shortest { return plain }
    let inner = String(repeating: "  ", count: level + 1)
    let end = "\n" + String(repeating: "  ", count: level)
    switch self {
    case .array(let values):
      return "[\n" + values.map { inner + $0.text(level + 1) }.joined(separator: ",\n") + end + "]"
    case .object(let fields):
      let lines = fields.sorted { $0.key < $1.key }.map { key, value in
        inner + ((try? JSONText.string(key)) ?? "") + ": " + value.text(level + 1)
      }
      return "{\n" + lines.joined(separator: ",\n") + end + "}"
    case .null, .bool, .integer, .number, .string: return plain
    }
  }
}
