import ApusCore
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Row E4 with the real claude: commands that need a lock, of sessions that know nothing of locks.
@Suite struct GuardedSessionsTests {
  private static func settings(_ guarded: String) -> String { #"{"guards": {"docker compose *": \#(guarded)}}"# }

  private func twoSessions(_ home: TestHome) async throws {
    for name in ["one", "two"] {
      _ = try await home.session("new", name, "--permission-mode", "bypassPermissions", extra: home.withDocker)
    }
  }

  @Test func `the second docker compose waits until the first is done`() async throws {
    try await TestHome.withRepository(
      agent: Checkout.claude, settings: Self.settings(#"{"lock": "docker", "wait": "60s"}"#), slots: 2
    ) { home in
      home.makeDocker(seconds: 2)
      try await twoSessions(home)
      for name in ["one", "two"] {
        _ = try await home.session("send", name, "bash: docker compose up -d --build then say: built")
      }
      for name in ["one", "two"] { _ = try await home.session("wait", name) }
      let said = home.dockerSaid
      #expect(said.count == 4 && said[0].dropFirst(6) == said[1].dropFirst(4), "\(said)")
      #expect(said.map { $0.prefix(3) } == ["beg", "end", "beg", "end"])
      let released = try await eventually {
        let stories: [LockStoryObject] = try await home.json("lock", "history", "docker")
        return stories.count == 2 && stories.allSatisfy { $0.ending == "released" }
      }
      #expect(released)
      let stories: [LockStoryObject] = try await home.json("lock", "history")
      #expect(Set(stories.map(\.holder.name)) == ["one", "two"])
      #expect(stories.allSatisfy { $0.note == "docker compose up -d --build" })
      #expect(stories[0].token > stories[1].token)
    }
  }

  @Test func `who cannot wait so long is refused with the reason, and told and woken when it is free`() async throws {
    try await TestHome.withRepository(
      agent: Checkout.claude, settings: Self.settings(#"{"lock": "docker", "wait": "soon"}"#), slots: 2
    ) { home in
      // A time nobody can read is an error that names it, not a guard that is gone.
      #expect(await home.apus("new", "none").status == 2)
      TestHome.write(Self.settings(#"{"lock": "docker", "wait": 0.2}"#), to: home.work + "/.apus/config.json")
      home.makeDocker(seconds: 4)
      try await twoSessions(home)
      _ = try await home.session("send", "one", "bash: docker compose up then say: built")
      #expect(await eventually { home.dockerSaid.first == "begin one" })
      let refused = try await home.session("send", "two", "bash: docker compose up then say: next", "--wait")
      #expect(refused.result == "next")
      let transcript = try await home.transcript("two")
      #expect(transcript.contains("docker is held by one"))
      #expect(transcript.contains("you are next and will be told"))
      #expect(home.dockerSaid == ["begin one"])
      let waiting = try await home.session("show", "two")
      #expect(waiting.waitsFor?.hasPrefix("lock docker (next, held by ") == true)
      // It is at rest, and is woken: what it is told is its next prompt.
      let woken = try await eventually(seconds: 20) {
        try await home.transcript("two").contains("docker is yours for the next 2 minutes")
      }
      #expect(woken)
      _ = try await home.session("wait", "two")
      let again = try await home.session("send", "two", "bash: docker compose up then say: mine", "--wait")
      #expect(again.result == "mine")
      #expect(home.dockerSaid == ["begin one", "end one", "begin two", "end two"])
    }
  }

  @Test func `the lock is kept until the thing is healthy`() async throws {
    try await TestHome.withRepository(
      agent: Checkout.claude, settings: Self.settings(#"{"lock": "docker", "verify": "test -e \"$HOME/healthy\""}"#),
      slots: 1
    ) { home in
      home.makeDocker(seconds: 0)
      _ = try await home.session("new", "one", "--permission-mode", "bypassPermissions", extra: home.withDocker)
      _ = try await home.session("send", "one", "bash: docker compose up -d then say: up", "--wait")
      let (failure, code) = try await home.failure("lock", "acquire", "docker", "--try")
      #expect(code == 4 && failure.code == .lockHeld)
      #expect(failure.summary.contains("docker is held by one"))
      TestHome.write("", to: home.person + "/healthy")
      #expect(await home.apus("lock", "acquire", "docker", "--wait", "20s").status == 0)
    }
  }

  @Test func `a session that is killed while its command holds the lock gives it to the next`() async throws {
    try await TestHome.withRepository(
      agent: Checkout.claude, settings: Self.settings(#"{"lock": "docker", "wait": "60s"}"#), slots: 2
    ) { home in
      home.makeDocker(seconds: 60)
      try await twoSessions(home)
      let first = try await home.session("send", "one", "bash: docker compose up then say: built")
      #expect(await eventually { home.dockerSaid == ["begin one"] })
      home.makeDocker(seconds: 0)
      _ = try await home.session("send", "two", "bash: docker compose up then say: built")
      kill(pid_t(try #require(first.keeperPID)), SIGKILL)
      kill(pid_t(try #require(first.pid)), SIGKILL)
      let second = try await home.session("wait", "two")
      #expect(second.doing == "built")
      #expect(home.dockerSaid.suffix(2) == ["begin two", "end two"])
      let stories: [LockStoryObject] = try await home.json("lock", "history")
      #expect(stories.contains { $0.holder.name == "one" && $0.ending.hasPrefix("its run ") }, "\(stories)")
      // The command it left behind is an orphan, and is named as one.
      _ = await home.apus("prune", "--yes")
    }
  }

  @Test func `sessions push without force and commit on their own branch, unless the repository allows it`()
    async throws
  {
    try await TestHome.withRepository(agent: Checkout.claude) { home in
      _ = try await home.session("new", "one", "--permission-mode", "bypassPermissions")
      _ = try await home.session(
        "send", "one",
        "bash: git push --force origin HEAD then bash: cd \(home.work) && git commit --allow-empty -m stray then say: no",
        "--wait")
      let transcript = try await home.transcript("one")
      #expect(transcript.contains("push without force, or ask a person"))
      #expect(transcript.contains("git commit would commit on main"))
      #expect(await home.git("log", "--format=%s", "main") == "first")
      let own = try await home.session("send", "one", "bash: git commit --allow-empty -qm own then say: yes", "--wait")
      #expect(own.result == "yes")
      #expect(await home.git("log", "-1", "--format=%s", try #require(own.branch)) == "own")
      TestHome.write(#"{"guards": {"commitOnBase": false}}"#, to: home.work + "/.apus/config.json")
      _ = try await home.session(
        "send", "one", "bash: cd \(home.work) && git commit --allow-empty -qm wanted then say: yes", "--wait")
      #expect(await home.git("log", "-1", "--format=%s", "main") == "wanted")
    }
  }
}
