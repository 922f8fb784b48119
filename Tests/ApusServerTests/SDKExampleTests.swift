import ApusCore
import ApusTesting
import ApusWire
import CSystem
import Foundation
import Testing

/// The backend on the SDK, as it is, with one program or another for an agent.
@Suite("example on the SDK") struct SDKExampleTests {
  @Test(arguments: ["claude", "apus-claude"])
  func `a backend on the SDK takes its conversations up again after a reload`(program: String) async throws {
    try await TestHome.with(slots: 2) { home in
      let id = UUID().uuidString.lowercased()
      try await Backend.with("sdk-backend", home, Self.environment(program)) { backend in
        let begun = try await backend.knock.ask(
          "PUT", "/conversations/\(id)", #"{"directory":"\#(home.work)","prompt":"bash: touch made then say: one"}"#)
        #expect(begun.status == 200, "\(begun.body)")
        let phone = Phone(backend.knock, id)
        var seen = try await phone.follow([]) { !$0.filter(\.isQuestion).isEmpty }
        let request = try #require(seen.first { $0.isQuestion }?.data["id"]?.string)
        #expect(
          try await backend.knock.post("/conversations/\(id)/permissions/\(request)", #"{"allow":true}"#).status == 200)
        seen = try await phone.follow(seen) { $0.contains { $0.says("one") } }
        #expect(access(home.work + "/made", F_OK) == 0)

        let before = seen
        async let cutOff = phone.follow(before) { _ in false }
        backend.save()
        seen = try await cutOff
        try await backend.reloaded()
        let asked = try await backend.knock.post("/conversations/\(id)/prompts", #"{"text":"say: two"}"#)
        #expect(asked.status == 202)
        seen = try await phone.follow(seen) { $0.contains { $0.says("two") } }
        try await expectOnce(seen, backend, id)
      }
      // Its end is theirs: nothing of them is left.
      #expect(await eventually { home.processes().isEmpty || program != "claude" })
    }
  }

  @Test(arguments: [true, false])
  func `an agent below apus-claude goes on while its backend reloads, where it persists`(persists: Bool) async throws {
    try await TestHome.with { home in
      let id = UUID().uuidString.lowercased()
      var environment = Self.environment("apus-claude")
      if persists { environment["PERSIST_CLAUDE_SESSIONS"] = "true" }
      mkfifo(home.work + "/gate", 0o600)
      let before = try await Backend.with("sdk-backend", home, environment) { backend in
        _ = try await backend.knock.ask(
          "PUT", "/conversations/\(id)",
          #"{"directory":"\#(home.work)","prompt":"bash: cat gate > seen then say: done"}"#)
        let phone = Phone(backend.knock, id)
        let asked = try await phone.follow([]) { $0.contains(where: \.isQuestion) }
        let request = try #require(asked.first { $0.isQuestion }?.data["id"]?.string)
        _ = try await backend.knock.post("/conversations/\(id)/permissions/\(request)", #"{"allow":true}"#)
        var gate: Int32 = -1
        #expect(
          await eventually {
            gate = open(home.work + "/gate", O_WRONLY | O_NONBLOCK)
            return gate >= 0
          })
        let before = try await session(home, id)
        var seen = asked
        if persists {
          async let cutOff = phone.follow(asked) { _ in false }
          backend.save()
          seen = try await cutOff
        }
        write(gate, "x", 1)
        close(gate)
        if persists { try await backend.reloaded() }
        seen = try await phone.follow(seen) { $0.contains { $0.says("done") } }
        #expect(try await session(home, id).pid == before.pid)
        #expect(
          try await backend.knock.post("/conversations/\(id)/prompts", #"{"text":"say: again"}"#).status == 202)
        seen = try await phone.follow(seen) { $0.contains { $0.says("again") } }
        #expect(try await session(home, id).pid == before.pid)
        try await expectOnce(seen, backend, id)
        return before
      }
      let state: SessionState = persists ? .running : .ended
      #expect(try await eventually { try await session(home, id).state == state })
      if persists { #expect(try await session(home, id).pid == before.pid) }
    }
  }

  private func session(_ home: TestHome, _ conversation: String) async throws -> SessionObject {
    let listed: [SessionObject] = try JSONText.decode(
      from: Array(await home.apus("list", "--json").output.utf8))
    return try #require(listed.first { $0.conversationID == conversation })
  }

  static func environment(_ program: String) -> [String: String] {
    [
      "CLAUDE_PROGRAM": program == "claude" ? Checkout.claude : Checkout.programs + "/" + program,
      "PYTHONPATH": Checkout.claude.replacingOccurrences(
        of: "/claude", with: "/sdk", options: [.backwards, .anchored]),
    ]
  }

  /// Whoever comes now hears the same.
  func expectOnce(_ seen: [Phone.Message], _ backend: Backend, _ id: String) async throws {
    let ids = seen.compactMap(\.id)
    let all = try await Phone(backend.knock, id).follow([]) { $0.compactMap(\.id).count >= ids.count }
    #expect(all.compactMap(\.id) == ids)
    #expect(Set(ids).count == ids.count)
  }
}

/// A client of that backend: comes back with the id of the last message it has.
struct Phone: Sendable {
  struct Message: Sendable {
    var id: String?
    var type: String
    var data: JSON

    var isQuestion: Bool { type == "permission" }

    func says(_ text: String) -> Bool {
      type == "assistant" && data["message"]?["content"]?.array?.contains { $0["text"]?.string == text } == true
    }
  }

  private let knock: Knock
  private let path: String

  init(_ knock: Knock, _ id: String) {
    self.knock = knock
    path = "/conversations/\(id)/events"
  }

  /// Until it is enough, or the other side ends it: what was heard in all.
  func follow(_ seen: [Message], until isEnough: @escaping @Sendable ([Message]) -> Bool) async throws -> [Message] {
    let (knock, path) = (self.knock, self.path)
    return try await onThread {
      let line = try Line(knock.door)
      let last = seen.compactMap(\.id).last.map { "Last-Event-ID: \($0)\r\n" } ?? ""
      line.send(Array("GET \(path) HTTP/1.1\r\nHost: \(knock.host)\r\n\(last)\r\n".utf8))
      let until = apus_monotonic_milliseconds() + 120_000
      let (bytes, _) = line.read(seconds: 30) { bytes in
        apus_monotonic_milliseconds() > until || isEnough(seen + Self.messages(bytes))
      }
      return seen + Self.messages(bytes)
    }
  }

  private static func messages(_ bytes: [UInt8]) -> [Message] {
    Follower.blocks(bytes).compactMap { fields in
      guard let type = fields["event"] else { return nil }
      let data: JSON = (try? JSONText.decode(from: Array((fields["data"] ?? "").utf8))) ?? .null
      return Message(id: fields["id"], type: type, data: data)
    }
  }
}
