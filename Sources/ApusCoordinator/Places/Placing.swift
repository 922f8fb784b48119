import ApusCore
import ApusGit
import ApusLoop
import ApusWire
import CSystem
import Glibc

// A place for a session: looked at first, then made step by step, and taken back whole when a step fails. The steps are
// written down before the first of them (`Undertaking`), so that nothing half made outlives the daemon either.

/// A place that was made, and what the session is to know of it.
struct MadePlace {
  var place: Place
  var directory: String
  var notes: [String]
  /// Nil where nothing of ours was made beside leased ports.
  var undertaking: Undertaking?
  var template: RepositorySettings.Template?
  /// Whether the set-up command ran.
  var setUp = false
}

extension Coordinator {
  private static let leastBytes: Int64 = 64 << 20
  private static let scarceBytes: Int64 = 1 << 30
  private nonisolated static let fetchSeconds: Double = 10
  nonisolated static let submoduleSeconds: Double = 120

  /// The place a new session is to have; nil where its directory is in no repository.
  func makePlace(
    _ id: String, _ request: NewRequest, _ wish: PlaceWish, _ caller: Caller
  ) async throws -> MadePlace? {
    await settled()
    let (directory, environment) = (request.directory, request.spec.environment)
    let survey = try await Offload.trying { () throws(Failure) in
      try Survey.of(directory, environment: environment, undertaking: id)
    }
    guard let survey else {
      if wish.component != nil || wish.on != nil || wish.base != nil || wish.template != nil || wish.profile != nil {
        throw Failure(
          .repositoryMissing, "\(SessionName.printable(directory)) is in no git repository",
          hint: "components, branches, profiles and templates belong to one: call it in a repository")
      }
      return nil
    }
    let template = try wish.template.map { name throws(Failure) in try survey.settings.require(template: name) }
    var place = Place(repository: survey.repository.common, checkout: survey.repository.checkout)
    let kind = wish.kind ?? template?.kind
    place.kind = kind ?? .feature
    place.issue = wish.issue
    if let component = wish.component ?? template?.component {
      place.component = component
      place.paths = try survey.settings.require(component: component)
    }
    place.profile = wish.profile ?? template?.profile ?? survey.settings.profile
    if let profile = place.profile {
      place.variables = try await Offload.trying { () throws(Failure) in try survey.variables(of: profile) }
    }
    let given = Set(wish.given)
    place.variables = place.variables.filter { !given.contains($0.key) }
    var made: MadePlace
    if wish.here {
      made = MadePlace(place: place, directory: directory, notes: [], undertaking: nil)
      made.place.branch = try await Offload.trying { () throws(Failure) in
        try WorkingTree.status(survey.git, directory).branch
      }
    } else {
      made = try await plan(id, request, wish, kind, survey, place, template, caller)
    }
    made.template = template
    let wanted = survey.settings.ports.filter { !given.contains($0.key) }
    do {
      made.place.ports = try leasePorts(wanted, session: id)
      for (variable, port) in made.place.ports {
        made.place.variables[variable] = String(port)
        if let preferred = wanted[variable], preferred != port {
          made.notes.append("\(variable) is \(port): \(preferred) is taken or not to be had")
        }
      }
      made.notes += await preflight(id, made.place, survey)
      try await build(&made, survey, wish, request, caller)
    } catch {
      await undo(made, session: id)
      throw error
    }
    return made
  }

