import ApusCore
import ApusTestKit
import Foundation
import Testing

private let main = "/shop"
private let other = "/worktrees/fix"

/// A book in which a7f3 edits src/a.swift in the main checkout.
private func book(functions: [String]? = nil) -> ClaimBook {
  var book = ClaimBook()
  book.touch("src/a.swift", by: "a7f3", checkout: main, source: .edit, functions: functions, now: 100)
  return book
}

@Suite("claims on paths") struct ClaimTests {
  @Test func `an edit claims its path and the next one renews it`() {
    var book = book()
    book.touch("./src//a.swift", by: "a7f3", checkout: main, source: .disk, now: 160)
    #expect(
      book.claims == [
        Claim(path: "src/a.swift", session: "a7f3", checkout: main, source: .edit, since: 100, lastEdit: 160)
      ])
  }

  @Test func `a session never meets its own claims`() {
    let book = book()
    #expect(book.check("src/a.swift", by: "a7f3", checkout: main).isEmpty)
    #expect(book.check("src/a.swift", by: nil, checkout: main).count == 1)
  }

  @Test func `one checkout is a conflict and another worktree a merge`() throws {
    let book = book()
    let claim = try #require(book.claims.first)
    #expect(book.check("src/a.swift", by: "e1b2", checkout: main) == [.conflict(claim, .unknown)])
    #expect(book.check("src/a.swift", by: "e1b2", checkout: other) == [.merge(claim)])
    #expect(book.check("src/b.swift", by: "e1b2", checkout: main).isEmpty)
    #expect(book.check("src/a.swiftx", by: "e1b2", checkout: main).isEmpty)
  }

  @Test func `functions decide where both sides know them`() throws {
    let known = book(functions: ["parse()", "read()"])
    let claim = try #require(known.claims.first)
    func meet(_ functions: [String]?) -> [ClaimMeeting] {
      known.check("src/a.swift", by: "e1b2", checkout: main, functions: functions)
    }
    #expect(meet(["read()", "write()"]) == [.conflict(claim, .sameFunction(["read()"]))])
    #expect(meet(["write()"]) == [.conflict(claim, .otherFunctions)])
    #expect(meet([]) == [.conflict(claim, .otherFunctions)])
    #expect(meet(nil) == [.conflict(claim, .unknown)])
  }

  @Test func `functions add up and one unknown edit makes them unknown until a diff tells`() {
    var book = book(functions: ["b"])
    book.touch("src/a.swift", by: "a7f3", checkout: main, source: .edit, functions: ["a", "b"], now: 110)
    #expect(book.claims.first?.functions == ["a", "b"])
    book.touch("src/a.swift", by: "a7f3", checkout: main, source: .disk, now: 120)
    book.touch("src/a.swift", by: "a7f3", checkout: main, source: .edit, functions: ["c"], now: 130)
    #expect(book.claims.first?.functions == nil)
    book.know(["a", "c"], of: "src/a.swift", by: "a7f3", checkout: main)
    #expect(book.claims.first?.functions == ["a", "c"])
  }

  @Test func `an edit of a path with a pattern's characters claims just that path`() {
    var book = ClaimBook()
    book.touch("app/[id]/*.tsx", by: "a7f3", checkout: main, source: .edit, now: 1)
    #expect(book.check("app/[id]/*.tsx", by: nil, checkout: main).count == 1)
    #expect(book.check("app/i/x.tsx", by: nil, checkout: main).isEmpty)
    #expect(book.claims.first?.path == "app/[id]/*.tsx")
  }

  @Test func `directories meet what is below and above`() throws {
    var book = ClaimBook()
    _ = try book.add(["src/api/", "db/**/*.sql"], by: "a7f3", checkout: main, now: 1)
    for path in ["src/api/x/y.swift", "src/api", "src", ".", "db/a.sql", "db", "db/x/a.sql/b"] {
      #expect(try !book.check(Glob(path), by: "e1b2", checkout: main).isEmpty, "\(path)")
    }
    for path in ["src/apis", "docs", "db/a.sq", "src"] {
      #expect(book.check(path, by: "e1b2", checkout: main).isEmpty, "\(path)")
    }
    #expect(try book.check(Glob("**/*.sql"), by: "e1b2", checkout: main).count == 2)
    #expect(try book.check(Glob("src/*/[a-m]*"), by: "e1b2", checkout: main).count == 1)
  }

  @Test func `a file has nothing below that a pattern could match`() throws {
    var book = book()
    _ = try book.add(["docs/guide.md"], by: "a7f3", checkout: main, now: 1)
    let all = ["**/*.sql"]
    #expect(try book.add(all, by: "e1b2", checkout: main, now: 2).map(\.claim.path) == ["docs/guide.md"])
    #expect(try book.add(all, by: "e1b2", checkout: main, now: 2) { $0 == "docs/guide.md" }.isEmpty)
    #expect(book.check("src/b.swift", by: "a7f3", checkout: main).isEmpty)
    #expect(book.check("src/b.sql", by: "a7f3", checkout: main).count == 1)
    #expect(try book.add(["a.c"], by: "a7f3", checkout: main, now: 2).count == 1)
    #expect(try book.add(["a.c"], by: "a7f3", checkout: main, now: 2) { $0 == "a.c" }.isEmpty)
  }

  @Test func `what is asked for is had whole or not at all`() throws {
    var book = book()
    let before = book
    let meetings = try book.add(["docs", "src/*.swift"], by: "e1b2", checkout: main, now: 200)
    #expect(meetings == before.claims.map { .conflict($0, .unknown) })
    #expect(book == before)
    #expect(throws: Failure.self) { try book.add(["docs", "["], by: "e1b2", checkout: main, now: 200) }
    #expect(book == before)
    #expect(try book.add(["docs"], by: "e1b2", checkout: main, now: 200).isEmpty)
    #expect(book.count == 2)
  }

  @Test func `an edit in another worktree does not refuse what is asked for`() throws {
    var book = book()
    let claim = try #require(book.claims.first)
    #expect(try book.add(["src"], by: "e1b2", checkout: other, now: 200) == [.merge(claim)])
    #expect(book.count == 2)
  }

  @Test func `what was asked for is had once in all worktrees`() throws {
    var book = ClaimBook()
    _ = try book.add(["src"], by: "a7f3", checkout: main, now: 1)
    let claim = try #require(book.claims.first)
    #expect(try book.add(["src/a"], by: "e1b2", checkout: other, now: 2) == [.conflict(claim, .unknown)])
    #expect(book.check("src/a", by: "e1b2", checkout: other) == [.merge(claim)])
  }

  @Test func `shared claims do not exclude each other but exclude all others`() throws {
    var book = ClaimBook()
    _ = try book.add(["src"], by: "a7f3", checkout: main, isShared: true, now: 1)
    #expect(try book.add(["src"], by: "e1b2", checkout: main, isShared: true, now: 2).isEmpty)
    #expect(try book.add(["src/a"], by: "90c4", checkout: main, now: 3).count == 2)
    #expect(book.check("src/a", by: "e1b2", checkout: main).isEmpty)
    #expect(book.check("src/a", by: "90c4", checkout: main).count == 2)
    book.touch("src/a", by: "a7f3", checkout: main, source: .edit, now: 4)
    #expect(book.check("src/a", by: "e1b2", checkout: main).isEmpty)
    book.touch("docs/a", by: "a7f3", checkout: main, source: .edit, now: 4)
    #expect(book.check("docs/a", by: "e1b2", checkout: main).count == 1)
  }

  @Test func `an asked claim stays asked through edits and commits until it is released`() throws {
    var book = ClaimBook()
    _ = try book.add(["a"], by: "a7f3", checkout: main, now: 1)
    book.touch("a", by: "a7f3", checkout: main, source: .edit, functions: ["f"], now: 5)
    #expect(book.claims.map(\.source) == [.asked])
    #expect(book.claims.map(\.functions) == [["f"]])
    #expect(book.committed(["a"], in: main).isEmpty)
    #expect(book.clean(main, dirty: [], began: 99).isEmpty)
    #expect(book.expire(now: 1e9, after: 600).isEmpty)
    #expect(book.release(["a/"], by: "e1b2").isEmpty)
    #expect(book.release(["a/"], by: "a7f3").count == 1)
    #expect(book.count == 0)
  }

  @Test func `asking for what one edits makes it asked for`() throws {
    var book = book()
    #expect(try book.add(["src/a.swift"], by: "a7f3", checkout: main, now: 200).isEmpty)
    #expect(book.claims.map(\.source) == [.asked])
    #expect(book.claims.map(\.since) == [100])
  }

  @Test func `releasing a directory releases what the session has below`() throws {
    var book = book()
    book.touch("src/b", by: "e1b2", checkout: main, source: .edit, now: 1)
    _ = try book.add(["src/*.c"], by: "a7f3", checkout: main, now: 1)
    #expect(book.release(["src"], by: "a7f3").map(\.path) == ["src/a.swift"])
    #expect(book.release(["src/*.c"], by: "a7f3").map(\.path) == ["src/*.c"])
    #expect(book.claims.map(\.session) == ["e1b2"])
  }

  @Test func `a commit ends the claims on what it holds in its checkout`() {
    var book = book()
    book.touch("src/a.swift", by: "e1b2", checkout: other, source: .disk, now: 1)
    book.touch("src/b.swift", by: "a7f3", checkout: main, source: .disk, now: 1)
    #expect(book.committed(["src/a.swift"], in: main).map(\.session) == ["a7f3"])
    #expect(book.count == 2)
  }

  @Test func `claims lapse when their file is clean unless they are younger than the look`() {
    var book = book()
    book.touch("new/x", by: "a7f3", checkout: main, source: .disk, now: 100)
    book.touch("b", by: "a7f3", checkout: main, source: .edit, now: 150)
    #expect(book.clean(main, dirty: ["new/", "src/a.swift"], began: 150).isEmpty)
    #expect(book.clean(other, dirty: [], began: 150).isEmpty)
    #expect(book.clean(main, dirty: ["new/"], began: 150).map(\.path) == ["src/a.swift"])
    #expect(book.clean(main, dirty: [], began: 151).map(\.path) == ["new/x", "b"])
  }

  @Test func `claims without edits lapse after their time, but not those that stand in the file`() {
    var book = book()
    book.keep(Claim(path: "*.md", session: "e1b2", checkout: main, source: .file, since: 50, lastEdit: 60))
    #expect(book.expire(now: 699, after: 600).isEmpty)
    #expect(book.expire(now: 700, after: 600).map(\.path) == ["src/a.swift"])
    #expect(book.release(nil, by: "e1b2").map(\.path).contains("*.md"))
  }

  @Test func `a session's end ends all its claims and no other's`() throws {
    var book = book()
    _ = try book.add(["docs"], by: "a7f3", checkout: other, now: 1)
    book.touch("x", by: "e1b2", checkout: main, source: .edit, now: 1)
    #expect(book.sessionEnded("a7f3").count == 2)
    #expect(book.claims.map(\.session) == ["e1b2"])
  }

  @Test func `claims survive being written and read`() throws {
    let book = book(functions: ["f"])
    let read = try JSONDecoder().decode([Claim].self, from: JSONEncoder().encode(book.claims))
    #expect(ClaimBook(read) == book)
  }

  @Test func `ten thousand claims are asked and changed in no time`() {
    var book = ClaimBook()
    for n in 0..<10_000 {
      book.touch("src/d\(n % 100)/f\(n).swift", by: "s\(n % 50)", checkout: main, source: .edit, now: Double(n))
    }
    let cost = cpuTime {
      for n in 0..<1_000 {
        #expect(book.check("src/d\(n % 100)/f\(n).swift", by: "me", checkout: main).count == 1)
        book.touch("src/d1/n\(n)", by: "me", checkout: main, source: .edit, now: 1e6)
      }
    }
    #expect(cost < .seconds(5))
    #expect(book.check(Glob(path: "src/d1"), by: "me", checkout: main).count == 100)
  }
}
