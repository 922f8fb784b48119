/// What people and sessions read of a lock.
package enum LockWords {
  /// `docker is held by improve-feeds (e1b2) since 14:02 for "api, task-worker"`.
  package static func held(_ name: String, _ lock: NamedLock?, by holder: LockOwner) -> String {
    let note = lock?.note.map { " for \"\($0)\"" } ?? ""
    let since = lock.flatMap { $0.owner == holder ? " since \(MomentText.clock($0.since)) UTC" : nil } ?? ""
    if lock?.drain != nil {
      return "\(name) was held by \(holder.name) (\(holder.id)), which died; what it left is being seen to\(note)"
    }
    return "\(name) is held by \(holder.name) (\(holder.id))\(since)\(note)"
  }

  /// `you are 2nd and will be told`.
  package static func place(_ place: Int) -> String {
    switch place {
    case 1: "next"
    case 2: "2nd"
    case 3: "3rd"
    default: "\(place)th"
    }
  }
}
