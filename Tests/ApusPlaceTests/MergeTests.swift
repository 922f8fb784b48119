import ApusCore
import ApusTesting
import ApusWire
import Testing

/// Row C8: how a base moves, and what of its checkout must stay.
@Suite struct MergeTests {
  /// A session with two commits, the second of which changes a file of the base.
  private func worked(_ home: TestHome) async throws -> (made: SessionObject, tip: String) {
    let made = try await home.quiet("a")
    await home.commit("server/new.txt", "new\n", in: made.directory, message: "add new")
    let tip = await home.commit("shared.txt", "one\nmine\nthree\n", in: made.directory, message: "change shared")
    return (made, tip)
  }

  @Test func `a merge moves the base forward to the branch, with the files of its checkout`() async throws {
    try await TestHome.withRepository { home in
      let (made, tip) = try await worked(home)
      let reply: BranchReply = try await home.json("merge", "a")
      #expect(reply.commit == tip)
      #expect(reply.steps.contains("no tests were run: there is no \"test\" in .apus/config.json"))
      #expect(await home.head() == tip)
      #expect(await home.git("symbolic-ref", "--short", "HEAD") == "main")
      #expect(await home.status().isEmpty)
      #expect(TestHome.text(home.work + "/shared.txt") == "one\nmine\nthree\n")
      // Without a terminal nobody is asked: the worktree stays.
      #expect(Disk.isThere(made.directory + "/shared.txt"))
      #expect(try await home.session("show", "a").merged == tip)
    }
  }

  @Test func `a squashed merge is one commit of the person's on top of the base`() async throws {
    try await TestHome.withRepository { home in
      let (made, tip) = try await worked(home)
      let base = await home.commit("ui/base.txt", "base\n", in: home.work)
      #expect(await home.apus("merge", "a", "--squash").status == 0)
      #expect(await home.git("rev-list", "--count", "\(base)..main") == "1")
      #expect(await home.git("rev-parse", "main^") == base)
      #expect(await home.git("log", "-1", "--format=%an%n%B", "main") == "Ada\na\n\n* add new\n* change shared")
      #expect(TestHome.text(home.work + "/server/new.txt") == "new\n")
      #expect(await home.status().isEmpty)
      #expect(!(await home.isAncestor(tip, of: "main")))
      // Its commits are in the base in another form: nothing stands against removing it.
      #expect(await home.apus("remove", "a").status == 0)
      #expect(!Disk.isThere(made.directory))
    }
  }

  @Test func `a merge with a commit of its own has both parents and the message that was given`() async throws {
    try await TestHome.withRepository { home in
      let (_, tip) = try await worked(home)
      let base = await home.head()
      #expect(await home.apus("merge", "a", "--no-ff", "--message", "two\n\nlines").status == 0)
      #expect(await home.git("rev-parse", "main^1", "main^2") == "\(base)\n\(tip)")
      #expect(await home.git("log", "-1", "--format=%B", "main") == "two\n\nlines")
      #expect(await home.status().isEmpty)
      #expect(await home.apus("merge", "a", "--squash", "--no-ff").status == 2)
    }
  }

  @Test func `changes in the base's checkout that have nothing to do with it are kept`() async throws {
    try await TestHome.withRepository { home in
      let (_, tip) = try await worked(home)
      TestHome.write("changed\n", to: home.work + "/ui/b.txt")
      TestHome.write("staged\n", to: home.work + "/docs/c.md")
      await home.git("add", "docs/c.md")
      TestHome.write("loose\n", to: home.work + "/loose.txt")
      let before = await home.status()
      let reply: BranchReply = try await home.json("merge", "a")
      #expect(reply.commit == tip)
      #expect(await home.status() == before)
      #expect(TestHome.text(home.work + "/ui/b.txt") == "changed\n")
      #expect(TestHome.text(home.work + "/docs/c.md") == "staged\n")
      #expect(TestHome.text(home.work + "/loose.txt") == "loose\n")
      #expect(TestHome.text(home.work + "/shared.txt") == "one\nmine\nthree\n")
    }
  }

  @Test(arguments: ["shared.txt", "server/new.txt", "ignored/kept.txt"])
  func `what a merge would overwrite in the base's checkout refuses it, byte for byte as before`(
    file: String
  ) async throws {
    try await TestHome.withRepository { home in
      let (made, _) = try await worked(home)
      // Somebody tracks what is ignored elsewhere.
      Disk.makeDirectory(made.directory + "/ignored")
      TestHome.write("theirs\n", to: made.directory + "/ignored/kept.txt")
      await home.git("add", "--force", "ignored/kept.txt", directory: made.directory)
      await home.git("commit", "--quiet", "-m", "ignored", directory: made.directory)
      Disk.makeDirectory(home.work + "/ignored")
      TestHome.write("a person's\n", to: home.work + "/" + file)
      let before = await home.footprint()
      let (failure, code) = try await home.failure("merge", "a")
      #expect(code == 4)
      #expect(failure.code == .workUnsaved)
      #expect(failure.summary.hasSuffix("would overwrite: \(file)"), "\(failure.summary)")
      #expect(await home.footprint() == before)
      #expect(TestHome.text(home.work + "/" + file) == "a person's\n")
      #expect(try await home.session("show", "a").merged == nil)
    }
  }

