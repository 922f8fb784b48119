/// What a repository's `.apus/config.json` says of parallel work. Unknown keys are left to later versions; a known key of
/// the wrong shape is an error that names it.
package struct RepositorySettings: Equatable, Sendable {
  /// Names to paths, relative to the repository: `server` → `internal_assistant/server/`.
  package var components: [String: [String]] = [:]
  /// How branches are called, by kind, with `{name}` and `{date}`.
  package var kinds: [String: String] = [:]
  /// The branch sessions begin at and are merged into; nil: the remote's, else the checkout's.
  package var base: String?
  /// Variables to the ports they prefer.
  package var ports: [String: Int] = ["PORT": Self.usualPort]
  package var profiles: [String: Profile] = [:]
  /// The variable that carries the profile's name (`PGPT_PROFILES`).
  package var profileVariable: String?
  /// The profile of sessions that name none.
  package var profile: String?
  /// Run once in a new worktree, after a person agreed to its very text.
  package var setUp: String?
  /// Run on what is to be merged.
  package var test: String?
  package var templates: [String: Template] = [:]
  /// The work log, relative to the main checkout; nil: none is kept.
  package var workLog: String?
  package var guards = GuardSettings()
  package var claims = ClaimSettings()
  package var deploy: DeploySettings?
  /// Development servers, by name.
  package var dev: [String: DevSettings] = [:]
  /// Absolute patterns of what no development server watches, beside what none ever does.
  package var neverWatch: [String] = []
  /// Whether `.claude/sessions.md` is kept.
  package var sessionsFile = true

  package static let usualPort = 3000
  package static let usualWorkLog = "WORK_LOG.md"

  package struct Profile: Equatable, Sendable {
    package var variables: [String: String] = [:]
    /// Files of variables (`.env.test`), relative to the repository.
    package var files: [String] = []
  }

  /// What `apus new --template` fills in; flags win over it.
  package struct Template: Equatable, Sendable {
    package var kind: Place.Kind?
    package var component: String?
    package var profile: String?
    package var base: String?
    package var model: String?
    /// With `{name}`, `{branch}`, `{component}` and `{prompt}`, what was asked besides.
    package var prompt: String?
  }

  package init() {}

  /// `path` is named in what is wrong with it.
  package init(_ json: JSON, path: String) throws(Failure) {
    guard let object = json.object else { throw Self.wrong(path, "the file", "an object") }
    workLog = Self.usualWorkLog
    let reader = Reader(path: path)
    for (name, value) in try reader.object(object["components"], "components") {
      try Self.check(key: name, "components", path)
      let paths = try reader.texts(value, "components.\(name)")
      for part in paths { try Self.check(relative: part, "components.\(name)", path) }
      components[name] = paths
    }
    for (name, value) in try reader.object(object["kinds"], "kinds") {
      guard Place.Kind(rawValue: name) != nil, let pattern = value.string, pattern.contains("{name}") else {
        throw Self.wrong(
          path, "kinds.\(SessionName.printable(name))",
          "one of \(Place.Kind.allCases.map(\.rawValue).joined(separator: ", ")) with a pattern like \"feature/{name}\""
        )
      }
      kinds[name] = pattern
    }
    base = try reader.text(object["base"], "base")
    if let given = object["ports"], given != .null {
      ports = [:]
      for (name, value) in try reader.object(given, "ports") {
        try Self.check(variable: name, "ports", path)
        guard case .integer(let port) = value, (1...65535).contains(port) else {
          throw Self.wrong(path, "ports.\(name)", "a number from 1 to 65535")
        }
        ports[name] = Int(port)
      }
    }
    for (name, value) in try reader.object(object["profiles"], "profiles") {
      try Self.check(key: name, "profiles", path)
      let fields = try reader.object(value, "profiles.\(name)")
      var profile = Profile()
      for (variable, text) in try reader.object(fields["variables"], "profiles.\(name).variables") {
        try Self.check(variable: variable, "profiles.\(name).variables", path)
        guard let text = text.scalar else { throw Self.wrong(path, "profiles.\(name).variables.\(variable)", "text") }
        profile.variables[variable] = text
      }
      profile.files = try reader.texts(fields["files"], "profiles.\(name).files")
      for file in profile.files { try Self.check(relative: file, "profiles.\(name).files", path) }
      profiles[name] = profile
    }
    profileVariable = try reader.text(object["profileVariable"], "profileVariable")
    if let profileVariable { try Self.check(variable: profileVariable, "profileVariable", path) }
    profile = try reader.text(object["profile"], "profile")
    setUp = try reader.text(object["setUp"], "setUp")
    test = try reader.text(object["test"], "test")
    for (name, value) in try reader.object(object["templates"], "templates") {
      try Self.check(key: name, "templates", path)
      templates[name] = try reader.template(value, "templates.\(name)")
    }
    guards = try GuardSettings(object["guards"], reader)
    claims = try ClaimSettings(object["claims"], reader)
    deploy = try DeploySettings(object["deploy"], reader)
    dev = try DevSettings.load(object["dev"], reader)
    neverWatch = try reader.texts(object["neverWatch"], "neverWatch")
    sessionsFile = try reader.flag(object["sessionsFile"], "sessionsFile") ?? true
    switch object["workLog"] {
    case .bool(false): workLog = nil
    case .string(let file):
      try Self.check(relative: file, "workLog", path)
      workLog = file
    case .bool(true), .null, nil: break
    default: throw Self.wrong(path, "workLog", "a path, true or false")
    }
  }

  /// The paths of a component; throws a usage error that lists those there are.
  package func require(component: String) throws(Failure) -> [String] {
    if let paths = components[component] { return paths }
    let known = components.keys.sorted().joined(separator: ", ")
    throw Failure(
      .usage, "there is no component \"\(SessionName.excerpt(component))\" in this repository",
      hint: known.isEmpty
        ? "name components in .apus/config.json (`apus init` writes one): \"components\": {\"server\": \"src/server/\"}"
        : "one of \(known)")
  }

  package func require(profile: String) throws(Failure) -> Profile {
    if let found = profiles[profile] { return found }
    let known = profiles.keys.sorted().joined(separator: ", ")
    throw Failure(
      .usage, "there is no profile \"\(SessionName.excerpt(profile))\" in this repository",
      hint: known.isEmpty ? "name profiles in .apus/config.json" : "one of \(known)")
  }

  package func require(template: String) throws(Failure) -> Template {
    if let found = templates[template] { return found }
    let known = templates.keys.sorted().joined(separator: ", ")
    throw Failure(
      .usage, "there is no template \"\(SessionName.excerpt(template))\" in this repository",
      hint: known.isEmpty ? "name templates in .apus/config.json" : "one of \(known)")
  }

  // MARK: shapes

  struct Reader {
    var path: String

    func object(_ value: JSON?, _ what: String) throws(Failure) -> [String: JSON] {
      guard let value, value != .null else { return [:] }
      guard let object = value.object else { throw wrong(path, what, "an object") }
      return object
    }

    func text(_ value: JSON?, _ what: String) throws(Failure) -> String? {
      guard let value, value != .null else { return nil }
      guard let text = value.string else { throw wrong(path, what, "text") }
      return text.isEmpty ? nil : text
    }

    /// One text or several.
    func texts(_ value: JSON?, _ what: String) throws(Failure) -> [String] {
      switch value {
      case nil, .null: return []
      case .string(let text): return [text]
      case .array(let items):
        return try items.map { item throws(Failure) in
          guard let text = item.string else { throw wrong(path, what, "a list of texts") }
          return text
        }
      default: throw wrong(path, what, "text or a list of texts")
      }
    }

    func template(_ value: JSON, _ what: String) throws(Failure) -> Template {
      let fields = try object(value, what)
      var template = Template()
      if let kind = try text(fields["kind"], what + ".kind") {
        guard let known = Place.Kind(rawValue: kind) else {
          throw wrong(path, what + ".kind", Place.Kind.allCases.map(\.rawValue).joined(separator: ", "))
        }
        template.kind = known
      }
      template.component = try text(fields["component"], what + ".component")
      template.profile = try text(fields["profile"], what + ".profile")
      template.base = try text(fields["base"], what + ".base")
      template.model = try text(fields["model"], what + ".model")
      template.prompt = try text(fields["prompt"], what + ".prompt")
      return template
    }

    /// How long, in seconds: a number, or as people write it.
    func seconds(_ value: JSON?, _ what: String) throws(Failure) -> Double? {
      switch value {
      case nil, .null: return nil
      case .integer(let number) where number >= 0: return Double(number)
      case .number(let number) where number >= 0: return number
      case .string(let text):
        if let seconds = DurationText.seconds(text) { return seconds }
      default: break
      }
      throw wrong(path, what, "a time: 30, \"30s\", \"5m\"")
    }

    func flag(_ value: JSON?, _ what: String) throws(Failure) -> Bool? {
      switch value {
      case nil, .null: return nil
      case .bool(let flag): return flag
      default: throw wrong(path, what, "true or false")
      }
    }

    func wrong(_ path: String, _ what: String, _ wanted: String) -> Failure {
      RepositorySettings.wrong(path, what, wanted)
    }
  }

  private static func wrong(_ path: String, _ what: String, _ wanted: String) -> Failure {
    Failure(
      .configurationInvalid, "\(path): \(what) is not \(wanted)",
      hint: "correct it in \(path); `apus help settings` says what may stand there")
  }

  private static func check(key: String, _ what: String, _ path: String) throws(Failure) {
    let fits =
      (1...64).contains(key.utf8.count) && !key.hasPrefix("-") && key == SessionName.printable(key)
      && !key.contains(where: \.isWhitespace)
    guard fits else {
      throw wrong(path, "\(what): \"\(SessionName.excerpt(key, of: 40))\"", "a name of 1 to 64 characters")
    }
  }

  /// A repository may not set what decides which program runs or who one is.
  package static func check(variable: String, _ what: String, _ path: String) throws(Failure) {
    let isWord =
      variable.utf8.first.map { !(48...57).contains($0) } == true
      && variable.utf8.allSatisfy {
        (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == UInt8(ascii: "_")
      }
    guard isWord, variable.utf8.count <= 128 else {
      throw wrong(path, "\(what): \"\(SessionName.excerpt(variable, of: 40))\"", "a variable's name")
    }
    let ours: Set = ["PATH", "HOME", "SHELL", "USER", "LOGNAME", "PWD", "TMPDIR", "BASH_ENV", "ENV", "IFS"]
    let prefixes = ["LD_", "DYLD_", "APUS_", "CLAUDE", "ANTHROPIC_", "GIT_", "XDG_", "SSH_"]
    guard !ours.contains(variable), !prefixes.contains(where: variable.hasPrefix) else {
      throw wrong(path, "\(what): \(variable)", "a variable a repository may set: it is yours alone")
    }
  }

  static func check(relative path: String, _ what: String, _ file: String) throws(Failure) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard !path.isEmpty, !path.hasPrefix("/"), !parts.contains(".."), path == SessionName.printable(path) else {
      throw wrong(file, what, "a path inside the repository")
    }
  }
}

extension JSON {
  /// Text, a number or a truth value as text.
  fileprivate var scalar: String? {
    switch self {
    case .string(let text): text
    case .bool(let flag): flag ? "true" : "false"
    case .integer(let number): String(number)
    case .number(let number): String(number)
    case .null, .array, .object: nil
    }
  }
}
