import ApusCore
import ApusFrames
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// On a full disk the agent waits and nothing is lost; whoever asks for more is told what is the matter.
@Suite(.enabled(if: SmallDisk.isPossible)) struct FullDiskTests {
  @Test func `an agent on a full disk stalls, and goes on without a gap when there is room`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      // Large enough that the stream alone never fills it, however slow the machine is: what is removed makes room.
      let disk = try #require(SmallDisk(at: home.apusHome, megabytes: 64))
      defer { disk.takeAway() }
      let said = home.root + "/said"
      Disk.makeDirectory(said)
      let session = try await home.session("new", "one", extra: ["SCRIPTED_AGENT_SAID": said])
      let stop = home.root + "/enough"
      #expect(await home.apus("send", "one", "count until \(stop) every 20").status == 0)
      _ = try await home.follow("one") { events in try await events.until(.said) }

      disk.fill()
      #expect(try await keeperSays(ENOSPC, home, session))
      for arguments in [["new", "two"], ["send", "one", "say: more"], ["rename", "one", "uno"]] {
        let refused = await home.run(arguments + ["--json"])
        #expect(refused.status == 1, "\(arguments)")
        #expect(refused.output.contains(#""code":"disk.full""#), "\(arguments): \(refused.output)")
        #expect(refused.output.contains("make room"), "\(arguments): \(refused.output)")
      }
      let shown = try await home.session("show", "one")
      #expect(shown.name == "one")
      #expect(shown.pid == session.pid)
      // Whichever of the two sees it first, nobody is told to stop an agent that only waits.
      let doctor = await home.apus("doctor").output
      #expect(
        doctor.contains("its recording cannot be written") || doctor.contains("what one does cannot be kept"),
        "\(doctor)")
      #expect(doctor.contains("make room"))
      #expect(!doctor.contains("apus stop"), "\(doctor)")

      disk.makeRoom()
      #expect(try await keeperSays(0, home, session))
      Disk.write("", to: stop)
      let idle = await home.apus("wait", "one", "--for", "idle", "--timeout", "60")
      #expect(idle.status == 0, "\(idle.errors)")
      let written = Disk.bytes(said + "/\(session.conversationID).\(try #require(session.pid))")
      #expect(home.recording(session) == written, "what the agent wrote is recorded to the byte")
      let events = try await home.events("one")
      #expect(events.areContiguous)
      let lines = written.split(separator: 10).filter { String(decoding: $0, as: UTF8.self).contains("\"assistant\"") }
      #expect(events.answers.count == lines.count)
      #expect(try await home.json("list", "--all").array?.count == 1, "what was refused was not made")
      // Down by hand: the disk is taken away before the home's own end.
      #expect(await home.apus("down", "--end").status == 0)
    }
  }

  @Test func `a run that ends on a full disk has its ending kept as soon as there is room`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let disk = try #require(SmallDisk(at: home.apusHome, megabytes: 16))
      defer { disk.takeAway() }
      _ = try await home.session("new", "one", "--prompt", "say: hello", "--wait")
      let session = try await home.session("show", "one")
      let agent = try #require(session.agentMark)
      let keeper = try #require(session.keeperMark)
      disk.fill()
      kill(agent.pid, SIGKILL)
      #expect(ended(agent.pid, start: agent.start))
      #expect(Processes.isAlive(keeper), "nobody forgets an ending that is kept nowhere")
      let stopped = await home.apus("stop", "one", "--json", seconds: 20)
      #expect(stopped.status == 1)
      #expect(stopped.output.contains(#""code":"disk.full""#), "\(stopped.output)")
      disk.makeRoom()
      #expect(await home.apus("wait", "one", "--for", "ended", "--timeout", "30").status == 0)
      #expect(try await home.session("show", "one").ending == .signal(9))
      #expect(ended(keeper.pid, start: keeper.start), "what is kept needs no keeper")
      #expect(try await home.session("resume", "one", "say: again", "--wait").result == "again")
      #expect(await home.apus("down", "--end").status == 0)
    }
  }

  @Test func `a daemon that finds no room to start says so`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let disk = try #require(SmallDisk(at: home.apusHome, megabytes: 1))
      defer { disk.takeAway() }
      disk.fill()
      let (failure, status) = try await home.failure("list")
      #expect(status == 1)
      #expect(failure.summary.contains("full") || failure.summary.contains("No space"), "\(failure.summary)")
      disk.makeRoom()
      #expect(await home.apus("list").status == 0)
      #expect(await home.apus("down", "--end").status == 0)
    }
  }

  /// Waits until the run's keeper says of its recording that it cannot be written for that error (0: that it can).
  private func keeperSays(_ wanted: Int32, _ home: TestHome, _ session: SessionObject) async throws -> Bool {
    let place = Places(home: home.apusHome, temporary: home.root + "/tmp", user: getuid())
    return try await eventually {
      let descriptor = apus_unix_connect(place.keeperSocket(session: session.id, run: session.run), 0)
      try #require(descriptor >= 0)
      defer { close(descriptor) }
      let hello = KeeperRequest.hello(version: KeeperProtocol.version).frame.encoded
      _ = hello.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      var reader = FrameReader()
      var chunk = [UInt8](repeating: 0, count: 4096)
      // The welcome, and with it the trouble where there is some.
      let got = read(descriptor, &chunk, chunk.count)
      reader.feed(chunk[..<max(0, got)])
      var trouble: Int32 = 0
      while let frame = try reader.next() {
        if case .trouble(let code)? = try KeeperReply(frame) { trouble = code }
      }
      return trouble == wanted
    }
  }
}
