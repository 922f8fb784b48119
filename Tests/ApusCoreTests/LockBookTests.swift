import ApusCore
import Testing

@Suite("the rule of named locks") struct LockBookTests {
  @Test func `whoever asks for a free lock has it, with a token, until it is silent for too long`() {
    var desk = LockDesk()
    #expect(desk.ask("a1", "x") { $0.note = "api" } == [.granted(ticket: "a1")])
    let lock = desk.lock("x")
    #expect(lock.lease == Lease(name: "x", holder: "a", token: 1, since: 100, expires: 400))
    #expect(lock.owner?.id == "a" && lock.note == "api" && lock.since == desk.wall && lock.holds == ["a1"])
    #expect(desk.book.tickets["a1"]?.tokens == [1])
    #expect(desk.book.isCurrent(LockDesk.key("x"), token: 1) && !desk.book.isCurrent(LockDesk.key("x"), token: 2))
    #expect(desk.book.nextDeadline == 400)
  }

  @Test func `each grant has a larger token than any before it`() {
    var desk = LockDesk()
    for expected in 1...5 as ClosedRange<Int64> {
      desk.ask("a\(expected)", "x")
      #expect(desk.token("x") == expected)
      #expect(desk.release("x", expected).endings == ["x a \(expected) released"])
      #expect(!desk.book.isCurrent(LockDesk.key("x"), token: expected))
    }
    #expect(desk.isEmpty)
  }

  @Test func `a name that is opened never has a token again that is not above what is written down`() {
    var desk = LockDesk()
    desk.book.open(LockDesk.key("x"), highest: 1000)
    desk.ask("a1", "x")
    #expect(desk.token("x") == 1001)
    desk.book.open(LockDesk.key("x"), highest: 10)
    #expect(desk.lock("x").highest == 1001)
    // While it is held, too; and its holder taking it again changes nothing.
    desk.book.open(LockDesk.key("x"), highest: 5000)
    desk.ask("a2", "x")
    #expect(desk.token("x") == 1001 && desk.lock("x").highest == 5000)
    desk.leave("a1")
    #expect(desk.leave("a2").endings == ["x a 1001 released"])
    desk.ask("b1", "x")
    #expect(desk.token("x") == 5001)
  }

