/// One server of `"dev"` in `.apus/config.json`:
/// `"api": {"command": "uvicorn main:app --port $PORT", "directory": "backend", "health": "/health"}`, or the command alone.
package struct DevSettings: Equatable, Sendable {
  /// Run by a shell.
  package var command: String
  /// Where it runs, relative to the repository.
  package var directory: String?
  /// Relative to that directory.
  package var watch: [String] = []
  package var ignore: [String] = []
  /// A path, or a whole URL.
  package var health: String?
  /// The variable of the session's ports that is this server's; `PORT` where none is named.
  package var port: String?
  package var reload = true
  package var settle: Double?
  package var maxHold: Double?
  package var startLimit: Double?
  package var keepLastGood = false
  package var restartOnExit = false
  package var socket = false

  static func load(_ json: JSON?, _ reader: RepositorySettings.Reader) throws(Failure) -> [String: DevSettings] {
    var all: [String: DevSettings] = [:]
    for (name, value) in try reader.object(json, "dev") {
      guard isName(name) else {
        throw reader.wrong(
          reader.path, "dev: \"\(SessionName.excerpt(name, of: 40))\"",
          "a server's name: letters, digits, - and _, at most 32")
      }
      all[name] = try DevSettings(value, "dev.\(name)", reader)
    }
    return all
  }

  /// What a server may be called.
  package static func isName(_ text: String) -> Bool {
    (1...32).contains(text.utf8.count) && !text.hasPrefix("-")
      && text.utf8.allSatisfy {
        (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == UInt8(ascii: "-")
          || $0 == UInt8(ascii: "_")
      }
  }

  private init(_ json: JSON, _ what: String, _ reader: RepositorySettings.Reader) throws(Failure) {
    if let text = json.string, !text.isEmpty {
      command = text
      return
    }
    let fields = try reader.object(json, what)
    guard let text = try reader.text(fields["command"], what + ".command") else {
      throw reader.wrong(reader.path, what, "a command, or an object with \"command\"")
    }
    command = text
    directory = try reader.text(fields["directory"], what + ".directory")
    if let directory { try RepositorySettings.check(relative: directory, what + ".directory", reader.path) }
    watch = try reader.texts(fields["watch"], what + ".watch")
    ignore = try reader.texts(fields["ignore"], what + ".ignore")
    health = try reader.text(fields["health"], what + ".health")
    port = try reader.text(fields["port"], what + ".port")
    if let port { try RepositorySettings.check(variable: port, what + ".port", reader.path) }
    reload = try reader.flag(fields["reload"], what + ".reload") ?? true
    settle = try reader.seconds(fields["settle"], what + ".settle")
    maxHold = try reader.seconds(fields["maxHold"], what + ".maxHold")
    startLimit = try reader.seconds(fields["startLimit"], what + ".startLimit")
    keepLastGood = try reader.flag(fields["keepLastGood"], what + ".keepLastGood") ?? false
    socket = try reader.flag(fields["socket"], what + ".socket") ?? false
    restartOnExit = try reader.flag(fields["restartOnExit"], what + ".restartOnExit") ?? false
  }
}
