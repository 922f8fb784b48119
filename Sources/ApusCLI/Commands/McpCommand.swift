import ApusCore
import CSystem
import Glibc

struct McpCommand: Command {
  static let about = About(
    name: "mcp", group: .together, summary: "serve locks, claims and messages to an agent (MCP over stdio)",
    example: "claude mcp add apus -- apus mcp",
    more: "Sessions that Apus starts have it already, and `apus plugin install` gives it to all others. It speaks "
      + "newline-delimited JSON-RPC on standard input and output, in the revisions of 2024-11-05 to 2026-07-28, and ends "
      + "with its input. Who asks it takes from APUS_RUN or CLAUDE_CODE_SESSION_ID.")

  @Flag("--plugin", help: "called by the plugin: offer nothing where the session has ours already") var isPlugin

  func run(_ context: Context) throws(Failure) -> Int32 {
    let isServed = isPlugin && context.environment["APUS_RUN"].map { !$0.isEmpty } ?? false
    let calls = MCPCalls(context: context)
    let server = MCPServer(tools: isServed ? [] : MCPTool.allCases) { calls.call($0, $1) }
    var lines = MCPLines()
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let got = read(0, &chunk, chunk.count)
      if got < 0, errno == EINTR { continue }
      if got < 0, errno == EAGAIN {
        var more = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
        poll(&more, 1, -1)
        continue
      }
      if got <= 0 { break }
      for line in lines.feed(chunk[..<got]) { say(server.handle(line), context) }
    }
    if let line = lines.finish() { say(server.handle(line), context) }
    return 0
  }

  private func say(_ answers: [[UInt8]], _ context: Context) {
    for answer in answers { context.output.line(answer) }
  }
}
