import ApusCore
import ApusTesting
import ApusWire
import CSystem
import Foundation
import Testing

/// The backends of `Examples`, as they are, with the real claude.
@Suite("examples") struct ExampleTests {
  @Test(arguments: [false, true])
  func `a backend's conversations outlive its reloads, and its end where they persist`(persists: Bool) async throws {
    try await TestHome.with { home in
      let apus = try await Knock.at(home, more: ["--owner", "mobile-app"])
      // Over TCP with a token, or over a socket that knows who asks.
      let socket = "unix:" + home.root + "/api.sock"
      #expect(await home.apus("serve", "--listen", socket).status == 0)
      let extra =
        persists
        ? ["APUS_URL": "http://" + apus.host, "APUS_TOKEN": apus.token ?? "", "PERSIST_CLAUDE_SESSIONS": "true"]
        : ["APUS_URL": socket]
      mkfifo(home.work + "/gate", 0o600)
      let pid = try await Backend.with("fastapi-backend", home, extra) { backend in
        try await reload(backend, home, apus)
        return try await home.session("show", "chat").pid
      }
      try await look(home, persists: persists, pid)
      // Begun anew, it goes on with them: what it takes up is its own.
      try await Backend.with("fastapi-backend", home, extra) { backend in
        let found = try await backend.knock.get("/conversations?resumable=true").json.array
        #expect(persists || found?.compactMap { $0["name"]?.string } == ["chat"])
        #expect(try await backend.knock.get("/conversations/chat").json["owner"]?.string == "mobile-app")
        #expect(try await begin(backend, home).status == 200)
        #expect(try await backend.knock.post("/conversations/chat/prompts", #"{"text":"say: again"}"#).status == 202)
        let seen = try await Follower(backend.knock, at: "/conversations/chat/events").follow(.init()) { seen in
          seen.types.count { $0 == "turn.ended" } == 2
        }
        #expect(seen.data.last { $0["type"]?.string == "turn.ended" }?["detail"]?["text"]?.string == "again")
        if persists { #expect(try await home.session("show", "chat").pid == pid) }
      }
      try await look(home, persists: persists, pid)
    }
  }

  private func begin(_ backend: Backend, _ home: TestHome) async throws -> HTTPAnswer {
    let wish = #"{"directory":"\#(home.work)","prompt":"bash: cat gate > seen then say: done"}"#
    return try await backend.knock.ask("PUT", "/conversations/chat", wish)
  }

  /// The program is saved in the middle of a turn, while somebody follows it.
  private func reload(_ backend: Backend, _ home: TestHome, _ apus: Knock) async throws {
    let begun = try await begin(backend, home)
    #expect(begun.status == 201, "\(begun.body)")
    let again = try await begin(backend, home)
    #expect(again.status == 200)
    #expect(again.json["id"] == begun.json["id"])
    let phone = Follower(backend.knock, at: "/conversations/chat/events")
    let asked = try await phone.follow(.init()) { $0.types.contains("permission.asked") }
    let request = try #require(try await home.session("show", "chat").needs.first?.id)
    let allowed = try await backend.knock.post("/conversations/chat/permissions/\(request)", #"{"allow":true}"#)
    #expect(allowed.status == 200, "\(allowed.body)")
    let before = try await home.session("show", "chat")

    async let cutOff = phone.follow(asked) { _ in false }
    // The tool waits for somebody to write.
    var gate: Int32 = -1
    #expect(
      await eventually {
        gate = open(home.work + "/gate", O_WRONLY | O_NONBLOCK)
        return gate >= 0
      })
    backend.save()
    var seen = try await cutOff
    #expect(seen.isClosed)
    // It goes on while nobody is there to hear of it.
    write(gate, "x", 1)
    close(gate)
    seen = try await phone.follow(seen) { $0.types.contains("prompt.finished") }
    try await backend.reloaded()
    #expect(TestHome.text(home.work + "/seen") == "x")
    let all = try await Follower(apus, "?after=0&session=chat").follow(.init()) { $0.types.contains("prompt.finished") }
    // What both heard until then ends where it ended for the later of them.
    let count = all.ids.count
    if seen.ids.count < count { seen = try await phone.follow(seen) { $0.ids.count >= count } }
    #expect(seen.ids == all.ids, "\(all.types)")
    let isSame = seen.data == all.data
    #expect(isSame)
    let after = try await home.session("show", "chat")
    #expect(after.pid == before.pid && after.pid != nil)
    #expect(after.run == 1)
  }

  /// After the backend's end.
  private func look(_ home: TestHome, persists: Bool, _ pid: Int?) async throws {
    if persists {
      #expect(await eventually { home.daemonLog().contains("Claude sessions persisted: 1") })
      let session = try await home.session("show", "chat")
      #expect(session.state == .running)
      #expect(session.pid == pid)
    } else {
      #expect(try await eventually { try await home.session("show", "chat").state == .ended })
      let session = try await home.session("show", "chat")
      #expect(session.ending == .exit(0))
      #expect(session.verdict.resumable)
    }
  }
}
