/// Every setting, one line each: its name in the configuration files, its environment variable, its default, what it
/// does. Files, environment, `apus help settings` and the manual page derive from this list.
package enum Setting: String, CaseIterable, Sendable {
  case claude, model, permissionMode, persist, logLevel, logPath, verdictSeconds, startSeconds, stopSeconds
  case recordingQuotaMB, detachKeys, noticeSeconds, keepDays
  case maxSessions, maxRunMemoryMB, maxTotalMemoryMB, idleMinutes, stalledMinutes, recoverSpacingSeconds
  case recoverMaxLoad, listen, webhooksInside

  /// Those that are numbers; a daemon gets them from the environment of whoever starts it.
  package static let numbers: [Setting] = [
    .verdictSeconds, .startSeconds, .stopSeconds, .recordingQuotaMB, .noticeSeconds, .keepDays, .maxSessions,
    .maxRunMemoryMB,
    .maxTotalMemoryMB,
    .idleMinutes, .stalledMinutes, .recoverSpacingSeconds, .recoverMaxLoad,
  ]

  package struct Facts: Sendable {
    package var variable: String
    package var standard: String
    package var doc: String
    /// Whether a repository may set it. What decides which program runs, with which rights, or where files go is the
    /// person's alone.
    package var fromRepository: Bool
  }

  package var facts: Facts {
    switch self {
    case .claude:
      Facts(
        variable: "APUS_CLAUDE", standard: "claude", doc: "the claude program: a path, or a name looked up in PATH",
        fromRepository: false)
    case .model:
      Facts(
        variable: "APUS_MODEL", standard: "", doc: "the model of new sessions (the agent's own default)",
        fromRepository: true)
    case .permissionMode:
      Facts(
        variable: "APUS_PERMISSION_MODE", standard: "manual", doc: "the permission mode of new sessions",
        fromRepository: false)
    case .persist:
      Facts(
        variable: "PERSIST_CLAUDE_SESSIONS", standard: "false",
        doc: "whether new sessions go on when the daemon is shut down (true) or end gracefully (false)",
        fromRepository: false)
    case .logLevel:
      Facts(
        variable: "APUS_LOG_LEVEL", standard: "info", doc: "the daemon's log: debug, info, warning or error",
        fromRepository: false)
    case .logPath:
      Facts(
        variable: "APUS_LOG_PATH", standard: "", doc: "the daemon's log file (apusd.log in APUS_HOME)",
        fromRepository: false)
    case .verdictSeconds:
      Facts(
        variable: "APUS_VERDICT_SECONDS", standard: "2", doc: "how long a verdict may take before it is timed_out",
        fromRepository: false)
    case .startSeconds:
      Facts(
        variable: "APUS_START_SECONDS", standard: "60", doc: "how long an agent may take to become ready",
        fromRepository: false)
    case .stopSeconds:
      Facts(
        variable: "APUS_STOP_SECONDS", standard: "5", doc: "how long each polite step of ending an agent may take",
        fromRepository: false)
    case .recordingQuotaMB:
      Facts(
        variable: "APUS_RECORDING_QUOTA_MB", standard: "10240",
        doc: "how much the recordings of ended runs may take; above it the oldest go first", fromRepository: false)
    case .detachKeys:
      Facts(
        variable: "APUS_DETACH_KEYS", standard: "ctrl-\\ d",
        doc: "the keys that leave an attached terminal: a control key, then a letter", fromRepository: false)
    case .keepDays:
      Facts(
        variable: "APUS_KEEP_DAYS", standard: "30",
        doc: "how long what was removed, and what is archived, is kept before `apus gc` plans to let it go",
        fromRepository: false)
    case .noticeSeconds:
      Facts(
        variable: "APUS_NOTICE_SECONDS", standard: "2.5",
        doc: "how long a notice covers the last line of an attached terminal", fromRepository: false)
    case .maxSessions:
      Facts(
        variable: "APUS_MAX_SESSIONS", standard: "0",
        doc: "how many sessions may run at once; more wait for a place (0: no limit)", fromRepository: false)
    case .maxRunMemoryMB:
      Facts(
        variable: "APUS_MAX_RUN_MEMORY_MB", standard: "0",
        doc: "how much memory a run may take before it is ended gracefully (0: no limit)", fromRepository: false)
    case .maxTotalMemoryMB:
      Facts(
        variable: "APUS_MAX_TOTAL_MEMORY_MB", standard: "0",
        doc: "how much memory all runs may take before further ones wait (0: no limit)", fromRepository: false)
    case .idleMinutes:
      Facts(
        variable: "APUS_IDLE_MINUTES", standard: "0",
        doc: "how long a run may idle before it is ended gracefully (0: for ever)", fromRepository: false)
    case .stalledMinutes:
      Facts(
        variable: "APUS_STALLED_MINUTES", standard: "0",
        doc: "how long a run may work in silence before it needs you (0: for ever)", fromRepository: false)
    case .recoverSpacingSeconds:
      Facts(
        variable: "APUS_RECOVER_SPACING_SECONDS", standard: "2", doc: "how far apart `apus recover` starts sessions",
        fromRepository: false)
    case .listen:
      Facts(
        variable: "APUS_LISTEN", standard: "",
        doc: "where the daemon listens for HTTP, with commas between: 127.0.0.1:8300, unix:/PATH (nowhere)",
        fromRepository: false)
    case .webhooksInside:
      Facts(
        variable: "APUS_WEBHOOKS_INSIDE", standard: "false",
        doc: "whether webhooks may lead to this machine and to networks nobody else can reach", fromRepository: false)
    case .recoverMaxLoad:
      Facts(
        variable: "APUS_RECOVER_MAX_LOAD", standard: "4",
        doc: "above which load per core `apus recover` waits, for a minute at most (0: it does not look)",
        fromRepository: false)
    }
  }
}

