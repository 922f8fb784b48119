import ApusCore
import ApusLink
import ApusWire
import CSystem
import Glibc

/// `apus events NAME -f`, read one event at a time. Not for two tasks at once.
package final class EventFeed: @unchecked Sendable {
  package let program: Running
  /// Everything read so far.
  package private(set) var seen: [EventObject] = []

  init(_ program: Running) { self.program = program }

  /// Nil when the feed ended: its daemon went away, or the test left it.
  package func next(seconds: Double = 120) async throws -> EventObject? {
    guard let line = try await program.line(seconds: seconds) else { return nil }
    let event = try JSONText.decode(EventObject.self, from: line)
    seen.append(event)
    return event
  }

  /// Reads on until there is such an event, and returns it.
  @discardableResult
  package func until(
    _ kind: Event.Kind, seconds: Double = 120, _ isIt: (EventObject) -> Bool = { _ in true }
  ) async throws -> EventObject {
    while let event = try await next(seconds: seconds) {
      if event.type == kind.rawValue, isIt(event) { return event }
    }
    throw Failure(.internalError, "the events ended before \(kind.rawValue); last: \(seen.suffix(3).map(\.type))")
  }
}

extension TestHome {
  /// A command of `apus` that runs beside the test.
  package func begin(_ arguments: String..., directory: String? = nil) throws -> Running {
    try Running([Checkout.programs + "/apus"] + arguments, environment: environment, directory: directory ?? work)
  }

  /// Follows a session's events from number `from` on, and leaves them at the end.
  package func follow<T>(_ name: String, from: Int = 0, _ body: (EventFeed) async throws -> T) async throws -> T {
    let feed = EventFeed(try begin("events", name, "--from", String(from), "-f"))
    do {
      let result = try await body(feed)
      await feed.program.release()
      return result
    } catch {
      await feed.program.release()
      throw error
    }
  }

  /// All that happened to a session so far.
  package func events(_ name: String, from: Int = 0) async throws -> [EventObject] {
    let outcome = await apus("events", name, "--from", String(from))
    return try outcome.output.utf8.split(separator: 10).map { try JSONText.decode(EventObject.self, from: $0) }
  }

  /// What was said in the conversation.
  package func conversation(_ name: String) async throws -> [Utterance] {
    let outcome = await apus("logs", name, "--json")
    return try JSONText.decode([Utterance].self, from: Array(outcome.output.utf8))
  }

  /// The home's daemon, found by what it carries, not by what a file says.
  package func daemon() -> ProcessMark? {
    processes().first { apus_process_environment_has($0.pid, "APUS_ROLE=daemon") == 1 }
  }

  /// Every living process of a session's latest run, what its tools left included; the keeper is none of them.
  package func tree(_ session: SessionObject) -> [ProcessMark] {
    Processes.carrying("APUS_RUN=" + runDirectory(session)).filter { Int($0.pid) != session.keeperPID }
  }

  package func runDirectory(_ session: SessionObject) -> String { "\(apusHome)/runs/\(session.id)/\(session.run)" }

  package func recording(_ session: SessionObject) -> [UInt8] { Self.bytes(runDirectory(session) + "/recording") }

  package static func bytes(_ path: String) -> [UInt8] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 18)
    while case let got = fread(&chunk, 1, chunk.count, file), got > 0 { bytes += chunk[..<got] }
    return bytes
  }
}

extension SessionObject {
  package var agentMark: ProcessMark? { pid.flatMap { Processes.mark(of: Int32($0)) } }
  package var keeperMark: ProcessMark? { keeperPID.flatMap { Processes.mark(of: Int32($0)) } }
}

extension [EventObject] {
  package func of(_ kind: Event.Kind) -> [EventObject] { filter { $0.type == kind.rawValue } }

  /// What the agent said in answer, in order.
  package var answers: [String] {
    of(.said).filter { $0.detail["role"]?.string == "assistant" }.compactMap { $0.detail["text"]?.string }
  }

  /// Numbers from the first one on without a gap or a repetition.
  package var areContiguous: Bool { enumerated().allSatisfy { $1.n == $0 + (first?.n ?? 0) } }
}
