import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// Row C1: many new sessions at once. `APUS_SOAK=1` makes it fifty rounds.
@Suite struct ManyAtOnceTests {
  private static let rounds = getenv("APUS_SOAK") == nil ? 1 : 50
  private static let many = 16

  private func all(
    _ home: TestHome, _ body: @escaping @Sendable (_ name: String) async throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for n in 0..<Self.many { group.addTask { try await body("n\(n)") } }
      try await group.waitForAll()
    }
  }

  @Test func `sixteen new sessions at once all succeed, and leave nothing when they are removed`() async throws {
    try await TestHome.withRepository { home in
      let before = await home.footprint()
      for _ in 0..<Self.rounds {
        try await all(home) { name in
          let made = try await home.session("new", name, "--component", "server")
          #expect(made.state == .running)
          let worktree = try #require(made.worktree)
          #expect(await home.git("status", "--porcelain", directory: worktree).isEmpty)
        }
        let rows: [SessionObject] = try await home.json("list")
        #expect(rows.count == Self.many)
        for values in [
          rows.compactMap(\.branch), rows.compactMap(\.worktree), rows.compactMap { $0.ports["PORT"] }.map { "\($0)" },
        ] {
          #expect(Set(values).count == Self.many)
        }
        let log = TestHome.text(home.work + "/WORK_LOG.md")
        for n in 0..<Self.many { #expect(log.contains("### Session: n\(n)\n")) }
        try await all(home) { name in
          let gone = await home.apus("remove", name, "--stop")
          #expect(gone.status == 0, "\(gone.errors)")
        }
        // What a removal keeps on purpose is all there is.
        let kept = await home.git("for-each-ref", "--format=%(refname)", "refs/apus/rescue").split(separator: "\n")
        for ref in kept { await home.git("update-ref", "-d", String(ref)) }
        #expect(await home.footprint() == before)
        let ports: [PortObject] = try await home.json("ports")
        #expect(ports.isEmpty)
      }
      #expect(await home.troubles() == [])
    }
  }

  @Test func `of many who want one name at once one has it, and nothing of the others is left`() async throws {
    try await TestHome.withRepository { home in
      let codes = await withTaskGroup(of: Int32.self) { group in
        for _ in 0..<8 { group.addTask { await home.apus("new", "one", "--kind", "bug").status } }
        return await group.reduce(into: []) { $0.append($1) }
      }
      #expect(codes.sorted() == [0, 4, 4, 4, 4, 4, 4, 4])
      #expect(try await home.names() == ["one"])
      #expect(await home.git("worktree", "list").split(separator: "\n").count == 2)
      #expect(await home.git("branch", "--format=%(refname:short)") == "fix/one\nmain")
      let ports: [PortObject] = try await home.json("ports")
      #expect(ports.map(\.session) == ["one"])
    }
  }

  @Test func `two daemons make places in one repository at once`() async throws {
    try await TestHome.withRepository { first in
      try await TestHome.withRepository { second in
        let repository = first.work
        let before = await first.git("for-each-ref", "refs/heads")
        try await withThrowingTaskGroup(of: Void.self) { group in
          for n in 0..<6 {
            for (home, kind) in [(first, "bug"), (second, "docs")] {
              group.addTask { _ = try await home.session("new", "n\(n)", "--kind", kind, directory: repository) }
            }
          }
          try await group.waitForAll()
        }
        #expect(await first.git("branch", "--list", "fix/*", "docs/*").split(separator: "\n").count == 12)
        #expect(await first.git("worktree", "list").split(separator: "\n").count == 13)
        try await withThrowingTaskGroup(of: Void.self) { group in
          for n in 0..<6 {
            for home in [first, second] {
              group.addTask {
                let gone = await home.apus("remove", "n\(n)", "--stop")
                #expect(gone.status == 0, "\(gone.errors)")
              }
            }
          }
          try await group.waitForAll()
        }
        #expect(await first.git("for-each-ref", "refs/heads") == before)
        #expect(await first.git("worktree", "list").split(separator: "\n").count == 1)
        #expect(await first.git("fsck", "--no-progress").isEmpty)
      }
    }
  }
}
