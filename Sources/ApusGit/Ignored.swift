import ApusCore

/// What git ignores: asked for a whole tree once, and for what came since in one go.
package enum Ignored {
  /// What is there and ignored, relative to the checkout; directories that are ignored as a whole end in `/`. Of what is
  /// in submodules nothing is said.
  package static func load(_ git: Git, _ checkout: String) throws(Failure) -> [String] {
    try git.require(
      [
        "status", "--porcelain", "-z", "--ignored=matching", "--untracked-files=all", "--no-renames",
        "--ignore-submodules=all",
      ], in: checkout
    ).parts.filter { $0.hasPrefix("!! ") }.map { String($0.dropFirst(3)) }
  }

  /// Which of these paths, relative to the checkout, are ignored, be they there or not.
  package static func among(_ git: Git, _ checkout: String, _ paths: [String]) throws(Failure) -> Set<String> {
    if paths.isEmpty { return [] }
    // Named so that none can be read as anything but a path: this command knows no literal ones.
    let input = Array(paths.map { "./" + $0 }.joined(separator: "\0").utf8) + [0]
    let answer = try git.run(
      ["check-ignore", "-z", "--stdin"], in: checkout, input: input, adding: ["GIT_LITERAL_PATHSPECS": "0"])
    guard answer.status <= 1 else { throw Git.failure(["check-ignore"], answer) }
    return Set(answer.parts.map { String($0.dropFirst(2)) })
  }
}
