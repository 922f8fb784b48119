import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// The command line as people and scripts use it.
@Suite struct CommandLineTests {
  static let commands = [
    "up", "down", "restart", "new", "send", "wait", "interrupt", "permit", "list", "show", "check", "logs", "events",
    "stop", "resume", "ps", "top", "prune", "rename", "tag", "archive", "doctor", "version", "completions", "help",
    "demo",
  ]

  @Test func `every command explains itself with an example, and starts nothing for it`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let overview = await home.apus("--help")
      #expect(overview.status == 0)
      for command in Self.commands {
        #expect(overview.output.contains("\n  \(command)"), "\(command) in the overview")
        let help = await home.apus(command, "--help")
        #expect(help.status == 0, "\(command)")
        #expect(help.errors == "", "\(command)")
        #expect(help.output.contains("apus \(command)"), "\(command): \(help.output)")
        let example = help.output.components("xample").last ?? ""
        #expect(example.contains("apus \(command)"), "\(command) has an example: \(help.output)")
        let same = await home.apus("help", command)
        #expect(same.output == help.output)
      }
      let bare = await home.apus()
      #expect(bare.status == 2)
      #expect(bare.output == overview.output)
      #expect(!Disk.isThere(home.apusHome))
    }
  }

  @Test func `what is used wrongly is told, with exit code 2`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let wrong: [[String]] = [
        ["nonsense"], ["new"], ["show"], ["show", "a", "b"], ["list", "--limit", "many"], ["list", "--limit", "-1"],
        ["list", "--nonsense"], ["wait", "x", "--for", "ever"], ["new", "x", "--wait"],
        ["new", "x", "--env", "novalue"],
        ["new", "x", "--permission-mode", "mine"], ["new", "x", "--dir", "/nowhere"], ["new", "x", "--prompt", " \n"],
        ["new", "x", "--max-turns", "0"], ["completions", "tcsh"], ["stop"], ["permit", "x", "maybe"], ["send", "x"],
        ["down", "--persist", "--end"], ["list", "--color", "mauve"],
      ]
      for arguments in wrong {
        let told = await home.run(arguments)
        #expect(told.status == 2, "\(arguments): \(told.status) \(told.output)")
        #expect(told.errors.hasPrefix("error: "), "\(arguments): \(told.errors)")
        #expect(told.errors.contains("\nhint: "), "\(arguments): \(told.errors)")
        let json = await home.run(arguments + ["--json"])
        #expect(json.status == 2, "\(arguments)")
        let object = try JSONText.decode(JSON.self, from: Array(json.output.utf8))
        #expect(object["error"]?["code"]?.string != nil, "\(arguments): \(json.output)")
        #expect(object["error"]?["hint"]?.string != nil, "\(arguments): \(json.output)")
      }
      #expect(try await home.json("list", "--all") == .array([]))
    }
  }

  @Test func `names are letters, digits, dots and dashes, once per home`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let bad = [
        String(repeating: "n", count: 300), String(repeating: "n", count: 65), "", "../x", ".x", "a/b", "größe", "日本",
        "🙂", "two words", " x", "a\nb", "a\u{1B}[31mb", "e\u{301}",
      ]
      // A dash in front reads as a flag, and behind `--` as a bad name.
      #expect(await home.apus("new", "-x").status == 2)
      for name in bad + ["-x", "--json"] {
        let refused = await home.apus("new", "--json", "--", name)
        #expect(refused.status == 2, "\(name)")
        let error = try JSONText.decode(JSON.self, from: Array(refused.output.utf8))["error"]
        #expect(error?["code"]?.string == ErrorCode.nameInvalid.rawValue, "\(name)")
        let summary = error?["summary"]?.string ?? ""
        #expect(summary.utf8.count < 200, "\(name)")
        #expect(!summary.unicodeScalars.contains { $0.value < 32 })
      }

      let longest = "A" + String(repeating: ".", count: 61) + "_-"
      for name in [longest, "7", "fix-parser"] { #expect(try await home.session("new", name).name == name) }
      for arguments in [["new", "7"], ["rename", "fix-parser", "7"], ["resume", "fix-parser", "--fork", "7"]] {
        let taken = await home.run(arguments + ["--json"])
        #expect(taken.status == 4, "\(arguments): \(taken.output)")
        #expect(taken.output.contains("name.taken"), "\(arguments): \(taken.output)")
      }
      #expect(try await home.failure("rename", "7", "not this one").0.code == .nameInvalid)
    }
  }

  @Test func `a session is found by name, short id and conversation id; several are listed, none is exit 3`()
    async throws
  {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let one = try await home.session("new", "one")
      let two = try await home.session("new", "two")
      for handle in ["one", one.id, one.id.uppercased(), one.conversationID, one.conversationID.uppercased()] {
        let answered = try await home.session("send", handle, "say: heard \(handle)", "--wait", directory: "/")
        #expect(answered.id == one.id)
        #expect(answered.result == "heard \(handle)")
      }
      for arguments in [["show"], ["send", "x"], ["stop"], ["resume"], ["logs"], ["events"], ["wait"], ["tag", "t"]] {
        let words = [arguments[0], "nobody"] + arguments.dropFirst() + ["--json"]
        let unknown = await home.run(words)
        #expect(unknown.status == 3, "\(words): \(unknown.output)")
        #expect(unknown.output.contains(#""code":"session.not_found""#), "\(words): \(unknown.output)")
      }
      #expect(await home.apus("down", "--end").status == 0)
      for session in [one, two] {
        try await home.store(
          """
          UPDATE sessions SET conversation = 'abcdef12' || substr(conversation, 9),
            body = json_set(body, '$.conversationID', 'abcdef12' || substr(conversation, 9)) WHERE id = ?
          """, session.id)
      }
      let (failure, status) = try await home.failure("show", "abcdef12")
      #expect(failure.code == .nameAmbiguous)
      #expect(status == 4)
      for session in [one, two] { #expect(failure.summary.contains("\(session.id) \(session.name)")) }
    }
  }

  @Test func `flags may follow operands, and words after -- are no flags`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let made = await home.apus(
        "new", "one", "--json", "--owner", "ada", "--tag=a", "--prompt=say: hi", "--wait", "--tag", "b")
      let session = try JSONText.decode(SessionObject.self, from: Array(made.output.utf8))
      #expect(session.owner == "ada")
      #expect(session.tags == ["a", "b"])
      #expect(session.result == "hi")
      let first = await home.apus("--json", "show", "one")
      #expect(first.output.hasPrefix("{"))
      let dashed = await home.apus("send", "one", "--wait", "--", "--json")
      #expect(dashed.output == "You said: --json\n")
    }
  }

  @Test func `list selects by owner and by what will really resume, and the limit counts after that`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      var paths: [String: String] = [:]
      for (name, owner) in [("a", "ada"), ("b", "bob"), ("c", "ada"), ("d", "ada")] {
        let session = try await home.session(
          "new", name, "--owner", owner, "--tag", "t-\(name)", "--prompt", "say: \(name)", "--wait")
        paths[name] = session.verdict.path
        #expect(await home.apus("stop", name).status == 0)
      }
      _ = try await home.session("new", "e", "--owner", "ada")
      unlink(try #require(paths["d"]))

      func names(_ arguments: String...) async throws -> [String] {
        let outcome = await home.run(["list", "--json"] + arguments)
        let listed = try JSONText.decode([SessionObject].self, from: Array(outcome.output.utf8))
        return listed.map(\.name)
      }
      #expect(try await names() == ["e", "d", "c", "b", "a"])
      #expect(try await names("--resumable") == ["c", "b", "a"])
      #expect(try await names("--resumable", "--limit", "2") == ["c", "b"])
      #expect(try await names("--resumable", "--owner", "ada", "--limit", "1") == ["c"])
      #expect(try await names("--limit", "0") == [])
      #expect(try await names("--tag", "t-b") == ["b"])
      #expect(try await names("--owner", "nobody") == [])
    }
  }

  @Test func `tags, names and archiving change the record and nothing else`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let one = try await home.session("new", "one", "--tag", "x", "--prompt", "say: hello", "--wait")
      #expect(try await home.session("tag", "one", "y", "z", "--remove", "x").tags == ["y", "z"])
      #expect(try await home.session("tag", "one", "y").tags == ["z", "y"])
      let renamed = try await home.session("rename", "one", "uno")
      #expect(renamed.id == one.id && renamed.pid == one.pid)
      #expect(await home.apus("show", "one").status == 3)
      #expect(await home.apus("archive", "uno").status == 4, "it is live")
      #expect(await home.apus("stop", "uno").status == 0)
      #expect(try await home.session("archive", "uno").state == .archived)
      #expect(try await home.json("list") == .array([]))
      #expect(try await home.json("list", "--all").array?.count == 1)
      #expect(Disk.isThere(try #require(one.verdict.path)))
      let back = try await home.session("resume", "uno", "say: back", "--wait")
      #expect(back.result == "back")
      #expect(back.state == .running)
      #expect(back.tags == ["z", "y"])

      let all = try await home.events("uno")
      #expect(all.first?.n == 0)
      #expect(all.areContiguous)
      for kind in ["created", "tagged", "renamed", "archived", "run.started", "run.ended"] {
        #expect(all.contains { $0.type == kind }, "\(kind)")
      }
      let rest = try await home.events("uno", from: 5)
      #expect(rest == Array(all.dropFirst(5)))
      #expect(try await home.events("uno", from: 100_000) == [])
    }
  }
}

extension String {
  /// The parts between occurrences of `mark`.
  fileprivate func components(_ mark: String) -> [String] {
    var parts: [String] = []
    var rest = self[...]
    while let found = rest.firstRange(of: mark) {
      parts.append(String(rest[..<found.lowerBound]))
      rest = rest[found.upperBound...]
    }
    return parts + [String(rest)]
  }
}
