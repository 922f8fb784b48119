import ApusCore
import ApusWire

struct VersionCommand: Command {
  static let about = About(name: "version", group: .other, summary: "print the version", example: "apus version")

  private struct Reply: Encodable { var version = Version.text }

  func run(_ context: Context) throws(Failure) -> Int32 {
    if context.isJSON { context.output.json(Reply()) } else { context.output.write("apus \(Version.text)\n") }
    return 0
  }
}
