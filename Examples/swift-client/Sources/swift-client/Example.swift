import ApusClient

/// Starts a session, prints what happens until its turn is over, asks it once more under a lock, and ends its run.
///
///     swift run swift-client DIRECTORY "what to do"
@main
struct Example {
  static func main() async {
    let words = CommandLine.arguments.dropFirst()
    guard words.count == 2, let directory = words.first, let prompt = words.last else {
      print("usage: swift-client DIRECTORY PROMPT")
      return
    }
    do { try await run(in: directory, prompt) } catch let error as ApusError {
      print("error: \(error.summary)")
      if let hint = error.hint { print("hint: \(hint)") }
    } catch { print("error: \(error)") }
  }

  static func run(in directory: String, _ prompt: String) async throws {
    let apus = try Apus()
    var options = SessionOptions(name: "example-\(UInt16.random(in: .min ... .max))", directory: directory)
    options.prompt = prompt
    options.owner = "swift-client"
    let session = try await apus.create(options)
    print("\(session.name) (\(session.id)) on \(session.model ?? "its usual model")")

    // Leaving the loop closes the connection; the session does not notice.
    var next = 0
    events: for try await event in session.events() {
      next = event.number + 1
      switch event.kind {
      case .said where event.detail["role"]?.string == "assistant":
        print("says: \(event.detail["text"]?.string ?? "")")
      case .permissionAsked:
        print("asks for \(event.detail["tool"]?.string ?? "something"): denied")
        try await session.permit(false, message: "This is only an example.")
      case .promptFinished: break events
      default: print("  \(event.number) \(event.kind.rawValue)")
      }
    }

    // Nobody else has the lock meanwhile, in this program or any other.
    try await apus.withLock("example", in: directory, note: "to show how") { lock in
      print("has the lock \(lock.names[0]), token \(lock.token)")
      let answer = try await session.send("And in one word?", wait: true)
      print("answers: \(answer.result ?? "nothing")")
    }

    // From where we left: nothing was missed.
    for try await event in session.events(from: next, follow: false) {
      print("  \(event.number) \(event.kind.rawValue)")
    }
    try await session.stop()
    print("ended; can be resumed: \(try await session.verdict().resumable)")
  }
}
