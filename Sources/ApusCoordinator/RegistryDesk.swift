import ApusAgents
import ApusCore
import ApusLoop

/// Watches the lists Claude Code keeps of its living processes: one watch per configuration directory, and only while
/// a run in a terminal needs it.
@LoopActor
final class RegistryDesk {
  private struct Watch {
    var sessions: Set<String> = []
    /// Nil while the directory is not there yet: Claude Code makes it when it first starts.
    var number: Int32?
    var isBeingAdded = false
    /// It was asked for again meanwhile: the directory may have come after it was looked for.
    var isAskedAgain = false
  }

  private let directories: DirectoryWatch
  private var watches: [String: Watch] = [:]
  /// The list of that configuration changed what it says of that process; nil: of any.
  var written: @LoopActor (_ configuration: String, _ process: Int32?) -> Void = { _, _ in }
  /// The process is no longer in that list.
  var removed: @LoopActor (_ configuration: String, _ process: Int32) -> Void = { _, _ in }

  init(_ directories: DirectoryWatch) { self.directories = directories }

  /// Watches the configuration's list for that session. Calling it again costs nothing, and tries again what failed.
  func follow(_ session: String, configuration: String) {
    var watch = watches[configuration] ?? Watch()
    watch.sessions.insert(session)
    watch.isAskedAgain = watch.isBeingAdded
    defer { watches[configuration] = watch }
    guard watch.number == nil, !watch.isBeingAdded else { return }
    watch.isBeingAdded = true
    LoopActor.begin { [self] in
      let number = await directories.add(ClaudeRegistry.directory(configuration)) { [weak self] change in
        self?.took(change, configuration)
      }
      guard let now = watches[configuration] else {
        if let number { directories.remove(number) }
        return
      }
      watches[configuration]?.isBeingAdded = false
      guard let number else {
        if now.isAskedAgain { follow(session, configuration: configuration) }
        return
      }
      watches[configuration]?.number = number
      // What was written before the watch began.
      written(configuration, nil)
    }
  }

  func leave(_ session: String) {
    for (configuration, var watch) in watches where watch.sessions.remove(session) != nil {
      watches[configuration] = watch.sessions.isEmpty ? nil : watch
      if watch.sessions.isEmpty, let number = watch.number { directories.remove(number) }
    }
  }

  private func took(_ change: DirectoryWatch.Change, _ configuration: String) {
    switch change {
    case .written(let name):
      if let process = ClaudeRegistry.process(file: name) { written(configuration, process) }
    case .removed(let name):
      if let process = ClaudeRegistry.process(file: name) { removed(configuration, process) }
    case .lost: written(configuration, nil)
    case .gone: watches[configuration]?.number = nil
    }
  }
}
