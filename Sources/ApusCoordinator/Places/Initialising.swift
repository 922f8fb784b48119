import ApusCore
import ApusGit
import ApusLoop
import ApusWire
import CSystem
import Glibc

// Setting a repository up: what is there is never overwritten, only what is missing is added, and a second time changes
// nothing.

extension Coordinator {
  package func initialise(_ request: InitRequest) async throws -> [FileChange] {
    let (directory, environment) = (request.directory, request.environment)
    return try await Offload.trying { () throws(Failure) in
      guard let repository = try Repository.find(directory, environment) else {
        throw Failure(
          .repositoryMissing, "\(SessionName.printable(directory)) is in no git repository",
          hint: "call it in one, or make one with `git init`")
      }
      guard let checkout = repository.checkout else {
        throw Failure(
          .repositoryUnusable, "\(repository.common) is a bare repository: there is no checkout to set up",
          hint: "sessions work from it as it is; settings need a checkout")
      }
      let git = try Git(environment: environment)
      var drafts = [try Proposal.settings(git, repository, checkout), Proposal.ignored(git, checkout)]
      if request.make { drafts.append(Proposal.make(checkout)) }
      if request.workLog { drafts.append(Proposal.workLog(checkout)) }
      if request.page { drafts.append(Proposal.page(checkout)) }
      if request.scripts { drafts += try Proposal.scripts(request, repository, checkout) }
      if !request.plansOnly {
        for draft in drafts {
          guard let bytes = draft.bytes else { continue }
          if let parent = draft.parent, Files.makeDirectory(checkout + "/" + parent) != 0 {
            throw Failure(
              .permissionDenied, "\(checkout)/\(parent) cannot be made", hint: "look at its owner and permissions")
          }
          let path = checkout + "/" + draft.change.path
          try TextFile.replace(path, bytes)
          if draft.isProgram { chmod(path, 0o755) }
        }
      }
      return drafts.map(\.change)
    }
  }
}

/// What `apus init` would write.
private enum Proposal {
  struct Draft {
    var change: FileChange
    /// Nil: nothing is written.
    var bytes: [UInt8]?
    var parent: String?
    var isProgram = false
  }

  private static func load(_ path: String) -> String? {
    Files.load(path).map { String(decoding: $0, as: UTF8.self) }
  }

