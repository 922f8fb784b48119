import ApusAgents
import ApusCore
import ApusLoop
import CSystem
import Synchronization

/// Judges conversations without ever making the daemon wait for a file system that hangs: the looking is done on other
/// threads, against a time limit; the session at which one hangs is `timed_out`, the others are judged all the same.
@LoopActor
package final class VerdictDesk {
  package struct Query: Sendable {
    package var session: String
    package var transcript: TranscriptIndex.Query
    package var elsewhereDirectory: Bool
  }

  private static let sideBySide = 64

  private let index = TranscriptIndex()
  private let milliseconds: Int
  private let log: Log
  /// Sessions at which a thread hangs at this moment.
  private var hanging: Set<String> = []

  init(milliseconds: Int, log: Log) {
    self.milliseconds = milliseconds
    self.log = log
  }

  /// How far a thread came.
  private final class Progress: Sendable {
    private struct State {
      var verdicts: [Verdict] = []
      var isAbandoned = false
    }

    private let state = Mutex(State())

    var verdicts: [Verdict] { state.withLock { $0.verdicts } }

    /// False when nobody wants any more.
    func add(_ verdict: Verdict) -> Bool {
      state.withLock { state in
        if !state.isAbandoned { state.verdicts.append(verdict) }
        return !state.isAbandoned
      }
    }

    func abandon() -> [Verdict] {
      state.withLock { state in
        state.isAbandoned = true
        return state.verdicts
      }
    }
  }

  func evaluate(_ queries: [Query]) async -> [Verdict] {
    let since = apus_wall_seconds()
    defer {
      let milliseconds = Int((apus_wall_seconds() - since) * 1000)
      if queries.count > 1 { log.debug("verdicts: \(queries.count) in \(milliseconds) ms") }
    }
    var verdicts: [Verdict] = []
    while verdicts.count < queries.count {
      let next = queries[verdicts.count]
      if hanging.contains(next.session) {
        verdicts.append(Self.timedOut(next))
        continue
      }
      let rest = Array(queries[verdicts.count...].prefix { !hanging.contains($0.session) })
      verdicts += await judgeInHalves(rest)
      // A few threads for all are the fastest way; where it hung, the rest is asked side by side, so that a disk that went
      // away with many sessions costs one time limit and not one each.
      if verdicts.count < queries.count, hanging.contains(queries[verdicts.count - 1].session) {
        let group = Array(queries[verdicts.count...].prefix(Self.sideBySide))
        verdicts += await judgeEach(group)
      }
    }
    for (query, verdict) in zip(queries, verdicts) where !verdict.resumable && verdict.reason != .notStarted {
      log.debug("session \(query.session): verdict \(verdict.reason?.rawValue ?? "?")")
    }
    return verdicts
  }

  private static let worthHalving = 256

  /// As `judge`, on two threads where there is much to read.
  private func judgeInHalves(_ queries: [Query]) async -> [Verdict] {
    guard queries.count >= Self.worthHalving else { return await judge(queries) }
    let half = queries.count / 2
    let later = LoopActor.begin { [self] in await judge(Array(queries[half...])) }
    let first = await judge(Array(queries[..<half]))
    let second = await later.value
    // Where the first half hung, its end is where the order breaks off.
    let hung = queries[..<half].contains { hanging.contains($0.session) }
    return hung ? first : first + second
  }

  /// The verdicts of these in order, up to the first at which the file system hangs, that one included.
  private func judge(_ queries: [Query]) async -> [Verdict] {
    let progress = Progress()
    let index = self.index
    let moment = apus_wall_seconds()
    let finished = await Offload.run(
      withinMilliseconds: milliseconds, progress: { progress.verdicts.count }
    ) { () -> Bool in
      Self.judge(queries, index, progress, moment)
      return true
    }
    if finished == true { return progress.verdicts }
    let verdicts = progress.abandon()
    guard verdicts.count < queries.count else { return verdicts }
    let stuck = queries[verdicts.count]
    log.warning("session \(stuck.session): verdict timed_out after \(milliseconds) ms")
    watch(stuck)
    return verdicts + [Self.timedOut(stuck)]
  }

  private func judgeEach(_ queries: [Query]) async -> [Verdict] {
    let asked = queries.map { query in
      LoopActor.begin { [self] in hanging.contains(query.session) ? [Self.timedOut(query)] : await judge([query]) }
    }
    var verdicts: [Verdict] = []
    for one in asked { verdicts += await one.value }
    return verdicts
  }

  /// Until that session's files answer again it is not asked about: one thread hangs there, not one per question.
  private func watch(_ query: Query) {
    guard hanging.insert(query.session).inserted else { return }
    let index = self.index
    let moment = apus_wall_seconds()
    LoopActor.begin { [self] in
      await Offload.run { Self.judge([query], index, Progress(), moment) }
      hanging.remove(query.session)
      log.info("session \(query.session): its files answer again")
    }
  }

  private nonisolated static func judge(
    _ queries: [Query], _ index: TranscriptIndex, _ progress: Progress, _ moment: Moment
  ) {
    var surveys: [String: TranscriptIndex.Survey] = [:]
    for query in queries {
      let configuration = query.transcript.configuration
      let survey = surveys[configuration] ?? index.survey(configuration: configuration)
      surveys[configuration] = survey
      let evidence = index.evidence(query.transcript, in: survey)
      let verdict = Verdict.decide(evidence, now: moment, elsewhereDirectory: query.elsewhereDirectory)
      guard progress.add(verdict) else { return }
    }
  }

  private static func timedOut(_ query: Query) -> Verdict {
    var evidence = ConversationEvidence()
    evidence.timedOut = true
    evidence.directory = query.transcript.directory
    return Verdict.decide(evidence, now: 0)
  }
}
