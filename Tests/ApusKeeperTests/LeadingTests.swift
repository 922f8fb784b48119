import ApusFrames
import ApusTestKit
import Testing

@testable import ApusKeeper

@Suite("who leads") struct LeadingTests {
  private typealias Change = Leading.Change

  /// One thing that happens, and what is told of it.
  private enum Step {
    case join(UInt64, View.Wish, [Change])
    case take(UInt64, [Change])
    case leave(UInt64, [Change])
  }

  private static func gains(_ viewer: UInt64) -> Change { Change(viewer: viewer, leads: true) }
  private static func loses(_ viewer: UInt64) -> Change { Change(viewer: viewer, leads: false) }

  private static let tables: [(name: String, steps: [Step], lead: UInt64?)] = [
    ("nobody leads at first", [], nil),
    ("the first that would leads", [.join(1, .follow, [gains(1)])], 1),
    ("who only watches never leads", [.join(1, .watch, []), .take(1, [])], nil),
    ("a second waits", [.join(1, .follow, [gains(1)]), .join(2, .follow, [])], 1),
    ("a third takes over at once", [.join(1, .follow, [gains(1)]), .join(2, .lead, [loses(1), gains(2)])], 2),
    ("the lead is taken", [.join(1, .follow, [gains(1)]), .join(2, .follow, []), .take(2, [loses(1), gains(2)])], 2),
    ("the lead takes what it has", [.join(1, .lead, [gains(1)]), .take(1, []), .join(1, .lead, [])], 1),
    ("a stranger takes nothing", [.join(1, .follow, [gains(1)]), .take(9, []), .leave(9, [])], 1),
    ("the last one leaves", [.join(1, .lead, [gains(1)]), .leave(1, [])], nil),
    (
      "the longest there follows the lead",
      [.join(1, .lead, [gains(1)]), .join(2, .follow, []), .join(3, .follow, []), .leave(1, [gains(2)])], 2
    ),
    (
      "whoever lost the lead has been there longest",
      [.join(1, .lead, [gains(1)]), .join(2, .lead, [loses(1), gains(2)]), .leave(2, [gains(1)])], 1
    ),
    (
      "one who waits may leave unnoticed",
      [
        .join(1, .lead, [gains(1)]), .join(2, .follow, []), .join(3, .follow, []), .leave(2, []), .leave(1, [gains(3)]),
      ],
      3
    ),
    (
      "a lead that wants only to watch hands on",
      [.join(1, .lead, [gains(1)]), .join(2, .follow, []), .join(1, .watch, [gains(2)]), .leave(2, [])], nil
    ),
    (
      "one that watched may lead later",
      [.join(1, .watch, []), .join(2, .follow, [gains(2)]), .join(1, .follow, []), .leave(2, [gains(1)])], 1
    ),
    (
      "a lead that asks to follow goes on leading",
      [.join(1, .lead, [gains(1)]), .join(2, .follow, []), .join(1, .follow, [])], 1
    ),
  ]

  @Test(arguments: tables.indices) func `the lead goes from hand to hand as the table says`(_ n: Int) {
    let table = Self.tables[n]
    var leading = Leading()
    for step in table.steps {
      switch step {
      case .join(let viewer, let wish, let told): #expect(leading.join(viewer, wish) == told, "\(table.name)")
      case .take(let viewer, let told): #expect(leading.take(viewer) == told, "\(table.name)")
      case .leave(let viewer, let told): #expect(leading.leave(viewer) == told, "\(table.name)")
      }
    }
    #expect(leading.lead == table.lead, "\(table.name)")
  }

  @Test func `whatever happens, one of those that would leads, is told so, and the longest there inherits`() {
    var random = Seeded(51)
    for _ in 0..<2_000 {
      var leading = Leading()
      /// Those that would lead, the longest there first, and what each was told last.
      var willing: [UInt64] = []
      var told: [UInt64: Bool] = [:]
      for _ in 0..<40 {
        let viewer = UInt64(1 + random.below(6))
        let before = leading.lead
        var changes: [Leading.Change] = []
        switch random.below(3) {
        case 0:
          let wish = random.pick([View.Wish.watch, .follow, .lead])
          willing.removeAll { $0 == viewer }
          if wish != .watch { willing.append(viewer) }
          changes = leading.join(viewer, wish)
          if wish == .lead { #expect(leading.lead == viewer) }
          if wish == .watch { told[viewer] = nil }
        case 1:
          changes = leading.take(viewer)
          #expect(leading.lead == (willing.contains(viewer) ? viewer : before))
        default:
          willing.removeAll { $0 == viewer }
          told[viewer] = nil
          changes = leading.leave(viewer)
          if before == viewer { #expect(leading.lead == willing.first) }
        }
        for change in changes { told[change.viewer] = change.leads }
        // Nobody leads only where nobody would; who leads knows, and nobody else believes it.
        #expect(leading.lead.map { willing.contains($0) } ?? willing.isEmpty)
        #expect(told.filter(\.value).map(\.key) == (leading.lead.map { [$0] } ?? []))
      }
    }
  }
}
