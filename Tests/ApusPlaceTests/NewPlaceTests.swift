import ApusCore
import ApusTesting
import ApusWire
import Testing

/// Row C1: a place for every session.
@Suite struct NewPlaceTests {
  @Test func `a name that is free again after a rename has a place of its own`() async throws {
    try await TestHome.withRepository { home in
      let first = try await home.session("new", "one")
      #expect(await home.apus("rename", "one", "two").status == 0)
      let second = try await home.session("new", "one", "--kind", "docs")
      #expect(second.directory == first.directory + "-2")
      #expect(try await home.session("show", "two").directory == first.directory)
      for name in ["one", "two"] { #expect(await home.apus("remove", name, "--stop").status == 0) }
    }
  }

  @Test func `a session in a repository has a branch, a worktree outside the checkout, and a port`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.session("new", "add-auth", "--component", "server")
      let worktree = try #require(made.worktree)
      #expect(worktree.hasPrefix(home.apusHome + "/worktrees/"))
      #expect(made.directory == worktree)
      #expect(made.branch?.wholeMatch(of: /session-\d{8}-add-auth/) != nil)
      #expect(made.base == "main")
      #expect(made.component == "server")
      #expect(await home.git("symbolic-ref", "--short", "HEAD", directory: worktree) == made.branch)
      #expect(await home.git("status", "--porcelain", directory: worktree).isEmpty)
      #expect(await home.git("status", "--porcelain").isEmpty)
      let port = try #require(made.ports["PORT"])
      #expect(await home.apus("shell", "add-auth", "--", "printenv", "PORT").output == "\(port)\n")
    }
  }
}
