import ApusCore

/// Servers of tools, as Claude Code wants them written down (claude-contract §6; real-cli §7).
package enum ClaudeServers {
  /// Ours. Its tools are called `mcp__apus__…`; those of a plugin have a longer name.
  package static let name = "apus"
  /// The permission rule for all tools of ours: they change nothing but our own records, and have development servers load what is there.
  package static let rule = "mcp__\(name)"

  /// A file for `--mcp-config`, and a plugin's `.mcp.json`.
  package static func configuration(program: String, arguments: [String] = ["mcp"]) throws -> [UInt8] {
    try JSONText.encode(json(program: program, arguments: arguments))
  }

  static func json(program: String, arguments: [String]) -> JSON {
    let server: [String: JSON] = [
      "type": .string("stdio"), "command": .string(program), "args": .array(arguments.map { .string($0) }),
    ]
    return .object(["mcpServers": .object([name: .object(server)])])
  }
}