  @Test(arguments: [["switch", "--quiet", "--create", "other"], ["checkout", "--quiet", "--detach"]])
  func `a base that is checked out nowhere moves alone`(away: [String]) async throws {
    try await TestHome.withRepository { home in
      let (_, tip) = try await worked(home)
      let moved = await Program.run(["/usr/bin/git"] + away, environment: home.environment, directory: home.work)
      #expect(moved.status == 0)
      let before = await home.head()
      TestHome.write("one\ndirty\nthree\n", to: home.work + "/shared.txt")
      let reply: BranchReply = try await home.json("merge", "a")
      #expect(reply.commit == tip)
      #expect(await home.git("rev-parse", "main") == tip)
      #expect(await home.head() == before)
      #expect(await home.status() == " M shared.txt")
      #expect(TestHome.text(home.work + "/shared.txt") == "one\ndirty\nthree\n")
    }
  }

  @Test func `where there is nothing to merge that is said, and nothing moves`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.quiet("a")
      let before = await home.footprint()
      let said = await home.apus("merge", "a", "--remove")
      #expect(said.status == 0)
      #expect(said.output.contains("there is nothing to merge\n"))
      #expect(await home.footprint() == before)
      #expect(Disk.isThere(made.directory))
    }
  }

  @Test func `a merge that conflicts stops before the base, with the file named`() async throws {
    try await TestHome.withRepository { home in
      _ = try await worked(home)
      let base = await home.commit("shared.txt", "one\ntheirs\nthree\n", in: home.work)
      let (failure, code) = try await home.failure("merge", "a")
      #expect(code == 4)
      #expect(failure.summary == "a and main conflict in shared.txt")
      #expect(await home.head() == base)
      #expect(await home.status().isEmpty)
    }
  }

  @Test func `--remove takes the worktree away after the merge, unless somebody lives in it`() async throws {
    try await TestHome.withRepository { home in
      let (made, tip) = try await worked(home)
      let alive = try await home.session("new", "b")
      await home.commit("ui/b2.txt", "b\n", in: alive.directory)
      let reply: BranchReply = try await home.json("merge", "a", "--remove")
      #expect(reply.commit == tip)
      #expect(reply.steps.last?.hasPrefix("its worktree is removed; kept as a-") == true, "\(reply.steps)")
      #expect(!Disk.isThere(made.directory))
      let other: BranchReply = try await home.json("merge", "b", "--remove")
      #expect(other.commit == (await home.head()))
      #expect(other.steps.last?.hasPrefix("its worktree stays: b cannot go: run 1 is live") == true, "\(other.steps)")
      #expect(Disk.isThere(alive.directory))
      #expect(await home.git("branch", "--format=%(refname:short)") == "main\n\(alive.branch ?? "")")
    }
  }

  @Test func `what a session does after its merge is merged as well`() async throws {
    try await TestHome.withRepository { home in
      let (made, _) = try await worked(home)
      #expect(await home.apus("merge", "a").status == 0)
      let more = await home.commit("server/more.txt", "more\n", in: made.directory)
      let (failure, code) = try await home.failure("remove", "a")
      #expect(code == 4)
      #expect(failure.summary.hasSuffix("1 commit not pushed"), "\(failure.summary)")
      let reply: BranchReply = try await home.json("merge", "a")
      #expect(reply.commit == more)
      #expect(await home.apus("remove", "a").status == 0)
    }
  }

  @Test func `the work log says a merged session is done, and what a person wrote stays byte for byte`() async throws {
    try await TestHome.withRepository { home in
      let path = home.work + "/WORK_LOG.md"
      TestHome.write("# Ours\n\n<!-- Status: IN PROGRESS -->\n\ntext  \n", to: path)
      let (made, tip) = try await worked(home)
      _ = try await home.quiet("z")
      var before = TestHome.text(path)
      #expect(before.hasPrefix("# Ours\n\n<!-- Status: IN PROGRESS -->\n\ntext  \n"))
      // Around its entry, and in it.
      let heading = "### Session: a\n"
      before = before.replacing(heading, with: heading + "\n> careful: **Status**: IN PROGRESS\n\n")
      before += "\nat the end, without a newline"
      TestHome.write(before, to: path)
      #expect(await home.apus("merge", "a").status == 0)
      let after = TestHome.text(path)
      let lines = after.split(separator: "\n", omittingEmptySubsequences: false)
      let added = lines.filter { $0.hasPrefix("- **Merged**: ") }
      #expect(added.count == 1)
      #expect(added.first?.hasSuffix("into main, \(tip.prefix(10))") == true)
      let rest = lines.filter { !$0.hasPrefix("- **Merged**: ") }.joined(separator: "\n")
      let own = try #require(before.range(of: "`\(made.branch ?? "")`"))
      let status = try #require(before.range(of: "- **Status**: IN PROGRESS", in: own.upperBound))
      #expect(rest == before.replacingCharacters(in: status, with: "- **Status**: DONE"))
      let open: [WorkLog.Entry] = try await home.json("work-log")
      #expect(open.map(\.title) == ["z"])
      #expect(await home.status().isEmpty)
    }
  }
}

extension String {
  fileprivate func range(of text: String, in start: Index? = nil) -> Range<Index>? {
    self[(start ?? startIndex)...].firstRange(of: text)
  }

  fileprivate func replacingCharacters(in range: Range<Index>, with text: String) -> String {
    var copy = self
    copy.replaceSubrange(range, with: text)
    return copy
  }
}