  /// Everything about a new worktree that can be said before anything is made.
  private func plan(
    _ id: String, _ request: NewRequest, _ wish: PlaceWish, _ kind: Place.Kind?, _ survey: Survey, _ place: Place,
    _ template: RepositorySettings.Template?, _ caller: Caller
  ) async throws -> MadePlace {
    var place = place
    let name = request.name
    let branch =
      wish.on ?? BranchName.of(name, kind: kind, date: wish.date, patterns: survey.settings.kinds)
    let baseWish = wish.base ?? template?.base
    let onExisting = wish.on != nil
    let wanted = try await Offload.trying { () throws(Failure) -> String? in
      try Refs.check(branch: branch, survey.git, survey.repository.directory)
      return onExisting ? branch : try survey.fetched(base: baseWish)
    }
    try await requirePossible(branch: branch, isNew: !onExisting, survey)
    var notes: [String] = []
    if survey.remotes.contains("origin"), let wanted,
      let trouble = await caller.told(
        "fetching \(wanted)",
        { await desk.fetch(survey.git, survey.repository, branch: wanted, seconds: Self.fetchSeconds) })
    {
      notes.append(
        "origin could not be fetched (\(SessionName.excerpt(trouble, of: 120))); it goes on from what is here"
      )
    }
    let beginning = try await Offload.trying { () throws(Failure) in try survey.beginning(base: baseWish) }
    let (start, isRemote, note) = try await Offload.trying { () throws(Failure) -> (String, Bool, String?) in
      if onExisting {
        let found = try survey.existing(branch)
        return (found.commit, found.isRemote, nil)
      }
      if let start = beginning.start { return (start, true, nil) }
      let tip = try survey.tip(of: beginning.base)
      return (tip.commit, true, tip.note)
    }
    if let note { notes.append(note) }
    place.branch = branch
    place.base = beginning.base
    place.start = start
    place.madeBranch = isRemote
    let directory = try worktreeDirectory(survey.repository, name: name)
    place.worktree = directory
    let undertaking = Undertaking(
      kind: .new, session: id, name: name, repository: survey.repository.common, checkout: survey.repository.checkout,
      worktree: directory, branch: branch, madeBranch: isRemote, start: start)
    notes.insert("\(branch) begins at \(onExisting ? branch : beginning.base), \(start.prefix(10))", at: 0)
    return MadePlace(place: place, directory: directory, notes: notes, undertaking: undertaking)
  }

  private func requirePossible(branch: String, isNew: Bool, _ survey: Survey) async throws {
    let free = apus_free_bytes(places.home)
    if free >= 0, free < Self.leastBytes {
      throw Failure(
        .diskFull, "only \(free >> 20) MB are free where worktrees go (\(places.home)); nothing was made",
        hint: "make room, then do it again")
    }
    guard isNew else { return }
    try await Offload.trying { () throws(Failure) in
      if let commit = try Refs.find(survey.git, survey.repository, "refs/heads/" + branch) {
        throw Failure(
          .branchTaken, "the branch \(branch) is there already, at \(commit.prefix(10))",
          hint: "work on it with `--on \(branch)`, or choose another name")
      }
      if let other = try Refs.obstacle(survey.git, survey.repository, branch: branch) {
        throw Failure(
          .branchTaken, "there can be no branch \(branch) beside the branch \(SessionName.printable(other))",
          hint: "choose another name or --kind")
      }
    }
  }

  /// Below a directory of the repository's own in APUS_HOME; nothing may be there yet.
  private func worktreeDirectory(_ repository: Repository, name: String) throws -> String {
    let key = "worktrees:" + repository.common
    var directory = try store.loadValue(key)
    if directory == nil {
      let taken = Set(try store.loadValues(prefix: "worktrees:").values)
      let plain = SessionName.made(from: repository.name)
      directory = plain
      var number = 2
      while let chosen = directory, taken.contains(chosen) {
        directory = "\(plain)-\(number)"
        number += 1
      }
      if let directory { try store.saveValue(key, directory) }
    }
    let parent = places.worktrees + "/" + (directory ?? "repository")
    for made in [places.worktrees, parent] {
      let code = Files.makeDirectory(made)
      guard code == 0 else { throw filesFailed(made, code) }
    }
    // A session that was renamed keeps the directory of its first name.
    let owned = Set(sessions.values.filter { $0.state != .archived }.compactMap { $0.place?.worktree })
    var path = parent + "/" + name
    var number = 2
    while owned.contains(path) {
      path = "\(parent)/\(name)-\(number)"
      number += 1
    }
    var facts = stat()
    guard lstat(path, &facts) != 0 else {
      throw Failure(
        .pathTaken, "\(path) is there already",
        hint: "choose another name, or look whether it can go: `apus doctor` names what no session owns")
    }
    return path
  }

