import ApusCore
import ApusFrames
import ApusWire
import CSystem
import Glibc

// One look at every process of the machine, and which run of this home each belongs to.
//
// A process belongs to a run by the mark in its initial environment, and whatever descends from such a process or from
// the run's keeper belongs to it as well: what left its session, and what was left by its parent, keep the mark; what
// cleared its environment is found below the keeper, which orphans among its descendants come to. A mark of our own
// outranks descent. A daemon or keeper of ours that was started from inside a session says so, and is none of it with
// all that is below it. Two homes may have one path (in a container): the mark counts only where the process itself
// finds our very directory there.

package struct ProcessTree: Sendable {
  package struct Member: Sendable {
    package var mark: ProcessMark
    package var parent: Int32
    package var role: ProcessRole
    /// R, S, D, T: as proc(5) has it.
    package var state: String
    /// Seconds of a processor it used so far.
    package var used: Double
    /// When it started, and was looked at, in seconds after boot.
    package var startedAt: Double
  }

  package private(set) var runs: [RunID: [Member]] = [:]
  /// When it was looked at, in seconds after boot.
  package let at: Double

  /// Nil where processes cannot be looked at. May take milliseconds: not for the daemon's own thread.
  package init?(of places: Places) {
    at = apus_boot_seconds()
    guard let all = Self.all() else { return nil }
    var walk = Walk(all, places: places)
    var agents: [RunID: ProcessMark?] = [:]
    let tick = apus_tick_seconds()
    for index in all.indices {
      guard let run = walk.run(at: index) else { continue }
      let one = all[index]
      let mark = ProcessMark(pid: one.pid, start: one.start)
      let agent = agents[run] ?? Self.agent(of: run, places)
      agents[run] = agent
      let role: ProcessRole = walk.isKeeper(at: index) ? .keeper : mark == agent ? .agent : .child
      runs[run, default: []].append(
        Member(
          mark: mark, parent: one.parent, role: role,
          state: String(decoding: [UInt8(bitPattern: one.state)], as: UTF8.self),
          used: Double(one.ticks) * tick, startedAt: Double(one.start) * tick))
    }
  }

  private static func all() -> [apus_process]? {
    var all = [apus_process](repeating: apus_process(), count: 4096)
    var count = Int(apus_process_list(&all, Int32(all.count)))
    if count > all.count {
      all = [apus_process](repeating: apus_process(), count: count + 1024)
      count = Int(apus_process_list(&all, Int32(all.count)))
    }
    guard count >= 0 else { return nil }
    all.removeLast(all.count - min(count, all.count))
    all.removeAll { $0.state == CChar(UInt8(ascii: "Z")) || $0.state == CChar(UInt8(ascii: "X")) }
    return all
  }

  /// The agent of a run, as its keeper left its card.
  private static func agent(of run: RunID, _ places: Places) -> ProcessMark? {
    let path = places.runDirectory(session: run.session, run: run.number) + "/" + RunFile.keeper
    let descriptor = apus_open(path, O_RDONLY, 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 256)
    let got = read(descriptor, &bytes, bytes.count)
    guard got > 0, let card = try? KeeperCard(Array(bytes[..<got])) else { return nil }
    return ProcessMark(pid: card.agent, start: card.agentStart)
  }
}

/// What each process says of itself, and what follows for those that say nothing.
private struct Walk {
  private enum Claim {
    case keeper(RunID)
    case member(RunID)
    /// Somebody else's, or a daemon: nothing of a run, nor is what descends from it.
    case outside
    case nothing
  }

  private enum Belonging {
    case unknown, underWay, none
    case run(RunID)
  }

  private let all: [apus_process]
  private let indices: [Int32: Int]
  private let claims: [Claim]
  private var belonging: [Belonging]

  init(_ all: [apus_process], places: Places) {
    self.all = all
    indices = Dictionary(all.enumerated().map { ($1.pid, $0) }, uniquingKeysWith: { first, _ in first })
    claims = all.map { Self.claim($0, places) }
    belonging = [Belonging](repeating: .unknown, count: all.count)
  }

