import ApusCore
import ApusWire

struct HelpCommand: Command {
  static let about = About(
    name: "help", group: .other, summary: "explain a command, or the settings", example: "apus help settings")

  @Operands("TOPIC", help: "a command, `settings`, or nothing for the overview") var topics
  @Flag("--man", help: "the manual page, as roff") var man

  func run(_ context: Context) throws(Failure) -> Int32 {
    if man {
      context.output.write(ManualPage.text)
      return 0
    }
    guard let topic = topics.first else {
      context.output.write(HelpText.overview)
      return 0
    }
    if topic == "settings" {
      context.output.write(HelpText.settings)
      return 0
    }
    guard let command = Commands.find(topic) else {
      throw Failure(
        .usage, "there is no help on \"\(SessionName.excerpt(topic))\"", hint: "`apus --help` lists the commands")
    }
    context.output.write(HelpText.of(command))
    return 0
  }
}
