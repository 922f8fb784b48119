import ApusCore
import ApusTesting
import Glibc
import Testing

/// Row F11: `apus-claude` beside `claude`, the same words at two terminals: the same is seen to the last colour, and the
/// same exit code comes out.
@Suite struct TwinTests {
  enum Leave: Sendable {
    /// It ends by itself.
    case itself
    /// `/exit`.
    case exit
    /// These keys, again until it has ended: programs pass over keys in the first moment of a dialog.
    case keys([String])
  }

  /// What is typed once it is seen that the program waits for it, and how it is left.
  struct Act: Sendable, CustomTestStringConvertible {
    var words: String
    /// Seen before anything is pressed.
    var ready = "manual mode on"
    /// Typed as a prompt, and what is seen of its answer.
    var prompt: (text: String, answer: String)?
    var leave = Leave.exit
    /// Whether a session of ours is listed afterwards: what refused its flags is not. Nil: that
    /// depends on how far it came.
    var isKept: Bool? = true

    var testDescription: String { words }
  }

  private static let id = "7d2f1c1e-0c0a-4a55-9d0e-0a1b2c3d4e5f"

  static let acts: [Act] = [
    Act(words: "--permission-mode manual", prompt: ("say: a plain answer", "● a plain answer")),
    Act(words: "--permission-mode manual 'say: asked at once'", ready: "● asked at once"),
    Act(words: "--permission-mode=acceptEdits", ready: "accept edits on", leave: .keys(["C-c", "C-c"])),
    Act(words: "--permission-mode plan", ready: "plan mode on", leave: .keys(["C-d", "C-d"])),
    Act(words: "--model sonnet --permission-mode manual", prompt: ("say: by another model", "● by another model")),
    Act(words: "--session-id \(id) --permission-mode manual 'say: under my id'", ready: "● under my id"),
    Act(words: "--name mine --permission-mode manual"),
    Act(words: "--append-system-prompt 'be brief' --permission-mode manual 'say: brief'", ready: "● brief"),
    Act(words: "--add-dir /tmp --permission-mode manual", ready: "Yes, add it", leave: .keys(["Enter"]), isKept: nil),
    Act(words: "--allowedTools Bash Read --permission-mode manual", prompt: ("bash: echo free then say: x", "● x")),
    Act(words: "--disallowedTools Bash --permission-mode manual -- 'say: after dashes'", ready: "● after dashes"),
    Act(words: #"--settings '{"includeCoAuthoredBy":false}' --permission-mode manual 'say: set'"#, ready: "● set"),
    Act(words: "--mcp-config '{\"mcpServers\":{}}' --strict-mcp-config --permission-mode manual"),
    Act(
      words: "--continue --permission-mode manual", ready: "No conversation found to continue", leave: .itself,
      isKept: false),
    Act(
      words: "--resume 11111111-2222-3333-4444-555555555555", ready: "No conversation found", leave: .itself,
      isKept: false),
    Act(words: "--session-id nonsense", ready: "Invalid session ID", leave: .itself, isKept: false),
    Act(words: "--permission-mode nonsense", ready: "nonsense", leave: .itself, isKept: false),
    Act(words: "--no-such-flag", ready: "unknown option", leave: .itself, isKept: false),
    Act(words: "--version", ready: "2.1.329 (Claude Code)", leave: .itself, isKept: false),
    Act(words: "--help", ready: "update|upgrade", leave: .itself, isKept: false),
    Act(words: "mcp list", ready: "No MCP servers", leave: .itself, isKept: false),
    Act(words: "-p 'say: printed'", ready: "printed", leave: .itself, isKept: false),
    Act(
      words: "-p --output-format text --max-turns 1 'say: printed too'", ready: "printed too", leave: .itself,
      isKept: false),
    Act(words: "-p 'fail 400'", ready: "API Error", leave: .itself, isKept: false),
  ]

  @Test(arguments: acts) func `the same is seen and the same code comes out`(act: Act) async throws {
    try await TestHome.with(slots: 2) { home in
      home.onboard()
      try await Twins.with(home) { twins in
        await twins.enter("claude \(act.words); echo code $?")
        try await twins.agree(on: act.ready)
        if let prompt = act.prompt {
          try await twins.type(prompt.text)
          await twins.press("Enter")
          try await twins.agree(on: prompt.answer)
        }
        switch act.leave {
        case .itself: break
        case .exit: try await twins.exit()
        case .keys(let keys): await twins.insist(keys, until: "code ")
        }
        try await twins.agree(on: "code ")
        for pane in twins.both { await pane.isPlain() }
        var made: [JSON] = []
        let isAsItShould = try await eventually {
          made = try await home.json("list").array ?? []
          return act.isKept.map { made.isEmpty != $0 } ?? true
        }
        #expect(isAsItShould, "\(made)")
        #expect(made.allSatisfy { $0["terminal"]?.bool == true })
      }
    }
  }

  @Test func `what has ended is continued and resumed as claude does it`() async throws {
    try await TestHome.with(slots: 2) { home in
      home.onboard()
      try await Twins.with(home) { twins in
        let words = ["--session-id \(Self.id) --permission-mode manual 'say: earlier'"]
        for line in words + ["--continue --permission-mode manual", "--resume \(Self.id) --permission-mode manual"] {
          await twins.enter("claude \(line); echo code $?")
          try await twins.agree(on: "● earlier")
          try await twins.exit()
          try await twins.agree(on: "code 0")
        }
      }
      let made = try await home.json("list").array ?? []
      #expect(made.map { $0["run"]?.integer } == [3], "each is the next run of one session")
    }
  }

  @Test func `what is no terminal gets the very bytes of the real program`() async throws {
    try await TestHome.with(slots: 2) { home in
      home.onboard()
      let (real, ours) = (await Twins.environment("real", home), await Twins.environment("ours", home))
      let lines = [
        "claude --version", "claude -p 'say: bytes' </dev/null", "echo 'say: from a pipe' | claude -p",
        "claude --no-such-flag", "claude -p --resume 11111111-2222-3333-4444-555555555555 x </dev/null",
        "claude mcp list", "claude 'say: no terminal' </dev/null", "claude -p 'fail 400' </dev/null",
        // This one is kept, and all the same to the byte.
        "claude -p --output-format stream-json --verbose --input-format stream-json </dev/null",
      ]
      for line in lines {
        if line == lines.last { #expect(home.daemon() == nil, "nothing of ours was needed for those") }
        let one = await home.shell(line, extra: real)
        let two = await home.shell(line, extra: ours)
        #expect(one.status == two.status, "\(line)")
        #expect(Twins.comparable(one.output) == Twins.comparable(two.output), "\(line)")
        #expect(Twins.comparable(one.errors) == Twins.comparable(two.errors), "\(line)")
      }
    }
  }

  @Test(arguments: [(SIGINT, 0), (SIGTERM, 143), (SIGHUP, 129)])
  func `a signal to it is a signal to claude`(signal: Int32, code: Int) async throws {
    try await TestHome.with(slots: 2) { home in
      home.onboard()
      try await Twins.with(home) { twins in
        await twins.enter("claude --permission-mode manual; echo code $?")
        try await twins.agree(on: "manual mode on")
        for pane in twins.both { kill(try await pane.job().pid, signal) }
        for pane in twins.both { try await pane.see("code ") }
        let codes = await [twins.real.screen(), twins.ours.screen()].map { text in
          text.firstMatch(of: /code (\d+)/).map { String($0.1) } ?? text
        }
        #expect(codes[0] == codes[1])
        #expect(codes[0] == String(code))
        for pane in twins.both { await pane.isPlain() }
      }
    }
  }
}
