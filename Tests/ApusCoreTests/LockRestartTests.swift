import ApusCore
import Foundation
import Testing

@Suite("locks when the daemon is started again, or cannot save") struct LockRestartTests {
  /// What the store writes down and reads back.
  private func reborn(_ book: LockBook) throws -> LockBook {
    let locks = try JSONDecoder().decode([NamedLock].self, from: JSONEncoder().encode(Array(book.locks.values)))
    let tickets = try JSONDecoder().decode([LockTicket].self, from: JSONEncoder().encode(Array(book.tickets.values)))
    return LockBook(locks: locks, tickets: tickets)
  }

  private func crowd() -> LockDesk {
    var desk = LockDesk()
    desk.book.open(LockDesk.key("x"), highest: 1_790_000_000_123_456)
    desk.ask("a1", "x", "y") { $0.note = "two" }
    desk.ask("b1", "w", "x", wait: 500) { $0.anchor = .session("a7f3/2") }
    desk.ask("c1", "x", wait: 600) { $0.rank = 2 }
    desk.ask("c2", "x", wait: 700)
    desk.ask("d1", "d") { $0.onDeath = .delay(20) }
    desk.ask("e1", "e") { $0.onDeath = .probe("true") }
    desk.ask("f1", "f") { $0.onDeath = .hold }
    for id in ["d1", "e1", "f1"] { desk.die(id) }
    return desk
  }

  @Test func `what is written down is read back the same`() throws {
    let desk = crowd()
    let read = try reborn(desk.book)
    #expect(read == desk.book)
    #expect(read.waits == desk.book.waits && read.nextDeadline == desk.book.nextDeadline)
    #expect(read.locks[LockDesk.key("x")]?.lease?.token == 1_790_000_000_123_457)
  }

  @Test func `a restart costs no holder its right and no waiter its place`() throws {
    var desk = crowd()
    desk.now += 299
    desk.book = try reborn(desk.book)
    let effects = desk.handle(.restarted)
    #expect(effects.drains == ["e e1 probe:true", "f f1 hold"])
    #expect(desk.lock("x").lease?.expires == desk.now + 300 && desk.lock("y").lease?.expires == desk.now + 300)
    #expect(desk.queue("x") == ["c1", "c2", "b1"])
    #expect(desk.pass(19).isEmpty)
    // A delay begins anew; when it is over, it is over in the next daemon, too.
    #expect(desk.pass(1).drains == ["d d1 release"])
    #expect(desk.handle(.restarted).drains == ["d d1 release", "e e1 probe:true", "f f1 hold"])
    desk.live("a1")
    #expect(desk.leave("a1").granted == ["c1", "c2"])
  }

  @Test func `what does not fit together costs a wait, never a token`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    desk.ask("b1", "x", wait: 60)
    desk.ask("c1", "x", wait: 60)
    var tickets = Array(desk.book.tickets.values)
    tickets.removeAll { $0.id == "b1" }
    var odd = LockDesk.ticket("d1", ["x"])
    odd.taken = 7
    tickets.append(odd)
    var lock = desk.lock("x")
    lock.queue = ["b1", "nobody"]
    desk.book = LockBook(locks: [lock], tickets: tickets)
    #expect(desk.queue("x") == ["c1"] && desk.book.tickets["d1"] == nil && desk.token("x") == 1)
    #expect(desk.leave("a1").granted == ["c1"])
  }

  @Test func `after an older state is restored, tokens go on above all that were ever seen`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    let older = desk.book
    desk.leave("a1")
    for n in 2...9 {
      desk.ask("b\(n)", "x")
      desk.leave("b\(n)")
    }
    desk.book = older
    desk.book.open(LockDesk.key("x"), highest: 64)
    desk.handle(.restarted)
    #expect(desk.token("x") == 1)
    desk.leave("a1")
    desk.ask("c1", "x")
    #expect(desk.token("x") == 65)
  }

  @Test func `what could not be saved did not happen`() {
    let events: [LockEvent] = [
      .asked(LockDesk.ticket("g1", ["x"])), .asked(LockDesk.ticket("g1", ["a", "x"], wait: 60)),
      .asked(LockDesk.ticket("c3", ["x"], wait: 60)), .asked(LockDesk.ticket("a2", ["y", "new"])), .left(ticket: "a1"),
      .left(ticket: "c1"), .released(LockDesk.key("y"), token: 1), .lived(ticket: "a1", proof: "seen"),
      .renewed(LockDesk.key("y"), token: 1, seconds: 4000), .died(ticket: "a1", evidence: "gone"),
      .died(ticket: "b1", evidence: "gone"), .drained(LockDesk.key("e"), evidence: ""),
      .broken(LockDesk.key("w"), reason: "r"), .broken(LockDesk.key("f"), reason: "r"),
      .noted(LockDesk.key("x"), note: "n"), .restarted, .ticked,
    ]
    for event in events {
      var desk = crowd()
      desk.now += 299
      desk.live("a1")
      desk.now += 299.5
      var plain = desk
      let before = desk.book
      desk.handle(event)
      #expect(!desk.book.lockChanges.isEmpty || desk.book == before)
      desk.book.rollBack()
      #expect(desk.book == before && desk.book.waits == before.waits, "\(event)")
      // What comes after it comes as if it had never been.
      for next in [event, .ticked, .left(ticket: "a1"), .restarted] as [LockEvent] {
        #expect(desk.handle(next) == plain.handle(next), "\(event)")
        desk.now += 100
        plain.now += 100
      }
      #expect(desk.book == plain.book && desk.book.waits == plain.book.waits)
    }
  }
}
