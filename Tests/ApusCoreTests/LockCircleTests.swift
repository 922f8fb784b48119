import ApusCore
import ApusSimulation
import ApusTestKit
import Testing

@Suite("waits for locks that would never end") struct LockCircleTests {
  @Test func `two who wait for each other are refused, the younger, with the circle`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    desk.ask("b1", "y")
    desk.ask("a2", "y", wait: 60)
    let effects = desk.ask("b2", "x", wait: 60)
    #expect(effects.circle("b2") == "b>x a>y")
    #expect(desk.queue("x").isEmpty && desk.queue("y") == ["a2"] && desk.book.tickets["b2"] == nil)
    // Nothing else is lost by it.
    #expect(desk.holder("y") == "b")
    #expect(desk.leave("b1").granted == ["a2"])
  }

  @Test func `three in a circle are seen when it closes, not before`() {
    var desk = LockDesk()
    for (id, name) in [("a1", "x"), ("b1", "y"), ("c1", "z")] { desk.ask(id, name) }
    #expect(desk.ask("a2", "y", wait: 60).refused.isEmpty)
    #expect(desk.ask("b2", "z", wait: 60).refused.isEmpty)
    #expect(desk.ask("c2", "x", wait: 60).circle("c2") == "c>x a>y b>z")
  }

  @Test func `those who stand before one in a queue are waited for, too`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    desk.ask("c1", "y")
    desk.ask("b1", "x", wait: 60)
    desk.ask("c2", "x", wait: 60)
    // c waits behind b, so b may not wait for c.
    #expect(desk.ask("b2", "y", wait: 60).circle("b2") == "b>y c>x")
  }

  @Test func `a circle through sets and scopes is one`() {
    var desk = LockDesk()
    desk.ask("a1", "x", "z")
    desk.ask("b1", "y") { $0.keys = [LockKey(scope: LockKey.everywhere, name: "deploy")] }
    desk.ask("a2", "q") { ticket in
      ticket.keys = [LockKey(scope: LockKey.everywhere, name: "deploy"), LockDesk.key("q")]
      ticket.deadline = 200
    }
    let effects = desk.ask("b2", "p", "z", wait: 60)
    #expect(effects.circle("b2") == "b>z a>deploy")
    #expect(desk.lock("p").isQuiet)
  }

  @Test func `who comes before others by rank is refused where they would wait for it in a circle`() {
    var desk = LockDesk()
    desk.ask("h1", "x")
    desk.ask("w1", "y")
    desk.ask("w2", "x", wait: 60)
    desk.ask("n1", "y", wait: 60)
    // Before w in the queue of x, while it waits for w's y.
    #expect(desk.ask("n2", "x", wait: 60) { $0.rank = 1 }.circle("n2") == "n>y w>x")
    #expect(desk.queue("x") == ["w2"])
    #expect(desk.ask("n3", "x", wait: 60).queued == ["n3 x 1"])
  }

  @Test func `waiting twice for one lock is no circle`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    desk.ask("b1", "x", wait: 60)
    desk.ask("c1", "x", wait: 60)
    #expect(desk.ask("b2", "x", wait: 60).refused.isEmpty)
    #expect(desk.leave("a1").granted == ["b1", "b2"])
  }

  @Test func `a set that would close a circle when it gets its first lock gives that on`() {
    var desk = LockDesk()
    desk.ask("a1", "x")
    desk.ask("b1", "x", "y", wait: 60)
    desk.ask("c1", "x", wait: 60)
    desk.ask("d1", "y")
    desk.ask("d2", "z", wait: 60)
    desk.ask("b2", "z")
    // Now b has nothing but its place; d waits for what b has.
    desk.leave("d2")
    desk.leave("b2")
    desk.ask("b3", "w")
    desk.ask("d3", "w", wait: 60)
    let effects = desk.leave("a1")
    #expect(effects.circle("b1") == "b>y d>w")
    #expect(effects.granted == ["c1"])
  }

  @Test func `of a million small graphs no circle is missed and none is seen that is not there`() async throws {
    let graphs = try await aside { () -> WaitGraphs in
      var graphs = WaitGraphs(seed: 5)
      graphs.run(1_000_000)
      return graphs
    }
    #expect(graphs.looked >= 1_000_000 && graphs.circles > 50_000)
    #expect(graphs.missed.prefix(3).isEmpty)
    #expect(graphs.falselySeen.prefix(3).isEmpty)
    #expect(graphs.wrongCircles.prefix(3).isEmpty)
    print("locks: \(graphs.looked) graphs, \(graphs.circles) circles")
  }
}
