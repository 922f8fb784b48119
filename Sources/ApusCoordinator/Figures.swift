import ApusCore
import ApusLink
import ApusLoop
import ApusWire
import CSystem

/// What sessions take of the machine: measured when somebody asks, never by a timer, off the daemon's thread, and at
/// most once a second however many ask.
///
/// Looking at one's neighbours costs milliseconds, so a plain list does not: it is told what was measured within the
/// last seconds, if anything was. What an ended session has on disk does not change, and is measured once.
@LoopActor
final class Figures {
  /// One process of one run as it was seen.
  struct Seen: Sendable {
    var member: ProcessTree.Member
    var command: String
    var memory: Int?
    /// Percent of one core.
    var cpu: Double
    var listening: [Int]
  }

  struct Sample: Sendable {
    /// Seconds after boot.
    var at: Double
    var runs: [RunID: [Seen]]
  }

  private struct Weighed {
    var run: Int
    var isLive: Bool
    var at: Double
    var bytes: Int
  }

  /// Figures are as good as new for this long.
  private static let freshSeconds: Double = 1
  /// And told to who did not ask for them for this long.
  private static let knownSeconds: Double = 5
  private static let patienceMilliseconds = 3000

  private let places: Places
  private var sample: Sample?
  /// What shares of processors are compared with: a look at least a second before the last.
  private var base: Sample?
  private var weighed: [String: Weighed] = [:]
  private var waiting: [Answer<Void>] = []
  private var isLooking = false

  init(places: Places) { self.places = places }

  // MARK: processes

  /// Every process of every run of this home, as seen at most so long ago; nil when that could not be found out in time.
  func look(noOlderThan seconds: Double = freshSeconds) async -> Sample? {
    let asked = apus_boot_seconds()
    while true {
      if let sample, sample.at >= asked - seconds { return sample }
      if isLooking {
        await withCheckedContinuation { continuation in waiting.append(Answer(continuation)) }
        continue
      }
      isLooking = true
      let (places, last, base) = (places, sample, self.base)
      let found = await Offload.run(withinMilliseconds: Self.patienceMilliseconds) {
        Self.measure(places, last: last, base: base)
      }
      isLooking = false
      if let found = found.flatMap({ $0 }) { (self.sample, self.base) = (found.sample, found.base) }
      for answer in waiting { answer.give(()) }
      waiting = []
      if found.flatMap({ $0 }) == nil { return nil }
    }
  }

  private nonisolated static func measure(
    _ places: Places, last: Sample?, base: Sample?
  ) -> (sample: Sample, base: Sample?)? {
    guard let tree = ProcessTree(of: places) else { return nil }
    let base = last.flatMap { tree.at - $0.at >= 1 ? $0 : nil } ?? base
    var before: [ProcessMark: Double] = [:]
    for seen in (base?.runs ?? [:]).values.joined() { before[seen.member.mark] = seen.member.used }
    let ports = Processes.listening(tree.runs.values.joined().map(\.mark.pid))
    let runs = tree.runs.mapValues { members in
      members.map { member in
        Seen(
          member: member, command: member.command, memory: member.memory,
          cpu: ProcessorShare.percent(
            used: member.used, usedBefore: before[member.mark], started: member.startedAt, lastLook: base?.at,
            now: tree.at),
          listening: ports[member.mark.pid] ?? [])
      }
    }
    return (Sample(at: tree.at, runs: runs), base)
  }

  // MARK: disk

  /// Measures what these sessions have on disk, where that is not known.
  func weigh(_ sessions: [(id: String, run: Int, isLive: Bool)]) async {
    let now = apus_boot_seconds()
    let due = sessions.filter { session in
      guard let known = weighed[session.id], known.run == session.run, known.isLive == session.isLive else {
        return true
      }
      return session.isLive && now - known.at >= Self.freshSeconds
    }
    if due.isEmpty { return }
    let (runs, ids) = (places.runs, due.map(\.id))
    let bytes = await Offload.run(withinMilliseconds: Self.patienceMilliseconds) {
      // A session that never had a run has no directory.
      ids.map { max(0, apus_tree_bytes(runs + "/" + $0)) }
    }
    guard let bytes else { return }
    for (session, bytes) in zip(due, bytes) {
      weighed[session.id] = Weighed(run: session.run, isLive: session.isLive, at: now, bytes: Int(bytes))
    }
  }

  /// Something was removed from the disk.
  func forgetDisk() { weighed = [:] }

  // MARK: telling

  /// Puts into the object what is known; null stays what is not, or not any more.
  func tell(_ object: inout SessionObject, live: Run?) {
    let now = apus_boot_seconds()
    if let known = weighed[object.id], known.run == object.run, known.isLive == (live != nil),
      live == nil || now - known.at <= Self.knownSeconds
    {
      object.disk = known.bytes
    }
    guard let live, let sample, now - sample.at <= Self.knownSeconds, let seen = sample.runs[live.id] else { return }
    object.memory = seen.compactMap(\.memory).reduce(0, +)
    object.cpu = (seen.map(\.cpu).reduce(0, +) * 10).rounded() / 10
    object.listening = Set(seen.flatMap(\.listening)).sorted()
  }
}
