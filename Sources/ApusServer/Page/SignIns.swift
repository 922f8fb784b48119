import ApusCore

/// The codes with which a browser signs in: one each for one browser, good for a minute.
struct SignIns: Sendable {
  static let seconds = 60
  private static let most = 100

  /// When a code is of no use any more, in seconds of the monotonic clock, by its digest.
  private var codes: [String: Moment] = [:]

  /// A new code; nil where the machine has no random numbers.
  mutating func make(now: Moment) -> String? {
    codes = codes.filter { $0.value > now }
    // Whoever asks for so many uses none of them.
    if codes.count >= Self.most, let oldest = codes.min(by: { $0.value < $1.value }) { codes[oldest.key] = nil }
    guard let number = Digest.random(16) else { return nil }
    let code = Digest.base64(number, forAddresses: true)
    codes[Digest.sha256(code)] = now + Double(Self.seconds)
    return code
  }

  /// Whether it is one of today's.
  func isGood(_ code: String, now: Moment) -> Bool { codes[Digest.sha256(code)].map { $0 > now } ?? false }

  /// The same; it is none afterwards.
  mutating func use(_ code: String, now: Moment) -> Bool {
    guard let until = codes.removeValue(forKey: Digest.sha256(code)) else { return false }
    return until > now
  }
}
