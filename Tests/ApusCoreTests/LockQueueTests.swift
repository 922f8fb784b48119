import ApusCore
import Testing

@Suite("waiting for named locks") struct LockQueueTests {
  @Test func `those who wait have it in the order they came`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    for (n, id) in ["b1", "c1", "d1"].enumerated() { #expect(desk.ask(id, "x", wait: 60).queued == ["\(id) x \(n)"]) }
    #expect(desk.leave("a1").granted == ["b1"])
    #expect(desk.leave("b1").granted == ["c1"])
    #expect(desk.leave("c1").granted == ["d1"])
    #expect(desk.leave("d1").contains(.freed(LockDesk.key("x"))))
    #expect(desk.token("x") == nil && desk.lock("x").highest == 4)
  }

  @Test func `a higher rank comes first, and of one rank whoever came first`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    for (id, rank) in [("b1", 0), ("c1", 5), ("d1", 5), ("e1", 1)] { desk.ask(id, "x", wait: 60) { $0.rank = rank } }
    #expect(desk.queue("x") == ["c1", "d1", "e1", "b1"])
  }

  @Test func `nobody who comes takes a lock from those who wait`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    desk.ask("b1", "x", wait: 60)
    desk.die("a1")
    #expect(desk.ask("c1", "x", wait: 60).queued == ["c1 x 1"])
    #expect(desk.ask("d1", "x").refused["d1"] != nil)
    #expect(desk.drain("x").granted == ["b1"])
  }

  @Test func `what one owner waits for twice it has at once`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    desk.ask("b1", "x", wait: 60)
    desk.ask("c1", "x", wait: 60)
    #expect(desk.ask("b2", "x", wait: 60).queued == ["b2 x 1"])
    #expect(desk.leave("a1").granted == ["b1", "b2"])
    #expect(desk.token("x") == 2 && desk.lock("x").holds == ["b1", "b2"])
    desk.leave("b1")
    #expect(desk.leave("b2").granted == ["c1"])
  }

  @Test func `an owner's waits stand together at the highest of their ranks, in that queue alone`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    desk.ask("a2", "y")
    desk.ask("b1", "x", wait: 60)
    desk.ask("c1", "x", "y", wait: 60)
    desk.ask("c2", "x", wait: 60) { $0.rank = 3 }
    #expect(desk.queue("x") == ["c1", "c2", "b1"])
    desk.ask("d1", "y", wait: 60) { $0.rank = 1 }
    desk.leave("a1")
    #expect(desk.queue("y") == ["d1", "c1"])
  }

  @Test func `who leaves the queue leaves no gap`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    for id in ["b1", "c1", "d1"] { desk.ask(id, "x", wait: 60) }
    desk.leave("c1")
    #expect(desk.queue("x") == ["b1", "d1"])
    desk.die("b1")
    #expect(desk.leave("a1").granted == ["d1"])
    desk.leave("d1")
    #expect(desk.isEmpty)
  }

  @Test func `whoever waited until its time is told so, and nothing of it is left`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    desk.ask("b1", "x", wait: 30)
    #expect(desk.pass(29.999).isEmpty)
    #expect(desk.pass(0.001) == [.refused(ticket: "b1", .timedOut(LockDesk.key("x"), by: LockDesk.owner("a")))])
    #expect(desk.book.tickets.keys.sorted() == ["a1"] && desk.queue("x").isEmpty)
    #expect(desk.leave("a1").granted.isEmpty)
  }

  @Test func `a lock that is free too late is not given to whose time is over`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    desk.ask("b1", "x", wait: 30)
    desk.ask("c1", "x", wait: 90)
    desk.now += 40
    let effects = desk.leave("a1")
    #expect(effects.refused["b1"] == .timedOut(LockDesk.key("x"), by: nil))
    #expect(effects.granted == ["c1"])
  }

  @Test func `while the machine sleeps nobody's time runs`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    desk.ask("b1", "x", wait: 30)
    desk.wall += 36_000
    #expect(desk.handle(.ticked).isEmpty)
    desk.wall -= 7200
    #expect(desk.pass(29).isEmpty)
    #expect(desk.holder("x") == "a" && desk.queue("x") == ["b1"])
  }

  // MARK: sets

  @Test func `a set is taken in the order of names, whatever the order it was asked in`() {
    var desk = LockDesk()
    desk.ask("a1", "y")
    #expect(desk.ask("b1", "z", "y", "x", wait: 60).queued == ["b1 y 0"])
    #expect(desk.holder("x") == "b" && desk.holder("z") == nil)
    #expect(desk.leave("a1").granted == ["b1"])
    #expect(desk.book.tickets["b1"]?.tokens == [1, 2, 1])
  }

  @Test func `those who want the same sets never wait for each other`() {
    var desk = LockDesk()
    let sets = [["x", "y"], ["y", "x"], ["z", "x", "y"], ["y", "z"], ["z", "x"]]
    for (n, set) in sets.enumerated() {
      let id = String("abcde".dropFirst(n).prefix(1)) + "1"
      let effects = desk.handle(.asked(LockDesk.ticket(id, set, wait: 600)))
      #expect(effects.refused.isEmpty)
    }
    var done = 0
    while let id = desk.book.tickets.values.filter(\.isComplete).map(\.id).min() {
      desk.leave(id)
      done += 1
    }
    #expect(done == 5 && desk.isEmpty)
  }

  @Test func `who is refused a part gives back the rest`() {
    var desk = LockDesk()
    desk.ask("a1", "y")
    desk.ask("c1", "w", wait: 60)
    let effects = desk.ask("b1", "x", "y")
    #expect(effects.refused["b1"] == .held(LockDesk.key("y"), by: LockDesk.owner("a")))
    #expect(desk.lock("x").isQuiet && desk.book.tickets["b1"] == nil)
    #expect(effects.endings == ["x b 1 given back: not all of a set could be had"])
  }

  @Test func `a set whose time is over gives all back, and the next have it`() {
    var desk = LockDesk()
    desk.ask("a1", "z")
    desk.ask("b1", "x", "y", "z", wait: 30)
    desk.ask("c1", "x", wait: 90)
    desk.ask("d1", "y", wait: 90)
    let effects = desk.pass(30)
    #expect(effects.refused["b1"] == .timedOut(LockDesk.key("z"), by: LockDesk.owner("a")))
    #expect(Set(effects.granted) == ["c1", "d1"])
  }

  @Test func `a set that loses a part while it waits for the rest is refused whole`() {
    var desk = LockDesk()
    desk.ask("a1", "z")
    desk.ask("b1", "x", "y", "z", wait: 60)
    desk.ask("c1", "y", wait: 60)
    let effects = desk.handle(.broken(LockDesk.key("x"), reason: "mine"))
    #expect(effects.refused["b1"] == .lost(LockDesk.key("x"), evidence: "broken: mine"))
    #expect(effects.granted == ["c1"])
    #expect(desk.book.tickets["b1"] == nil && desk.queue("z").isEmpty)
  }

  @Test func `one lock of a set can be given back before the others`() {
    var desk = LockDesk()
    desk.ask("a1", "x", "y")
    desk.release("x", 1)
    #expect(desk.holder("x") == nil && desk.holder("y") == "a")
    #expect(desk.book.tickets["a1"]?.keys.map(\.name) == ["y"] && desk.book.tickets["a1"]?.isComplete == true)
    #expect(desk.ask("a1", "x", "y") == [.granted(ticket: "a1")])
    desk.leave("a1")
    #expect(desk.isEmpty)
  }

  @Test func `a token gives back no part of a set that is not complete`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    desk.ask("b1", "y")
    desk.ask("a2", "x", "y", wait: 60)
    desk.release("x", 1)
    #expect(desk.lock("x").holds == ["a2"])
    #expect(desk.release("x", 1).stale == ["x"])
    #expect(desk.leave("b1").granted == ["a2"])
    desk.leave("a2")
    #expect(desk.isEmpty)
  }
}
