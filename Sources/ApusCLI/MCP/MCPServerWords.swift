import ApusCore
import ApusWire

extension MCPWords {
  private static let mostLines = 20

  /// Development servers. What they wrote is theirs: quoted line by line.
  static func servers(_ servers: [DevServerObject]) -> MCPResult {
    var texts: [String] = []
    var rows: [JSON] = []
    for server in servers {
      let pending = server.change - server.loaded
      var row: [String: JSON] = [
        "name": .string(server.name), "health": .string(server.health.rawValue),
        "change": .integer(Int64(server.change)), "loaded": .integer(Int64(server.loaded)),
        "reload": .bool(server.reload), "holds": .array(server.holds.map { .string($0.words) }),
      ]
      row["port"] = server.port.map { .integer(Int64($0)) }
      row["session"] = server.session.map { .string($0) }
      row["last"] = server.lastWords.map { .string($0) }
      let place = server.port.map { " on port \($0)" } ?? ""
      var text = "\(server.name)\(place): \(server.health.rawValue), change \(server.change)"
      text += pending > 0 ? ", \(pending) not loaded yet" : ", all loaded"
      if !server.holds.isEmpty { text += "; held: " + server.holds.map(\.words).joined(separator: ", ") }
      if !server.reload { text += "; it reloads only when asked (dev_reload)" }
      if let problem = server.problem { text += "; \(SessionName.excerpt(problem, of: 200))" }
      if let last = server.last, last.kind != .healthy, !server.lines.isEmpty {
        let lines = server.lines.suffix(mostLines).map { "> " + SessionName.excerpt($0, of: 300) }
        text += ". It did not come up; its last lines:\n" + lines.joined(separator: "\n")
        row["lines"] = .array(server.lines.suffix(mostLines).map { .string(SessionName.excerpt($0, of: 300)) })
      }
      texts.append(text)
      rows.append(.object(row))
    }
    let text = texts.isEmpty ? "No development server runs here." : texts.joined(separator: "\n")
    return MCPResult(text: text, structured: shown(rows, as: "servers"))
  }
}
