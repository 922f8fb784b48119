import ApusCore
import ApusFrames
import ApusLoop

// Recordings of ended runs have a quota: above it the oldest go. The conversation stays readable (`logs` is put together
// from events) and resumable (the transcript is Claude Code's); recordings of living runs are never touched.

extension Coordinator {
  /// Looking at every recording's size is not free: not more often than this.
  private static let quotaSeconds: Double = 60

  func keepToQuota() {
    guard now - quotaCheckedAt > Self.quotaSeconds, let megabytes = try? settings.number(.recordingQuotaMB) else {
      return
    }
    let limit = Int(megabytes * 1_048_576)
    let living = Set(live.values.map(\.run.directory))
    let runs: [Run]
    do { runs = try sessions.keys.flatMap { try store.loadRuns(of: $0) } } catch {
      return log.error("quota: \(error)")
    }
    let ended = runs.filter { $0.endedAt != nil && !living.contains($0.directory) }
      .sorted { ($0.endedAt ?? 0) < ($1.endedAt ?? 0) }
      .map { $0.directory + "/" + RunFile.recording }
    quotaCheckedAt = now
    LoopActor.begin { [self] in
      let removed = await Offload.run { () -> [String] in
        let sized = ended.compactMap { path in Files.size(path).map { (path, $0) } }
        var total = sized.reduce(0) { $0 + $1.1 }
        var removed: [String] = []
        for (path, size) in sized where total > limit {
          Files.remove(path)
          total -= size
          removed.append(path)
        }
        return removed
      }
      if !removed.isEmpty { log.info("quota: \(removed.count) recordings of ended runs removed, the oldest first") }
    }
  }
}
