import ApusCore
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Old-style sessions, which know nothing of Apus: what they write by hand counts, under the rules they know.
@Suite struct HandEditTests {
  private static let title = "Docker Rebuild Lock"

  @Test func `a registration, its editing and its end are taken in within a second`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.live("one")
      await home.edit(#"row("e1b2", now, now, "server/a.txt, ChatMessage.svelte")"#)
      let since = Stopwatch()
      #expect(await eventually { home.daemonLog().contains("e1b2 registered") })
      #expect(since.isWithin(1000), "\(since.elapsed) ms")
      let claims = try home.claims()
      #expect(claims.map(\.path).sorted() == ["ChatMessage.svelte", "server/a.txt"])
      #expect(claims.allSatisfy { $0.id == "e1b2" && $0.source == "file" && $0.checkout == Disk.realPath(home.work) })
      await home.edit(#"row("e1b2", now, now, "-")"#)
      #expect(try await eventually { try home.claims().isEmpty })
      await home.edit(#"unrow("e1b2")"#)
      #expect(await eventually { home.daemonLog().contains("e1b2 left") })
      await home.says { $0.rows.map(\.id) == [made.id] }
    }
  }

  @Test func `a lock taken by hand is a lock, and who waits for it gets it when it is released`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.live("one")
      await home.edit(#"lock(DOCKER, "e1b2", "api", now, now)"#)
      #expect(try await eventually { try await home.locks().first?.holder?.id == "file:e1b2" })
      let lock = try #require(try await home.locks().first)
      #expect(lock.name == "docker" && lock.note == "api")
      #expect(await home.apus("lock", "acquire", "docker", "--try", "--session", "one").status == 4)
      #expect(await home.apus("lock", "acquire", "docker", "--later", "--session", "one").status == 0)
      await home.edit("free(DOCKER)")
      await home.says { $0.hold(of: "docker")?.holder == made.id }
      #expect(try await home.locks().first?.holder?.id == made.id)
    }
  }

