import ApusCore
import ApusTestKit
import ApusTesting
import ApusWire
import CSystem
import Foundation
import Testing

@Suite("sessions over REST") struct RestTests {
  private func body(_ home: TestHome, _ more: String = "") -> String { #"{"directory":"\#(home.work)"\#(more)}"# }

  @Test func `a session is made, asked, stopped, resumed, forked, archived`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let knock = try await Knock.at(home)
      let made = try await knock.post(
        "/v1/sessions?wait=idle", body(home, #","name":"one","prompt":"say: hi","tags":["a"],"owner":"me""#))
      #expect(made.status == 201)
      #expect(made.json["result"]?.string == "hi")
      #expect(made.headers["location"] == "/v1/sessions/\(made.json["id"]?.string ?? "")")
      // The same object as the command line's.
      let shown = try await home.session("show", "one")
      #expect(shown.owner == "me" && shown.tags == ["a"] && shown.id == made.json["id"]?.string)
      let sent = try await knock.post("/v1/sessions/one/send", #"{"text":"say: again","wait":true}"#)
      #expect(sent.json["result"]?.string == "again")
      let transcript = try await knock.get("/v1/sessions/one/transcript")
      #expect(transcript.json.array?.compactMap { $0["text"]?.string } == ["say: hi", "hi", "say: again", "again"])
      #expect(try await knock.post("/v1/sessions/one/stop").json["state"]?.string == "ended")
      let events = try await knock.get("/v1/sessions/one/events?from=2&limit=3").json.array
      #expect(events?.compactMap { $0["n"]?.integer } == [2, 3, 4])
      let verdict = try await knock.get("/v1/sessions/one/verdict").json
      #expect(verdict["resumable"]?.bool == shown.verdict.resumable)
      #expect(try await knock.post("/v1/sessions/one/archive").json["state"]?.string == "archived")
      #expect(try await knock.get("/v1/sessions").body == "[]")
      #expect(try await knock.get("/v1/sessions?all=true").json.array?.count == 1)
      #expect(try await knock.get("/v1/sessions?state=archived").json.array?.count == 1)
      let renamed = try await knock.ask("PATCH", "/v1/sessions/one", #"{"name":"two","addTags":["b"]}"#)
      #expect(renamed.json["name"]?.string == "two")
      #expect(renamed.json["tags"]?.array?.compactMap(\.string) == ["a", "b"])
    }
  }

  @Test func `a real claude answers, is asked for permission, and is resumed and forked`() async throws {
    try await TestHome.with { home in
      let knock = try await Knock.at(home)
      let made = try await knock.post("/v1/sessions?wait=ready", body(home, #","name":"one""#))
      #expect(made.status == 201)
      #expect(made.json["state"]?.string == "running")
      let asking = try await knock.post("/v1/sessions/one/send", #"{"text":"bash: touch made"}"#)
      #expect(asking.status == 200)
      let needs = try await knock.post("/v1/sessions/one/wait", #"{"for":"needs-you","seconds":30}"#)
      #expect(needs.json["activity"]?.string == "needs-you")
      #expect(needs.json["needs"]?.array?.first?["input"]?["command"]?.string == "touch made")
      let ambiguous = try await knock.post("/v1/sessions/one/permit", #"{"allow":true,"request":"none"}"#)
      #expect(ambiguous.status == 404)
      #expect(try await knock.post("/v1/sessions/one/permit", #"{"allow":true}"#).status == 200)
      #expect(try await knock.post("/v1/sessions/one/wait", #"{"seconds":30}"#).json["activity"]?.string == "idle")
      #expect(access(home.work + "/made", F_OK) == 0)
      #expect(try await knock.post("/v1/sessions/one/stop").status == 200)
      let resumed = try await knock.post("/v1/sessions/one/resume", #"{"text":"say: on","wait":true}"#)
      #expect(resumed.json["result"]?.string == "on")
      let fork = try await knock.post("/v1/sessions/one/fork", #"{"name":"two","text":"say: two","wait":true}"#)
      #expect(fork.status == 201)
      #expect(fork.json["result"]?.string == "two")
      #expect(fork.json["forkedFrom"]?.string == made.json["id"]?.string)
    }
  }

  @Test func `asked twice under one key there is one session`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let knock = try await Knock.at(home)
      let asked = body(home)
      let key = ["Idempotency-Key: k1"]
      let answers = try await withThrowingTaskGroup(of: HTTPAnswer.self) { group in
        for _ in 0..<8 { group.addTask { try await knock.post("/v1/sessions", asked, headers: key) } }
        var all: [HTTPAnswer] = []
        for try await answer in group { all.append(answer) }
        return all
      }
      #expect(Set(answers.compactMap { $0.json["id"]?.string }).count == 1)
      #expect(answers.filter { $0.status == 201 }.count == 1)
      #expect(answers.filter { $0.status == 200 }.count == 7)
      // Also of the next daemon, and never for something else.
      #expect(await home.apus("restart").status == 0)
      #expect(try await knock.post("/v1/sessions", asked, headers: key).status == 200)
      let other = try await knock.post("/v1/sessions", body(home, #","name":"x""#), headers: key)
      #expect(other.status == 409)
      #expect(other.code == "key.reused")
      let another = knock.with(try await Knock.token(home))
      #expect(try await another.post("/v1/sessions", asked, headers: key).status == 201)
      #expect(try await knock.get("/v1/sessions").json.array?.count == 2)
    }
  }

  @Test func `a failed making leaves its key free`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let knock = try await Knock.at(home)
      let missing = #"{"directory":"\#(home.work)/there"}"#
      let key = ["Idempotency-Key: k1"]
      #expect(try await knock.post("/v1/sessions", missing, headers: key).status == 404)
      mkdir(home.work + "/there", 0o755)
      #expect(try await knock.post("/v1/sessions", missing, headers: key).status == 201)
    }
  }

  @Test func `pages of a list have each session once, whatever comes meanwhile`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let knock = try await Knock.at(home)
      for number in 0..<7 { _ = try await home.session("new", "s\(number)", "--owner", number % 2 == 0 ? "a" : "b") }
      var names: [String] = []
      var path = "/v1/sessions?limit=3"
      for page in 0..<9 {
        let answer = try await knock.get(path)
        names += answer.json.array?.compactMap { $0["name"]?.string } ?? []
        if page == 0 { _ = try await home.session("new", "later") }
        guard let link = answer.headers["link"] else { break }
        #expect(link.hasSuffix(#"; rel="next""#))
        path = String(link.dropFirst().prefix { $0 != ">" })
      }
      #expect(names == (0..<7).reversed().map { "s\($0)" })
      let mine = try await knock.get("/v1/sessions?owner=a&limit=2&resumable=false")
      #expect(mine.json.array?.compactMap { $0["name"]?.string } == ["s6", "s4"])
      #expect(mine.headers["link"]?.contains("owner=a") == true)
    }
  }

  @Test func `a token of an owner sees that owner's sessions alone`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let knock = try await Knock.at(home)
      _ = try await home.session("new", "others", "--owner", "b")
      let own = knock.with(try await Knock.token(home, more: ["--owner", "a"]))
      #expect(try await own.post("/v1/sessions", body(home, #","name":"mine""#)).json["owner"]?.string == "a")
      #expect(try await own.post("/v1/sessions", body(home, #","owner":"b""#)).status == 403)
      #expect(try await own.get("/v1/sessions").json.array?.compactMap { $0["name"]?.string } == ["mine"])
      #expect(try await own.get("/v1/sessions?owner=b").body == "[]")
      for path in ["/v1/sessions/others", "/v1/sessions/others/transcript", "/v1/events?session=others"] {
        #expect(try await own.get(path).status == 404, "\(path)")
      }
      #expect(try await own.post("/v1/sessions/others/stop").status == 404)
      #expect(try await own.get("/v1/tokens").status == 403)
    }
  }

  @Test func `what a program gives a session is in its environment, beside the daemon's`() async throws {
    try await TestHome.with { home in
      let knock = try await Knock.at(home)
      let made = try await knock.post(
        "/v1/sessions?wait=idle",
        body(
          home,
          #","name":"one","permissionMode":"bypassPermissions","env":{"MARK":"given","IS_SANDBOX":"1"},"prompt":"bash: echo $MARK $HOME > seen""#
        ))
      #expect(made.status == 201, "\(made.body)")
      #expect(TestHome.text(home.work + "/seen") == "given \(home.person)\n")
      for variables in [#"{"A=B":"x"}"#, #"{"":"x"}"#, #"{"1A":"x"}"#, #"{"A":1}"#, #"{"A":"\u0000"}"#, "[]"] {
        #expect(try await knock.post("/v1/sessions", body(home, #","env":\#(variables)"#)).status == 400)
      }
    }
  }

  @Test func `a worktree is made only when it is asked for`() async throws {
    try await TestHome.withRepository { home in
      let knock = try await Knock.at(home)
      let plain = try await knock.post("/v1/sessions", body(home, #","name":"plain""#))
      #expect(plain.json["worktree"] == .null)
      #expect(plain.json["directory"]?.string == home.work)
      let own = try await knock.post(
        "/v1/sessions?wait=ready", body(home, #","name":"own","worktree":true,"kind":"bug""#))
      #expect(own.json["branch"]?.string == "fix/own")
      #expect(own.json["worktree"]?.string?.hasPrefix(home.apusHome) == true)
      #expect(try await knock.post("/v1/sessions", body(home, #","kind":"bug""#)).status == 422)
      TestHome.write("new\n", to: (own.json["worktree"]?.string ?? "") + "/made.txt")
      let diff = try await knock.get("/v1/sessions/own/diff").json
      #expect(diff["files"]?.array?.compactMap { $0["path"]?.string } == ["made.txt"])
      #expect(diff["patch"]?.string?.contains("+new") == true)
      #expect(await home.apus("diff", "own").output.contains("+new"))
      #expect(await home.apus("diff", "own", "--stat").output == "made.txt  +1 -0\n")
      unlink((own.json["worktree"]?.string ?? "") + "/made.txt")
      let planned = try await knock.ask("DELETE", "/v1/sessions/own?plan=true")
      #expect(planned.json["removed"]?.bool == false)
      #expect(try await knock.ask("DELETE", "/v1/sessions/own").status == 409)
      let directory = "directory=\(home.work)"
      #expect(try await knock.post("/v1/sessions/own/sync").json["branch"]?.string == "fix/own")
      let compared = try await knock.post("/v1/compare", #"{"sessions":["own"]}"#)
      #expect(compared.json.array?.first?["commits"]?.integer == 0)
      #expect(try await knock.get("/v1/conflicts?\(directory)").json["pairs"]?.integer != nil)
      #expect(
        try await knock.get("/v1/worklog?\(directory)").json.array?.first?["title"]?.string?.contains("own") == true)
      #expect(
        try await knock.get("/v1/sessions/own/processes").json.array?.first?["processes"]?.array?.isEmpty == false)
      #expect(try await knock.get("/v1/ports").json.array?.contains { $0["session"]?.string == "own" } == true)
      let removed = try await knock.ask("DELETE", "/v1/sessions/own?stop=true")
      let rescue = try #require(try await knock.get("/v1/rescues?\(directory)").json.array?.first?["id"]?.string)
      let restored = try await knock.post("/v1/rescues/\(rescue)/restore", #"{"directory":"\#(home.work)"}"#)
      #expect(restored.status == 200, "\(restored.body)")
      #expect(try await knock.get("/v1/search?text=own&\(directory)").json.array?.isEmpty == false)
      #expect(try await knock.get("/v1/recoverable").status == 200)
      #expect(removed.json["removed"]?.bool == true, "\(removed.body)")
    }
  }

  @Test func `sessions that are tied to a program end with it, unless they persist`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let knock = try await Knock.at(home)
      let backend = try Running(["/bin/sleep", "1000"], environment: home.environment, directory: home.work)
      let pid = backend.pid
      for (name, persist) in [("going", false), ("staying", true)] {
        let made = try await knock.post(
          "/v1/sessions?wait=ready", body(home, #","name":"\#(name)","tiedTo":\#(pid),"persist":\#(persist)"#))
        #expect(made.status == 201, "\(made.body)")
      }
      _ = try await home.session("new", "other", "--tied-to", "\(getpid())")
      // The next daemon knows it as well.
      #expect(await home.apus("restart").status == 0)
      kill(pid, SIGKILL)
      _ = try await backend.finish()
      #expect(try await eventually { try await home.session("show", "going").state == .ended })
      #expect(try await home.session("show", "staying").state == .running)
      #expect(try await home.session("show", "other").state == .running)
      #expect(await eventually { home.daemonLog().contains("Claude sessions persisted: 1") })
      #expect(try await knock.post("/v1/sessions", body(home, #","tiedTo":\#(pid)"#)).status == 422)
    }
  }

  @Test func `a session is tied to what its run was started for, not to what an earlier one was`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let knock = try await Knock.at(home)
      func program() throws -> Running {
        try Running(["/bin/sleep", "1000"], environment: home.environment, directory: home.work)
      }
      let (first, second) = (try program(), try program())
      for name in ["left", "taken"] {
        let wish = body(home, #","name":"\#(name)","tiedTo":\#(first.pid)"#)
        #expect(try await knock.post("/v1/sessions?wait=ready", wish).status == 201)
        #expect(try await knock.post("/v1/sessions/\(name)/stop").status == 200)
      }
      await first.release()
      #expect(try await knock.post("/v1/sessions/left/resume", #"{"text":"say: a","wait":true}"#).status == 200)
      let taken = #"{"text":"say: b","wait":true,"tiedTo":\#(second.pid)}"#
      #expect(try await knock.post("/v1/sessions/taken/resume", taken).status == 200)
      let fork = #"{"name":"copy","text":"say: c","wait":true,"tiedTo":\#(second.pid)}"#
      #expect(try await knock.post("/v1/sessions/left/fork", fork).status == 201)
      #expect(try await knock.post("/v1/sessions/left/resume", #"{"tiedTo":\#(first.pid)}"#).status == 422)
      #expect(await home.apus("restart").status == 0)
      await second.release()
      for name in ["taken", "copy"] {
        #expect(try await eventually { try await home.session("show", name).state == .ended }, "\(name)")
      }
      #expect(try await home.session("show", "left").state == .running)
    }
  }

  @Test func `a recording is given by its bytes`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let knock = try await Knock.at(home)
      _ = try await home.session("new", "one", "--prompt", "say: hi", "--wait")
      let whole = try await knock.get("/v1/sessions/one/recording")
      #expect(whole.status == 200)
      #expect(whole.headers["content-type"] == "application/octet-stream")
      let count = whole.body.utf8.count
      let part = try await knock.ask("GET", "/v1/sessions/one/recording", headers: ["Range: bytes=10-19"])
      #expect(part.status == 206)
      #expect(part.headers["content-range"] == "bytes 10-19/\(count)")
      #expect(Array(part.body.utf8) == Array(Array(whole.body.utf8)[10..<20]))
      let rest = try await knock.ask("GET", "/v1/sessions/one/recording", headers: ["Range: bytes=\(count - 5)-"])
      #expect(rest.body.utf8.count == 5)
      #expect(
        try await knock.ask("GET", "/v1/sessions/one/recording", headers: ["Range: bytes=\(count)-"]).status == 416)
      for range in ["bytes=-5", "bytes=5-1", "lines=1-2", "bytes=1-2,4-5", "bytes=x-", ""] {
        #expect(
          try await knock.ask("GET", "/v1/sessions/one/recording", headers: ["Range: \(range)"]).status == 400,
          "\(range)")
      }
    }
  }

  @Test func `locks, claims and messages are a program's own, or its session's`() async throws {
    try await TestHome.withRepository { home in
      let knock = try await Knock.at(home)
      let other = knock.with(try await Knock.token(home))
      let scope = #""directory":"\#(home.work)""#
      let taken = try await knock.post("/v1/locks/docker/acquire", "{\(scope),\"note\":\"api\"}")
      #expect(taken.json["granted"]?.bool == true)
      let token = try #require(taken.json["tokens"]?["docker"]?.integer)
      #expect(try await other.post("/v1/locks/docker/acquire", "{\(scope)}").status == 409)
      #expect(try await other.post("/v1/locks/docker/acquire", "{\(scope),\"waitSeconds\":0.05}").code == "timed_out")
      #expect(try await knock.get("/v1/locks?directory=\(home.work)").json.array?.first?["note"]?.string == "api")
      #expect(
        try await other.post("/v1/locks/docker/release", "{\(scope),\"token\":\(token - 1)}").code == "lock.stale")
      #expect(try await knock.post("/v1/locks/docker/verify", "{\(scope),\"token\":\(token)}").status == 200)
      #expect(try await knock.post("/v1/locks/docker/release", "{\(scope),\"token\":\(token)}").status == 200)
      #expect(try await other.post("/v1/locks/docker/acquire", "{\(scope)}").json["granted"]?.bool == true)
      let one = try await home.session("new", "one")
      let claim = try await knock.post("/v1/claims", #"{"session":"one","paths":["src/a.swift"]}"#)
      #expect(claim.json.array?.first?["id"]?.string == one.id)
      #expect(try await knock.get("/v1/claims?session=one").json.array?.count == 1)
      #expect(try await knock.get("/v1/claims").json.array?.count == 1)
      let told = try await knock.post("/v1/messages", #"{"to":"one","text":"look at b.swift",\#(scope)}"#)
      #expect(told.json["told"]?.array?.compactMap(\.string) == ["one"])
      let read = try await knock.get("/v1/sessions/one/messages").json.array?.first
      #expect(read?["text"]?.string?.contains("look at b.swift") == true)
    }
  }

  @Test func `what cannot be meant is said in words, with the next step`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let knock = try await Knock.at(home)
      for (path, body, part) in [
        ("/v1/sessions", #"{"directory":"/tmp","nme":"x"}"#, "nme"),
        ("/v1/sessions", #"{"name":"x"}"#, "directory is missing"),
        ("/v1/sessions", #"{"directory":"tmp"}"#, "absolute"),
        ("/v1/sessions", #"{"directory":"/tmp","maxTurns":0}"#, "maxTurns"),
        ("/v1/sessions", #"{"directory":"/tmp","maxTurns":1.5}"#, "maxTurns"),
        ("/v1/sessions", #"{"directory":"/tmp","tags":"a"}"#, "tags"),
        ("/v1/sessions?wait=soon", #"{"directory":"/tmp"}"#, "wait"),
        ("/v1/sessions", #"{"directory":"/tmp","terminal":{"rows":1}}"#, "terminal.columns"),
      ] {
        let answer = try await knock.post(path, body)
        #expect(answer.status == 400)
        #expect(answer.headers["content-type"] == "application/problem+json")
        #expect(answer.json["detail"]?.string?.contains(part) == true, "\(answer.body)")
        #expect(answer.json["hint"]?.string?.isEmpty == false)
      }
      let missing = try await knock.get("/v1/sessions/none")
      #expect(missing.status == 404 && missing.code == "session.not_found")
      let method = try await knock.ask("DELETE", "/v1/status")
      #expect(method.status == 405 && method.headers["allow"] == "GET")
      #expect(try await knock.ask("HEAD", "/v1/status").status == 200)
    }
  }

  @Test func `the address is kept over daemons, and let go of when it is told so`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let knock = try await Knock.at(home)
      let path = home.root + "/api.sock"
      #expect(await home.apus("serve", "--listen", "unix:" + path).status == 0)
      #expect(await home.apus("restart").status == 0)
      #expect(try await knock.get("/v1/status").status == 200)
      let own = Knock(door: .unix(path))
      #expect(try await own.get("/v1/status").status == 200)
      #expect(await home.apus("serve", "--listen", "unix:" + path).status == 4)
      #expect(await home.apus("serve", "--off").output.contains("no longer unix:"))
      await #expect(throws: Failure.self) { try await own.get("/v1/status") }
      await #expect(throws: Failure.self) { try await knock.get("/v1/status") }
      #expect(await home.apus("serve", "--list").output == "Nothing is served.\n")
      #expect(await home.apus("serve", "--off").status == 0)
    }
  }
}
