import ApusCore

// Places taken away and brought back, ports, what is looked for, what a repository is set up with.

package struct RemoveRequest: Codable, Sendable {
  package var session: String
  package var overruled: [Removal.Obstacle]
  /// Only say what would be removed and what stands against it.
  package var plansOnly: Bool

  package init(session: String, overruled: [Removal.Obstacle], plansOnly: Bool) {
    self.session = session
    self.overruled = overruled
    self.plansOnly = plansOnly
  }
}

package struct RemoveReply: Codable, Sendable, Equatable {
  package var session: String
  package var worktree: String?
  package var branch: String?
  package var ports: [String: Int]
  package var against: [Removal.Finding]
  package var removed: Bool
  /// What brings it back.
  package var rescue: String?

  package init(
    session: String, worktree: String?, branch: String?, ports: [String: Int], against: [Removal.Finding],
    removed: Bool, rescue: String?
  ) {
    self.session = session
    self.worktree = worktree
    self.branch = branch
    self.ports = ports
    self.against = against
    self.removed = removed
    self.rescue = rescue
  }
}

package struct RescueObject: Codable, Sendable, Equatable {
  package var id: String
  package var ref: String
  package var commit: String
  package var kind: String
  package var name: String
  package var branch: String?
  package var at: String
  package var age: Double
  package var repository: String

  package init(
    id: String, ref: String, commit: String, kind: String, name: String, branch: String?, at: String, age: Double,
    repository: String
  ) {
    self.id = id
    self.ref = ref
    self.commit = commit
    self.kind = kind
    self.name = name
    self.branch = branch
    self.at = at
    self.age = age
    self.repository = repository
  }
}

package struct RestoreRequest: Codable, Sendable {
  package var directory: String
  package var environment: [String: String]
  /// Nil: the newest of them.
  package var id: String?

  package init(directory: String, environment: [String: String], id: String?) {
    self.directory = directory
    self.environment = environment
    self.id = id
  }
}

package struct RestoreReply: Codable, Sendable, Equatable {
  package var id: String
  package var steps: [String]
  package var session: String?

  package init(id: String, steps: [String], session: String?) {
    self.id = id
    self.steps = steps
    self.session = session
  }
}

package struct MoveCommitsRequest: Codable, Sendable {
  package var directory: String
  package var environment: [String: String]
  /// Branches, or sessions for theirs.
  package var from: String
  package var to: String
  /// The last so many; nil: those its base or remote has not.
  package var last: Int?

  package init(directory: String, environment: [String: String], from: String, to: String, last: Int?) {
    self.directory = directory
    self.environment = environment
    self.from = from
    self.to = to
    self.last = last
  }
}

package struct FindRequest: Codable, Sendable {
  package var directory: String
  package var environment: [String: String]
  /// Nil: an overview.
  package var text: String?

  package init(directory: String, environment: [String: String], text: String?) {
    self.directory = directory
    self.environment = environment
    self.text = text
  }
}

package struct FoundObject: Codable, Sendable, Equatable {
  /// `branch`, `commit`, `work log`, `session`, `transcript` or `graph`.
  package var kind: String
  package var name: String
  package var text: String
  package var session: String?

  package init(kind: String, name: String, text: String, session: String? = nil) {
    self.kind = kind
    self.name = name
    self.text = text
    self.session = session
  }
}

package struct PortObject: Codable, Sendable, Equatable {
  package var port: Int
  package var variable: String?
  package var session: String?
  package var since: String?
  package var age: Double?
  /// Who listens there now.
  package var pid: Int?
  package var program: String?

  package init(port: Int) { self.port = port }
}

package struct PortsRequest: Codable, Sendable {
  /// Nil: all that are leased.
  package var port: Int?

  package init(port: Int?) { self.port = port }
}

/// A place as shells and programs need it.
package struct PlaceObject: Codable, Sendable, Equatable {
  package var name: String
  package var directory: String
  package var variables: [String: String]
  package var environment: [String: String]

  package init(name: String, directory: String, variables: [String: String], environment: [String: String]) {
    self.name = name
    self.directory = directory
    self.variables = variables
    self.environment = environment
  }
}

package struct InitRequest: Codable, Sendable {
  package var directory: String
  package var environment: [String: String]
  package var make = false
  package var workLog = false
  package var page = false
  /// `start_safe.sh` and `start_dev.sh`, in that directory; how the server is run, where a person says it.
  package var scripts = false
  package var server: String?
  /// Only show what would be written.
  package var plansOnly = false

  package init(directory: String, environment: [String: String]) {
    self.directory = directory
    self.environment = environment
  }
}

package struct FileChange: Codable, Sendable, Equatable {
  package var path: String
  /// `created`, `changed`, `same`, or `kept`: a person's, which is left alone.
  package var change: String
  /// Lines that are added.
  package var added: [String]
  package var why: String?

  package init(path: String, change: String, added: [String], why: String? = nil) {
    self.path = path
    self.change = change
    self.added = added
    self.why = why
  }
}

package struct GarbageRequest: Codable, Sendable {
  package var days: Double?
  /// The ids of what was shown and approved; nil: only the plan.
  package var approved: [String]?

  package init(days: Double?, approved: [String]?) {
    self.days = days
    self.approved = approved
  }
}

package struct GarbageObject: Codable, Sendable, Equatable {
  package var id: String
  /// `rescue`, `runs` or `place`.
  package var kind: String
  package var what: String
  package var why: String
  package var bytes: Int?
  package var result: String?

  package init(id: String, kind: String, what: String, why: String, bytes: Int? = nil) {
    self.id = id
    self.kind = kind
    self.what = what
    self.why = why
    self.bytes = bytes
  }
}

package struct WorkLogRequest: Codable, Sendable {
  package var directory: String
  package var environment: [String: String]
  /// A session whose status is set; nil: open entries are listed.
  package var session: String?
  package var status: WorkLog.Status?

  package init(directory: String, environment: [String: String], session: String?, status: WorkLog.Status?) {
    self.directory = directory
    self.environment = environment
    self.session = session
    self.status = status
  }
}
