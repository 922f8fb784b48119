import ApusFrames
import ApusTestKit
import Testing

@testable import ApusKeeper

@Suite("when a screen is drawn, and what may go then") struct ScreenKeepingTests {
  private static let segment: UInt64 = 64 << 20
  private static let worth = ScreenKeeping.worthwhile
  private static let quiet = ScreenKeeping.quietMilliseconds

  private func due(_ screens: ScreenKeeping, _ recorded: UInt64, _ now: Int64) -> UInt64? {
    screens.due(recorded: recorded, segmentBytes: Self.segment, now: now)
  }

  @Test func `little output is worth no screen, however quiet it is`() {
    var screens = ScreenKeeping()
    screens.wrote(now: 0)
    #expect(due(screens, 0, 1_000_000) == nil)
    #expect(due(screens, Self.worth - 1, 1_000_000) == nil)
    #expect(screens.deadline(recorded: Self.worth - 1) == nil)
  }

  @Test func `much output is worth one once it is quiet`() {
    var screens = ScreenKeeping()
    screens.wrote(now: 1_000)
    #expect(due(screens, Self.worth, 1_000 + Self.quiet - 1) == nil)
    #expect(screens.deadline(recorded: Self.worth) == 1_000 + Self.quiet)
    #expect(due(screens, Self.worth, 1_000 + Self.quiet) == Self.worth)
    screens.wrote(now: 1_100)
    #expect(due(screens, Self.worth, 1_000 + Self.quiet) == nil)
  }

  @Test func `a whole segment is worth one at once`() {
    var screens = ScreenKeeping()
    screens.wrote(now: 1_000)
    #expect(due(screens, Self.segment - 1, 1_000) == nil)
    #expect(due(screens, Self.segment, 1_000) == Self.segment)
  }

  @Test func `one is drawn at a time, and the next is counted from there`() {
    var screens = ScreenKeeping()
    screens.began(Self.worth)
    #expect(due(screens, 10 * Self.segment, 1_000_000) == nil)
    #expect(screens.deadline(recorded: 10 * Self.segment) == nil)
    screens.ended(well: true)
    #expect(screens.shown == Self.worth && screens.drawing == nil)
    #expect(due(screens, 2 * Self.worth - 1, 1_000_000) == nil)
    #expect(due(screens, 2 * Self.worth, 1_000_000) == 2 * Self.worth)
  }

  @Test func `a drawing that failed is not tried again before as much more was written`() {
    var screens = ScreenKeeping()
    screens.began(Self.worth)
    screens.ended(well: false)
    #expect(screens.shown == 0 && screens.drawing == nil)
    #expect(due(screens, 2 * Self.worth - 1, 1_000_000) == nil)
    #expect(screens.deadline(recorded: 2 * Self.worth - 1) == nil)
    #expect(due(screens, 2 * Self.worth, 1_000_000) == 2 * Self.worth)
    // An end of a drawing that never began is none.
    screens.ended(well: true)
    #expect(screens.shown == 0)
  }

  @Test func `when the moment to ask again has come, there is a screen to draw`() {
    var random = Seeded(52)
    var screens = ScreenKeeping()
    var recorded: UInt64 = 0
    var now: Int64 = 0
    for _ in 0..<20_000 {
      now += Int64(random.below(200))
      let before = screens.shown
      switch random.below(4) {
      case 0, 1:
        recorded += UInt64(random.below(3 << 20))
        screens.wrote(now: now)
      case 2:
        if let offset = due(screens, recorded, now) {
          #expect(offset == recorded && screens.drawing == nil)
          screens.began(offset)
        }
      default: screens.ended(well: random.chance(70))
      }
      #expect(screens.shown >= before && screens.shown <= recorded)
      if let deadline = screens.deadline(recorded: recorded) {
        #expect(due(screens, recorded, max(now, deadline)) == recorded)
      } else {
        #expect(due(screens, recorded, .max) == nil)
      }
    }
  }

  @Test func `segments go only where a screen tells what was shown after them, or when there are too many`() {
    let size: UInt64 = 100
    func starts(_ count: Int) -> [UInt64] { (0..<count).map { UInt64($0) * size } }
    for (count, shown, droppable): (Int, UInt64, Int) in [
      (0, 0, 0), (1, 0, 0), (1, .max, 0), (4, .max, 0), (5, 0, 0), (5, 99, 0), (5, 100, 1), (5, .max, 1),
      (6, 100, 1), (6, 199, 1), (6, 200, 2), (8, 0, 0), (8, .max, 4), (9, 0, 1), (9, 100, 1), (9, 300, 3),
      (20, 0, 12), (20, .max, 16),
    ] {
      #expect(Retention.droppable(starts: starts(count), shown: shown) == droppable, "\(count), \(shown)")
    }
  }

  @Test func `of any segments the newest stay, and those that go without a screen are only the surplus`() {
    var random = Seeded(53)
    for _ in 0..<10_000 {
      var at: UInt64 = 0
      let starts = (0..<random.below(20)).map { _ in
        defer { at += UInt64(1 + random.below(100)) }
        return at
      }
      let shown = UInt64(random.below(Int(at) + 50))
      let count = Retention.droppable(starts: starts, shown: shown)
      #expect(count >= 0 && (count == 0 || starts.count - count >= Retention.kept))
      #expect(starts.count - count <= Retention.most)
      // The oldest that stays begins where a screen reaches, unless the surplus had to go.
      if count > 0, starts[count] > shown { #expect(starts.count - count == Retention.most) }
    }
  }
}
