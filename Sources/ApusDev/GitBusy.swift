import ApusCore
import ApusGit
import ApusLoop
import CSystem
import Glibc

/// Tells when git is in the middle of something in the working trees that are watched: a command that has the index, a
/// rebase or merge that is not finished.
@LoopActor
final class GitBusy {
  /// What shows it, in a working tree's own directory, and what it is called.
  private static let signs = [
    ("index.lock", "index.lock"), ("HEAD.lock", "HEAD.lock"), ("rebase-merge", "rebase"), ("rebase-apply", "rebase"),
    ("MERGE_HEAD", "merge"), ("CHERRY_PICK_HEAD", "cherry-pick"), ("REVERT_HEAD", "revert"),
  ]

  var onChange: @LoopActor () -> Void = {}
  private(set) var holds: [Hold] = []
  private let directories: [String]
  private var descriptor: Descriptor?

  init(roots: [String]) {
    directories = Set(roots.compactMap { Repository.own(of: $0) }).sorted()
    let number = apus_directories_create()
    guard number >= 0 else { return }
    let made = Descriptor(number)
    made.onReadable = { [weak self] in self?.read() }
    made.watch()
    descriptor = made
    for directory in directories { _ = apus_directories_add_all(number, directory) }
    look()
  }

  func end() { descriptor?.close() }

  private func read() {
    guard let descriptor else { return }
    var changes = [apus_directory_change](repeating: apus_directory_change(), count: APUS_DIRECTORY_CHANGES)
    while case let count = apus_directories_next(descriptor.number, &changes), count > 0 {}
    look()
  }

  private func look() {
    var found: [Hold] = []
    for directory in directories {
      for (file, name) in Self.signs where access(directory + "/" + file, F_OK) == 0 {
        guard !found.contains(where: { $0.name == name }) else { continue }
        let before = holds.first { $0.name == name }
        found.append(before ?? Hold(.vcs, id: "", name: name, since: apus_wall_seconds()))
      }
    }
    guard found != holds else { return }
    holds = found
    onChange()
  }
}
