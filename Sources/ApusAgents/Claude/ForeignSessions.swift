import ApusCore
import CSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A session of Claude Code that nobody of ours started.
package struct ForeignSession: Equatable, Sendable {
  /// Its process; nil once that is gone.
  package var mark: ProcessMark?
  /// The pid it has, or had.
  package var pid: Int32?
  package var conversationID: String
  package var name: String?
  package var directory: String?
  package var status: String?
  package var waitingFor: String?
  package var statusUpdatedAt: Moment?
  /// Who says so: `sessions/<pid>.json`, `claude agents`, or `transcript`.
  package var source: String
  /// Where Claude Code keeps its things for it.
  package var configuration: String

  /// What it does, by its own word.
  package var activity: Activity {
    switch status {
    case "busy": .working
    // `shell`: a command runs in the background, and the prompt is free.
    case "idle", "shell": .idle
    case "waiting": .needsYou
    default: .unknown
    }
  }

  package init(_ entry: ClaudeRegistry.Entry, isAlive: Bool, configuration: String) {
    mark = isAlive ? entry.mark : nil
    pid = entry.mark.pid
    conversationID = entry.conversationID.lowercased()
    name = entry.name
    directory = entry.cwd
    status = isAlive ? entry.status : nil
    waitingFor = isAlive ? entry.waitingFor : nil
    statusUpdatedAt = entry.statusUpdatedAt
    source = "sessions/" + (entry.path.split(separator: "/").last.map(String.init) ?? "")
    self.configuration = configuration
  }

  private init?(_ json: JSON, configuration: String) {
    guard let id = json["sessionId"]?.string, !id.isEmpty else { return nil }
    conversationID = id.lowercased()
    pid = json["pid"]?.integer.flatMap { Int32(exactly: $0) }
    mark = pid.flatMap(Self.living)
    name = json["name"]?.string
    directory = json["cwd"]?.string
    status = mark == nil ? nil : json["status"]?.string
    waitingFor = mark == nil ? nil : json["waitingFor"]?.string
    source = "claude agents"
    self.configuration = configuration
  }

  /// A conversation of which there is only the transcript.
  private init(transcript path: String, conversationID: String, configuration: String) {
    self.conversationID = conversationID
    directory = Self.workingDirectory(transcript: path)
    source = "transcript"
    self.configuration = configuration
  }

  private static func living(_ pid: Int32) -> ProcessMark? {
    var seen = apus_process()
    guard pid > 0, apus_process_look(pid, &seen) == 0, seen.state != CChar(UInt8(ascii: "Z")) else { return nil }
    return ProcessMark(pid: pid, start: seen.start)
  }

  /// All that Claude Code's own lists name, living ones first.
  package static func load(configurations: [String]) -> [ForeignSession] {
    var living: [ForeignSession] = []
    var ended: [ForeignSession] = []
    for configuration in configurations {
      let registry = ClaudeRegistry.load(configuration: configuration)
      living += registry.entries.map { ForeignSession($0, isAlive: true, configuration: configuration) }
      ended += registry.stale.map { ForeignSession($0, isAlive: false, configuration: configuration) }
    }
    return merged(living + ended)
  }

  /// What `claude agents --json` printed; nil when it is no list.
  package static func read(agents: [UInt8], configuration: String) -> [ForeignSession]? {
    guard let list = (try? JSONText.decode(JSON.self, from: agents))?.array else { return nil }
    return list.compactMap { ForeignSession($0, configuration: configuration) }
  }

  /// One of each conversation: the first word counts, but a living process counts more than a dead one.
  package static func merged(_ all: [ForeignSession]) -> [ForeignSession] {
    var seen: Set<String> = []
    return (all.filter { $0.mark != nil } + all.filter { $0.mark == nil }).filter {
      seen.insert($0.conversationID).inserted
    }
  }

  /// The conversation by its transcript alone.
  package static func find(conversation: String, configurations: [String]) -> ForeignSession? {
    for configuration in configurations {
      if let path = transcript(conversation, configuration) {
        return ForeignSession(transcript: path, conversationID: conversation, configuration: configuration)
      }
    }
    return nil
  }

  /// The same with its working directory found out from the transcript where nothing else says it.
  package func withDirectory() -> ForeignSession {
    guard directory == nil, let path = Self.transcript(conversationID, configuration) else { return self }
    var found = self
    found.directory = Self.workingDirectory(transcript: path)
    return found
  }

  private static func transcript(_ conversation: String, _ configuration: String) -> String? {
    let projects = configuration + "/projects"
    return (ClaudePlaces.names(in: projects) ?? []).map { "\(projects)/\($0)/\(conversation).jsonl" }
      .first { access($0, R_OK) == 0 }
  }

  /// Where the conversation last was. Names of directories below `projects/` are never read back: they collide.
  private static func workingDirectory(transcript path: String) -> String? {
    guard let bytes = ClaudePlaces.load(path, limit: 1 << 28) else { return nil }
    for line in bytes.split(separator: 10).reversed() {
      if let directory = (try? JSONText.decode(JSON.self, from: line))?["cwd"]?.string { return directory }
    }
    return nil
  }
}
