/// Which paths belong to a component, and which components meet.
package enum Overlap {
  /// Whether a file is below one of the paths; a path that ends without `/` may also be the file itself.
  package static func holds(_ paths: [String], _ file: String) -> Bool {
    paths.contains { path in
      let path = trimmed(path)
      return path.isEmpty || file == path || file.hasPrefix(path + "/")
    }
  }

  /// Whether two components have files in common.
  package static func meet(_ first: [String], _ second: [String]) -> Bool {
    first.contains { one in
      second.contains { other in
        let (one, other) = (trimmed(one), trimmed(other))
        return one.isEmpty || other.isEmpty || one == other || one.hasPrefix(other + "/") || other.hasPrefix(one + "/")
      }
    }
  }

  private static func trimmed(_ path: String) -> String {
    var path = path[...]
    while path.hasPrefix("./") { path = path.dropFirst(2) }
    while path.hasSuffix("/") { path = path.dropLast() }
    return path == "." ? "" : String(path)
  }
}

/// What an agent is told of its place as it begins.
package enum OpeningContext {
  package struct Neighbour: Equatable, Sendable {
    package var name: String
    package var branch: String?
    package var component: String?
    package var paths: [String]

    package init(name: String, branch: String?, component: String?, paths: [String]) {
      self.name = name
      self.branch = branch
      self.component = component
      self.paths = paths
    }
  }

  private static let mostNeighbours = 12

  package static func text(_ name: String, _ place: Place, neighbours: [Neighbour]) -> String {
    var lines = [
      "You are the session \"\(name)\" of Apus; other sessions work on the same repository in places of their own."
    ]
    if let branch = place.branch {
      lines.append(
        "Your branch is \(branch), in a worktree of your own; it will be merged into \(place.base ?? "its base")."
          + " Commit here; do not switch branches, and do not commit on \(place.base ?? "the base").")
    }
    if let component = place.component {
      lines.append(
        "Your component is \(component): \(place.paths.joined(separator: ", ")). Stay inside it where you can.")
    }
    if !place.ports.isEmpty {
      let ports = place.ports.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", ")
      lines.append("Your ports are \(ports), set in your environment; use no others.")
    }
    if let profile = place.profile { lines.append("Your environment profile is \(profile).") }
    if neighbours.isEmpty {
      lines.append("Nobody else works on this repository at the moment.")
    } else {
      let words = neighbours.prefix(mostNeighbours).map { neighbour in
        let parts = [neighbour.branch.map { "on \($0)" }, neighbour.component.map { "in \($0)" }].compactMap(\.self)
        return ([neighbour.name] + parts).joined(separator: " ")
      }
      let more = neighbours.count > mostNeighbours ? " and \(neighbours.count - mostNeighbours) more" : ""
      lines.append("Also at work: \(words.joined(separator: "; "))\(more).")
    }
    return lines.joined(separator: "\n")
  }
}
