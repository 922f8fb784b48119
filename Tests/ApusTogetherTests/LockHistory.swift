import ApusTestKit
import Glibc

/// What processes saw of locks, and whether all of it can be true at once if a lock has one holder at a time and every
/// grant a larger token than any before.
struct LockHistory {
  enum What: String { case granted, releasing, released, lost, left, refused }

  struct Line: Equatable {
    var client: Int32
    var what: What
    /// Of a refusal: all that was asked for.
    var lock: String
    var token: Int64
    /// When it was asked for, and when the answer was there; nanoseconds of one clock.
    var asked: Int64
    var at: Int64
  }

  var lines: [Line] = []
  /// Clients that were held up for a while: what they had may have gone to another, and they learn it late.
  var stopped: Set<Int32> = []
  /// When clients were killed.
  var killed: [Int32: Int64] = [:]

  /// How long one may be silent before another gets what it has, in nanoseconds: a machine that is too busy for a client
  /// or the daemon holds it up as a signal does. Nobody knows when a grant was made, but not before it was asked for.
  var lease: Int64 = .max / 2

  private struct Hold {
    var client: Int32
    var token: Int64
    var asked: Int64
    var at: Int64
    /// Until then it surely had it.
    var until: Int64
  }

  /// Adds what a client wrote; a last line that was cut off is none.
  mutating func read(_ text: String, of client: Int32) throws {
    var rows = text.split(separator: "\n", omittingEmptySubsequences: true)
    if !text.hasSuffix("\n"), !rows.isEmpty { rows.removeLast() }
    for row in rows {
      let words = row.split(separator: " ")
      guard words.count == 5, let what = What(rawValue: String(words[0])), let asked = Int64(words[3]),
        let at = Int64(words[4])
      else { throw TestFailure("client \(client) wrote \(row)") }
      lines.append(
        Line(client: client, what: what, lock: String(words[1]), token: Int64(words[2]) ?? 0, asked: asked, at: at))
    }
  }

  /// What cannot be; empty where all can.
  func violations() -> [String] {
    var found: [String] = []
    var holds: [String: [Hold]] = [:]
    var open: [String: (index: Int, lock: String)] = [:]
    for line in lines where line.what != .refused {
      let name = "\(line.client) \(line.lock) \(line.token)"
      if line.what == .granted {
        open[name] = (holds[line.lock, default: []].count, line.lock)
        holds[line.lock, default: []].append(
          Hold(client: line.client, token: line.token, asked: line.asked, at: line.at, until: line.at))
        continue
      }
      guard let place = open[name] else {
        found.append("\(line.what) without a grant: \(name)")
        continue
      }
      let wasStopped = stopped.contains(line.client)
      switch line.what {
      case .granted, .refused: break
      case .releasing: if !wasStopped { holds[line.lock]?[place.index].until = line.asked }
      case .released: holds[line.lock]?[place.index].until = line.asked
      case .lost:
        let asked = holds[line.lock]?[place.index].asked ?? 0
        if !wasStopped, line.at - asked < lease { found.append("lost by one that was never held up: \(name)") }
      case .left: break
      }
      if line.what != .releasing { open[name] = nil }
    }
    // Whoever was killed had it till then, unless it was just giving it back.
    for (name, place) in open {
      guard let client = Int32(name.prefix { $0 != " " }), let at = killed[client], !stopped.contains(client),
        let hold = holds[place.lock]?[place.index], hold.until == hold.at
      else { continue }
      holds[place.lock]?[place.index].until = max(hold.at, at)
    }
    for (lock, all) in holds {
      for index in all.indices { holds[lock]?[index].until = min(all[index].until, all[index].asked + lease) }
    }
    for (lock, all) in holds { found += Self.violations(lock, all.sorted { $0.token < $1.token }) }
    return found
  }

  private static func violations(_ lock: String, _ holds: [Hold]) -> [String] {
    var found: [String] = []
    var (lastAsked, lastUntil) = (Int64.min, Int64.min)
    for (index, hold) in holds.enumerated() {
      if index > 0, holds[index - 1].token == hold.token {
        found.append("\(lock) \(hold.token): granted to \(holds[index - 1].client) and \(hold.client)")
      }
      // One with a smaller token was asked for after this one was there.
      if hold.at < lastAsked { found.append("\(lock) \(hold.token): a later grant had a smaller token") }
      if hold.at < lastUntil { found.append("\(lock) \(hold.token): \(hold.client) had it while another did") }
      lastAsked = max(lastAsked, hold.asked)
      lastUntil = max(lastUntil, hold.until)
    }
    return found
  }
}