  // MARK: preflight

  /// What else is being worked on: told, never in the way.
  private func preflight(_ id: String, _ place: Place, _ survey: Survey) async -> [String] {
    var notes: [String] = []
    let others = neighbours(of: id, place)
    if !others.isEmpty {
      let words = others.prefix(6).map { other in other.name + (other.component.map { " (\($0))" } ?? "") }
      notes.append("also at work here: \(words.joined(separator: ", "))\(others.count > 6 ? ", …" : "")")
    }
    for other in others where !place.paths.isEmpty && Overlap.meet(place.paths, other.paths) {
      notes.append(
        "\(other.name) works on \(other.component ?? "the same paths") as well: \(other.paths.joined(separator: ", "))")
    }
    notes += await Offload.run { survey.elsewhere() }
    let branches = Set(others.compactMap(\.branch))
    if let log = await loadWorkLog(survey) {
      for entry in log.entries where entry.isOpen && !(entry.branch.map(branches.contains) ?? false) {
        notes.append("open in the work log: \(entry.title)\(entry.branch.map { " on \($0)" } ?? "")")
        if notes.count > 20 { break }
      }
    }
    let free = apus_free_bytes(places.home)
    if free >= 0, free < Self.scarceBytes { notes.append("only \(free >> 20) MB are free where worktrees go") }
    return notes.map { SessionName.printable($0) }
  }

  /// Sessions that work on the same repository.
  func neighbours(of id: String, _ place: Place) -> [OpeningContext.Neighbour] {
    sessions.values.filter { other in
      guard let theirs = other.place, other.id != id, other.state != .archived else { return false }
      return theirs.repository == place.repository && (other.state.isLive || theirs.merged == nil)
    }.sorted { $0.lastActive > $1.lastActive }.map { other in
      OpeningContext.Neighbour(
        name: other.name, branch: other.place?.branch, component: other.place?.component,
        paths: other.place?.paths ?? [])
    }
  }

  /// What the agent is told of its place; nil where it has none.
  func openingContext(_ session: Session) -> String? {
    session.place.map { OpeningContext.text(session.name, $0, neighbours: neighbours(of: session.id, $0)) }
  }

  // MARK: building

  private func build(
    _ made: inout MadePlace, _ survey: Survey, _ wish: PlaceWish, _ request: NewRequest, _ caller: Caller
  ) async throws {
    guard let undertaking = made.undertaking, let worktree = made.place.worktree, let branch = made.place.branch else {
      return
    }
    try begin(undertaking)
    let (git, repository) = (survey.git, survey.repository)
    let (start, reason) = (made.place.start, "apus session \(undertaking.session)")
    let isNew = made.place.madeBranch
    try await desk.inTurn(repository) { () throws(Failure) in
      try Worktrees.add(
        git, repository, path: worktree, branch: branch, start: isNew ? start : nil, reason: reason)
    }
    made.notes += try await caller.told("filling \(worktree)") {
      try await Offload.trying { () throws(Failure) in try Self.fill(worktree, git, repository) }
    }
    await showSessionsFile(repository, in: worktree)
    // At the tip of its base there is nothing ahead and nothing behind.
    if let start = made.place.start, wish.on == nil, wish.base == nil, made.template?.base == nil {
      statuses.begin(undertaking.session, at: start)
    }
    let note = try await caller.told("setting it up: \(survey.settings.setUp ?? "")") {
      try await setUp(&made, survey, wish, Git.elsewhere(request.spec.environment))
    }
    if let note { made.notes.append(note) }
  }

  /// The files of the branch, of its submodules, and those that are ignored and needed; what to say of it.
  private nonisolated static func fill(
    _ worktree: String, _ git: Git, _ repository: Repository
  ) throws(Failure) -> [String] {
    chmod(worktree, 0o700)
    try Worktrees.fill(git, path: worktree)
    var notes: [String] = []
    if try !Worktrees.fillSubmodules(git, path: worktree, seconds: submoduleSeconds) {
      notes.append("its submodules could not be filled: `git submodule update --init` in \(worktree) says why")
    }
    if let checkout = repository.checkout {
      let files = try Included.files(git, checkout: checkout)
      notes += try Included.copy(files, from: checkout, to: worktree).map { "not copied: " + $0 }
    }
    return notes
  }

