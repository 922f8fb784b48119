/// Files that change whenever the server starts are likely its own: a database, a log. Reloading for them never ends, so
/// they are named.
package struct DevEchoes: Equatable, Sendable {
  /// So soon after a start a change may be the server's doing.
  package static let soon: Int64 = 2_000
  /// After so many starts in a row it is likely.
  package static let enough = 3

  private var startedAt: Int64?
  private var recent: Set<String> = []
  private var counts: [String: Int] = [:]
  private var named: Set<String> = []

  package init() {}

  package mutating func changed(_ paths: [String], now: Int64) {
    guard let startedAt, now - startedAt <= Self.soon else { return }
    recent.formUnion(paths)
  }

  /// A server is started; the files that have just become likely to be its own.
  package mutating func started(now: Int64) -> [String] {
    counts = Dictionary(uniqueKeysWithValues: recent.map { ($0, (counts[$0] ?? 0) + 1) })
    (startedAt, recent) = (now, [])
    let found = counts.filter { $0.value >= Self.enough && !named.contains($0.key) }.keys.sorted()
    named.formUnion(found)
    return found
  }
}
