import ApusCore
import ApusTerminal
import ApusWire

struct ScreenCommand: Command {
  static let about = About(
    name: "screen", group: .terminals, summary: "print what a session's terminal shows",
    example: "apus screen fix-parser",
    more: "It is drawn from the recording, without the agent noticing; of an ended run, what it showed last.")

  @Operand("NAME", help: "a session", completes: .sessions) var name
  @Flag("--ansi", help: "with colours and attributes") var ansi

  func run(_ context: Context) throws(Failure) -> Int32 {
    let place = try RunFinder.find(name, context)
    guard place.terminal else {
      throw Failure(
        .sessionNotRunning, "\(place.name) (\(place.id)) runs without a terminal",
        hint: "`apus logs \(place.name)` shows its conversation")
    }
    guard let drawn = RecordedScreen.load(directory: place.directory, until: nil) else {
      throw Failure(
        .keeperFailed, "the recording of \(place.name) cannot be read", hint: "`apus doctor` says what may be wrong")
    }
    let screen = drawn.screen
    if context.isJSON {
      context.output.json(ScreenObject(screen))
    } else {
      context.output.write(ansi ? screen.ansi : Array(screen.text.utf8))
    }
    return 0
  }
}
