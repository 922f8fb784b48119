import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import Glibc
import Testing

/// What the SDK's client heard, a line of `backend.py`.
struct Heard: Decodable, Sendable {
  var `is`: String
  var client: Int32?
  var text: String?
  var result: String?
  var session_id: String?
  var subtype: String?
  var tool: String?
  var code: Int?
}

/// A program that talks with an agent through Anthropic's SDK (`clients/backend.py`).
struct Backend: Sendable {
  static let clients = Checkout.root + "/Tests/ApusStreamTests/clients"
  static let python = ["PYTHONPATH": Checkout.sdk, "PYTHONDONTWRITEBYTECODE": "1"]

  let program: Running
  /// The process the SDK started.
  let client: ProcessMark

  /// Gives the test a connected backend, and ends what is left of it.
  static func with<T: Sendable>(
    _ home: TestHome, _ options: String = "{}", extra: [String: String] = [:],
    sourceLocation: SourceLocation = #_sourceLocation, _ body: (Backend) async throws -> T
  ) async throws -> T {
    let program = try begin(home, options, extra: extra)
    do {
      let first = try await next(program)
      let client = try #require(
        first?.client.flatMap { Processes.mark(of: $0) }, "\(String(describing: first))", sourceLocation: sourceLocation
      )
      let result = try await body(Backend(program: program, client: client))
      await program.release()
      return result
    } catch {
      await program.release()
      throw error
    }
  }

  static func begin(_ home: TestHome, _ options: String, extra: [String: String] = [:]) throws -> Running {
    try Running(
      [Checkout.python, clients + "/backend.py", Checkout.programs + "/apus-claude", options],
      environment: home.environment.merging(python) { $1 }.merging(extra) { $1 }, directory: home.work)
  }

  static func next(_ program: Running) async throws -> Heard? {
    guard let line = try await program.line() else { return nil }
    return try JSONText.decode(Heard.self, from: line)
  }

  /// Reads on until the client heard that.
  @discardableResult
  func hear(
    _ kind: String, sourceLocation: SourceLocation = #_sourceLocation, _ isIt: (Heard) -> Bool = { _ in true }
  ) async throws -> Heard {
    var before: [Heard] = []
    while let heard = try await Self.next(program) {
      if heard.is == kind, isIt(heard) { return heard }
      before.append(heard)
    }
    throw Failure(.internalError, "the backend ended before \(kind): \(before.suffix(3))")
  }

  /// Asks, and reads all that is heard until the turn's result.
  func ask(_ prompt: String) async throws -> [Heard] {
    await program.say(prompt)
    var heard: [Heard] = []
    while let next = try await Self.next(program) {
      heard.append(next)
      if next.is == "ResultMessage" { return heard }
    }
    throw Failure(.internalError, "the backend ended before a result: \(heard)")
  }
}

extension TestHome {
  /// The one session there is.
  func only(sourceLocation: SourceLocation = #_sourceLocation) async throws -> SessionObject {
    let listed = await apus("list", "--all", "--json")
    let all = try JSONText.decode([SessionObject].self, from: Array(listed.output.utf8))
    try #require(all.count == 1, "\(listed.output)", sourceLocation: sourceLocation)
    return try await session("show", all[0].id)
  }

  /// Waits until the session does that; the session then.
  func wait(
    _ id: String, _ activity: Activity, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> SessionObject {
    var now = try await session("show", id)
    _ = await eventually(seconds: 120) {
      now = (try? await session("show", id)) ?? now
      return now.activity == activity
    }
    #expect(now.activity == activity, "\(now)", sourceLocation: sourceLocation)
    return now
  }

  /// What people and agent said on the one chain that ends with the newest line; throws where there is another file or
  /// a line of the conversation that is not on it.
  func chain(_ conversation: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> [String] {
    let files = Disk.everything(below: claudeDirectory + "/projects").map(\.path).filter { $0.hasSuffix(".jsonl") }
    try #require(files.count == 1 && files[0].contains(conversation), "\(files)", sourceLocation: sourceLocation)
    let lines = Disk.bytes(files[0]).split(separator: 10).compactMap { try? JSONText.decode(JSON.self, from: $0) }
    let said = lines.filter { ["user", "assistant"].contains($0["type"]?.string) }
    let parents = Dictionary(
      lines.compactMap { line in line["uuid"]?.string.map { ($0, line["parentUuid"]?.string) } },
      uniquingKeysWith: { $1 })
    var onChain: Set<String> = []
    var at = said.last?["uuid"]?.string
    while let id = at, onChain.insert(id).inserted { at = parents[id] ?? nil }
    for line in said {
      #expect(onChain.contains(line["uuid"]?.string ?? ""), "not on the chain: \(line)", sourceLocation: sourceLocation)
    }
    return said.compactMap { line in
      let content = line["message"]?["content"]
      return content?.string ?? content?.array?.compactMap { $0["text"]?.string }.first
    }
  }
}