  @Test func `who does not wait is refused at once and told by whom`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    let effects = desk.ask("b1", "x")
    #expect(effects == [.refused(ticket: "b1", .held(LockDesk.key("x"), by: LockDesk.owner("a")))])
    #expect(desk.book.tickets.count == 1 && desk.queue("x").isEmpty)
  }

  @Test func `locks of other scopes are other locks`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    #expect(desk.ask("b1", "x") { $0.keys = [LockKey(scope: "s", name: "x")] }.granted == ["b1"])
    #expect(desk.ask("c1", "x") { $0.keys = [LockKey(scope: LockKey.everywhere, name: "x")] }.granted == ["c1"])
  }

  @Test func `an owner that has a lock may have it again, under the same token`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    desk.ask("b1", "x", wait: 60)
    #expect(desk.ask("a2", "x").granted == ["a2"])
    #expect(desk.lock("x").holds == ["a1", "a2"] && desk.token("x") == 1 && desk.lock("x").highest == 1)
    #expect(desk.leave("a1").endings.isEmpty)
    #expect(desk.holder("x") == "a")
    #expect(desk.leave("a2").granted == ["b1"])
    #expect(desk.token("x") == 2)
  }

  @Test func `a token gives back one time it was taken, the last first`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    desk.ask("a2", "x")
    desk.release("x", 1)
    #expect(desk.lock("x").holds == ["a1"] && desk.book.tickets["a2"] == nil)
    desk.release("x", 1)
    #expect(desk.isEmpty)
    #expect(desk.release("x", 1).stale == ["x"])
  }

  @Test func `an owner under a new name is still the same`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    #expect(desk.ask("a2", "x") { $0.owner.name = "renamed" }.granted == ["a2"])
  }

  @Test func `taking a lock again never makes its lease shorter`() {
    var desk = LockDesk()
    desk.ask("a1", "x") { $0.leaseSeconds = 600 }
    desk.ask("a2", "x") { $0.leaseSeconds = 10 }
    desk.live("a2")
    desk.pass(599)
    #expect(desk.holder("x") == "a")
    #expect(desk.pass(1).lost == ["a1 x", "a2 x"])
  }

  @Test func `who may not have it twice is refused as one that waits for itself`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    let held = desk.ask("a2", "x") { $0.isReentrant = false }
    #expect(held.refused["a2"] == .held(LockDesk.key("x"), by: LockDesk.owner("a")))
    #expect(desk.ask("a3", "x", wait: 60) { $0.isReentrant = false }.circle("a3") == "a>x")
    desk.ask("b1", "y")
    desk.ask("a4", "y", wait: 60)
    #expect(desk.ask("a5", "y", wait: 60) { $0.isReentrant = false }.circle("a5") == "a>y")
    #expect(desk.queue("y") == ["a4"])
  }

  @Test func `an old token can neither renew nor release what another has`() {
    var desk = LockDesk()
    desk.ask("a1", "x") { $0.leaseSeconds = 10 }
    desk.ask("b1", "x", wait: 60)
    #expect(desk.pass(10).granted == ["b1"])
    #expect(desk.release("x", 1) == [.stale(LockDesk.key("x"))])
    #expect(desk.handle(.renewed(LockDesk.key("x"), token: 1, seconds: 60)) == [.stale(LockDesk.key("x"))])
    #expect(desk.live("a1").isEmpty)
    #expect(desk.holder("x") == "b" && desk.lock("x").lease?.expires == desk.now + 300)
    #expect(desk.leave("a1").isEmpty)
    #expect(desk.holder("x") == "b")
  }

  @Test func `a note belongs to one holding`() {
    var desk = LockDesk()
    #expect(desk.handle(.noted(LockDesk.key("x"), note: "nobody")).stale == ["x"])
    desk.ask("a1", "x")
    desk.handle(.noted(LockDesk.key("x"), note: "Error: port in use"))
    #expect(desk.lock("x").note == "Error: port in use")
    let told = desk.leave("a1")
    guard case .told(let story) = told.first else {
      Issue.record("\(told)")
      return
    }
    #expect(story.note == "Error: port in use")
    #expect(desk.lock("x").note == nil)
  }

  @Test func `asking again with a ticket tells how it stands`() {
    var desk = LockDesk()
    #expect(desk.ask("a1", "x") == [.granted(ticket: "a1")])
    #expect(desk.ask("a1", "x") == [.granted(ticket: "a1")])
    desk.ask("b1", "x", wait: 60)
    desk.ask("c1", "x", wait: 60)
    #expect(desk.ask("c1", "x", wait: 60).queued == ["c1 x 1"])
    #expect(desk.book.tickets["c1"].flatMap { desk.book.place(of: $0) } == 2)
    #expect(desk.queue("x") == ["b1", "c1"] && desk.token("x") == 1)
    desk.die("a1")
    #expect(desk.ask("a1", "x").refused["a1"] == .lost(LockDesk.key("x"), evidence: "gone"))
  }

  @Test func `what nobody can mean has a result all the same`() {
    var desk = LockDesk()
    #expect(desk.ask("a1") == [.granted(ticket: "a1")])
    #expect(desk.isEmpty)
    desk.ask("a2", "x", "x") { $0.keys = [LockDesk.key("y"), LockDesk.key("x"), LockDesk.key("y")] }
    #expect(desk.book.tickets["a2"]?.keys.map(\.name) == ["x", "y"])
    for (n, seconds) in ([-5, 0, .nan, -.infinity] as [Double]).enumerated() {
      desk.ask("b\(n)", "b\(n)") { $0.leaseSeconds = seconds }
      #expect(desk.lock("b\(n)").lease?.expires == desk.now + LockTicket.usualLease)
    }
    desk.ask("c1", "c") { $0.leaseSeconds = .infinity }
    #expect(desk.lock("c").lease?.expires?.isFinite == true)
    #expect(desk.ask("d1", "x") { $0.deadline = .nan }.refused["d1"] != nil)
    #expect(desk.ask("d2", "x") { $0.deadline = .infinity }.queued == ["d2 x 0"])
    #expect(desk.book.tickets["d2"]?.deadline?.isFinite == true)
    desk.ask("e1", "e") { $0.onDeath = .delay(-.infinity) }
    #expect(desk.die("e1").drains == ["e e1 delay:0s"])
    #expect(desk.leave("nobody").isEmpty && desk.die("nobody").isEmpty && desk.drain("nothing").isEmpty)
  }
}
