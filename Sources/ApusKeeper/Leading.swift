import ApusFrames

/// Who leads among a terminal's viewers: types, and gives the terminal its size. Decides, performs nothing.
struct Leading: Equatable {
  private(set) var lead: UInt64?
  /// Viewers that would lead, in the order they came.
  private var willing: [UInt64] = []

  /// Who has to be told that it leads now (true) or no longer does (false).
  struct Change: Equatable {
    var viewer: UInt64
    var leads: Bool
  }

  mutating func join(_ viewer: UInt64, _ wish: View.Wish) -> [Change] {
    willing.removeAll { $0 == viewer }
    switch wish {
    case .watch: return lead == viewer ? handOn() : []
    case .follow:
      willing.append(viewer)
      guard lead == nil else { return [] }
      lead = viewer
      return [Change(viewer: viewer, leads: true)]
    case .lead:
      willing.append(viewer)
      return take(viewer)
    }
  }

  /// A viewer takes the lead; one that only watches cannot.
  mutating func take(_ viewer: UInt64) -> [Change] {
    guard willing.contains(viewer), lead != viewer else { return [] }
    let before = lead
    lead = viewer
    return (before.map { [Change(viewer: $0, leads: false)] } ?? []) + [Change(viewer: viewer, leads: true)]
  }

  /// The longest there of those that would leads once the lead has gone.
  mutating func leave(_ viewer: UInt64) -> [Change] {
    willing.removeAll { $0 == viewer }
    return lead == viewer ? handOn() : []
  }

  private mutating func handOn() -> [Change] {
    lead = willing.first
    return lead.map { [Change(viewer: $0, leads: true)] } ?? []
  }
}
