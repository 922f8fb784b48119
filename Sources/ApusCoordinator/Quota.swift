import ApusCore
import ApusFrames
import ApusLoop

// Recordings of ended runs have a quota: above it the oldest go. The conversation stays readable (`logs` is put together
// from events) and resumable (the transcript is Claude Code's); recordings of living runs are never touched.

extension Coordinator {
  /// Looking at every recording's size is not free: not more often than this.
  private static let quotaSeconds: Double = 60

  /// What is recorded of a run: its recording, of a terminal every segment of it, and the screens kept beside.
  private nonisolated static func recorded(_ directory: String) -> [String] {
    Files.names(directory).filter { RunFile.segmentStart(of: $0) != nil || RunFile.screenOffset(of: $0) != nil }
      .map { directory + "/" + $0 }
  }

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
      .map(\.directory)
    quotaCheckedAt = now
    LoopActor.begin { [self] in
      let removed = await Offload.run { () -> [String] in
        let sized = ended.map { directory in (Self.recorded(directory), directory) }.filter { !$0.0.isEmpty }
          .map { paths, directory in (paths, directory, paths.reduce(0) { $0 + (Files.size($1) ?? 0) }) }
        var total = sized.reduce(0) { $0 + $1.2 }
        var removed: [String] = []
        for (paths, directory, size) in sized where total > limit {
          for path in paths { Files.remove(path) }
          total -= size
          removed.append(directory)
        }
        return removed
      }
      if !removed.isEmpty { figures.forgetDisk() }
      if !removed.isEmpty { log.info("quota: \(removed.count) recordings of ended runs removed, the oldest first") }
    }
  }
}
