import ApusCore
import ApusGit
import ApusWire
import CSystem

/// What is known of a repository before a place is made in it. All of it may block: it runs on threads of its own.
struct Survey: Sendable {
  var git: Git
  var repository: Repository
  var settings: RepositorySettings
  var remotes: [String]
  var settingsPath: String

  static let settingsFile = ".apus/config.json"

  /// Nil where the directory is in no repository.
  static func of(_ directory: String, environment: [String: String], undertaking: String? = nil) throws(Failure)
    -> Survey?
  {
    guard let repository = try Repository.find(directory, environment) else { return nil }
    let git = try Git(environment: environment, undertaking: undertaking)
    return Survey(
      git: git, repository: repository, settings: try settings(repository),
      remotes: try Refs.remotes(git, repository), settingsPath: (repository.checkout ?? "") + "/" + settingsFile)
  }

  static func settings(_ repository: Repository) throws(Failure) -> RepositorySettings {
    guard let checkout = repository.checkout, let bytes = Files.load(checkout + "/" + settingsFile) else {
      return RepositorySettings()
    }
    let path = checkout + "/" + settingsFile
    do { return try RepositorySettings(try JSONText.decodeRelaxed(JSON.self, from: bytes), path: path) } catch {
      if let failure = error as? Failure { throw failure }
      throw Failure(
        .configurationInvalid, "\(path) is not JSON", hint: "correct it; comments and trailing commas are allowed in it"
      )
    }
  }

  /// Where a new branch begins, and what it is later merged into.
  struct Beginning: Sendable {
    /// The branch it will be merged into.
    var base: String
    /// Where it begins, once the base was fetched; nil: at the base, whichever of local and remote is further on.
    var start: String?
  }

  /// The branch to fetch from `origin` before that; nil where what is begun at is a commit known here.
  func fetched(base given: String?) throws(Failure) -> String? {
    guard let given else {
      if let base = settings.base { return base }
      return try Refs.usualBase(git, repository)
    }
    if given.hasPrefix("origin/") { return String(given.dropFirst("origin/".count)) }
    if try Refs.find(git, repository, "refs/heads/" + given) != nil { return given }
    return try Refs.commit(git, repository, given) == nil ? given : nil
  }

  func beginning(base given: String?) throws(Failure) -> Beginning {
    let usual: String?
    if let base = settings.base { usual = base } else { usual = try Refs.usualBase(git, repository) }
    guard let given else {
      guard let usual else {
        throw Failure(
          .repositoryUnusable, "\(repository.directory) has no branch to begin at (its HEAD is detached)",
          hint: "name one with `--base main`")
      }
      try Refs.check(branch: usual, git, repository.directory)
      return Beginning(base: usual)
    }
    if try Refs.find(git, repository, "refs/heads/" + given) != nil { return Beginning(base: given) }
    for remote in remotes where given.hasPrefix(remote + "/") {
      if let commit = try Refs.find(git, repository, "refs/remotes/" + given) {
        return Beginning(base: String(given.dropFirst(remote.count + 1)), start: commit)
      }
    }
    if let commit = try Refs.commit(git, repository, given) { return Beginning(base: usual ?? given, start: commit) }
    if try Refs.find(git, repository, "refs/remotes/origin/" + given) != nil { return Beginning(base: given) }
    throw Failure(
      .refInvalid, "there is no branch or commit \"\(SessionName.excerpt(given))\" to begin at",
      hint: "`git branch --all` lists the branches")
  }

  /// The commit the base stands at: the remote's where it is further on than ours.
  func tip(of base: String) throws(Failure) -> (commit: String, note: String?) {
    let (branch, tracked) = ("refs/heads/" + base, "refs/remotes/origin/" + base)
    let refs = try Refs.list(git, repository, [branch, tracked])
    let (local, remote) = (refs[branch], refs[tracked])
    switch (local, remote) {
    case (let local?, nil): return (local, nil)
    case (nil, let remote?): return (remote, nil)
    case (let local?, let remote?):
      if local == remote { return (local, nil) }
      if try Refs.isAncestor(git, repository, local, of: remote) { return (remote, nil) }
      if try Refs.isAncestor(git, repository, remote, of: local) { return (local, nil) }
      return (local, "\(base) and origin/\(base) have gone different ways; this begins at the local one")
    case (nil, nil):
      throw Failure(
        .repositoryUnusable, "\(base) has no commit yet in \(repository.directory)",
        hint: "make a first commit, or work there as it is with --here")
    }
  }

  /// The branch to work on where one is there already: its commit, and whether it has to be made of the remote's.
  func existing(_ branch: String) throws(Failure) -> (commit: String, isRemote: Bool) {
    try Refs.check(branch: branch, git, repository.directory)
    if let commit = try Refs.find(git, repository, "refs/heads/" + branch) { return (commit, false) }
    for remote in remotes {
      if let commit = try Refs.find(git, repository, "refs/remotes/\(remote)/\(branch)") { return (commit, true) }
    }
    throw Failure(
      .refInvalid, "there is no branch \(SessionName.printable(branch))",
      hint: "`git branch --all` lists them; without --on a new one is made")
  }

  /// The variables of a profile: its files first, then what it says itself, then its name.
  func variables(of profile: String) throws(Failure) -> [String: String] {
    let found = try settings.require(profile: profile)
    var variables: [String: String] = [:]
    for file in found.files {
      let path = repository.directory + "/" + file
      guard let bytes = Files.load(path) else {
        throw Failure(
          .configurationInvalid, "the profile \(profile) needs \(path), which cannot be read",
          hint: "write it, or take it out of \(settingsPath)")
      }
      for (key, entry) in try EnvFile(String(decoding: bytes, as: UTF8.self), path: path).entries {
        try RepositorySettings.check(variable: key, path, settingsPath)
        variables[key] = entry.value
      }
    }
    variables.merge(found.variables) { $1 }
    if let name = settings.profileVariable { variables[name] = profile }
    return variables
  }

  /// The last of the seed's checklist that needs no network: what else is being worked on.
  func elsewhere() -> [String] {
    var notes: [String] = []
    let remote = (try? Refs.list(git, repository, ["refs/remotes/"])) ?? [:]
    let names = remote.keys.map { $0.dropFirst("refs/remotes/".count) }
      .filter { !$0.hasSuffix("/HEAD") }.map(String.init).sorted()
    if !names.isEmpty {
      let more = names.count > 5 ? ", …" : ""
      notes.append(
        "\(names.count) branch\(names.count == 1 ? "" : "es") on remotes: \(names.prefix(5).joined(separator: ", "))\(more)"
      )
    }
    return notes
  }
}
