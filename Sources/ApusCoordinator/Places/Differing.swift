import ApusCore
import ApusGit
import ApusLoop
import ApusWire

// What a session changed: against the base of its branch, or, where it has none of its own, against the last commit.

extension Coordinator {
  package func diff(_ request: SessionRequest) async throws -> DiffObject {
    let session = try require(request.session)
    guard session.place?.merged == nil || session.place?.worktree != nil else {
      throw Failure(
        .repositoryMissing, "\(session.name) (\(session.id)) has no worktree any more",
        hint: "its work is on \(session.place?.base ?? "its base")")
    }
    await statuses.refresh([session])
    let directory = session.place?.worktree ?? session.directory
    guard Repository.common(of: directory) != nil else {
      throw Failure(
        .repositoryMissing, "\(session.name) works in no git repository",
        hint: "its files are in \(SessionName.printable(directory))")
    }
    let known = statuses.known(session.id)
    let base = session.place?.worktree == nil ? nil : known?.baseCommit
    let scratch = "\(places.scratch)/diff-\(RandomID.conversation())"
    let environment = session.spec.environment
    let name = session.name
    let baseName = session.place?.worktree == nil ? nil : session.place?.base
    let (top, scratches) = (places.scratch, scratch)
    return try await Offload.trying { () throws(Failure) in
      let git = try Git(environment: environment)
      let repository = try Repository.require(directory, environment)
      _ = Files.makeDirectory(top)
      _ = Files.makeDirectory(scratches)
      defer { Files.removeTree(scratches) }
      guard let head = try WorkingTree.status(git, directory).head else {
        throw Failure(.repositoryUnusable, "\(name)'s repository has no commit yet", hint: "make one first")
      }
      var since = head
      if let base, let left = try Commits.mergeBase(git, repository, base, head) { since = left }
      let found = try Difference.load(git, directory, since: since, scratch: scratches)
      return DiffObject(
        session: name, base: baseName, commit: since,
        files: found.files.map { DiffObject.File(path: $0.path, added: $0.added, removed: $0.removed) },
        patch: String(decoding: found.patch, as: UTF8.self), cut: found.isCut)
    }
  }
}