  /// Runs the repository's set-up command in a new worktree, if a person agreed to its very text; what to say of it.
  private func setUp(
    _ made: inout MadePlace, _ survey: Survey, _ wish: PlaceWish, _ environment: [String: String]
  ) async throws -> String? {
    guard let command = survey.settings.setUp, let worktree = made.place.worktree else { return nil }
    if let agreed = wish.agreedSetUp {
      guard agreed == command else {
        throw Failure(
          .workConflict, "the set-up command has changed since it was agreed to", hint: "do it again, and read it anew")
      }
      try store.saveValue(Self.consentKey(survey.repository), command)
    }
    guard !wish.skipsSetUp else { return nil }
    guard try store.loadValue(Self.consentKey(survey.repository)) == command else {
      return "the set-up command was not run, since nobody agreed to it: `apus new --set-up …` agrees to: \(command)"
    }
    var variables = environment.merging(made.place.variables) { $1 }
    variables["PWD"] = worktree
    variables[Git.mark] = made.undertaking?.session
    let answer = try await shell(command, in: worktree, variables)
    made.setUp = true
    guard answer.status == 0 else {
      throw Failure(
        .setUpFailed, "the set-up command failed (exit \(answer.status)); nothing was made: \(command)",
        hint: answer.tail.isEmpty ? "`--no-set-up` makes the session without it" : answer.tail)
    }
    return nil
  }

  static func consentKey(_ repository: Repository) -> String { "consent:" + repository.common }

  package func setUpState(_ request: DirectoryRequest) async throws -> SetUpState {
    let survey = try await Offload.trying { () throws(Failure) in
      try Survey.of(request.directory, environment: request.environment)
    }
    guard let survey, let command = survey.settings.setUp else {
      return SetUpState(command: nil, agreed: false, changed: false)
    }
    let known = try store.loadValue(Self.consentKey(survey.repository))
    return SetUpState(command: command, agreed: known == command, changed: known != nil && known != command)
  }

  struct ShellAnswer: Sendable {
    var status: Int32
    var seconds: Double
    /// The last lines it said.
    var tail: String
  }

  private nonisolated static let commandSeconds: Double = 3600
  private nonisolated static let tailLines = 20

  /// Runs a command of the repository's in a place, to its end.
  func shell(
    _ command: String, in directory: String, _ environment: [String: String]
  ) async throws(Failure) -> ShellAnswer {
    let since = apus_monotonic_milliseconds()
    let answer = try await Offload.trying { () throws(Failure) -> Git.Answer in
      guard let child = Child(["/bin/sh", "-c", command], environment: environment, directory: directory) else {
        throw Failure(.setUpFailed, "/bin/sh cannot be run in \(directory)", hint: "look whether it is there")
      }
      guard let answer = child.finish(input: [], largest: 1 << 20, seconds: Self.commandSeconds) else {
        throw Failure(
          .timedOut, "the command did not end in \(Int(Self.commandSeconds)) s; it was ended: \(command)",
          hint: "run it by hand in \(directory)")
      }
      return answer
    }
    let text = answer.text + answer.errors
    let lines = text.split(separator: "\n").suffix(Self.tailLines).map { SessionName.printable(String($0)) }
    return ShellAnswer(
      status: answer.status, seconds: Double(apus_monotonic_milliseconds() - since) / 1000,
      tail: lines.joined(separator: "\n"))
  }

  // MARK: undoing

  /// Takes a place back whose session never came to be.
  func undo(_ made: MadePlace, session id: String) async {
    guard let undertaking = made.undertaking else { return releaseAllPorts(of: id) }
    do {
      try await takeBack(undertaking)
      try finish(undertaking)
    } catch {
      leave(undertaking)
      releaseAllPorts(of: id)
      log.error("session \(id): its place could not be taken back: \(error); `apus doctor --mend` tries again")
    }
  }
}
