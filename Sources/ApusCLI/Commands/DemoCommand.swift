import ApusCore
import ApusWire

struct DemoCommand: Command {
  static let about = About(name: "demo", group: .other, summary: "see it work", example: "apus demo")
  func run(_ context: Context) throws(Failure) -> Int32 { 0 }
}
