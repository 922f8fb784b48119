/// Whether a development server reloads when files change, and what says so.
package struct DevMode: Equatable, Sendable {
  package var reloads: Bool
  /// What decided, as it is shown: `--no-reload`, `SAFE_RELOAD_MODE=true, .env:3`; empty: nothing, and reload is on.
  package var why: String

  package init(reloads: Bool, why: String) {
    self.reloads = reloads
    self.why = why
  }

  package static let safeVariable = "SAFE_RELOAD_MODE"
  package static let debugVariable = "DEBUG"

  /// Safe mode is on by the flag, by `SAFE_RELOAD_MODE=true` (whatever `DEBUG` says) or by `DEBUG=false`. For each
  /// variable the environment wins over the project's `.env`. Empty values say nothing, and neither does a `DEBUG` that is
  /// no truth value: other programs have words of their own there.
  package static func decide(
    noReload: Bool, environment: [String: String], dotenv: EnvFile?, path: String
  ) throws(Failure) -> DevMode {
    if noReload { return DevMode(reloads: false, why: "--no-reload") }
    if let (text, source) = value(of: safeVariable, environment, dotenv, path) {
      guard let isSafe = truth(text) else {
        throw Failure(
          .configurationInvalid,
          "\(safeVariable) is \"\(SessionName.excerpt(text, of: 40))\" (\(source)), which is neither true nor false",
          hint: "set it to true (changes are only counted) or false, or leave it out")
      }
      if isSafe { return DevMode(reloads: false, why: "\(safeVariable)=\(text), \(source)") }
    }
    if let (text, source) = value(of: debugVariable, environment, dotenv, path), truth(text) == false {
      return DevMode(reloads: false, why: "\(debugVariable)=\(text), \(source)")
    }
    return DevMode(reloads: true, why: "")
  }

  package static func truth(_ text: String) -> Bool? {
    switch text.trimmingBlanks.lowercased() {
    case "true", "1", "yes", "on": true
    case "false", "0", "no", "off": false
    default: nil
    }
  }

  private static func value(
    of variable: String, _ environment: [String: String], _ dotenv: EnvFile?, _ path: String
  ) -> (text: String, source: String)? {
    if let text = environment[variable], !text.isEmpty { return (text, "environment") }
    if let entry = dotenv?.entries[variable], !entry.value.isEmpty { return (entry.value, "\(path):\(entry.line)") }
    return nil
  }
}
