import CSystem

/// Tells when anything below some directories changes. The kernel tells us; a tree is walked only when it is first watched
/// and after directories came to it. One descriptor serves all trees: there are few to be had.
@LoopActor
package final class TreeWatch {
  private static let mostDirectories = 20_000

  private var descriptor: Descriptor?
  /// Which trees a watched directory belongs to.
  private var owners: [Int32: Set<String>] = [:]
  private let changed: @LoopActor (String) -> Void

  /// `changed` is called with the key of a tree below which something changed.
  package init(_ changed: @escaping @LoopActor (String) -> Void) { self.changed = changed }

  /// Watches these directories, not what is below them, under a key; false where some cannot be watched: then nothing
  /// may be concluded from silence.
  package func watch(_ directories: [String], key: String) async -> Bool {
    guard directories.count <= Self.mostDirectories, let number = open() else { return false }
    let added = await Offload.run { directories.map { apus_directories_add_all(number, $0) } }
    var isWhole = true
    for watched in added {
      if watched >= 0 { owners[watched, default: []].insert(key) } else { isWhole = false }
    }
    return isWhole
  }

  package func forget(_ key: String) {
    guard let descriptor else { return }
    for (watched, keys) in owners where keys.contains(key) {
      owners[watched]?.remove(key)
      guard owners[watched]?.isEmpty == true else { continue }
      owners[watched] = nil
      _ = apus_directories_remove(descriptor.number, watched)
    }
  }

  /// Takes in at once what the kernel has to tell.
  package func read() {
    guard let descriptor else { return }
    var changes = [apus_directory_change](repeating: apus_directory_change(), count: APUS_DIRECTORY_CHANGES)
    var keys: Set<String> = []
    while case let count = apus_directories_next(descriptor.number, &changes), count > 0 {
      for change in changes.prefix(Int(count)) {
        if Int(change.kind) == APUS_CHANGES_LOST {
          for all in owners.values { keys.formUnion(all) }
        } else if let owner = owners[change.directory] {
          keys.formUnion(owner)
          if Int(change.kind) == APUS_DIRECTORY_GONE { owners[change.directory] = nil }
        }
      }
    }
    for key in keys { changed(key) }
  }

  private func open() -> Int32? {
    if let descriptor { return descriptor.number }
    let number = apus_directories_create()
    guard number >= 0 else { return nil }
    let made = Descriptor(number)
    made.onReadable = { [unowned self] in read() }
    made.watch()
    descriptor = made
    return number
  }
}
