import ApusCore
import ApusWire

struct LogsCommand: Command {
  static let about = About(
    name: "logs", group: .sessions, summary: "show the conversation, or the daemon's log",
    example: "apus logs fix-parser -f",
    more: "With --json the conversation is an array of {\"role\",\"text\"}; with -f as well, one such object a line.")

  @Operands("NAME", help: "a session", completes: .sessions) var names
  @Flag("--follow", "-f", help: "go on as it grows") var follow
  @Flag("--daemon", help: "the daemon's own log instead") var daemon

  func run(_ context: Context) throws(Failure) -> Int32 {
    if daemon {
      guard names.isEmpty else { throw Usage.wrong("logs", "--daemon goes without a NAME") }
      try DaemonLog.show(context, follow: follow)
      return 0
    }
    guard let name = names.first, names.count == 1 else { throw Usage.wrong("logs", "one NAME, or --daemon") }
    var said: [JSON] = []
    var failure: Failure?
    try context.stream(.logs, LogsRequest(session: name, follow: follow)) { bytes in
      do throws(Failure) {
        if context.isJSON, follow {
          context.output.line(bytes)
        } else if context.isJSON {
          said.append(try context.decode(bytes))
        } else {
          context.output.write(Conversation.text(try context.decode(bytes), context.output))
        }
        return true
      } catch {
        failure = error
        return false
      }
    }
    if let failure { throw failure }
    if context.isJSON, !follow { context.output.json(said) }
    return 0
  }
}

/// One utterance as a person reads it.
enum Conversation {
  private static let longestToolText = 20

  static func text(_ said: Utterance, _ output: Output) -> String {
    switch said.role {
    case .user: return output.styled("you", .bold) + "\n" + safe(said.text) + "\n\n"
    case .assistant: return output.styled("claude", .cyan) + "\n" + safe(said.text) + "\n\n"
    case .system: return output.styled(safe(said.text), .dim) + "\n\n"
    case .tool: return tool(said, output) + "\n"
    }
  }

  private static func tool(_ said: Utterance, _ output: Output) -> String {
    guard let isError = said.isError else {
      return output.styled("▸ \(said.tool ?? "tool")", .green) + " "
        + SessionName.excerpt(said.text, of: 400)
    }
    let lines = safe(said.text).split(separator: "\n", omittingEmptySubsequences: false)
    var shown = lines.prefix(longestToolText).map { "  " + $0 }
    if lines.count > longestToolText { shown.append("  … \(lines.count - longestToolText) more lines") }
    return (isError ? output.styled("  failed\n", .red) : "") + shown.joined(separator: "\n") + "\n"
  }

  /// What an agent wrote, without what would steer a terminal; new lines and tabs stay.
  private static func safe(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false)
      .map { line in
        line.split(separator: "\t", omittingEmptySubsequences: false).map { SessionName.printable(String($0)) }.joined(
          separator: "\t")
      }
      .joined(separator: "\n")
  }
}
