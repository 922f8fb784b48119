import ApusCore
import Foundation
import ApusTesting
import ApusWire
import Testing

@testable import ApusServer

@Suite("the API describes itself") struct OpenAPITests {
  private func document() throws -> JSON { try JSONText.decode(from: OpenAPI.document) }

  @Test func `every route is described, once, and has a name of its own`() throws {
    let document = try document()
    for route in RouteTable.all {
      let operation = document["paths"]?[route.path]?[route.method.rawValue.lowercased()]
      #expect(operation?["operationId"]?.string == route.name, "\(route.path)")
    }
    #expect(Set(RouteTable.all.map(\.name)).count == RouteTable.all.count)
    #expect(Set(RouteTable.all.map { $0.method.rawValue + $0.path }).count == RouteTable.all.count)
  }

  @Test func `no two routes answer to one path`() {
    for route in RouteTable.all {
      let asked = route.parts.map { $0.hasPrefix("{") ? "zzz" : $0 }
      let others = RouteTable.all.filter { $0.method == route.method && $0.match(asked) != nil }
      #expect(others.map(\.name) == [route.name])
    }
  }

  @Test func `whatever is referred to is there`() throws {
    let text = String(decoding: OpenAPI.document, as: UTF8.self)
    let names = Set(Components.all.map(\.key))
    for piece in text.components(separatedBy: "#/components/schemas/").dropFirst() {
      #expect(names.contains(String(piece.prefix { $0 != "\"" })))
    }
  }

  @Test func `what is asked as it says is never refused or answered otherwise`() async throws {
    try await TestHome.withRepository(agent: Checkout.scriptedAgent) { home in
      let knock = try await Knock.at(home)
      let one = try await home.session("new", "one", "--here", "--prompt", "say: hi", "--wait")
      guard case .tcp(let port) = knock.door else { return }
      let url = "http://127.0.0.1:\(port)"
      // Half of the paths name a session that is there, whatever else is made up.
      let common = TestHome.text(Checkout.root + "/Tests/ApusServerTests/schemathesis.toml")
      TestHome.write(common + "\n[parameters]\n\"path.session\" = \"\(one.id)\"\n", to: home.root + "/st.toml")
      let outcome = await Program.run(
        [
          Checkout.python, "-m", "schemathesis.cli", "--config-file", home.root + "/st.toml", "run",
          url + "/v1/openapi.json", "-H", "Authorization: Bearer \(knock.token ?? "")", "--phases",
          "examples,coverage,fuzzing", "-n", getenv("APUS_SOAK") == nil ? "12" : "60", "--generation-database", "none",
          "--no-color",
          // These answer when something happens, or go on for ever: they have tests of their own.
          "--exclude-path", "/v1/events", "--exclude-path", "/v1/sessions/{session}/wait",
          "--exclude-path", "/v1/sessions/{session}/terminal",
        ], environment: home.environment, directory: home.work, seconds: 600)
      #expect(outcome.status == 0, "\(outcome.output.suffix(8000))\n\(outcome.errors)")
      #expect(outcome.output.contains("Test cases:"))
    }
  }
}

@Suite("answers are as they are described") struct ComponentTests {
  private func schema(_ name: String) -> JSON {
    Components.all.first { $0.key == name }?.value.json ?? .null
  }

  /// Every key that is encoded is described, and every one that is described as always there is there.
  private func compare(_ name: String, _ value: some Encodable) throws {
    let json: JSON = try JSONText.decode(from: JSONText.encode(value))
    let keys = Set(json.object.map { Array($0.keys) } ?? [])
    let properties = Set(schema(name)["properties"]?.object.map { Array($0.keys) } ?? [])
    let required = Set(schema(name)["required"]?.array?.compactMap(\.string) ?? [])
    #expect(keys.subtracting(properties).isEmpty, "\(name) says more: \(keys.subtracting(properties))")
    #expect(required.subtracting(keys).isEmpty, "\(name) says less: \(required.subtracting(keys))")
  }

  @Test func `objects have the keys that are described`() throws {
    let spec = SpawnSpec(program: "/c", model: nil, permissionMode: "manual", maxTurns: nil, environment: [:])
    let session = Session(id: "a7f3", name: "one", conversationID: "c", directory: "/", spec: spec, createdAt: 0)
    var object = SessionObject(
      session: session, activity: .idle, activitySource: "stream", activityAge: 0, needs: [], doing: nil,
      verdict: .unknownSession, pid: nil, keeperPID: nil, now: 0)
    try compare("Session", object)
    (object.result, object.notes) = ("r", ["n"])
    try compare("Session", object)
    try compare("Verdict", Verdict.unknownSession)
    try compare("Utterance", Utterance(role: .user, text: "t"))
    try compare("Utterance", Utterance(role: .tool, text: "t", id: "i", tool: "Bash", isError: false))
    try compare("PermissionRequest", PermissionRequest(id: "i", tool: "t", input: .null, reason: "r"))
    try compare("Event", EventObject(Event(n: 0, at: 0, session: "a", run: 1, kind: .created, detail: .null)))
    try compare("Failure", Failure(.usage, "s", hint: "h"))
    try compare("Port", PortObject(port: 1))
    try compare("Status", StatusReply(version: "", pid: 1, home: "", startedAt: "", sessions: 0, live: 0))
    try compare("Finding", Finding(.note, "w", mend: "m"))
    try compare("Conflicts", ConflictsReply(pairs: 0, conflicts: []))
    try compare(
      "Removal",
      RemoveReply(session: "s", worktree: "w", branch: "b", ports: [:], against: [], removed: true, rescue: "r"))
    let token = AccessToken(id: "i", digest: "d", grant: AccessGrant(scope: .read, owner: "o"), createdAt: 0)
    try compare("Token", TokenObject(token, scope: "read", text: "t"))
    try compare("Owner", LockOwner(id: "i", name: "n", isSession: true))
    try compare(
      "LockReply",
      LockReply(
        ticket: "t", granted: true, names: [], tokens: [:], owner: LockOwner(id: "i", name: "n", isSession: true)))
    try compare(
      "Notice", NoticeObject(Notice(session: "s", kind: .told, from: "f", text: "t", at: 0, wakes: false), now: 0))
    try compare("Diff", DiffObject(session: "s", base: "main", commit: "c", files: [], patch: "", cut: false))
    var branch = BranchReply(session: "s", branch: "b", base: "m")
    (branch.commit, branch.url, branch.tests) = ("c", "u", Place.TestOutcome(passed: true, seconds: 1, tree: "t"))
    try compare("BranchReply", branch)
    let process = ProcessObject(
      pid: 1, parent: 0, start: 1, startedAt: 0, age: 0, role: .agent, state: "S", command: "c", memory: nil, cpu: 0,
      listening: [], depth: 0)
    try compare("RunProcesses", RunProcesses(id: "i", name: "n", run: 1, processes: [process]))
    try compare("Compared", ComparedObject(name: "n", branch: "b", seconds: 0, tokens: Tokens(), cost: 0))
    try compare(
      "Rescue",
      RescueObject(id: "i", ref: "r", commit: "c", kind: "k", name: "n", branch: "b", at: "a", age: 0, repository: "/"))
    try compare("Recovered", RecoverItem(session: session, verdict: .unknownSession, now: 0))
    try compare("Hold", Hold(.turn, id: "i", name: "n", since: 0))
  }
}
