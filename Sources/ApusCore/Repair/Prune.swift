// What dead runs left behind, and which of it may go. Observe → plan → perform: an observation is a value, the plan is
// made of it here and can be shown, and performing it is somebody else's separate step, which looks again at each item.
//
// The rule is narrow on purpose. Only what carries our mark, of a run that is surely over, is planned; what could not be
// read is not planned; what is recorded as open and not known to live is left alone (indeterminate means alive).

/// One thing that may go.
package struct PruneItem: Codable, Equatable, Hashable, Sendable {
  package enum Kind: String, Codable, Sendable, CaseIterable {
    /// A process that carries the mark of a run that is over, or descends from one.
    case process
    case keeper
    /// A keeper's socket at which nobody listens.
    case socket
    /// A run's temporary directory.
    case temporary
    /// A file that was being written when its writer died.
    case draft
    /// The runs of a session nobody knows.
    case directory
  }

  package var kind: Kind
  /// What it is, in words: a command line, a path.
  package var what: String
  package var why: String
  /// Of a process.
  package var pid: Int?
  package var start: UInt64?
  /// Of a file or directory.
  package var path: String?
  /// Memory or disk it takes; nil where that is not known.
  package var bytes: Int?
  package var session: String
  package var run: Int?

  package var mark: ProcessMark? {
    guard let pid, let start else { return nil }
    return ProcessMark(pid: Int32(pid), start: start)
  }

  package var runID: RunID? { run.map { RunID(session: session, number: $0) } }

  /// Whether both mean the same thing in the world, however it looks by now.
  package func isSame(as other: PruneItem) -> Bool {
    kind == other.kind && pid == other.pid && start == other.start && path == other.path
  }
}

/// What was seen of this home's runs; nil is what could not be read.
package struct Leftovers: Sendable {
  package struct Process: Sendable {
    package var mark: ProcessMark
    package var run: RunID
    package var role: ProcessRole
    package var command: String
    package var bytes: Int?

    package init(mark: ProcessMark, run: RunID, role: ProcessRole, command: String, bytes: Int?) {
      self.mark = mark
      self.run = run
      self.role = role
      self.command = command
      self.bytes = bytes
    }
  }

  /// Something on the disk that is named after a run.
  package struct File: Sendable {
    package var run: RunID
    package var path: String
    package var bytes: Int?

    package init(run: RunID, path: String, bytes: Int?) {
      self.run = run
      self.path = path
      self.bytes = bytes
    }
  }

  /// The runs of one session on the disk, and nothing else in there.
  package struct Directory: Sendable {
    package var session: String
    package var path: String
    package var bytes: Int?
    package var isHalfRemoved: Bool

    package init(session: String, path: String, bytes: Int?, isHalfRemoved: Bool) {
      self.session = session
      self.path = path
      self.bytes = bytes
      self.isHalfRemoved = isHalfRemoved
    }
  }

  /// What the records say of a run.
  package enum Standing: Sendable {
    case live
    /// Recorded as ended or lost.
    case over
    /// Recorded as open, and not known to live.
    case open
    /// Its session is known, the run is not.
    case unrecorded
    case unknownSession

    /// Whether nothing of it may live any more, and why; nil where it may.
    package var reason: String? {
      switch self {
      case .live, .open: nil
      case .over: "its run is over"
      case .unrecorded: "there is no record of its run"
      case .unknownSession: "its session is not known"
      }
    }
  }

  package var processes: [Process]?
  /// Of every run that is met here.
  package var standing: [RunID: Standing]
  package var sessions: Set<String>
  /// Sockets at which nobody listens.
  package var sockets: [File]
  package var temporary: [File]
  package var drafts: [File]
  package var directories: [Directory]

  package init(
    processes: [Process]?, standing: [RunID: Standing], sessions: Set<String>, sockets: [File], temporary: [File],
    drafts: [File], directories: [Directory]
  ) {
    self.processes = processes
    self.standing = standing
    self.sessions = sessions
    self.sockets = sockets
    self.temporary = temporary
    self.drafts = drafts
    self.directories = directories
  }

  /// What may go, in the order in which it goes: processes before their keepers, and both before files.
  package var plan: [PruneItem] {
    var items = processItems
    let sockets = sockets.compactMap { item(.socket, $0, "nobody listens there") }
    items += sockets.sorted { $0.what < $1.what }
    // A process that was not seen may still use these.
    guard let processes else { return items }
    let used = Set(processes.map(\.run))
    for (kind, files) in [(PruneItem.Kind.temporary, temporary), (.draft, drafts)] {
      // Removed once nothing of the run lives; what keeps it alive now is planned above, or may live.
      let free = files.filter { kind == .temporary || !used.contains($0.run) }
      let why = kind == .draft ? "its writer ended before it was whole" : nil
      items += free.compactMap { item(kind, $0, why) }.sorted { $0.what < $1.what }
    }
    return items + directoryItems
  }

  private var processItems: [PruneItem] {
    let planned = (processes ?? []).compactMap { process -> PruneItem? in
      guard let why = standing[process.run]?.reason else { return nil }
      return PruneItem(
        kind: process.role == .keeper ? .keeper : .process, what: process.command, why: why,
        pid: Int(process.mark.pid), start: process.mark.start, bytes: process.bytes, session: process.run.session,
        run: process.run.number)
    }
    func order(_ item: PruneItem) -> (Int, UInt64, Int) {
      (item.kind == .keeper ? 1 : 0, item.start ?? 0, item.pid ?? 0)
    }
    return planned.sorted { order($0) < order($1) }
  }

  private var directoryItems: [PruneItem] {
    directories.filter { $0.isHalfRemoved || !sessions.contains($0.session) }.sorted { $0.path < $1.path }.map {
      PruneItem(
        kind: .directory, what: $0.path,
        why: $0.isHalfRemoved ? "an earlier prune did not get to its end" : "its session is not known",
        path: $0.path, bytes: $0.bytes, session: $0.session)
    }
  }

  /// Nil where the run may live.
  private func item(_ kind: PruneItem.Kind, _ file: File, _ why: String?) -> PruneItem? {
    guard let reason = standing[file.run]?.reason else { return nil }
    return PruneItem(
      kind: kind, what: file.path, why: why ?? reason, path: file.path, bytes: file.bytes, session: file.run.session,
      run: file.run.number)
  }
}
