import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Row B4: what dead runs left is shown, and removed once a person approved; nothing else ever is.
@Suite struct PruningTests {
  /// A tool's child, one that asks for no politeness, and one that was left by its parent.
  private static let children = """
    sleep 1401 >/dev/null 2>&1 &
    setsid bash -c 'trap "" TERM; while :; do sleep 1402; done' >/dev/null 2>&1 &
    ( setsid sleep 1403 >/dev/null 2>&1 & )
    """

  private func plan(_ home: TestHome) async throws -> [PruneItem] {
    let outcome = await home.apus("prune", "--json")
    return try JSONText.decode(PruneReply.self, from: Array(outcome.output.utf8)).items
  }

  private func perform(_ home: TestHome) async throws -> [PruneOutcome] {
    let outcome = await home.apus("prune", "--yes", "--json")
    #expect(outcome.status == 0, "\(outcome.output)")
    return try JSONText.decode(PruneReply.self, from: Array(outcome.output.utf8)).outcomes ?? []
  }

  /// A session with children whose record is lost, and whose daemon (and keeper, where that is said) was killed.
  private func forgotten(_ home: TestHome, killsKeeper: Bool) async throws -> (SessionObject, [ProcessMark]) {
    let agent = home.agent(starting: Self.children)
    let session = try await home.session("new", "one", extra: ["APUS_CLAUDE": agent])
    // The agent, the agent's agent, three children and what the second of them waits for.
    #expect(await eventually { home.tree(session).count == 6 })
    let keeper = try #require(session.keeperMark)
    #expect(home.kill([try #require(home.daemon())] + (killsKeeper ? [keeper] : [])))
    // Without its keeper the inner agent has no input any more and ends.
    #expect(await eventually { home.tree(session).count == (killsKeeper ? 5 : 6) })
    try await home.store("DELETE FROM sessions WHERE id = ?", session.id)
    return (session, home.tree(session))
  }

  /// Processes that look like the orphans and are none: without a mark, and with another home's.
  private func strangers(_ home: TestHome) throws -> [Running] {
    let bare = ["PATH": "/usr/bin:/bin"]
    let other = ["APUS_HOME": home.root + "/other", "APUS_RUN": home.root + "/other/runs/9fb7/1"]
    let near = ["APUS_RUN": home.apusHome + "/runs/../runs/9fb7/1"]
    return try [bare, bare.merging(other) { $1 }, bare.merging(near) { $1 }].map {
      try Running(["/bin/sleep", "1401"], environment: $0, directory: "/")
    }
  }

  @Test func `orphans of a lost record are planned, pruned when approved, and strangers are not touched`() async throws
  {
    try await TestHome.with(agent: Checkout.scriptedAgent, extra: ["APUS_STOP_SECONDS": "0.3"]) { home in
      let (session, orphans) = try await forgotten(home, killsKeeper: true)
      let strangers = try strangers(home)
      let two = try await home.session("new", "two", "--prompt", "say: hello", "--wait")
      let livingMarks = home.tree(two) + [try #require(two.keeperMark)]

      let planned = try await plan(home)
      #expect(Set(planned.filter { $0.kind == .process }.compactMap(\.mark)) == Set(orphans))
      let socket = home.places.keeperSocket(session: session.id, run: 1)
      let directory = home.apusHome + "/runs/\(session.id)"
      let temporary = home.places.temporaryDirectory(session: session.id, run: 1)
      #expect(planned.filter { $0.mark == nil }.map(\.path) == [socket, temporary, directory])
      #expect(
        planned.allSatisfy { $0.session == session.id && $0.why == "its session is not known" || $0.kind == .socket })
      let doctor = await home.apus("doctor")
      #expect(
        doctor.output.contains("8 things are left of runs that are over, 5 of them processes"), "\(doctor.output)")
      #expect(doctor.output.contains("mend: apus prune"))

      // Nothing was done so far.
      let text = await home.apus("prune")
      #expect(text.status == 0 && text.output.hasSuffix("  apus prune --yes\n"), "\(text.output)")
      for line in text.output.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
      #expect(Set(home.tree(session)) == Set(orphans))
      #expect(Disk.isThere(socket) && Disk.isThere(directory))

      let outcomes = try await perform(home)
      #expect(outcomes.map(\.result) == outcomes.map { _ in .removed })
      #expect(outcomes.count >= planned.count)
      for mark in orphans { #expect(!Processes.isAlive(mark), "\(mark.pid)") }
      #expect(home.tree(session).isEmpty)
      #expect(!Disk.isThere(socket) && !Disk.isThere(directory) && !Disk.isThere(temporary))
      #expect(try await plan(home) == [])
      #expect(await home.apus("prune", "--yes").output == "Nothing is left of runs that are over.\n")

      for stranger in strangers {
        #expect(stranger.mark.map(Processes.isAlive) == true)
        await stranger.release()
      }
      for mark in livingMarks { #expect(Processes.isAlive(mark), "\(mark.pid) of a living run") }
      #expect(try await home.session("send", "two", "say: still here", "--wait").result == "still here")
    }
  }

  @Test func `a keeper whose session nobody knows goes with all it keeps`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent, extra: ["APUS_STOP_SECONDS": "0.3"]) { home in
      let (session, orphans) = try await forgotten(home, killsKeeper: false)
      let keeper = try #require(session.keeperMark)
      let planned = try await plan(home)
      #expect(planned.first { $0.kind == .keeper }?.mark == keeper)
      let outcomes = try await perform(home)
      #expect(outcomes.allSatisfy { $0.result == .removed }, "\(outcomes)")
      #expect(!Processes.isAlive(keeper))
      for mark in orphans { #expect(!Processes.isAlive(mark), "\(mark.pid)") }
      #expect(!Disk.isThere(home.places.keeperSocket(session: session.id, run: 1)))
      #expect(try await plan(home) == [])
    }
  }

