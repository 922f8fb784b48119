import ApusCore
import Testing

@Suite("the death and silence of who holds a lock") struct LockDeathTests {
  @Test func `a silent holder loses its lock when its lease is over, never before`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    desk.ask("b1", "x", wait: 1000)
    #expect(desk.pass(299.999).isEmpty)
    let effects = desk.pass(0.001)
    #expect(effects.lost == ["a1 x"] && effects.granted == ["b1"])
    #expect(effects.endings == ["x a 1 no sign of life for 300 s"])
    #expect(desk.token("x") == 3)
  }

  @Test func `whoever asks after a lease is over has it without anybody's tick`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    desk.now += 300
    #expect(desk.ask("b1", "x").granted == ["b1"])
  }

  @Test func `each sign of life gives the whole time again`() {
    var desk = LockDesk()
    desk.ask("a1", "x", "y")
    for _ in 1...10 {
      desk.pass(299)
      #expect(desk.live("a1").count == 2)
    }
    #expect(desk.holder("x") == "a" && desk.lock("x").proof == "seen" && desk.lock("x").provenAt == desk.wall)
    #expect(desk.pass(300).lost == ["a1 x", "a1 y"])
    #expect(desk.isEmpty)
  }

  @Test func `a holder may say how long it will be silent`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    let effects = desk.handle(.renewed(LockDesk.key("x"), token: 1, seconds: 3600))
    #expect(effects == [.renewed(LockDesk.key("x"), token: 1)])
    // A heartbeat after it takes nothing of that away.
    desk.live("a1")
    desk.pass(3599)
    #expect(desk.holder("x") == "a")
    desk.handle(.renewed(LockDesk.key("x"), token: 1, seconds: 10))
    desk.pass(9)
    #expect(desk.holder("x") == "a")
    #expect(desk.pass(1).lost == ["a1 x"])
  }

  @Test func `what a dead holder's command left is seen to before the next has the lock`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    desk.ask("b1", "x", wait: 60)
    #expect(desk.die("a1") == [.drain(LockDesk.key("x"), ticket: "a1", .release)])
    #expect(desk.lock("x").lease == nil && desk.holder("x") == "a" && !desk.lock("x").isFree)
    #expect(!desk.book.isCurrent(LockDesk.key("x"), token: 1) && desk.release("x", 1).stale == ["x"])
    let effects = desk.drain("x", "a1")
    #expect(effects.granted == ["b1"] && effects.endings == ["x a 1 gone; empty"])
    #expect(desk.token("x") == 2 && desk.book.tickets["a1"] == nil)
  }

  @Test func `a delay after a death is kept to, whoever says earlier that all is gone`() {
    var desk = LockDesk()
    desk.ask("a1", "x") { $0.onDeath = .delay(15) }
    desk.ask("b1", "x", wait: 60)
    #expect(desk.die("a1").drains == ["x a1 delay:15s"])
    #expect(desk.drain("x").isEmpty)
    #expect(desk.pass(14.9).isEmpty)
    #expect(desk.pass(0.1).drains == ["x a1 release"])
    #expect(desk.drain("x").granted == ["b1"])
  }

  @Test func `a probe decides when a dead holder's lock is free`() {
    var desk = LockDesk()
    desk.ask("a1", "x") { $0.onDeath = .probe("curl -f localhost") }
    desk.ask("b1", "x", wait: 600)
    #expect(desk.die("a1").drains == ["x a1 probe:curl -f localhost"])
    #expect(desk.pass(500).isEmpty)
    #expect(desk.drain("x").granted == ["b1"])
  }

  @Test func `a lock that is to be held after death is a person's to break`() {
    var desk = LockDesk()
    desk.ask("a1", "x") { $0.onDeath = .hold }
    desk.ask("b1", "x", wait: 6000)
    desk.die("a1")
    #expect(desk.drain("x").isEmpty && desk.pass(5000).isEmpty)
    let effects = desk.handle(.broken(LockDesk.key("x"), reason: "looked at it"))
    #expect(effects.granted == ["b1"] && effects.endings == ["x a 1 broken: looked at it"])
    desk.leave("b1")
    #expect(desk.isEmpty)
  }

  @Test func `silence counts as death only for who asked for more care than release`() {
    var desk = LockDesk()
    desk.ask("a1", "x") { $0.onDeath = .hold }
    desk.ask("b1", "x", wait: 6000)
    let effects = desk.pass(300)
    #expect(effects.lost == ["a1 x"] && effects.drains == ["x a1 hold"] && effects.granted.isEmpty)
    #expect(desk.live("a1").stale == ["x"])
    // It is proven dead later, or comes back and leaves: a person still has to look.
    #expect(desk.die("a1").isEmpty && desk.leave("a1").isEmpty)
    #expect(desk.book.tickets["a1"] != nil)
    #expect(desk.handle(.broken(LockDesk.key("x"), reason: "")).granted == ["b1"])
  }

  @Test func `a death that is told twice is one`() {
    var desk = LockDesk()
    desk.ask("a1", "x", "y")
    #expect(desk.die("a1").drains == ["y a1 release", "x a1 release"])
    #expect(desk.die("a1").isEmpty && desk.leave("a1").isEmpty)
    #expect(desk.drain("x").lost == ["a1 x"])
    #expect(desk.drain("x").isEmpty)
    #expect(desk.drain("y").lost == ["a1 y"])
    #expect(desk.isEmpty)
  }

  @Test func `what was left of one holder says nothing of another's`() {
    var desk = LockDesk()
    desk.ask("a1", "x") { $0.onDeath = .probe("slow") }
    desk.die("a1")
    desk.handle(.broken(LockDesk.key("x"), reason: "now"))
    desk.ask("b1", "x") { $0.onDeath = .probe("other") }
    desk.die("b1")
    #expect(desk.drain("x", "a1").isEmpty)
    #expect(desk.drain("x", "b1").lost == ["b1 x"])
  }

  @Test func `breaking a part of what a dead holder left forgets it with the rest`() {
    var desk = LockDesk()
    desk.ask("b1", "x")
    desk.ask("b2", "x", "y")
    desk.die("b2")
    #expect(desk.lock("x").holds == ["b1"])
    desk.handle(.broken(LockDesk.key("y"), reason: "old"))
    #expect(desk.book.tickets.keys.sorted() == ["b1"])
  }

  @Test func `the death of one of two holdings leaves the other`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    desk.ask("a2", "x")
    #expect(desk.die("a1").isEmpty)
    #expect(desk.holder("x") == "a" && desk.lock("x").holds == ["a2"] && desk.book.tickets["a1"] == nil)
    #expect(desk.die("a2").drains == ["x a2 release"])
  }

  @Test func `who dies waiting waits no more, and what it had of a set is free at once`() {
    var desk = LockDesk()
    desk.ask("a1", "y")
    desk.ask("b1", "x", "y", wait: 60) { $0.onDeath = .hold }
    desk.ask("c1", "x", wait: 60)
    let effects = desk.die("b1")
    #expect(effects.granted == ["c1"] && effects.drains.isEmpty && effects.endings == ["x b 1 gone"])
    #expect(desk.queue("y").isEmpty && desk.book.tickets["b1"] == nil)
  }

  @Test func `the next run of a dead holder waits for what that left, which is no circle`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    desk.die("a1")
    #expect(desk.ask("a2", "x", wait: 60).queued == ["a2 x 0"])
    #expect(desk.drain("x").granted == ["a2"])
  }

  @Test func `a broken lock's token is never shown again, and its old holder's release changes nothing`() {
    var desk = LockDesk()
    #expect(desk.handle(.broken(LockDesk.key("x"), reason: "free")).stale == ["x"])
    desk.ask("a1", "x")
    desk.ask("a2", "x")
    let effects = desk.handle(.broken(LockDesk.key("x"), reason: "stuck"))
    #expect(effects.lost == ["a1 x", "a2 x"] && effects.endings == ["x a 1 broken: stuck"])
    #expect(desk.lock("x").highest == 2 && desk.isEmpty)
    #expect(desk.release("x", 1).stale == ["x"])
    desk.ask("b1", "x")
    #expect(desk.token("x") == 3)
    #expect(desk.release("x", 1).stale == ["x"] && desk.leave("a1").isEmpty && desk.holder("x") == "b")
  }
}
