import ApusAgents
import ApusCore
import ApusWire

// What an agent is told before it does something: in one line, once per file, never in its way.

extension Coordinator {
  /// The answer to a hook; empty: nothing is to be said.
  func advice(_ request: HookRequest, _ run: LiveRun) -> [UInt8] {
    guard let place = sessions[run.session]?.place, !place.paths.isEmpty, let worktree = place.worktree,
      let json = try? JSONText.decode(JSON.self, from: request.report),
      case .toolBegan(_, let input, _)? = ClaudeHooks.read(json)?.fact,
      let path = (input["file_path"] ?? input["notebook_path"])?.string
    else { return [] }
    let file = path.hasPrefix(worktree + "/") ? String(path.dropFirst(worktree.count + 1)) : path
    guard !Overlap.holds(place.paths, file), advised.insert(run.session + " " + file).inserted else { return [] }
    let others = neighbours(of: run.session, place).filter { Overlap.holds($0.paths, file) && !$0.paths.isEmpty }
    let whose = others.first.map { "; \($0.name) works there" } ?? ""
    let text =
      "\(SessionName.printable(file)) is outside your component \(place.component ?? "") "
      + "(\(place.paths.joined(separator: ", ")))\(whose). Change it only if the task needs it."
    return ClaudeHooks.advice(text)
  }
}
