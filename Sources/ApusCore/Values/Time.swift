#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A moment: seconds since 1970, UTC. Rules are given one; only the edges read a clock.
package typealias Moment = Double

package enum MomentText {
  /// `2026-11-20T18:03:20.120Z`, as outsiders get it.
  package static func iso(_ moment: Moment) -> String {
    // To the nearest millisecond; formatting alone cuts off, and .120 is kept as a little less.
    Date(timeIntervalSince1970: (moment * 1000).rounded() / 1000 + 0.000_1).formatted(
      Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  }

  /// `14:02`, UTC.
  package static func clock(_ moment: Moment) -> String { String(iso(moment).dropFirst(11).prefix(5)) }

  /// `12 s`, `4 min`, `3 h`, `2 d`: one unit, as lists show it.
  package static func age(_ seconds: Double) -> String {
    switch seconds {
    case ..<90: "\(Int(max(0, seconds))) s"
    case ..<5400: "\(Int(seconds / 60)) min"
    case ..<172_800: "\(Int(seconds / 3600)) h"
    default: "\(Int(seconds / 86400)) d"
    }
  }
}
