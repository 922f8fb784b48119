import ApusCore
import CSystem
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Finds and judges transcripts, remembering what it read: a file is scanned again only when its identity, size or
/// time changed, a directory listed again only when its time did. Safe from any thread; no lock is held while the file
/// system is asked, which may hang.
package final class TranscriptIndex: Sendable {
  private struct Stamp: Equatable {
    var device: UInt64
    var inode: UInt64
    var size: Int64
    var seconds: Int
    var nanoseconds: Int
    /// Also changed by what changes the right to read it.
    var changed: Int
    var changedNanoseconds: Int
  }

  private struct Listing {
    var stamp: Stamp
    var names: [String]
  }

  private struct Memory {
    var contents: [String: (stamp: Stamp, content: TranscriptContent)] = [:]
    var listings: [String: Listing] = [:]
  }

  private let memory = Mutex(Memory())

  package init() {}

  /// One conversation that is asked about.
  package struct Query: Sendable {
    package var conversationID: String
    package var directory: String
    package var configuration: String
    package var prompted: Bool
    package var bytesSeen: Int
    package var ours: Set<ProcessMark>

    package init(
      conversationID: String, directory: String, configuration: String, prompted: Bool, bytesSeen: Int,
      ours: Set<ProcessMark>
    ) {
      self.conversationID = conversationID
      self.directory = directory
      self.configuration = configuration
      self.prompted = prompted
      self.bytesSeen = bytesSeen
      self.ours = ours
    }
  }

  /// What one configuration directory holds at the moment: made once, asked about many conversations.
  package struct Survey: Sendable {
    package var configuration: String
    fileprivate var files: [String: [String]]
    fileprivate var denied: Bool
    fileprivate var registry: ClaudeRegistry
    fileprivate var retentionDays: Int
    fileprivate let directories = Directories()
  }

  /// What the working directories of a survey look like: each is looked at once, since many sessions share one.
  fileprivate final class Directories: Sendable {
    struct Seen {
      var place = ConversationEvidence.Place.missing
      /// Where transcripts of sessions that run there are, below `projects/`.
      var slug: String?
    }

    private let seen = Mutex<[String: Seen]>([:])

    func look(_ path: String) -> Seen {
      if let known = seen.withLock({ $0[path] }) { return known }
      var found = Seen()
      if let real = ClaudePlaces.realPath(path) {
        found.place = access(path, X_OK) == 0 ? .present : .denied
        found.slug = ClaudePlaces.slug(realPath: real)
      } else if errno == EACCES {
        found.place = .denied
      }
      seen.withLock { $0[path] = found }
      return found
    }
  }

  package func survey(configuration: String) -> Survey {
    var files: [String: [String]] = [:]
    var denied = false
    let projects = configuration + "/projects"
    let listed = list(projects)
    if listed == nil, errno == EACCES { denied = true }
    for project in listed ?? [] {
      let directory = projects + "/" + project
      guard let names = list(directory) else {
        if errno == EACCES { denied = true }
        continue
      }
      for name in names where name.hasSuffix(".jsonl") { files[name, default: []].append(directory) }
    }
    return Survey(
      configuration: configuration, files: files, denied: denied,
      registry: ClaudeRegistry.load(configuration: configuration),
      retentionDays: ClaudePlaces.retentionDays(configuration: configuration))
  }

  /// Everything `Verdict.decide` wants to know.
  package func evidence(_ query: Query, in survey: Survey) -> ConversationEvidence {
    var evidence = ConversationEvidence()
    evidence.prompted = query.prompted
    evidence.bytesSeen = query.bytesSeen
    evidence.retentionDays = survey.retentionDays
    evidence.elsewhere = survey.registry.elsewhere(query.conversationID, ours: query.ours)
    var own: String?
    if !query.directory.isEmpty {
      evidence.directory = query.directory
      let seen = survey.directories.look(query.directory)
      evidence.place = seen.place
      own = seen.slug.map { survey.configuration + "/projects/" + $0 }
    }
    let name = query.conversationID + ".jsonl"
    var found = (survey.files[name] ?? []).compactMap { transcript($0 + "/" + name) }
    // Claude Code takes the working directory's own file, else the newest (real-cli §2).
    found.sort { first, second in
      let firstIsOwn = own.map { first.path.hasPrefix($0 + "/") } ?? false
      let secondIsOwn = own.map { second.path.hasPrefix($0 + "/") } ?? false
      return firstIsOwn != secondIsOwn ? firstIsOwn : first.modified > second.modified
    }
    evidence.transcripts = found
    evidence.searchDenied = survey.denied
    return evidence
  }

  private func transcript(_ path: String) -> ConversationEvidence.Transcript? {
    guard let (stamp, isFile) = Self.stamp(path), isFile else { return nil }
    func made(_ readable: Bool, _ content: TranscriptContent) -> ConversationEvidence.Transcript {
      .init(
        path: path, bytes: Int(stamp.size), modified: Moment(stamp.seconds) + Moment(stamp.nanoseconds) / 1e9,
        readable: readable, content: content)
    }
    if let known = memory.withLock({ $0.contents[path] }), known.stamp == stamp { return made(true, known.content) }
    guard access(path, R_OK) == 0 else { return made(false, TranscriptContent()) }
    guard let content = TranscriptScan.scan(path: path) else { return made(false, TranscriptContent()) }
    memory.withLock { $0.contents[path] = (stamp, content) }
    return made(true, content)
  }

  private func list(_ directory: String) -> [String]? {
    guard let (stamp, _) = Self.stamp(directory) else { return nil }
    if let known = memory.withLock({ $0.listings[directory] }), known.stamp == stamp { return known.names }
    guard let names = ClaudePlaces.names(in: directory) else { return nil }
    // A directory that changed just now may change again within the same tick of its clock: not remembered.
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    if now.tv_sec - stamp.seconds > 1 {
      memory.withLock { $0.listings[directory] = Listing(stamp: stamp, names: names) }
    }
    return names
  }

  private static func stamp(_ path: String) -> (Stamp, isFile: Bool)? {
    var facts = stat()
    guard stat(path, &facts) == 0 else { return nil }
    let stamp = Stamp(
      device: UInt64(facts.st_dev), inode: UInt64(facts.st_ino), size: Int64(facts.st_size),
      seconds: facts.st_mtim.tv_sec, nanoseconds: facts.st_mtim.tv_nsec, changed: facts.st_ctim.tv_sec,
      changedNanoseconds: facts.st_ctim.tv_nsec)
    return (stamp, facts.st_mode & S_IFMT == S_IFREG)
  }

  /// Whether the transcript has a line with that id.
  package static func holds(line id: String, path: String) -> Bool {
    guard let bytes = ClaudePlaces.load(path, limit: 1 << 30) else { return false }
    // As its own id, or among those of a merged message.
    let wanted = Array("\"\(id)\"".utf8)
    return bytes.withUnsafeBytes { text in
      wanted.withUnsafeBytes { part in
        apus_find(text.baseAddress, text.count, part.baseAddress, part.count) >= 0
      }
    }
  }
}
