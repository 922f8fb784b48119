import ApusCore
import ApusWire

struct CompletionsCommand: Command {
  static let about = About(
    name: "completions", group: .other, summary: "print completions for a shell",
    example: "source <(apus completions bash)")

  @Operand("SHELL", help: "bash, zsh or fish") var shell

  func run(_ context: Context) throws(Failure) -> Int32 {
    switch shell {
    case "bash": context.output.write(Completions.bash)
    case "zsh": context.output.write(Completions.zsh)
    case "fish": context.output.write(Completions.fish)
    default: throw Usage.wrong("completions", "bash, zsh or fish, not \"\(SessionName.excerpt(shell))\"")
    }
    return 0
  }
}