/// The settings in force, each with where it comes from: flag over environment over `.env` over the repository's file
/// over the person's file over the default.
package struct Settings: Equatable, Sendable {
  package struct Value: Equatable, Sendable {
    package var text: String
    package var source: String
  }

  private var values: [Setting: Value] = [:]

  package init(environment: [String: String], dotenv: EnvFile?, dotenvPath: String, repository: Layer?, person: Layer?)
    throws(Failure)
  {
    for setting in Setting.allCases {
      let facts = setting.facts
      if let text = environment[facts.variable], !text.isEmpty {
        values[setting] = Value(text: text, source: facts.variable)
      } else if setting == .persist, let entry = dotenv?.entries[facts.variable] {
        values[setting] = Value(text: entry.value, source: "\(dotenvPath):\(entry.line)")
      } else if facts.fromRepository, let text = repository?.values[setting.rawValue] {
        values[setting] = Value(text: text, source: repository?.path ?? "")
      } else if let text = person?.values[setting.rawValue] {
        values[setting] = Value(text: text, source: person?.path ?? "")
      } else {
        values[setting] = Value(text: facts.standard, source: "default")
      }
    }
    _ = try flag(.persist)
    _ = try flag(.webhooksInside)
    for setting in Setting.numbers { _ = try number(setting) }
    guard ["debug", "info", "warning", "error"].contains(self[.logLevel]) else { throw wrong(.logLevel, "a log level") }
  }

  package subscript(_ setting: Setting) -> String { values[setting]?.text ?? setting.facts.standard }

  package func flag(_ setting: Setting) throws(Failure) -> Bool {
    switch self[setting].lowercased() {
    case "true", "1", "yes", "on": return true
    case "false", "0", "no", "off", "": return false
    default: throw wrong(setting, "true or false")
    }
  }

  package func number(_ setting: Setting) throws(Failure) -> Double {
    guard let value = Double(self[setting]), value >= 0, value < 1e9 else { throw wrong(setting, "a number") }
    return value
  }

  private func wrong(_ setting: Setting, _ wanted: String) -> Failure {
    let source = values[setting]?.source ?? ""
    return Failure(
      .configurationInvalid,
      "\(source): \(setting.rawValue) is \"\(SessionName.printable(self[setting]))\", which is not \(wanted)",
      hint: "correct it in \(source); `apus help settings` lists what each setting takes")
  }

  /// One configuration file: JSON with comments, an object of settings; unknown keys are left to later versions.
  package struct Layer: Equatable, Sendable {
    package var path: String
    package var values: [String: String]

    package init(path: String, bytes: [UInt8]) throws(Failure) {
      self.path = path
      values = [:]
      let json: JSON
      do { json = try JSONText.decodeRelaxed(JSON.self, from: bytes) } catch {
        throw Failure(
          .configurationInvalid, "\(path) is not JSON: \(Self.describe(error))",
          hint: "correct \(path), or move it away; comments and trailing commas are allowed in it")
      }
      guard let object = json.object else {
        throw Failure(.configurationInvalid, "\(path) is not an object of settings", hint: "begin \(path) with {")
      }
      for (key, value) in object {
        switch value {
        case .string(let text): values[key] = text
        case .bool(let flag): values[key] = flag ? "true" : "false"
        case .integer(let number): values[key] = String(number)
        case .number(let number): values[key] = String(number)
        case .null, .array, .object: continue
        }
      }
    }

    private static func describe(_ error: any Error) -> String {
      guard case DecodingError.dataCorrupted(let context) = error else { return "unreadable" }
      let under = context.underlyingError.map { "\($0)" } ?? context.debugDescription
      return SessionName.excerpt(under, of: 160)
    }
  }
}
