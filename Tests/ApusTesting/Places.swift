import Glibc

/// Where things are on this machine, found from where the test program is.
package enum Checkout {
  /// The directory of the programs under test: that of the test bundle, or `APUS_TEST_PROGRAMS`.
  package static let programs: String = {
    if let given = getenv("APUS_TEST_PROGRAMS") { return String(cString: given) }
    return root + "/.build/debug"
  }()

  package static let root: String = {
    var path = #filePath
    for _ in 0..<3 { path = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) }
    return path
  }()

  /// The pinned Claude Code that `make test` fetches (Scripts/fetch-claude).
  package static var claude: String { root + "/.deps/claude-2.1.329/claude" }
  /// Anthropic's own SDK, which comes with it, for `PYTHONPATH`.
  package static var sdk: String { root + "/.deps/claude-2.1.329/sdk" }
  /// A Python that has the packages of Scripts/python.txt (Scripts/fetch-python).
  package static var python: String { root + "/.deps/python/bin/python" }
  package static var stub: String { root + "/Tests/Stub/model-stub" }
  package static var terminalAgent: String { root + "/Tests/Stub/terminal-agent" }
  package static var scriptedAgent: String { root + "/Tests/Stub/scripted-agent" }
}
