import ApusCore
import ApusWire
import Glibc
import Testing

/// What tests ask a home again and again.
extension TestHome {
  @discardableResult
  package func run(
    _ arguments: [String], input: String? = nil, extra: [String: String] = [:], directory: String? = nil,
    seconds: Double = 60
  ) async -> Outcome {
    await Program.run(
      [Checkout.programs + "/apus"] + arguments, environment: environment.merging(extra) { $1 },
      directory: directory ?? work, input: input, seconds: seconds)
  }

  /// A line of shell in the home's environment; `apus` is in its PATH.
  package func shell(_ line: String, extra: [String: String] = [:], directory: String? = nil) async -> Outcome {
    await Program.run(
      ["/bin/bash", "-c", line], environment: environment.merging(extra) { $1 }, directory: directory ?? work)
  }

  /// The JSON a command printed, whatever its exit code.
  package func json(
    _ arguments: String..., extra: [String: String] = [:], directory: String? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> JSON {
    let outcome = await run(arguments + ["--json"], extra: extra, directory: directory)
    return try #require(
      try? JSONText.decode(JSON.self, from: Array(outcome.output.utf8)),
      "apus \(arguments.joined(separator: " ")): \(outcome.status) \(outcome.output) \(outcome.errors)",
      sourceLocation: sourceLocation)
  }

  package func verdict(
    _ name: String, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> Verdict {
    let outcome = await run(["check", name, "--json"])
    let items = try JSONText.decode([CheckItem].self, from: Array(outcome.output.utf8))
    return try #require(items.first, sourceLocation: sourceLocation).verdict
  }

  /// Where Claude Code keeps its things in this home.
  package var claudeDirectory: String { environment["CLAUDE_CONFIG_DIR"] ?? person + "/.claude" }

  /// Runs SQL on a file of the store's, which no daemon may have open; the first column of the first row.
  @discardableResult
  package func store(_ sql: String, _ values: String..., file: String = "apus.db") async throws -> String {
    let program = """
      import sqlite3, sys
      store = sqlite3.connect(sys.argv[1])
      row = store.execute(sys.argv[2], sys.argv[3:]).fetchone()
      store.commit()
      store.close()
      print(row[0] if row else "", end="")
      """
    let outcome = await Program.run(
      ["/usr/bin/python3", "-c", program, apusHome + "/" + file, sql] + values, environment: environment,
      directory: "/")
    try #require(outcome.status == 0, "\(sql): \(outcome.errors)")
    return outcome.output
  }

  /// The environment a process was started with.
  package static func environment(of pid: Int) -> [String: String] {
    var variables: [String: String] = [:]
    for entry in Disk.bytes("/proc/\(pid)/environ").split(separator: 0) {
      let text = String(decoding: entry, as: UTF8.self)
      guard let equals = text.firstIndex(of: "=") else { continue }
      variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
    }
    return variables
  }
}
