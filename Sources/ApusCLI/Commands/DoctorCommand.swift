import ApusCore
import ApusWire

struct DoctorCommand: Command {
  static let about = About(name: "doctor", group: .care, summary: "say what is wrong and what mends it", example: "apus doctor")
  func run(_ context: Context) throws(Failure) -> Int32 { 0 }
}
