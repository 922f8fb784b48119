import ApusCore
import Testing

@Suite("settings") struct SettingsTests {
  private func layer(_ text: String, _ path: String = "/p/config.json") throws -> Settings.Layer {
    try Settings.Layer(path: path, bytes: Array(text.utf8))
  }

  private func settings(
    _ environment: [String: String] = [:], dotenv: String? = nil, repository: String? = nil, person: String? = nil
  ) throws -> Settings {
    try Settings(
      environment: environment, dotenv: dotenv.map { try EnvFile($0, path: "/r/.env") }, dotenvPath: "/r/.env",
      repository: repository.map { try layer($0, "/r/.apus/config.json") }, person: person.map { try layer($0) })
  }

  @Test func `where nothing is set the defaults are in force, and they are valid`() throws {
    let settings = try settings()
    for setting in Setting.allCases { #expect(settings[setting] == setting.facts.standard) }
    #expect(try settings.flag(.persist) == false)
    #expect(try settings.number(.stopSeconds) == 5)
  }

  @Test func `every setting has a name, a variable and a line of its own`() {
    let all = Setting.allCases.map(\.facts)
    #expect(Set(all.map(\.variable)).count == all.count)
    for facts in all {
      #expect(facts.variable.hasPrefix("APUS_") || facts.variable == "PERSIST_CLAUDE_SESSIONS")
      #expect(!facts.doc.isEmpty && !facts.doc.contains("\n"))
    }
  }

  @Test func `environment over repository over person over default`() throws {
    let person = #"{"model": "person"}"#
    let repository = #"{"model": "repository"}"#
    #expect(try settings(person: person)[.model] == "person")
    #expect(try settings(repository: repository, person: person)[.model] == "repository")
    #expect(try settings(["APUS_MODEL": "shell"], repository: repository, person: person)[.model] == "shell")
  }

  @Test func `an empty variable is as none`() throws {
    #expect(try settings(["APUS_MODEL": ""], person: #"{"model": "person"}"#)[.model] == "person")
  }

  @Test func `the env file speaks for persistence alone, under the environment`() throws {
    let file = "PERSIST_CLAUDE_SESSIONS=true\nAPUS_MODEL=env-file\n"
    #expect(try settings(dotenv: file).flag(.persist) == true)
    #expect(try settings(dotenv: file)[.model] == "")
    #expect(try settings(["PERSIST_CLAUDE_SESSIONS": "no"], dotenv: file).flag(.persist) == false)
    #expect(try settings(dotenv: "PERSIST_CLAUDE_SESSIONS=\n", person: #"{"persist": true}"#).flag(.persist) == false)
    #expect(try settings(dotenv: "A=1", person: #"{"persist": true}"#).flag(.persist) == true)
  }

  @Test func `a repository may not say which program runs, with which rights, or where files go`() throws {
    var fields: [String] = []
    for setting in Setting.allCases where !setting.facts.fromRepository {
      fields.append("\"\(setting.rawValue)\": \"1\"")
    }
    let all = try settings(repository: "{" + fields.joined(separator: ",") + "}")
    for setting in Setting.allCases where !setting.facts.fromRepository {
      #expect(all[setting] == setting.facts.standard, "\(setting)")
    }
    for setting in [Setting.claude, .permissionMode, .persist, .logPath] { #expect(!setting.facts.fromRepository) }
  }

  @Test(arguments: [
    ("true", true), ("TRUE", true), ("1", true), ("yes", true), ("On", true), ("false", false), ("0", false),
    ("no", false),
    ("off", false), ("False", false),
  ])
  func `yes and no may be said in several ways`(_ text: String, _ value: Bool) throws {
    #expect(try settings(["PERSIST_CLAUDE_SESSIONS": text]).flag(.persist) == value)
  }

  @Test(arguments: [
    ("PERSIST_CLAUDE_SESSIONS", "maybe"), ("APUS_STOP_SECONDS", "soon"), ("APUS_STOP_SECONDS", "-1"),
    ("APUS_STOP_SECONDS", "nan"), ("APUS_STOP_SECONDS", "inf"), ("APUS_STOP_SECONDS", "1e9"),
    ("APUS_START_SECONDS", "5 s"),
    ("APUS_VERDICT_SECONDS", "2,5"), ("APUS_RECORDING_QUOTA_MB", "10G"), ("APUS_LOG_LEVEL", "loud"),
    ("APUS_LOG_LEVEL", "INFO"),
  ])
  func `a value that makes no sense is refused, and where it stands is said`(_ variable: String, _ text: String) {
    let failure = #expect(throws: Failure.self) { try settings([variable: text]) }
    #expect(failure?.code == .configurationInvalid)
    #expect(failure?.summary.hasPrefix(variable + ": ") == true)
    #expect(failure?.summary.contains("\"\(text)\"") == true)
    #expect(failure?.hint?.contains("apus help settings") == true)
  }

  @Test func `a wrong line of the env file is named by its number`() {
    let failure = #expect(throws: Failure.self) { try settings(dotenv: "A=1\n\nPERSIST_CLAUDE_SESSIONS=perhaps\n") }
    #expect(failure?.summary.hasPrefix("/r/.env:3: ") == true)
  }

  @Test func `a wrong value in a file names the file`() {
    let failure = #expect(throws: Failure.self) { try settings(person: #"{"logLevel": "loud\u001b[2J"}"#) }
    #expect(failure?.summary.hasPrefix("/p/config.json: logLevel is \"loud?[2J\"") == true)
  }

  @Test func `files may have comments and trailing commas`() throws {
    let text = """
      {
        // a comment
        "model": "m", /* another */
        "verdictSeconds": 1.5,
        "stopSeconds": 3,
        "persist": true,
        "later": {"of": ["a", "later", "version"]},
        "logPath": null,
      }
      """
    let settings = try settings(person: text)
    #expect(settings[.model] == "m")
    #expect(try settings.number(.verdictSeconds) == 1.5)
    #expect(try settings.number(.stopSeconds) == 3)
    #expect(try settings.flag(.persist) == true)
    #expect(settings[.logPath] == "")
  }

  @Test(arguments: ["", "{", "{\"a\": }", "nonsense", "{\"a\": 1} x", "\u{0}"])
  func `a file that is no JSON is refused by name`(_ text: String) {
    let failure = #expect(throws: Failure.self) { try layer(text) }
    #expect(failure?.code == .configurationInvalid)
    #expect(failure?.summary.hasPrefix("/p/config.json is not JSON: ") == true)
  }

  @Test(arguments: ["[]", "1", "\"x\"", "null", "true"])
  func `a file that is no object is refused by name`(_ text: String) {
    let failure = #expect(throws: Failure.self) { try layer(text) }
    #expect(failure?.summary == "/p/config.json is not an object of settings")
  }
}