  func isKeeper(at index: Int) -> Bool { if case .keeper = claims[index] { true } else { false } }

  mutating func run(at index: Int) -> RunID? {
    switch belonging[index] {
    case .run(let run): return run
    case .none, .underWay: return nil
    case .unknown: break
    }
    belonging[index] = .underWay
    let found: RunID?
    switch claims[index] {
    case .keeper(let run), .member(let run): found = run
    case .outside: found = nil
    case .nothing:
      // A parent that started later is another process, which got the pid while we looked.
      let parent = indices[all[index].parent]
      found = parent.flatMap { all[$0].start <= all[index].start ? run(at: $0) : nil }
    }
    belonging[index] = found.map { .run($0) } ?? .none
    return found
  }

  private static func claim(_ one: apus_process, _ places: Places) -> Claim {
    // The kernel's own threads have no memory, and nothing to say.
    guard one.resident_pages > 0, let entries = entries(of: one.pid), !entries.isEmpty else { return .nothing }
    let role = entries["APUS_ROLE"]
    guard let path = role == nil ? entries["APUS_RUN"] : entries["APUS_KEEPS"] else {
      return role == nil ? .nothing : .outside
    }
    guard role == nil || role == "keeper", let run = RunID(directory: path, below: places.runs) else { return .outside }
    // What was read is that process's only if it is still there; and its home ours, if it finds ours there. A tool in a
    // sandbox may not find it: then descent decides.
    var now = apus_process()
    guard apus_process_look(one.pid, &now) == 0, now.start == one.start else { return .outside }
    switch apus_process_sees(one.pid, places.home) {
    case 1: return role == nil ? .member(run) : .keeper(run)
    default: return role == nil ? .nothing : .outside
    }
  }

  private static func entries(of pid: Int32) -> [String: String]? {
    var room = 4096
    while true {
      var bytes = [CChar](repeating: 0, count: room)
      let needed = apus_process_entries(pid, "APUS_", &bytes, bytes.count)
      guard needed >= 0 else { return nil }
      guard needed > room else {
        var entries: [String: String] = [:]
        for entry in bytes[..<needed].split(separator: 0) {
          let text = String(decoding: entry.map { UInt8(bitPattern: $0) }, as: UTF8.self)
          guard let equals = text.firstIndex(of: "=") else { continue }
          entries[String(text[..<equals])] = String(text[text.index(after: equals)...])
        }
        return entries
      }
      room = Int(needed)
    }
  }
}

/// What a process takes of the machine, each read when it is asked for.
extension ProcessTree.Member {
  /// Bytes; nil when it is gone or may not be looked into.
  package var memory: Int? {
    let bytes = apus_process_memory(mark.pid)
    return bytes >= 0 ? Int(bytes) : nil
  }

  /// Its command line, fit for one line of a terminal and bounded; empty when it is gone.
  package var command: String {
    var bytes = [CChar](repeating: 0, count: 512)
    let length = max(0, apus_process_command(mark.pid, &bytes, bytes.count))
    return SessionName.printable(String(decoding: bytes[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }
}

extension Processes {
  /// The TCP ports each of these listens on, in ascending order.
  package static func listening(_ pids: [Int32]) -> [Int32: [Int]] {
    guard !pids.isEmpty else { return [:] }
    var found = [apus_listener](repeating: apus_listener(), count: 256)
    let count = Int(apus_listening(pids, Int32(pids.count), &found, Int32(found.count)))
    var ports: [Int32: Set<Int>] = [:]
    for one in found.prefix(max(0, count)) { ports[one.pid, default: []].insert(Int(one.port)) }
    return ports.mapValues { $0.sorted() }
  }

  /// Which boot of the machine this is; nil where the kernel does not say.
  package static func bootID() -> String? {
    var text = [CChar](repeating: 0, count: 64)
    guard apus_boot_id(&text, text.count) == 0 else { return nil }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