  @Test func `a lock that a live session of ours has is put back, and everybody is told`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.live("one")
      #expect(await home.apus("lock", "acquire", "docker", "--note", "api", "--session", "one").status == 0)
      await home.says { $0.hold(of: "docker")?.holder == made.id }
      let before = TestHome.text(home.sessionsFile)
      await home.edit(#"lock(DOCKER, "e1b2", "worker", now, now)"#)
      await home.says { $0.hold(of: "docker")?.holder == made.id }
      await home.edit("free(DOCKER)")
      await home.says { $0.hold(of: "docker")?.note == "api" }
      #expect(TestHome.text(home.sessionsFile) == before)
      #expect(try await home.locks().first?.holder?.id == made.id)
      let told = await home.apus("inbox", "--session", "one").output
      #expect(told.contains("e1b2 is written down for docker") && told.contains("docker is said to be free"), "\(told)")
      #expect(home.daemonLog().split(separator: "\n").filter { $0.contains("that was put back") }.count == 2)
    }
  }

  @Test func `a stale lock of theirs is free, by our rule and by theirs`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.live("one")
      await home.edit(#"lock(DOCKER, "e1b2", "api", time(-400), time(-299))"#)
      #expect(await home.apus("lock", "acquire", "docker", "--wait", "20s", "--session", "one").status == 0)
      await home.says { $0.hold(of: "docker")?.holder == made.id }
      #expect(await home.apus("lock", "release", "docker", "--session", "one").status == 0)
      // What is stale when it is written is nobody's.
      await home.says { $0.hold(of: "docker") == nil }
      await home.edit(#"lock(DOCKER, "e1b2", "api", time(-400), time(-301))"#)
      await home.says { $0.hold(of: "docker") == nil }
      #expect(try await home.locks().isEmpty)
    }
  }

  @Test func `a lock of theirs lasts as long as they say that they live, and goes from one to the other`() async throws
  {
    try await TestHome.withRepository { home in
      _ = try await home.live("one")
      await home.edit(#"lock(DOCKER, "e1b2", "api", time(-600), time(-297))"#)
      #expect(try await eventually { try await home.locks().first?.holder?.id == "file:e1b2" })
      await home.edit(#"lock(DOCKER, "e1b2", "worker", time(-600), now)"#)
      #expect(try await eventually { try await home.locks().first?.note == "worker" })
      let proof = try #require(try await home.locks().first?.token)
      // Longer than what was left of the first five minutes.
      #expect(await home.apus("lock", "acquire", "docker", "--wait", "4s", "--session", "one").status == 124)
      #expect(try await home.locks().first?.token == proof)
      // Another may not have it yet, and may once it is stale.
      await home.edit(#"lock(DOCKER, "c9d0", "mine", now, now)"#)
      await home.says { $0.hold(of: "docker")?.holder == "e1b2" }
      #expect(await eventually { home.daemonLog().contains("c9d0 is written down for docker, but e1b2 has it") })
      await home.edit(#"lock(DOCKER, "e1b2", "worker", time(-600), time(-600))"#)
      await home.edit("free(DOCKER)")
      #expect(try await eventually { try await home.locks().isEmpty })
      await home.edit(#"lock(DOCKER, "c9d0", "mine", now, now)"#)
      #expect(try await eventually { try await home.locks().first?.holder?.id == "file:c9d0" })
    }
  }

  @Test func `when a session of ours is killed its lock is free in the file as well`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.live("one")
      await home.edit(#"row("e1b2", now, now)"#)
      #expect(await home.apus("lock", "acquire", "docker", "--session", "one").status == 0)
      await home.says { $0.hold(of: "docker")?.holder == made.id }
      #expect(home.kill(home.tree(made)))
      await home.says { $0.hold(of: "docker") == nil && $0.rows.map(\.id) == ["e1b2"] }
    }
  }

  @Test func `notes of others in the file stay where they are`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.live("one")
      await home.edit("text = text.replace('## Docker', '## Notes\\n\\n- ask Ada about\\tthe cache\\n\\n## Docker', 1)")
      #expect(await home.apus("lock", "acquire", "docker", "--session", "one").status == 0)
      await home.says { $0.hold(of: "docker")?.holder == made.id }
      #expect(TestHome.text(home.sessionsFile).contains("## Notes\n\n- ask Ada about\tthe cache\n\n## Docker"))
    }
  }

  @Test func `a file that was there before Apus is taken up, and one that is no such file is left alone`() async throws
  {
    try await TestHome.withRepository { home in
      Disk.makeDirectory(home.work + "/.claude", mode: 0o755)
      TestHome.write(SessionsFile.template.render(), to: home.sessionsFile)
      await home.edit(#"row("e1b2", time(-60), now, "docs/c.md"); lock(VERCEL, "e1b2", "type error", time(-30), now)"#)
      let made = try await home.live("one")
      #expect(try await home.locks().map(\.holder?.id) == ["file:e1b2"])
      await home.says { Set($0.rows.map(\.id)) == ["e1b2", made.id] }
      #expect(try home.claims().map(\.path) == ["docs/c.md"])
    }
    try await TestHome.withRepository { home in
      Disk.makeDirectory(home.work + "/.claude", mode: 0o755)
      TestHome.write("my own notes\n", to: home.sessionsFile)
      _ = try await home.session("new", "one", "--here")
      #expect(await eventually { home.daemonLog().contains("it is no such file") })
      #expect(TestHome.text(home.sessionsFile) == "my own notes\n")
    }
  }

  @Test func `a file that somebody removed comes back whole`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.live("one")
      await home.edit(#"row("e1b2", now, now)"#)
      #expect(await eventually { home.daemonLog().contains("e1b2 registered") })
      // The daemon may write it once more meanwhile.
      #expect(await eventually { await home.shell("rm -rf .claude").status == 0 })
      await home.says { Set($0.rows.map(\.id)) == ["e1b2", made.id] }
      await home.edit(#"unrow("e1b2")"#)
      #expect(await eventually { home.daemonLog().contains("e1b2 left") })
    }
  }

  @Test func `an edit in the very moment in which we write is not lost`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.live("one")
      let ours = try Running(
        [
          "/bin/sh", "-c",
          "while apus lock acquire docker --session one && apus lock release docker --session one; do :; done",
        ], environment: home.environment, directory: home.work)
      for number in 1...40 {
        await home.edit(#"row("e1b2", now, now, "file-\#(number)")"#)
        #expect(try await eventually { try home.claims().map(\.path) == ["file-\(number)"] }, "edit \(number)")
      }
      ours.kill(SIGTERM)
      #expect(try await ours.finish().status != 0, "it took and released the lock until it was killed")
      await ours.release()
      await home.says { Set($0.rows.map(\.id)) == ["e1b2", made.id] && $0.row("e1b2")?.editing == ["file-40"] }
    }
  }

  @Test func `a whole file that was read long before takes nothing from anybody`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.live("one")
      let stale = TestHome.text(home.sessionsFile)
      await home.edit(#"row("e1b2", now, now, "docs/c.md")"#)
      await home.says { $0.row("e1b2") != nil }
      #expect(await eventually { home.daemonLog().contains("e1b2 registered") })
      #expect(await home.apus("lock", "acquire", "docker", "--session", "one").status == 0)
      await home.says { $0.hold(of: "docker")?.holder == made.id }
      // Another read the file before all that, and writes it whole with its own row.
      TestHome.write(
        stale + "| c9d0 | 2026-02-20T10:00:00Z | \(Self.now()) | - |\n", to: home.sessionsFile)
      await home.says { file in
        Set(file.rows.map(\.id)) == [made.id, "e1b2", "c9d0"] && file.hold(of: "docker")?.holder == made.id
          && file.row("e1b2")?.editing == ["docs/c.md"]
      }
    }
  }

  @Test func `who was not active for half an hour is set aside, but no live session of ours`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.live("one")
      await home.edit(#"row("e1b2", time(-4000), time(-1794), "docs/c.md"); row("c9d0", time(-9000), time(-1801))"#)
      #expect(await eventually { home.daemonLog().contains("set aside c9d0") })
      #expect(await eventually { home.daemonLog().contains("set aside e1b2") })
      await home.says { $0.rows.map(\.id) == [made.id] }
      #expect(try home.claims().isEmpty)
      await home.edit(#"unrow("\#(made.id)")"#)
      await home.says { $0.rows.map(\.id) == [made.id] }
    }
  }

  @Test func `an edit that cannot be read is kept, the file is as before, and it is told`() async throws {
    try await TestHome.withRepository { home in
      _ = try await home.live("one")
      await home.edit(#"row("e1b2", now, now)"#)
      #expect(await eventually { home.daemonLog().contains("e1b2 registered") })
      let before = TestHome.text(home.sessionsFile)
      let broken = before.replacing("**Status:** NONE", with: "**Status:** PERHAPS")
      for number in 1...12 {
        TestHome.write(broken + "\(number)\n", to: home.sessionsFile)
        await home.says { $0.row("e1b2") != nil }
      }
      #expect(TestHome.text(home.sessionsFile) == before)
      let kept = Disk.everything(below: home.work + "/.claude").map(\.path).filter { $0.contains("rejected-") }
      #expect(kept.count == 10 && kept.contains { TestHome.text($0) == broken + "12\n" }, "\(kept)")
      #expect(await home.git("status", "--porcelain", "--untracked-files=all") == "")
      let told = await home.apus("inbox", "--session", "one").output
      #expect(told.contains("could not be read (line 9: the status is NONE or IN_PROGRESS"), "\(told)")
      let findings = await home.apus("doctor").output
      #expect(findings.contains("10 edits of") && findings.contains("could not be read"), "\(findings)")
    }
  }

  @Test func `a file that is being written is not read before it is closed`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.live("one")
      let text = TestHome.text(home.sessionsFile)
      let file = try #require(fopen(home.sessionsFile, "w"))
      let row = "| e1b2 | \(Self.now()) | \(Self.now()) | - |\n"
      fputs(String(text.prefix(200)), file)
      fflush(file)
      // Something of ours changes meanwhile: it has to wait as well.
      #expect(await home.apus("lock", "acquire", "docker", "--session", "one").status == 0)
      #expect(TestHome.text(home.sessionsFile) == String(text.prefix(200)))
      fputs(String(text.dropFirst(200)) + row, file)
      fclose(file)
      await home.says { $0.row("e1b2") != nil && $0.row(made.id) != nil && $0.hold(of: "docker")?.holder == made.id }
      #expect(Disk.everything(below: home.work + "/.claude").allSatisfy { !$0.path.contains("rejected") })
    }
  }

  @Test func `what was written while there was no daemon is taken in by the next`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.live("one")
      await home.edit(#"row("e1b2", now, now, "docs/c.md"); lock(DOCKER, "e1b2", "api", now, now)"#)
      #expect(try await eventually { try await home.locks().first?.holder?.id == "file:e1b2" })
      try home.killDaemon()
      await home.edit(#"unrow("e1b2"); free(DOCKER)"#)
      #expect(await home.apus("up").status == 0)
      #expect(try await eventually { try await home.locks().isEmpty })
      await home.says { $0.rows.map(\.id) == [made.id] && $0.hold(of: "docker") == nil }
      #expect(try home.claims().isEmpty)
      try home.killDaemon()
      await home.edit(#"row("c9d0", now, now); lock(VERCEL, "c9d0", "it fails", now, now)"#)
      for _ in 0..<2 {
        #expect(await home.apus("up").status == 0)
        #expect(try await eventually { try await home.locks().first?.holder?.id == "file:c9d0" })
        try home.killDaemon()
      }
      #expect(await home.apus("up").status == 0)
      await home.says { $0.hold(of: "deploy")?.note == "it fails" && $0.row("c9d0") != nil }
    }
  }

  @Test func `a script that follows the protocol works beside sessions of ours`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.live("one")
      // It keeps the protocol's own time: it looks every now and then, claims, waits, and looks whether that stood.
      let script = """
        import re, secrets, sys, time
        from datetime import datetime, timezone
        path, rounds = sys.argv[1], int(sys.argv[2])
        me = sys.argv[3]
        now = lambda: datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        read = lambda: open(path).read()
        def write(text): open(path, "w").write(text)
        def section(text): return re.search(r"## Docker Rebuild Lock\\n(.*?)(?=\\n## )", text, re.S)
        def claim(text, status, id, note, since, updated):
            found = section(text)
            lines = (f"\\n- **Status:** {status}\\n- **Claimed by:** {id}\\n- **Services:** {note}\\n"
                     f"- **Since:** {since}\\n- **Last updated:** {updated}\\n")
            return text[:found.start(1)] + lines + text[found.end(1):]
        write(read().rstrip("\\n") + f"\\n| {me} | {now()} | {now()} | - |\\n")
        done = 0
        until = time.time() + 60
        while done < rounds and time.time() < until:
            text = read()
            if not section(text) or "NONE" not in section(text)[1]:
                time.sleep(0.05)
                continue
            write(claim(text, "IN_PROGRESS", me, "api", now(), now()))
            time.sleep(0.4)
            found = section(read())
            if not found or f"Claimed by:** {me}" not in found[1]: continue
            print("has", flush=True)
            time.sleep(0.1)
            write(claim(read(), "NONE", "-", "-", "-", "-"))
            done += 1
            time.sleep(0.3)
        write(re.sub(rf"(?m)^\\| {me} .*\\n", "", read()))
        print("done", done)
        """
      let old = try Running(
        ["/usr/bin/env", "python3", "-c", script, home.sessionsFile, "3", "e1b2"], environment: home.environment,
        directory: home.work)
      var ours = 0
      while ours < 3 {
        let outcome = await home.apus(
          "lock", "run", "docker", "--session", "one", "--wait", "30s", "--", "sleep", "0.2")
        #expect(outcome.status == 0, "\(outcome.errors)")
        ours += 1
      }
      let said = try await old.finish().output
      await old.release()
      #expect(said.hasSuffix("done 3\n"), "\(said) \(home.daemonLog().suffix(3000))")
      await home.says { $0.rows.map(\.id) == [made.id] && $0.hold(of: "docker") == nil }
      #expect(Disk.everything(below: home.work + "/.claude").allSatisfy { !$0.path.contains("rejected") })
    }
  }

  private static func now() -> String { String(MomentText.iso(apus_wall_seconds()).prefix(19)) + "Z" }
}
