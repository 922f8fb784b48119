import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Row E5: sessions that watch a deployment, and the one that fixes it.
@Suite struct DeployWatchTests {
  static let ready = "1m  https://web-a1.vercel.app  ● Ready     Production  1m   ada"
  static let failed = "2m  https://web-b2.vercel.app  ● Error     Production  38s  ada"
  static let building = "3s  https://web-c3.vercel.app  ● Building  Production  --   ada"

  /// A repository with those sessions, whose `vercel ls` prints what `list` wrote last.
  private func with(_ sessions: [String], _ body: (TestHome) async throws -> Void) async throws {
    try await TestHome.withRepository { home in
      list(home, Self.building)
      TestHome.write("#!/bin/sh\n[ \"$1\" = ls ] && cat \(home.root)/deployments >&2\n", to: home.root + "/vercel")
      chmod(home.root + "/vercel", 0o755)
      TestHome.write(
        #"{"deploy": {"command": "\#(home.root)/vercel ls web", "interval": "0.1s"}}"#,
        to: home.work + "/.apus/config.json")
      for name in sessions { _ = try await home.session("new", name, "--here") }
      try await body(home)
    }
  }

  private func list(_ home: TestHome, _ rows: String...) {
    let head =
      "Vercel CLI 32.5.0\n> Deployments for web [450ms]\n\n  Age  Deployment  Status  Environment  Duration  Username\n"
    TestHome.write(head + rows.map { "  \($0)\n" }.joined(), to: home.root + "/deployments.new")
    rename(home.root + "/deployments.new", home.root + "/deployments")
  }

  private func status(_ home: TestHome) async throws -> DeploymentObject? {
    let all: [DeploymentObject] = try await home.json("deploy", "status")
    return all.first
  }

  private func lock(_ home: TestHome) async throws -> LockObject { try await home.json("lock", "show", "deploy") }

  /// Waits until so many watch, so that the next stands behind them.
  private func watched(_ home: TestHome, by count: Int) async throws {
    #expect(try await eventually { try await status(home)?.watchers.count == count })
  }

  private func heard(_ home: TestHome, _ name: String, _ text: String) async throws -> Bool {
    try await eventually { try await home.conversation(name).contains { "\($0)".contains(text) } }
  }

