import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Row E2: a command under a lock is as it would be without, and has the lock as long as anything of it lives.
@Suite struct LockRunTests {
  @Test func `the exit code of a command under a lock is its own`() async throws {
    try await TestHome.withLocks { home async throws in
      for (line, code) in [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("kill -KILL $$", 137)] {
        let ran = await home.apus("lock", "run", "a", "--", "sh", "-c", line)
        #expect(ran.status == Int32(code), "\(line): \(ran.errors)")
        #expect(ran.output == "" && ran.errors == "")
        #expect(try await home.lock("a").state == "free")
      }
      #expect(try await home.lockHistory("a").map(\.ending) == Array(repeating: "released", count: 4))
    }
  }

  @Test func `a command under a lock knows its name and a token that grows`() async throws {
    try await TestHome.withLocks { home async throws in
      var tokens: [Int64] = []
      for _ in 0..<3 {
        let ran = await home.apus("lock", "run", "a", "--", "sh", "-c", #"echo "$APUS_LOCK_NAME $APUS_LOCK_TOKEN""#)
        let words = ran.output.split { $0.isWhitespace }
        #expect(words.first == "a")
        tokens.append(try #require(words.last.flatMap { Int64($0) }))
      }
      #expect(tokens == tokens.sorted() && Set(tokens).count == 3)
      #expect(try await home.lockHistory("a").map(\.token) == tokens.reversed())
    }
  }

  @Test func `a program that there is not leaves the lock free, whatever is to be done at a death`() async throws {
    try await TestHome.withLocks { home async throws in
      for program in ["no-such-program", "/no/such/program", home.work] {
        let ran = await home.apus("lock", "run", "a", "--on-death", "hold", "--", program)
        #expect(ran.status == 2)
        #expect(ran.errors.contains("error: ") && ran.errors.contains("hint: "))
        #expect(try await home.lock("a").state == "free")
      }
    }
  }

  @Test func `a lock lives as long as anything its command left running`() async throws {
    try await TestHome.withLocks { home async throws in
      mkfifo(home.root + "/go", 0o600)
      // Twice forked, in a session of its own, and alone: it says so when the command itself is over.
      let left = #"while kill -0 $1 2>/dev/null; do :; done; echo alone; read line < "$2""#
      let running = try home.start([
        "lock", "run", "tree", "--", "bash", "-c",
        #"(setsid bash -c '\#(left)' left $$ \#(home.root)/go </dev/null &); exit 5"#,
      ])
      #expect(try await running.line() == Array("alone".utf8))
      #expect(try await home.lock("tree").state == "held")
      #expect(await home.apus("lock", "run", "tree", "--try", "--", "true").status == 4)
      TestHome.write("go\n", to: home.root + "/go")
      #expect(try await running.finish().status == 5)
      #expect(try await home.lock("tree").state == "free")
    }
  }

  @Test func `a daemon that begins under a lock does not keep it`() async throws {
    try await TestHome.withLocks { home async throws in
      let before = await home.apus("lock", "run", "a", "--", "true")
      #expect(before.status == 0)
      let daemon = try #require(home.daemon())
      let ran = await home.apus("lock", "run", "a", "--", "sh", "-c", "kill -9 \(daemon.pid); sleep 0.1; apus list")
      #expect(ran.status == 0, "\(ran.errors)")
      #expect(home.daemon() != nil && home.daemon() != daemon)
      #expect(try await home.lock("a").state == "free")
    }
  }

  @Test func `what goes in and out of a command under a lock is untouched`() async throws {
    try await TestHome.withLocks { home async throws in
      let text = (0..<40_000).map { "line \($0) \u{1B}[31mé\u{0}" }.joined(separator: "\n")
      let ran = await home.apus("lock", "run", "a", "--", "sh", "-c", "cat; echo oops >&2", input: text)
      #expect(ran.output == text)
      #expect(ran.errors == "oops\n")
      // A descriptor that was handed down, too.
      let shell = await home.shell("exec 7</etc/hostname; apus lock run a -- cat /dev/fd/7")
      #expect(shell.output == TestHome.text("/etc/hostname") && shell.status == 0)
    }
  }

  @Test func `what is sent to it is passed on to its command`() async throws {
    try await TestHome.withLocks { home async throws in
      for (signal, name) in [(SIGTERM, "TERM"), (SIGINT, "INT"), (SIGHUP, "HUP"), (SIGUSR1, "USR1")] {
        let running = try home.start([
          "lock", "run", "a", "--", "bash", "-c",
          "trap 'echo got \(name); kill $!; exit 9' \(name); sleep 1000 & echo ready; wait",
        ])
        #expect(try await running.line() == Array("ready".utf8))
        running.kill(signal)
        #expect(try await running.line() == Array("got \(name)".utf8))
        #expect(try await running.finish().status == 9)
      }
      // What the command left running hears it once the command is over.
      let running = try home.start(["lock", "run", "a", "--", "bash", "-c", "sleep 1000 & echo ready; exit 3"])
      #expect(try await running.line() == Array("ready".utf8))
      #expect(await eventually { Processes.carrying("APUS_HOME=\(home.apusHome)").filter { Self.isShell($0) }.isEmpty })
      running.kill(SIGTERM)
      #expect(try await running.finish().status == 3)
    }
  }

  private static func isShell(_ mark: ProcessMark) -> Bool { TestHome.text("/proc/\(mark.pid)/comm") == "bash\n" }

  @Test func `a key that interrupts reaches the command once and leaves the code to it`() async throws {
    try await TestHome.withLocks { home async throws in
      try await Pane.with(home, columns: 120, rows: 20, command: TestHome.shell) { pane in
        await pane.enter(
          #"apus lock run keys -- bash -c 'trap "echo got-it; exit 3" INT; echo rea""dy; sleep 1000'; echo "code-$?""#)
        try await pane.see("ready")
        await pane.press("C-c")
        try await pane.see("code-3")
        let screen = await pane.screen()
        // What was typed before the shell was there is echoed twice; the answer is behind the key.
        let answer = String(screen[(screen.firstRange(of: "^C")?.upperBound ?? screen.startIndex)...])
        #expect(answer.components(of: "got-it") == 1, "\(screen)")
        #expect(try await home.lock("keys").state == "free")
      }
    }
  }

  @Test func `a name that cannot be one is refused with what is wrong`() async throws {
    try await TestHome.withLocks { home async throws in
      let long = String(repeating: "n", count: 64)
      #expect(await home.apus("lock", "run", long, "--", "true").status == 0)
      for name in [
        long + "n", String(repeating: "x", count: 300), "a b", "", " ", "-x", "a|b", "a,b", "a\nb", "\u{1B}[31m",
      ] {
        for words in [
          ["lock", "run", "--", name, "true"], ["lock", "acquire", "--", name], ["lock", "show", "--", name],
        ] {
          let ran = await home.run(words)
          #expect(ran.status == 2, "\(words): \(ran.status) \(ran.output)")
          #expect(ran.errors.contains("error: "), "\(words)")
          #expect(!ran.errors.contains("\u{1B}"))
        }
      }
      #expect(await home.apus("lock", "list", "--json").output == "[]\n")
    }
  }
}

extension String {
  /// How often that is in it.
  func components(of text: String) -> Int { ranges(of: text).count }
}
