import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Row B2: a deliberate shutdown keeps or ends each session as was said when it was made; a crash keeps all.
@Suite struct ShutDownTests {
  enum Way: CaseIterable, Sendable { case down, signal }

  /// What `.env` says, what the environment says, and what holds.
  private static let cases: [(name: String, file: String?, variable: String?, persists: Bool)] = [
    ("nothing", nil, nil, false),
    ("environment", nil, "true", true),
    ("file", "export PERSIST_CLAUDE_SESSIONS='true' # kept\n", nil, true),
    ("environment-wins", "PERSIST_CLAUDE_SESSIONS=true\n", "false", false),
    ("environment-wins-too", "PERSIST_CLAUDE_SESSIONS=false\n", "true", true),
  ]

  @Test(arguments: Way.allCases)
  func `a shutdown keeps the sessions that persist and ends the others`(way: Way) async throws {
    try await TestHome.with(slots: 2) { home in
      var marks: [String: ProcessMark] = [:]
      for one in Self.cases {
        let directory = home.work + "/" + one.name
        mkdir(directory, 0o700)
        if let file = one.file { TestHome.write(file, to: directory + "/.env") }
        let extra = one.variable.map { ["PERSIST_CLAUDE_SESSIONS": $0] } ?? [:]
        let session = try await home.session(
          "new", one.name, "--prompt", "say: first", "--wait", extra: extra, directory: directory)
        #expect(session.persists == one.persists, "\(one.name)")
        let mark: ProcessMark = try #require(session.agentMark)
        marks[one.name] = mark
      }
      let daemon = try #require(home.daemon())
      switch way {
      case .down:
        // The environment of `down` says nothing about sessions that are there.
        let down = await home.apus("down", extra: ["PERSIST_CLAUDE_SESSIONS": "true"])
        #expect(down.status == 0)
        #expect(down.output.contains("Claude sessions persisted: 3"))
      case .signal: Processes.signal(daemon, SIGTERM)
      }
      #expect(ended(daemon.pid, start: daemon.start, seconds: 30))
      #expect(home.daemonLog().contains("Claude sessions persisted: 3"))
      #expect(home.daemonLog().contains("shut down: 2 sessions ended"))
      for one in Self.cases {
        let mark = try #require(marks[one.name])
        #expect(Processes.isAlive(mark) == one.persists, "\(one.name)")
      }
      for one in Self.cases {
        let now = try await home.session("show", one.name)
        #expect(now.state == (one.persists ? .running : .ended), "\(one.name)")
        #expect(now.verdict.resumable)
        if one.persists {
          #expect(now.agentMark == marks[one.name])
          #expect(try await home.session("send", one.name, "say: second", "--wait").result == "second")
        } else {
          #expect(now.ending == .exit(0))
          #expect(try await home.session("resume", one.name, "say: second", "--wait").result == "second")
        }
        #expect(try await home.events(one.name).answers == ["first", "second"])
      }
    }
  }

  @Test func `--persist and --end say it for all, a restart and a crash keep all`() async throws {
    try await TestHome.with { home in
      let one = try await home.session("new", "one")
      let two = try await home.session("new", "two", extra: ["PERSIST_CLAUDE_SESSIONS": "true"])
      let marks = [try #require(one.agentMark), try #require(two.agentMark)]
      func areAlive() -> [Bool] { marks.map(Processes.isAlive) }

      #expect(await home.apus("down", "--persist").output.contains("Claude sessions persisted: 2"))
      #expect(home.daemon() == nil)
      #expect(areAlive() == [true, true])

      _ = await home.apus("up")
      let daemon = try #require(home.daemon())
      #expect(await home.apus("restart").status == 0)
      #expect(ended(daemon.pid, start: daemon.start))
      #expect(home.daemon() != daemon)
      #expect(areAlive() == [true, true])

      let next = try #require(home.daemon())
      Processes.signal(next, SIGKILL)
      #expect(ended(next.pid, start: next.start))
      #expect(areAlive() == [true, true])
      #expect(try await home.session("send", "one", "say: still here", "--wait").result == "still here")
      #expect(areAlive() == [true, true])

      #expect(await home.apus("down", "--end").output.contains("Claude sessions persisted: 0"))
      #expect(areAlive() == [false, false])
      #expect(home.processes().isEmpty)
      #expect(try await home.session("resume", "one", "say: again", "--wait").result == "again")
      // Never spoken to: there is no conversation, and a resume begins it.
      #expect(try await home.session("show", "two").verdict.reason == .notStarted)
      #expect(try await home.session("resume", "two", "say: at last", "--wait").result == "at last")
    }
  }

  enum Stop: CaseIterable, Sendable { case down, stop, stopNow }

  @Test(arguments: Stop.allCases)
  func `a turn that a shutdown cut off goes on when the session is resumed`(stop: Stop) async throws {
    try await TestHome.with { home in
      // Long enough that what was said of it when it was cut off is not yet all of it.
      let answer = (1...40).map { "word\($0)" }.joined(separator: " ")
      let session = try await home.session("new", "one", "--prompt", "slow 6: \(answer)")
      try await home.untilWritten(session, answer)
      let mark = try #require(session.agentMark)
      switch stop {
      case .down: #expect(await home.apus("down", "--end").status == 0)
      case .stop: #expect(await home.apus("stop", "one").status == 0)
      case .stopNow: #expect(await home.apus("stop", "one", "--now").status == 0)
      }
      #expect(!Processes.isAlive(mark))
      let stopped = try await home.session("show", "one")
      #expect(stopped.state == .ended)
      #expect(stopped.interrupted)
      let after = try await home.session("resume", "one", "say: second answer", "--wait")
      #expect(after.result == "second answer")
      #expect(try await home.events("one").answers.filter { $0 == answer }.count == 1)
      // A turn that a person interrupted is over: nothing goes on.
      _ = try await home.session("send", "one", "slow 5: third answer")
      try await home.untilWritten(after, "third answer")
      _ = try await home.session("interrupt", "one")
      _ = try await home.session("wait", "one")
      let rested = try await home.session("stop", "one")
      #expect(!rested.interrupted)
      #expect(try await home.session("resume", "one").activity == .idle)
    }
  }
}
