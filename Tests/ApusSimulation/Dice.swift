/// Random numbers that are the same in every run (SplitMix64), so that a failure can be repeated.
package struct Dice: Sendable {
  private var state: UInt64

  package init(_ seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 ^ 0x5851_f42d_4c95_7f2d }

  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  package mutating func below(_ limit: Int) -> Int {
    Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(limit)).high)
  }

  /// Whether something of that many in a thousand happens.
  package mutating func chance(_ permille: Int) -> Bool { permille > 0 && below(1000) < permille }

  /// At least `low`, less than `high`.
  package mutating func between(_ low: Double, _ high: Double) -> Double {
    low + (high - low) * Double(next() >> 11) * 0x1p-53
  }
}