  @Test func `what changed between plan and approval is left alone, and what nobody planned is never touched`()
    async throws
  {
    try await TestHome.with(agent: Checkout.scriptedAgent, extra: ["APUS_STOP_SECONDS": "0.3"]) { home in
      let (_, orphans) = try await forgotten(home, killsKeeper: true)
      let two = try await home.session("new", "two")
      let planned = try await plan(home)
      let gone = try #require(orphans.last)
      #expect(home.kill([gone]))

      // Approved by somebody who names whatever he likes.
      let stranger = try Running(["/bin/sleep", "1404"], environment: [:], directory: "/")
      let strange = try #require(stranger.mark)
      let precious = home.work + "/precious"
      Disk.write("mine", to: precious)
      func forged(_ kind: PruneItem.Kind, mark: ProcessMark? = nil, path: String? = nil) throws -> PruneItem {
        var item = try #require(planned.first)
        (item.kind, item.path) = (kind, path)
        (item.pid, item.start) = (mark.map { Int($0.pid) }, mark?.start)
        return item
      }
      let reused = ProcessMark(pid: orphans[0].pid, start: orphans[0].start + 1)
      let demands = [
        try forged(.process, mark: strange), try forged(.process, mark: two.agentMark),
        try forged(.keeper, mark: two.keeperMark), try forged(.process, mark: reused),
        try forged(.draft, path: precious), try forged(.directory, path: home.work),
        try forged(.socket, path: two.keeperPID.map { _ in home.places.keeperSocket(session: two.id, run: 1) }),
      ]
      let refused: PruneReply = try home.ask(.prune, PruneRequest(approved: demands))
      #expect(refused.outcomes?.map(\.result) == [.kept, .kept, .kept, .gone, .kept, .kept, .kept])
      #expect(Processes.isAlive(strange) && Processes.isAlive(orphans[0]))
      #expect(Disk.bytes(precious) == Array("mine".utf8))
      #expect(try await home.session("send", "two", "say: here", "--wait").result == "here")
      await stranger.release()

      let reply: PruneReply = try home.ask(.prune, PruneRequest(approved: planned))
      let outcomes = try #require(reply.outcomes)
      #expect(outcomes.first { $0.item.mark == gone }?.result == .gone)
      #expect(outcomes.filter { $0.item.mark != gone }.allSatisfy { $0.result == .removed }, "\(outcomes)")
    }
  }

  @Test func `of known sessions only what dead runs left goes: drafts and temporary directories, no recording`()
    async throws
  {
    try await TestHome.with(agent: Checkout.scriptedAgent, extra: ["APUS_STOP_SECONDS": "0.3"]) { home in
      let past = try await home.session("new", "past", "--prompt", "say: kept", "--wait")
      _ = try await home.session("stop", "past")
      let live = try await home.session("new", "live")
      let recording = home.recording(past)
      #expect(!recording.isEmpty)
      let gone = home.places.temporaryDirectory(session: past.id, run: 1)
      #expect(await eventually { !Disk.isThere(gone) }, "it goes with the run")
      for session in [past, live] {
        Disk.write("half", to: home.runDirectory(session) + "/ending.new")
        let temporary = home.places.temporaryDirectory(session: session.id, run: 1)
        Disk.makeDirectory(temporary + "/below")
        Disk.write("x", to: temporary + "/below/file")
        symlink(home.work, temporary + "/elsewhere")
      }
      let strange = home.apusHome + "/runs/abcd"
      Disk.makeDirectory(strange + "/1")
      Disk.write("somebody's", to: strange + "/notes")
      let unknown = home.apusHome + "/runs/abce"
      Disk.makeDirectory(unknown + "/1")
      Disk.write("old", to: unknown + "/1/recording")
      Disk.write("precious", to: home.work + "/precious")

      let outcomes = try await perform(home)
      #expect(outcomes.map(\.item.kind) == [.temporary, .draft, .directory])
      #expect(outcomes.allSatisfy { $0.result == .removed }, "\(outcomes)")
      #expect(outcomes.prefix(2).allSatisfy { $0.item.runID == RunID(session: past.id, number: 1) })
      #expect(outcomes.last?.item.path == unknown)
      #expect(home.recording(past) == recording)
      #expect(Disk.isThere(home.runDirectory(live) + "/ending.new"))
      #expect(Disk.isThere(home.places.temporaryDirectory(session: live.id, run: 1) + "/below/file"))
      #expect(Disk.isThere(strange + "/notes") && Disk.isThere(strange + "/1"))
      #expect(Disk.isThere(home.work + "/precious"))
      #expect(try await plan(home) == [])
    }
  }
}
