import ApusCore

/// Any JSON value, for what has no shape of its own here.
public enum Value: Equatable, Sendable {
  /// `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A whole number.
  case integer(Int64)
  /// Any other number.
  case number(Double)
  /// Text.
  case string(String)
  /// An array.
  case array([Value])
  /// An object.
  case object([String: Value])

  init(_ json: JSON) {
    switch json {
    case .null: self = .null
    case .bool(let value): self = .bool(value)
    case .integer(let value): self = .integer(value)
    case .number(let value): self = .number(value)
    case .string(let value): self = .string(value)
    case .array(let values): self = .array(values.map(Value.init))
    case .object(let fields): self = .object(fields.mapValues(Value.init))
    }
  }

  /// A field of an object; nil where this is none, or has no such field.
  public subscript(_ key: String) -> Value? { if case .object(let fields) = self { fields[key] } else { nil } }
  /// The text, where this is one.
  public var string: String? { if case .string(let value) = self { value } else { nil } }
  /// The truth, where this is one.
  public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  /// The whole number, where this is one.
  public var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
  /// The values of an array, where this is one.
  public var array: [Value]? { if case .array(let values) = self { values } else { nil } }
}

extension JSON {
  var int: Int? { integer.map(Int.init) }
  var strings: [String]? { array?.compactMap(\.string) }
}

/// One contribution to a conversation.
public struct Message: Equatable, Sendable {
  /// `user`, `assistant`, `tool` or `system`; later versions may know more.
  public let role: String
  /// What was said, to the letter.
  public let text: String
  /// The agent's id of the line, or ours for a prompt.
  public let id: String?
  /// The tool that is called, or that answers.
  public let tool: String?
  /// Of a tool's answer: whether it failed.
  public let isError: Bool?

  init(_ json: JSON) {
    role = json["role"]?.string ?? ""
    text = json["text"]?.string ?? ""
    id = json["id"]?.string
    tool = json["tool"]?.string
    isError = json["isError"]?.bool
  }
}

/// The answer to "can this session be resumed".
public struct Verdict: Equatable, Sendable {
  /// Whether it will really resume.
  public let resumable: Bool
  /// Why not: a stable word such as `session_file_missing`.
  public let reason: String?
  /// What is odd but no obstacle: stable words such as `tail_truncated`.
  public let warnings: [String]
  /// The agent's file of the conversation.
  public let path: String?
  /// In how many days the agent will remove that file.
  public let expiresInDays: Int?

  init(_ json: JSON) {
    resumable = json["resumable"]?.bool ?? false
    reason = json["reason"]?.string
    warnings = json["warnings"]?.strings ?? []
    path = json["path"]?.string
    expiresInDays = json["expiresInDays"]?.int
  }
}

/// One thing that happened to a session.
public struct Event: Equatable, Sendable {
  /// What happened, in a word that stays. Later versions may know more.
  public struct Kind: RawRepresentable, Hashable, Sendable {
    /// The word `apus events` has for it.
    public let rawValue: String

    /// A kind by its word, known here or not.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// It was made.
    public static let created = Kind(rawValue: "created")
    /// A run began.
    public static let runStarted = Kind(rawValue: "run.started")
    /// The agent is ready.
    public static let agentReady = Kind(rawValue: "agent.ready")
    /// A message was taken: `id`, `text`.
    public static let promptAccepted = Kind(rawValue: "prompt.accepted")
    /// The agent is done with a message: `id`.
    public static let promptFinished = Kind(rawValue: "prompt.finished")
    /// A turn began.
    public static let turnBegan = Kind(rawValue: "turn.began")
    /// Somebody said something: `role`, `text`, `tool`.
    public static let said = Kind(rawValue: "said")
    /// The agent asks to be allowed something: `id`, `tool`, `input`.
    public static let permissionAsked = Kind(rawValue: "permission.asked")
    /// A turn is over.
    public static let turnEnded = Kind(rawValue: "turn.ended")
    /// A run is over.
    public static let runEnded = Kind(rawValue: "run.ended")
  }

  /// Its number within the session: from 0, without gaps, for good.
  public let number: Int
  /// When: RFC 3339, UTC.
  public let at: String
  /// The session's short id.
  public let session: String
  /// The number of the run it belongs to.
  public let run: Int
  /// What happened.
  public let kind: Kind
  /// What else there is to say of it.
  public let detail: Value

  init?(_ bytes: [UInt8]) {
    guard let json = try? JSONText.decode(JSON.self, from: bytes), let n = json["n"]?.int else { return nil }
    number = n
    at = json["at"]?.string ?? ""
    session = json["session"]?.string ?? ""
    run = json["run"]?.int ?? 0
    kind = Kind(rawValue: json["type"]?.string ?? "")
    detail = Value(json["detail"] ?? .null)
  }
}
