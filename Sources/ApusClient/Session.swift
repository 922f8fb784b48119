import ApusCore
import ApusWire

/// A session as it was when it was asked about: every method that changes it returns it as it is then.
public struct Session: Sendable, Identifiable {
  /// A request of the agent's that a person has to answer.
  public struct Permission: Sendable, Identifiable {
    /// For `permit`.
    public let id: String
    /// The tool it wants to use.
    public let tool: String
    /// Exactly what would be done.
    public let input: Value
    /// Why it is asked, where the agent said so.
    public let reason: String?
  }

  /// Its short id, for good.
  public let id: String
  /// As people call it.
  public let name: String
  /// The agent's own id of the conversation.
  public let conversationID: String
  /// Whose it is.
  public let owner: String?
  /// What it can be found by.
  public let tags: [String]
  /// Where it works.
  public let directory: String
  /// The model, as far as it is known.
  public let model: String?
  /// The number of its latest run, from 1.
  public let run: Int
  /// Where it is in its life.
  public let state: SessionState
  /// What it does.
  public let activity: SessionActivity
  /// What the agent asks to be allowed.
  public let needs: [Permission]
  /// What it last said or did, in one line.
  public let doing: String?
  /// What the last turn answered, where it was waited for.
  public let result: String?
  /// What went wrong with its last run or turn.
  public let problem: ApusError?
  /// The agent's process, while it runs.
  public let pid: Int?
  /// When it was made: RFC 3339, UTC.
  public let createdAt: String
  /// When something last happened to it: RFC 3339, UTC.
  public let lastActive: String
  /// US dollars, as the agent estimates them.
  public let cost: Double
  /// Its branch, where it has one of its own.
  public let branch: String?
  /// Its worktree, where it has one of its own.
  public let worktree: String?
  /// Ports that are its own, by variable.
  public let ports: [String: Int]
  /// Named locks it holds.
  public let locks: [String]
  /// All that `apus show --json` says of it.
  public let object: Value

  let apus: Apus

  init?(_ json: JSON, of apus: Apus) {
    guard let id = json["id"]?.string, let name = json["name"]?.string else { return nil }
    self.apus = apus
    self.id = id
    self.name = name
    object = Value(json)
    conversationID = json["conversationID"]?.string ?? ""
    owner = json["owner"]?.string
    tags = json["tags"]?.strings ?? []
    directory = json["directory"]?.string ?? ""
    model = json["model"]?.string
    run = json["run"]?.int ?? 0
    state = SessionState(rawValue: json["state"]?.string ?? "")
    activity = SessionActivity(rawValue: json["activity"]?.string ?? "unknown")
    needs = (json["needs"]?.array ?? []).compactMap { need in
      need["id"]?.string.map { id in
        Permission(
          id: id, tool: need["tool"]?.string ?? "", input: Value(need["input"] ?? .null), reason: need["reason"]?.string
        )
      }
    }
    doing = json["doing"]?.string
    result = json["result"]?.string
    problem = ApusError(json["problem"])
    pid = json["pid"]?.int
    createdAt = json["createdAt"]?.string ?? ""
    lastActive = json["lastActive"]?.string ?? ""
    cost = json["cost"]?.double ?? 0
    branch = json["branch"]?.string
    worktree = json["worktree"]?.string
    ports = (json["ports"]?.object ?? [:]).compactMapValues(\.int)
    locks = json["locks"]?.strings ?? []
  }
}

/// Where a session is in its life. Later versions may know more.
public struct SessionState: RawRepresentable, Hashable, Sendable {
  /// The word `apus list --json` has for it.
  public let rawValue: String

  /// A state by its word, known here or not.
  public init(rawValue: String) { self.rawValue = rawValue }

  /// It waits for a place to run in.
  public static let queued = SessionState(rawValue: "queued")
  /// Its agent is being started.
  public static let starting = SessionState(rawValue: "starting")
  /// Its agent runs.
  public static let running = SessionState(rawValue: "running")
  /// Its run is over; it can be resumed.
  public static let ended = SessionState(rawValue: "ended")
  /// Its run is over and nobody saw how; it can be resumed.
  public static let lost = SessionState(rawValue: "lost")
  /// It was set aside.
  public static let archived = SessionState(rawValue: "archived")
}

/// What a session does. Later versions may know more.
public struct SessionActivity: RawRepresentable, Hashable, Sendable {
  /// The word `apus list --json` has for it.
  public let rawValue: String

  /// An activity by its word, known here or not.
  public init(rawValue: String) { self.rawValue = rawValue }

  /// A turn is under way.
  public static let working = SessionActivity(rawValue: "working")
  /// It waits for the next message.
  public static let idle = SessionActivity(rawValue: "idle")
  /// It waits for a person.
  public static let needsYou = SessionActivity(rawValue: "needs-you")
  /// That is not known.
  public static let unknown = SessionActivity(rawValue: "unknown")
}