  @Test func `of all who watch a deployment that fails exactly one fixes it, and all hear when it is ready`()
    async throws
  {
    try await with(["one", "two"]) { home in
      let one = try home.begin("deploy", "watch", "--session", "one")
      try await watched(home, by: 1)
      let two = try home.begin("deploy", "watch", "--session", "two")
      let person = try home.begin("deploy", "watch")
      try await watched(home, by: 3)

      list(home, Self.failed, Self.ready)
      let first = try await one.finish()
      #expect(first.status == 1 && first.output.contains("You have the lock deploy"), "\(first)")
      #expect(first.output.contains("https://web-b2.vercel.app ● Error"))
      let told = try await person.finish()
      #expect(told.status == 1 && told.output.contains("one ("), "\(told)")
      let held = try await lock(home)
      #expect(
        held.holder?.name == "one" && held.note?.contains("● Error") == true && held.queue.map(\.owner.name) == ["two"])
      #expect(try await status(home)?.fixer?.name == "one")

      // It pushes and watches again: the lock stays, and comes free by itself.
      let again = try home.begin("deploy", "watch", "--session", "one")
      list(home, Self.building, Self.failed)
      #expect(try await eventually { try await lock(home).queue.isEmpty })
      #expect(try await lock(home).token == held.token)
      list(home, Self.ready.replacing("a1", with: "c3"), Self.failed)
      let (fixed, other) = (try await again.finish(), try await two.finish())
      #expect(fixed.status == 0 && other.status == 0, "\(fixed) \(other)")
      #expect(other.errors.contains("one (\(held.holder?.id ?? "")) has the job of fixing it"), "\(other)")
      #expect(try await lock(home).holder == nil)
      #expect(try await status(home)?.watchers == [])
      for program in [one, two, person, again] { await program.release() }
    }
  }

  @Test func `still broken when the lock is released, or its holder ends, it is the next one's to fix`() async throws {
    try await with(["one", "two", "three"]) { home in
      list(home, Self.failed)
      let job = await home.apus("deploy", "watch", "--session", "one", "--no-wait")
      #expect(job.status == 1 && job.output.contains("You have the lock deploy"), "\(job)")
      let later = await home.apus("deploy", "watch", "--session", "two", "--no-wait")
      #expect(later.status == 4 && later.output.contains("one ("), "\(later)")
      let three = try home.begin("deploy", "watch", "--session", "three")
      try await watched(home, by: 3)

      #expect(await home.apus("lock", "release", "deploy", "--session", "one").status == 0)
      #expect(try await eventually { try await status(home)?.fixer?.name == "two" })
      #expect(try await heard(home, "two", "You have the lock deploy"))
      #expect(try await lock(home).note?.contains("● Error") == true)
      // Its end frees the lock, and who waits is next; who gave it back is not asked again.
      let session = try await home.session("show", "two")
      let pid = try #require(session.pid)
      let agent = try #require(Processes.mark(of: Int32(pid)))
      Processes.signal(agent, SIGKILL)
      let last = try await three.finish()
      #expect(last.status == 1 && last.output.contains("You have the lock deploy"), "\(last)")
      #expect(try await lock(home).holder?.name == "three")

      list(home, Self.ready)
      #expect(try await heard(home, "one", "The newest deployment is ready"))
      #expect(try await heard(home, "three", "The newest deployment is ready"))
      #expect(try await lock(home).holder == nil)
      await three.release()
    }
  }

  @Test func `only the newest deployment counts`() async throws {
    try await with(["one", "two"]) { home in
      list(home, Self.failed)
      #expect(await home.apus("deploy", "watch", "--session", "one").status == 1)
      let two = try home.begin("deploy", "watch", "--session", "two")
      try await watched(home, by: 2)
      list(home, Self.building, Self.failed)
      #expect(try await eventually { try await lock(home).queue.isEmpty })
      // Given back while the next is being built: that is nobody's job.
      #expect(await home.apus("lock", "release", "deploy", "--session", "one").status == 0)
      let late = await home.apus("deploy", "watch", "--limit", "1s")
      #expect(late.status == 124 && late.errors.contains("● Building"), "\(late)")
      #expect(try await lock(home).holder == nil)
      list(home, Self.failed.replacing("b2", with: "c3"), Self.failed)
      let outcome = try await two.finish()
      #expect(outcome.status == 1 && outcome.output.contains("web-c3"), "\(outcome)")
      await two.release()
    }
  }

  @Test func `a killed daemon costs nobody the job, the wait or the message`() async throws {
    try await with(["one", "two", "three"]) { home in
      list(home, Self.failed)
      #expect(await home.apus("deploy", "watch", "--session", "one").status == 1)
      let two = try home.begin("deploy", "watch", "--session", "two")
      try await watched(home, by: 2)
      #expect(await home.apus("deploy", "watch", "--session", "three", "--no-wait").status == 4)
      let before = try await lock(home)
      for _ in 0..<2 {
        let daemon = try #require(home.daemon())
        Processes.signal(daemon, SIGKILL)
        #expect(ended(daemon.pid, start: daemon.start))
        #expect(try await eventually { try await status(home)?.watchers.sorted() == ["one", "three", "two"] })
      }
      let after = try await lock(home)
      #expect(after.holder?.name == "one" && after.token == before.token)
      #expect(after.queue.map(\.owner.name) == before.queue.map(\.owner.name))
      list(home, Self.ready)
      let outcome = try await two.finish()
      #expect(outcome.status == 0, "\(outcome)")
      #expect(try await heard(home, "one", "The newest deployment is ready"))
      #expect(try await heard(home, "three", "The newest deployment is ready"))
      #expect(try await lock(home).holder == nil)
      await two.release()
    }
  }

  @Test(arguments: [
    (["no-such-program"], "exit code 127"), (["sh", "-c", "yes x | head -c 100000000"], "no line says"),
    (["sh", "-c", "exit 3"], "exit code 3"), (["sleep", "100"], "did not end within 2s"),
  ])
  func `a command that says nothing of a deployment is asked again until time is up`(
    _ command: [String], _ why: String
  ) async throws {
    try await with(["one"]) { home in
      let outcome = await home.run(["deploy", "watch", "--session", "one", "--limit", "3s", "--"] + command)
      #expect(outcome.status == 124, "\(outcome)")
      #expect(outcome.errors.contains("is not known: ") && outcome.errors.contains(why), "\(outcome)")
      #expect(outcome.errors.utf8.count < 2000)
      let state = try await status(home)?.state
      #expect(state == .unknown)
      // The last look ends by itself, and no other begins.
      let isOver = await eventually {
        !home.processes().contains { TestHome.text("/proc/\($0.pid)/cmdline").hasPrefix(command[0] + "\0") }
      }
      #expect(isOver)
    }
  }

  @Test func `what is not said is asked for, and what is known is told at once`() async throws {
    try await with(["one"]) { home in
      let brief = await home.apus("deploy", "watch", "--session", "one", "--no-wait")
      #expect(brief.status == 0 && brief.output.contains("● Building"), "\(brief)")
      let text = await home.apus("deploy", "status").output
      #expect(text.contains("building") && text.contains("watched by one"), "\(text)")
      #expect(try await home.failure("deploy", "watch", "--no-wait").0.code == .usage)
      TestHome.write("{}", to: home.work + "/.apus/config.json")
      let (failure, code) = try await home.failure("deploy", "watch")
      #expect(failure.code == .usage && code == 2 && failure.hint?.contains("vercel ls") == true, "\(failure)")
      _ = try await home.session("stop", "one")
      try await watched(home, by: 0)
    }
  }
}
