import ApusCore
import Testing

@Suite("what .apus/config.json may say") struct RepositorySettingsTests {
  private func read(_ text: String) throws -> RepositorySettings {
    try RepositorySettings(try JSONText.decodeRelaxed(JSON.self, from: Array(text.utf8)), path: "config.json")
  }

  private func wrong(_ text: String) -> String {
    do {
      _ = try read(text)
      return ""
    } catch { return (error as? Failure)?.summary ?? "\(error)" }
  }

  @Test func `an empty one means one port and a work log, none at all no work log`() throws {
    let empty = try read("{}")
    #expect(empty.ports == ["PORT": 3000])
    #expect(empty.workLog == "WORK_LOG.md")
    #expect(RepositorySettings().workLog == nil)
    #expect(RepositorySettings().ports == ["PORT": 3000])
    #expect(try read(#"{"workLog": false, "ports": {}, "later": [1]}"#).workLog == nil)
    #expect(try read(#"{"ports": {}}"#).ports.isEmpty)
  }

  @Test func `the sessions file is kept unless it is switched off`() throws {
    #expect(RepositorySettings().sessionsFile)
    #expect(try read("{}").sessionsFile)
    #expect(try !read(#"{"sessionsFile": false}"#).sessionsFile)
    #expect(wrong(#"{"sessionsFile": "no"}"#).contains("sessionsFile"))
  }

  @Test func `all of it is read, with comments`() throws {
    let settings = try read(
      """
      { // a comment
        "components": {"server": "src/server/", "ui": ["ui/", "assets/"]},
        "kinds": {"bug": "bugs/{name}"}, "base": "develop", "ports": {"UVICORN_PORT": 8001},
        "profiles": {"test": {"variables": {"A": "1", "B": 2, "C": true}, "files": ".env.test"}},
        "profileVariable": "PGPT_PROFILES", "profile": "test", "setUp": "make deps", "test": "make test",
        "templates": {"fix": {"kind": "bug", "component": "ui", "prompt": "Fix {prompt}", "model": "m"}},
        "workLog": "docs/LOG.md",
      }
      """)
    #expect(settings.components == ["server": ["src/server/"], "ui": ["ui/", "assets/"]])
    #expect(settings.kinds == ["bug": "bugs/{name}"])
    #expect((settings.base, settings.ports) == ("develop", ["UVICORN_PORT": 8001]))
    #expect(settings.profiles["test"]?.variables == ["A": "1", "B": "2", "C": "true"])
    #expect(settings.profiles["test"]?.files == [".env.test"])
    #expect((settings.setUp, settings.test, settings.workLog) == ("make deps", "make test", "docs/LOG.md"))
    #expect(settings.templates["fix"]?.kind == .bug)
    #expect(settings.templates["fix"]?.prompt == "Fix {prompt}")
  }

  @Test(arguments: [
    ("[]", "the file"), (#"{"components": []}"#, "components"), (#"{"components": {"a": 1}}"#, "components.a"),
    (#"{"components": {"a": "../x"}}"#, "components.a"), (#"{"components": {"a": "/etc"}}"#, "components.a"),
    (#"{"components": {"-x": "a"}}"#, "-x"), (#"{"kinds": {"nope": "a/{name}"}}"#, "kinds.nope"),
    (#"{"kinds": {"bug": "fixed"}}"#, "kinds.bug"), (#"{"base": 1}"#, "base"),
    (#"{"ports": {"PORT": "3000"}}"#, "ports.PORT"),
    (#"{"ports": {"PORT": 70000}}"#, "ports.PORT"), (#"{"ports": {"1X": 3000}}"#, "1X"),
    (#"{"profiles": {"t": {"files": ["../.env"]}}}"#, "profiles.t.files"), (#"{"setUp": []}"#, "setUp"),
    (#"{"templates": {"t": {"kind": "x"}}}"#, "templates.t.kind"), (#"{"workLog": 3}"#, "workLog"),
    (#"{"workLog": "../../x"}"#, "workLog"),
  ])
  func `what has the wrong shape is named`(text: String, named: String) {
    let summary = wrong(text)
    #expect(summary.contains(named) && summary.hasPrefix("config.json"), "\(summary)")
  }

  @Test(arguments: [
    "PATH", "HOME", "LD_PRELOAD", "APUS_HOME", "CLAUDE_CONFIG_DIR", "ANTHROPIC_BASE_URL", "GIT_DIR", "BASH_ENV",
    "XDG_CONFIG_HOME",
  ])
  func `a repository may not set what decides which program runs or who one is`(variable: String) {
    #expect(wrong(#"{"ports": {"\#(variable)": 3000}}"#).contains(variable))
    #expect(wrong(#"{"profiles": {"t": {"variables": {"\#(variable)": "x"}}}}"#).contains(variable))
    #expect(wrong(#"{"profileVariable": "\#(variable)"}"#).contains(variable))
  }

  @Test func `who names what is not there is told what is`() throws {
    let settings = try read(#"{"components": {"b": "b/", "a": "a/"}, "profiles": {"t": {}}, "templates": {"x": {}}}"#)
    #expect(throws: Failure.self) { try settings.require(component: "c") }
    do { _ = try settings.require(component: "c\u{202E}") } catch {
      #expect(error.code == .usage)
      #expect(error.hint == "one of a, b")
      #expect(!error.summary.contains("\u{202E}"))
    }
    #expect(throws: Failure.self) { try settings.require(profile: "u") }
    #expect(throws: Failure.self) { try settings.require(template: "y") }
    #expect(try settings.require(component: "a") == ["a/"])
  }
}
