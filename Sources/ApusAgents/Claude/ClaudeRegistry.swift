import ApusCore
import CSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The list Claude Code keeps of its living processes: `sessions/<pid>.json` (real-cli §1). Files of killed processes
/// stay for ever, so an entry counts only while its process, by pid and start time, is alive.
package struct ClaudeRegistry: Sendable {
  package struct Entry: Equatable, Sendable {
    package var mark: ProcessMark
    package var conversationID: String
    package var cwd: String?
    package var name: String?
    /// `idle`, `busy` or `waiting`, as the program itself says.
    package var status: String?
    package var waitingFor: String?
    package var statusUpdatedAt: Moment?
    package var kind: String?
    /// What it does, in our words; nil before it has said so.
    package var sighting: Sighting?
    /// When the entry last changed, by the agent's own clock; nil before its conversation is settled.
    package var updatedAt: Moment?
    /// The file that says so.
    package var path: String

    init(mark: ProcessMark, conversationID: String, json: JSON, path: String) {
      self.mark = mark
      self.conversationID = conversationID
      cwd = json["cwd"]?.string
      name = json["name"]?.string
      status = json["status"]?.string
      waitingFor = json["waitingFor"]?.string
      statusUpdatedAt = ClaudeRegistry.moment(json["statusUpdatedAt"] ?? json["updatedAt"])
      kind = json["kind"]?.string
      sighting = ClaudeRegistry.sighting(json)
      updatedAt = ClaudeRegistry.moment(json["updatedAt"])
      self.path = path
    }
  }

  package private(set) var entries: [Entry] = []
  /// What killed processes left behind; a pid here is nobody's.
  package private(set) var stale: [Entry] = []

  package static func load(configuration: String) -> ClaudeRegistry {
    var registry = ClaudeRegistry()
    let directory = directory(configuration)
    for name in ClaudePlaces.names(in: directory) ?? [] where name.hasSuffix(".json") {
      guard let (entry, isAlive, domain) = read(directory + "/" + name) else { continue }
      if isAlive {
        registry.entries.append(entry)
      } else if isOfThisMachine(domain) {
        registry.stale.append(entry)
      }
    }
    return registry
  }

  /// Whether a pid of that domain (`linux:<machine id>:pid:[<namespace>]`) would be seen here: in a container, or on
  /// another machine that shares the directory, it may well live.
  private static func isOfThisMachine(_ domain: String?) -> Bool {
    guard let domain else { return true }
    var target = [CChar](repeating: 0, count: 64)
    let length = readlink("/proc/self/ns/pid", &target, target.count)
    guard length > 0, let machine = ClaudePlaces.load("/etc/machine-id", limit: 64) else { return true }
    let namespace = String(decoding: target[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return domain == "linux:\(String(decoding: machine.prefix { $0 > 32 }, as: UTF8.self)):\(namespace)"
  }

  /// Where the list is.
  package static func directory(_ configuration: String) -> String { configuration + "/sessions" }

  /// The process a file of the list is about.
  package static func process(file name: String) -> Int32? {
    name.hasSuffix(".json") ? Int32(name.dropLast(5)) : nil
  }

  /// What the list says of that very process. The program writes its file in place, so only a file that was closed
  /// after writing is sure to be whole.
  package static func find(_ mark: ProcessMark, configuration: String) -> Entry? {
    guard let found = read(directory(configuration) + "/\(mark.pid).json"), found.isAlive, found.entry.mark == mark
    else {
      return nil
    }
    return found.entry
  }

  private static func read(_ path: String) -> (entry: Entry, isAlive: Bool, domain: String?)? {
    guard let bytes = ClaudePlaces.load(path, limit: 1 << 20), let json = try? JSONText.decode(JSON.self, from: bytes),
      let id = json["sessionId"]?.string, let pid = json["pid"]?.integer.flatMap({ Int32(exactly: $0) })
    else { return nil }
    var now = apus_process()
    let isThere = apus_process_look(pid, &now) == 0 && now.state != CChar(UInt8(ascii: "Z"))
    let said = json["procStart"]
    let start = said?.integer.map { UInt64(clamping: $0) } ?? said?.string.flatMap { UInt64($0) }
    let isAlive = isThere && start.map { $0 == now.start } ?? true
    let mark = ProcessMark(pid: pid, start: isAlive ? now.start : start ?? 0)
    return (Entry(mark: mark, conversationID: id, json: json, path: path), isAlive, json["pidDomain"]?.string)
  }

  /// What an entry says of what its process does.
  package static func sighting(_ json: JSON) -> Sighting? {
    guard let status = json["status"]?.string, let at = moment(json["statusUpdatedAt"] ?? json["updatedAt"]) else {
      return nil
    }
    let mode: AgentMode
    switch status {
    // `shell`: a command runs in the background, and the prompt is free.
    case "idle", "shell": mode = .idle
    case "busy": mode = .running
    case "waiting": mode = .waiting
    default: mode = .unknown
    }
    let waitingFor = json["waitingFor"]?.string
    return Sighting(mode: mode, waitingFor: waitingFor, isForTool: waitingFor == "permission prompt", at: at)
  }

  /// Its times are milliseconds.
  private static func moment(_ value: JSON?) -> Moment? { value?.double.map { $0 / 1000 } }

  /// A living process that has the conversation and is none of `ours`.
  package func elsewhere(_ conversationID: String, ours: Set<ProcessMark>) -> Verdict.Elsewhere? {
    entries.first { $0.conversationID.lowercased() == conversationID && !ours.contains($0.mark) }
      .map { Verdict.Elsewhere(pid: Int($0.mark.pid), program: "claude") }
  }
}