  private static func created(_ path: String, _ text: String, parent: String? = nil) -> Draft {
    Draft(
      change: FileChange(
        path: path, change: "created",
        added: text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)),
      bytes: Array(text.utf8), parent: parent)
  }

  private static func kept(_ path: String, _ why: String) -> Draft {
    Draft(change: FileChange(path: path, change: "kept", added: [], why: why), bytes: nil)
  }

  // MARK: settings

  static func settings(_ git: Git, _ repository: Repository, _ checkout: String) throws(Failure) -> Draft {
    let path = Survey.settingsFile
    if Files.isThere(checkout + "/" + path) {
      // Wrong ones are told now rather than at the first session.
      _ = try Survey.settings(repository)
      return kept(path, "it is there; yours")
    }
    let tracked = try git.require(["ls-files", "-z"], in: checkout).parts
    var directories: [String] = []
    for file in tracked {
      guard let slash = file.firstIndex(of: "/"), !file.hasPrefix(".") else { continue }
      let name = String(file[..<slash])
      if directories.last != name, !directories.contains(name), directories.count < 12 { directories.append(name) }
    }
    var fields: [(String, String)] = []
    fields.append(("base", try Refs.usualBase(git, repository).map(quoted) ?? "null"))
    fields.append(("components", object(directories.map { ($0, quoted($0 + "/")) })))
    let kinds = Place.Kind.allCases.map { ($0.rawValue, quoted($0.pattern)) }
    fields.append(("kinds", object(kinds)))
    fields.append(("ports", object([("PORT", String(RepositorySettings.usualPort))])))
    let profiles = Files.names(checkout).filter {
      $0.hasPrefix(".env.") && !["example", "sample", "template"].contains(String($0.dropFirst(5)))
    }
    .sorted().prefix(8).map { (String($0.dropFirst(5)), "{ \"files\": [\(quoted($0))] }") }
    .filter { SessionName.printable($0.0) == $0.0 && !$0.0.isEmpty }
    fields.append(("profiles", object(Array(profiles))))
    fields.append(("setUp", setUp(checkout).map(quoted) ?? "null"))
    fields.append(("test", test(checkout).map(quoted) ?? "null"))
    fields.append(("workLog", quoted(RepositorySettings.usualWorkLog)))
    let text =
      "{\n"
      + fields.map { "  \(quoted($0.0)): \($0.1)" }.joined(separator: ",\n") + "\n}\n"
    return created(path, text, parent: ".apus")
  }

  private static func quoted(_ text: String) -> String {
    (try? JSONText.string(JSON.string(text))) ?? "\"\""
  }

  private static func object(_ fields: [(String, String)]) -> String {
    if fields.isEmpty { return "{}" }
    return "{\n" + fields.map { "    \(quoted($0.0)): \($0.1)" }.joined(separator: ",\n") + "\n  }"
  }

  /// Proposed where a lock file says how what it needs is installed; run only after a person agreed.
  private static func setUp(_ checkout: String) -> String? {
    let known = [
      ("package-lock.json", "npm ci"), ("pnpm-lock.yaml", "pnpm install --frozen-lockfile"),
      ("yarn.lock", "yarn install --frozen-lockfile"), ("poetry.lock", "poetry install"), ("uv.lock", "uv sync"),
      ("Gemfile.lock", "bundle install"),
    ]
    return known.first { Files.isThere(checkout + "/" + $0.0) }?.1
  }

  private static func test(_ checkout: String) -> String? {
    let makefile = load(checkout + "/Makefile") ?? ""
    if makefile.split(separator: "\n").contains(where: { $0.hasPrefix("test:") }) { return "make test" }
    if load(checkout + "/package.json")?.contains("\"test\":") == true { return "npm test" }
    let known = [
      ("Package.swift", "swift test"), ("Cargo.toml", "cargo test"), ("go.mod", "go test ./..."),
      ("pyproject.toml", "python3 -m pytest -q"), ("pytest.ini", "python3 -m pytest -q"),
    ]
    return known.first { Files.isThere(checkout + "/" + $0.0) }?.1
  }

  // MARK: lines

  /// Adds lines at the end of a file that is there, in its own line ending; those it has are not added again.
  private static func appending(_ lines: [String], to path: String, _ checkout: String, isThere: (String) -> Bool)
    -> Draft
  {
    guard let before = Files.load(checkout + "/" + path) else {
      if Files.isThere(checkout + "/" + path) { return kept(path, "it cannot be read") }
      return created(path, lines.map { $0 + "\n" }.joined())
    }
    let missing = lines.filter { !isThere($0) }
    if missing.isEmpty { return Draft(change: FileChange(path: path, change: "same", added: []), bytes: nil) }
    let ending = before.contains(13) ? "\r\n" : "\n"
    let isOpen = !before.isEmpty && before.last != 10
    let added = (isOpen ? ending : "") + missing.map { $0 + ending }.joined()
    return Draft(
      change: FileChange(path: path, change: "changed", added: missing), bytes: before + Array(added.utf8))
  }

  static func ignored(_ git: Git, _ checkout: String) -> Draft {
    var lines = ["/.apus/*", "!/.apus/config.json"]
    let log = RepositorySettings.usualWorkLog
    // A team that tracks its work log goes on doing so.
    let isTracked = (try? git.succeeds(["ls-files", "--error-unmatch", "--", log], in: checkout)) ?? false
    if !isTracked { lines.append("/" + log) }
    let known = Set((load(checkout + "/.gitignore") ?? "").split(whereSeparator: \.isNewline).map(String.init))
    return appending(lines, to: ".gitignore", checkout) { known.contains($0) || known.contains(String($0.dropFirst())) }
  }

  static func make(_ checkout: String) -> Draft {
    let path = ["GNUmakefile", "makefile", "Makefile"].first { Files.isThere(checkout + "/" + $0) } ?? "Makefile"
    let text = load(checkout + "/" + path) ?? ""
    let lines = text.split(whereSeparator: \.isNewline).map(String.init)
    func has(_ target: String) -> Bool { lines.contains { $0.hasPrefix(target + ":") || $0.hasPrefix(target + " :") } }
    var added: [String] = []
    if !has("new-session") {
      added += [
        "", ".PHONY: new-session",
        "new-session: ## a session in a place of its own: make new-session name=add-auth component=server",
        "\tapus new $(name) $(if $(component),--component $(component)) $(if $(kind),--kind $(kind))",
      ]
    }
    if !has("list-sessions") {
      added += ["", ".PHONY: list-sessions", "list-sessions: ## all sessions", "\tapus list"]
    }
    if added.isEmpty { return Draft(change: FileChange(path: path, change: "same", added: []), bytes: nil) }
    if text.isEmpty { added.removeFirst() }
    return appending(added, to: path, checkout) { _ in false }
  }

  static func workLog(_ checkout: String) -> Draft {
    let path = RepositorySettings.usualWorkLog
    if Files.isThere(checkout + "/" + path) { return kept(path, "it is there; yours") }
    return created(path, "# Work Log\n")
  }

  static func page(_ checkout: String) -> Draft {
    let path = "docs/parallel-sessions.md"
    if Files.isThere(checkout + "/" + path) { return kept(path, "it is there; yours") }
    return created(path, pageText, parent: "docs")
  }

  /// In the directory the command was called in.
  static func scripts(_ request: InitRequest, _ repository: Repository, _ checkout: String) throws(Failure) -> [Draft] {
    let directory = Repository.real(request.directory) ?? request.directory
    let inside = directory.hasPrefix(checkout + "/") ? String(directory.dropFirst(checkout.count + 1)) : ""
    let settings = try Survey.settings(repository)
    return ServerScripts.names.map { name in
      let path = inside.isEmpty ? name : inside + "/" + name
      let text = ServerScripts.text(
        of: name, command: request.server, settings: settings, directory: checkout + "/" + inside, inside: inside)
      guard let text else {
        return kept(path, "no server is recognised here: say how it is run with --server CMD")
      }
      if load(checkout + "/" + path) == text { return Draft(change: FileChange(path: path, change: "same", added: [])) }
      if Files.isThere(checkout + "/" + path) { return kept(path, "it is there; yours") }
      var draft = created(path, text)
      draft.isProgram = true
      return draft
    }
  }

  private static let pageText = """
    # Parallel sessions

    Each session of Claude Code has a branch, a worktree and ports of its own.

    ```sh
    apus new add-auth --component server --prompt "Add JWT authentication to the API"
    apus new fix-feed --kind bug --component ui --prompt "Fix the feed display"
    apus list                      # who works on what, and who would conflict with whom
    apus conflicts                 # the same, with the files
    apus shell add-auth -- make test
    apus sync add-auth             # on top of the base
    apus merge add-auth            # up to date, tested, then into the base
    apus pr add-auth               # or as a pull request
    apus remove add-auth           # refuses to lose work; `apus undo` brings it back
    ```

    - One session, one branch, one component (`.apus/config.json` names them).
    - Ports are leased: use `$PORT` and the variables of `.apus/config.json`, never a fixed number.
    - `WORK_LOG.md` says who is at what; entries of sessions are kept by Apus, yours are left alone.
    - Never force-push; never commit on the base but by `apus merge`.

    """
}
