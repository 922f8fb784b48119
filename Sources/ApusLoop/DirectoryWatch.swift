import CSystem

/// Tells when files in directories are written or removed. The kernel tells us: nothing is looked at in between.
@LoopActor
package final class DirectoryWatch {
  package enum Change: Equatable, Sendable {
    case written(String), removed(String)
    /// More changed than was told: look at everything.
    case lost
    /// The directory is no longer watched: it was removed or moved.
    case gone
  }

  private static let patienceMilliseconds = 2000

  private var descriptor: Descriptor?
  private var heard: [Int32: @LoopActor (Change) -> Void] = [:]

  package init() {}

  /// Watches a directory; its number, by which it is let go, nil where it is not there or does not answer. Adding one
  /// that is watched already under whatever name gives the same number, and `changed` takes the place of the former.
  /// `each`: of every piece that is written, not only once a file is whole.
  package func add(
    _ directory: String, each: Bool = false, _ changed: @escaping @LoopActor (Change) -> Void
  ) async -> Int32? {
    guard let watch = open() else { return nil }
    let number = watch.number
    let added = await Offload.run(withinMilliseconds: Self.patienceMilliseconds) {
      each ? apus_directories_add_all(number, directory) : apus_directories_add(number, directory)
    }
    guard let added, added >= 0 else { return nil }
    heard[added] = changed
    return added
  }

  package func remove(_ directory: Int32) {
    guard heard.removeValue(forKey: directory) != nil, let descriptor else { return }
    _ = apus_directories_remove(descriptor.number, directory)
  }

  /// One for all directories, and kept: while one is being added on another thread its number must stay its own.
  private func open() -> Descriptor? {
    if let descriptor { return descriptor }
    let number = apus_directories_create()
    guard number >= 0 else { return nil }
    let made = Descriptor(number)
    made.onReadable = { [unowned self] in read() }
    made.watch()
    descriptor = made
    return made
  }

  private func read() {
    guard let descriptor else { return }
    var changes = [apus_directory_change](repeating: apus_directory_change(), count: APUS_DIRECTORY_CHANGES)
    while case let count = apus_directories_next(descriptor.number, &changes), count > 0 {
      for change in changes.prefix(Int(count)) { tell(change) }
    }
  }

  private func tell(_ change: apus_directory_change) {
    let kind = Int(change.kind)
    if kind == APUS_CHANGES_LOST {
      for changed in heard.values { changed(.lost) }
    } else if kind == APUS_DIRECTORY_GONE {
      heard.removeValue(forKey: change.directory)?(.gone)
    } else {
      let name = withUnsafeBytes(of: change.name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      heard[change.directory]?(kind == APUS_FILE_REMOVED ? .removed(name) : .written(name))
    }
  }
}
