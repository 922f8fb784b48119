/// Random numbers that are the same in every run (SplitMix64), so that a failure can be repeated.
package struct Seeded: RandomNumberGenerator {
  private var state: UInt64

  package init(_ seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  package mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }

  package mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

  package mutating func bytes(_ count: Int) -> [UInt8] {
    var all: [UInt8] = []
    all.reserveCapacity(count + 8)
    while all.count < count {
      let value = next()
      for shift in 0..<8 { all.append(UInt8(truncatingIfNeeded: value >> UInt64(shift * 8))) }
    }
    return Array(all.prefix(count))
  }

  package mutating func pick<T>(_ values: [T]) -> T { values[below(values.count)] }
}
