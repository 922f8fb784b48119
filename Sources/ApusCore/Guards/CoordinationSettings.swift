// What `.apus/config.json` may say of how sessions keep out of each other's way.

/// `"guards": {"docker compose *": "docker", "vercel *": {"lock": "deploy", "verify": "…"}, "forcePush": false}`.
package struct GuardSettings: Equatable, Sendable {
  package var guards: [Guard] = []
  /// Sessions do not push with force, and do not commit on the base.
  package var forcePush = true
  package var commitOnBase = true

  package init() {}

  init(_ json: JSON?, _ reader: RepositorySettings.Reader) throws(Failure) {
    for (pattern, value) in try reader.object(json, "guards").sorted(by: { $0.key < $1.key }) {
      let what = "guards.\(SessionName.excerpt(pattern, of: 60))"
      switch pattern {
      case "forcePush": forcePush = try reader.flag(value, what) ?? true
      case "commitOnBase": commitOnBase = try reader.flag(value, what) ?? true
      default:
        if let made = try Self.guard(pattern, value, what, reader) { guards.append(made) }
      }
    }
  }

  /// Nil where it is switched off.
  private static func `guard`(
    _ pattern: String, _ value: JSON, _ what: String, _ reader: RepositorySettings.Reader
  ) throws(Failure) -> Guard? {
    guard !pattern.isEmpty, pattern.utf8.count <= 500 else {
      throw reader.wrong(reader.path, what, "a command's pattern")
    }
    var made = Guard(pattern: pattern, lock: "")
    switch value {
    case .bool(false), .null: return nil
    case .string(let lock): made.lock = lock
    case .object(let fields):
      made.lock = try reader.text(fields["lock"], what + ".lock") ?? ""
      made.verify = try reader.text(fields["verify"], what + ".verify")
      made.waitSeconds = try reader.seconds(fields["wait"], what + ".wait")
      made.verifySeconds = try reader.seconds(fields["verifyFor"], what + ".verifyFor")
      if let text = try reader.text(fields["onDeath"], what + ".onDeath") {
        guard LockOnDeath(text) != nil else {
          throw reader.wrong(reader.path, what + ".onDeath", "release, delay:15s, probe:CMD or hold")
        }
        made.onDeath = text
      }
    default: throw reader.wrong(reader.path, what, "the name of a lock, or an object with \"lock\"")
    }
    do { try LockKey.check(made.lock) } catch {
      throw reader.wrong(reader.path, what, "a pattern with the name of a lock: \"docker compose *\": \"docker\"")
    }
    return made
  }
}

/// `"claims": {"policy": "strict", "lapse": "10m"}`, or the policy alone.
package struct ClaimSettings: Equatable, Sendable {
  package enum Policy: String, Sendable, CaseIterable { case off, warn, strict }

  package var policy = Policy.warn
  /// After so long without an edit a claim lapses.
  package var lapseSeconds: Double = 600

  package init() {}

  init(_ json: JSON?, _ reader: RepositorySettings.Reader) throws(Failure) {
    var fields: [String: JSON] = [:]
    if let text = json?.string {
      fields = ["policy": .string(text)]
    } else {
      fields = try reader.object(json, "claims")
    }
    if let text = try reader.text(fields["policy"], "claims.policy") {
      guard let known = Policy(rawValue: text) else {
        throw reader.wrong(reader.path, "claims.policy", "off, warn or strict")
      }
      policy = known
    }
    lapseSeconds = try reader.seconds(fields["lapse"], "claims.lapse") ?? lapseSeconds
  }
}

/// `"deploy": {"command": "vercel ls", "ready": "Ready", "error": "Error", "interval": "10s", "limit": "30m"}`.
package struct DeploySettings: Codable, Equatable, Sendable {
  package var command: String?
  /// What a line says of a deployment that is well, has failed, is under way: words, as patterns with `*`.
  package var ready = ["Ready"]
  package var error = ["Error", "Failed", "Canceled"]
  package var building = ["Building", "Queued", "Initializing"]
  package var interval: Double = 10
  package var limit: Double = 1800
  package var lock = "deploy"

  package init() {}

  init?(_ json: JSON?, _ reader: RepositorySettings.Reader) throws(Failure) {
    guard let json, json != .null else { return nil }
    let fields = try reader.object(json, "deploy")
    command = try reader.text(fields["command"], "deploy.command")
    if fields["ready"] != nil { ready = try reader.texts(fields["ready"], "deploy.ready") }
    if fields["error"] != nil { error = try reader.texts(fields["error"], "deploy.error") }
    if fields["building"] != nil { building = try reader.texts(fields["building"], "deploy.building") }
    interval = max(0.05, try reader.seconds(fields["interval"], "deploy.interval") ?? interval)
    limit = try reader.seconds(fields["limit"], "deploy.limit") ?? limit
    lock = try reader.text(fields["lock"], "deploy.lock") ?? lock
    do { try LockKey.check(lock) } catch { throw reader.wrong(reader.path, "deploy.lock", "the name of a lock") }
  }
}
