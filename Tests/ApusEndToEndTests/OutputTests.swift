import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// What comes out: to the letter, in colour only where a person looks, and quietly when nobody reads on.
@Suite struct OutputTests {
  static let awkward = [
    #"quotes " ' ` and \ backslashes \\ \n \u0041 \"#, "lines\n\n  and\ttabs\r\nand returns",
    "é e\u{301} ß 日本 Ω \u{2028}\u{2029}", "🙂 👩‍👩‍👧 🇩🇪 \u{FEFF}bom",
    #"{"json":["in","text"]} <system> </b> $HOME `id` %s"#, "control \u{1} \u{7} \u{1B}[31m \u{7F}",
  ]

  @Test func `what was said is in the log to the letter, also a megabyte of it`() async throws {
    try await TestHome.with { home in
      _ = try await home.session("new", "one")
      for text in Self.awkward {
        let answered = try await home.session("send", "one", "say: " + text, "--wait")
        #expect(Array((answered.result ?? "").utf8) == Array(text.utf8))
      }
      var large = ""
      while large.utf8.count < 1 << 20 { large += "line \(large.utf8.count) “ü” 日本 🙂 \\ \"\n" }
      large += "end"
      let sent = await home.apus("send", "one", "-", "--wait", "--json", input: "say: " + large)
      #expect(sent.status == 0, "\(sent.output.prefix(300))")
      let said = try await home.conversation("one")
      #expect(said.map(\.role) == Array(repeating: [.user, .assistant], count: Self.awkward.count + 1).flatMap { $0 })
      for (index, text) in (Self.awkward + [large]).enumerated() {
        #expect(Array(said[index * 2].text.utf8) == Array(("say: " + text).utf8))
        #expect(Array(said[index * 2 + 1].text.utf8) == Array(text.utf8))
      }
      // On a terminal nothing an agent wrote may steer it.
      let shown = await home.apus("logs", "one")
      #expect(!shown.output.utf8.contains(0x1B) && !shown.output.utf8.contains(7))
    }
  }

  @Test func `colour is for terminals, and for who asks`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      _ = try await home.session("new", "one")
      func colored(_ line: String, extra: [String: String] = [:]) async -> Bool {
        let outcome = await home.shell(line, extra: extra)
        #expect(outcome.output.contains("one"), "\(line): \(outcome.output) \(outcome.errors)")
        return outcome.output.utf8.contains(0x1B)
      }
      func terminal(_ command: String) -> String { "script -qec '\(command)' /dev/null </dev/null" }
      #expect(await !colored("apus list"))
      #expect(await colored("apus list --color always"))
      #expect(await colored("apus --color=always list"))
      #expect(await colored(terminal("apus list")))
      #expect(await !colored(terminal("apus list"), extra: ["NO_COLOR": "1"]))
      #expect(await !colored(terminal("apus list"), extra: ["TERM": "dumb"]))
      #expect(await !colored(terminal("apus list --color never")))
      #expect(await colored(terminal("apus list --color always"), extra: ["NO_COLOR": "1"]))
      #expect(await !colored(terminal("apus list --json")))
    }
  }

  @Test func `a reader who has had enough is no error`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      _ = try await home.session("new", "one")
      let large = String(repeating: "many words ", count: 100_000)
      #expect(await home.apus("send", "one", "-", "--wait", input: "say: " + large).status == 0)
      let talkative = [
        "help --man", "logs one", "logs one --json", "events one", "events one -f", "logs --daemon", "list",
      ]
      for command in talkative {
        let outcome = await home.shell("apus \(command) | head -c 1 >/dev/null; echo ${PIPESTATUS[0]}")
        #expect(outcome.output == "0\n", "\(command)")
        #expect(outcome.errors == "", "\(command)")
      }
      let closed = await home.shell("apus list >&-; echo $?")
      #expect(closed.errors == "", "\(closed.errors)")
    }
  }

  @Test func `completions and the manual are what their readers take`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      for shell in ["bash", "zsh", "fish"] {
        let outcome = await home.apus("completions", shell)
        #expect(outcome.status == 0)
        for command in CommandLineTests.commands { #expect(outcome.output.contains(command), "\(shell): \(command)") }
        let parsed = await home.shell("! command -v \(shell) >/dev/null || apus completions \(shell) | \(shell) -n")
        #expect(parsed.status == 0, "\(shell): \(parsed.errors)")
        #expect(parsed.errors == "", "\(shell)")
      }
      _ = try await home.session("new", "find-me")
      let completed = await home.shell(
        """
        source <(apus completions bash)
        COMP_WORDS=(apus show f); COMP_CWORD=2; _apus; echo "${COMPREPLY[@]}"
        COMP_WORDS=(apus resu); COMP_CWORD=1; _apus; echo "${COMPREPLY[@]}"
        COMP_WORDS=(apus new x --ma); COMP_CWORD=3; _apus; echo "${COMPREPLY[@]}"
        """)
      #expect(completed.output == "find-me\nresume\n--max-turns\n", "\(completed.errors)")

      let page = await home.apus("help", "--man")
      #expect(page.output.hasPrefix(".TH APUS 1"))
      let set = await home.shell(
        "! command -v groff >/dev/null || apus help --man | groff -man -ww -Tutf8 >\(home.root)/page")
      #expect(set.status == 0)
      #expect(set.errors == "", "\(set.errors)")
    }
  }
}
