import ApusCore
import ApusTesting
import ApusWire
import Testing

/// Row C12: submodules live inside a worktree's own record; nothing of them goes with it that nobody else has.
@Suite struct SubmoduleTests {
  /// A repository with a submodule `lib` of a repository on this disk, and a session in it.
  private func withLibrary(_ body: (TestHome, SessionObject) async throws -> Void) async throws {
    try await TestHome.withRepository { home in
      await home.git("config", "--global", "protocol.file.allow", "always")
      let library = home.root + "/library"
      await home.makeRepository(library, settings: nil)
      await home.git("submodule", "--quiet", "add", library, "lib")
      await home.git("commit", "--quiet", "-m", "library")
      let made = try await home.quiet("a")
      #expect(TestHome.text(made.directory + "/lib/shared.txt") == "one\ntwo\nthree\n")
      try await body(home, made)
    }
  }

  private func refuses(_ home: TestHome, _ made: SessionObject) async throws {
    let (failure, code) = try await home.failure("remove", "a", "--discard-uncommitted", "--discard-unpushed")
    #expect(code == 4)
    #expect(failure.code == .workUnsaved)
    #expect(failure.summary == "a has work in submodules that is on no remote of theirs: lib")
    #expect(failure.hint?.contains("git -C \(made.directory) submodule deinit --force") == true)
    #expect(Disk.isThere(made.directory + "/lib/.git"))
  }

  @Test func `a submodule nobody worked in goes with its worktree and comes back with it`() async throws {
    try await withLibrary { home, made in
      #expect(await home.apus("remove", "a").status == 0)
      #expect(!Disk.isThere(made.directory))
      #expect(await home.apus("undo").status == 0)
      #expect(TestHome.text(made.directory + "/lib/shared.txt") == "one\ntwo\nthree\n")
      #expect(await home.status(made.directory).isEmpty)
    }
  }

  @Test func `commits in a submodule that are on no remote refuse, also once they are merged`() async throws {
    try await withLibrary { home, made in
      let library = made.directory + "/lib"
      let tip = await home.commit("server/a.txt", "changed\n", in: library)
      try await refuses(home, made)
      await home.git("add", "lib", directory: made.directory)
      await home.git("commit", "--quiet", "-m", "newer library", directory: made.directory)
      #expect(await home.apus("merge", "a").status == 0)
      try await refuses(home, made)
      #expect(await home.head(library) == tip)
      await home.git("push", "--quiet", "origin", "HEAD:refs/heads/mine", directory: library)
      let outcome = await home.apus("remove", "a")
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
  }

  @Test(arguments: ["shared.txt", "loose.txt"])
  func `files changed in a submodule refuse until somebody lets them go`(file: String) async throws {
    try await withLibrary { home, made in
      TestHome.write("mine\n", to: made.directory + "/lib/" + file)
      try await refuses(home, made)
      #expect(TestHome.text(made.directory + "/lib/" + file) == "mine\n")
      await home.git("submodule", "--quiet", "deinit", "--force", "lib", directory: made.directory)
      let outcome = await home.apus("remove", "a")
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
  }
}
