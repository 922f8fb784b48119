import ApusCore
import ApusTesting
import ApusWire
import Testing

/// Row C1: what is often wanted together has a name.
@Suite struct TemplateTests {
  private static let settings = """
    {
      "components": {"server": "server/", "ui": "ui/"},
      "profiles": {"test": {"variables": {"MODE": "test"}}},
      "ports": {},
      "templates": {
        "bugfix": {
          "kind": "bug", "component": "ui", "profile": "test", "base": "release", "model": "haiku",
          "prompt": "Fix {name} on {branch} in {component}: {prompt}"
        },
        "plain": {"prompt": "Look first."}
      }
    }
    """

  @Test func `a template fills in what was not said, and what was said wins`() async throws {
    try await TestHome.withRepository(settings: Self.settings) { home in
      await home.git("switch", "--quiet", "--create", "release")
      let release = await home.commit("docs/c.md", "release\n", in: home.work)
      await home.git("switch", "--quiet", "main")
      let made = try await home.session("new", "feed", "--template", "bugfix", "--prompt", "it is slow", "--wait")
      #expect(made.branch == "fix/feed" && made.component == "ui" && made.profile == "test")
      #expect(made.base == "release")
      #expect(TestHome.text("/proc/\(try #require(made.pid))/cmdline").contains("haiku"))
      #expect(try await home.head(of: made) == release)
      #expect(made.result == "You said: Fix feed on fix/feed in ui: it is slow")
      let other = try await home.session(
        "new", "api", "--template", "bugfix", "--kind", "docs", "--component", "server", "--base", "main", "--model",
        "opus")
      #expect(other.branch == "docs/api" && other.component == "server" && other.base == "main")
      let words = TestHome.text("/proc/\(try #require(other.pid))/cmdline")
      #expect(words.contains("opus") && !words.contains("haiku"))
      let plain = try await home.session("new", "plain", "--template", "plain", "--prompt", "Then go.", "--wait")
      #expect(plain.result == "You said: Look first.\n\nThen go.")
      #expect(plain.branch?.hasPrefix("session-") == true)
    }
  }

  @Test func `an unknown template lists the known ones`() async throws {
    try await TestHome.withRepository(settings: Self.settings) { home in
      let failure = try await home.leavesNothing(["new", "one", "--template", "bug"], .usage)
      #expect(failure.hint?.contains("bugfix, plain") == true)
    }
  }
}
