/// Which of many patterns meet one: paths are looked up by their directories, real patterns one by one.
struct ClaimIndex: Sendable {
  private var globs: [Int: Glob] = [:]
  private var at: [String: Set<Int>] = [:]
  /// What lies below a directory, at any depth.
  private var below: [String: Set<Int>] = [:]
  private var patterns: Set<Int> = []

  mutating func insert(_ id: Int, _ glob: Glob) {
    globs[id] = glob
    guard let path = glob.literal else {
      patterns.insert(id)
      return
    }
    at[path, default: []].insert(id)
    for directory in Self.directories(above: path) { below[directory, default: []].insert(id) }
  }

  mutating func remove(_ id: Int) {
    guard let glob = globs.removeValue(forKey: id) else { return }
    patterns.remove(id)
    guard let path = glob.literal else { return }
    Self.remove(id, from: &at, path)
    for directory in Self.directories(above: path) { Self.remove(id, from: &below, directory) }
  }

  /// The ids of all that meet the pattern.
  func meeting(_ glob: Glob) -> [Int] {
    var result = patterns.filter { globs[$0]?.meets(glob) ?? false }
    for path in Self.directories(above: glob.directory) + [glob.directory] { result.formUnion(at[path] ?? []) }
    let inside = below[glob.directory] ?? []
    if glob.isLiteral {
      result.formUnion(inside)
    } else {
      result.formUnion(inside.filter { globs[$0]?.meets(glob) ?? false })
    }
    return Array(result)
  }

  private static func remove(_ id: Int, from index: inout [String: Set<Int>], _ key: String) {
    index[key]?.remove(id)
    if index[key]?.isEmpty ?? false { index[key] = nil }
  }

  /// From the top, which is empty; none above the top itself.
  static func directories(above path: String) -> [String] {
    guard !path.isEmpty else { return [] }
    return [""] + path.indices.filter { path[$0] == "/" }.map { String(path[..<$0]) }
  }
}
