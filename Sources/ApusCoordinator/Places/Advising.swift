import ApusCore

// What an agent is told before it does something: in one line, once per file, never in its way.

extension Coordinator {
  /// What a session is told of a file that is not its component's; nil: nothing.
  func advice(of session: Session, on path: String) -> String? {
    guard let place = session.place, !place.paths.isEmpty, let worktree = place.worktree else { return nil }
    let file = path.hasPrefix(worktree + "/") ? String(path.dropFirst(worktree.count + 1)) : path
    guard !Overlap.holds(place.paths, file), advised.insert(session.id + " " + file).inserted else { return nil }
    let others = neighbours(of: session.id, place).filter { Overlap.holds($0.paths, file) && !$0.paths.isEmpty }
    let whose = others.first.map { "; \($0.name) works there" } ?? ""
    return "\(SessionName.printable(file)) is outside your component \(place.component ?? "") "
      + "(\(place.paths.joined(separator: ", ")))\(whose). Change it only if the task needs it."
  }
}
