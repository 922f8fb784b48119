import ApusCore
import ApusLink
import ApusTestKit
import ApusTesting
import ApusWire
import Glibc
import Testing

// What tests of places do again and again.

extension TestHome {
  /// A new session whose agent has ended again: nothing lives in its place.
  func quiet(
    _ name: String, _ arguments: String..., extra: [String: String] = [:],
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> SessionObject {
    let outcome = await run(["new", name, "--json"] + arguments, extra: extra)
    try #require(outcome.status == 0, "\(outcome.errors) \(outcome.output)", sourceLocation: sourceLocation)
    let stopped = await apus("stop", name)
    try #require(stopped.status == 0, "\(stopped.errors)", sourceLocation: sourceLocation)
    return try JSONText.decode(SessionObject.self, from: Array(outcome.output.utf8))
  }

  /// A bare repository on this disk as `origin`, which has `main`; its path.
  func addOrigin() async -> String {
    let origin = root + "/origin.git"
    await git("init", "--quiet", "--bare", "--initial-branch=main", origin)
    await git("remote", "add", "origin", origin)
    await git("push", "--quiet", "origin", "main")
    return origin
  }

  func head(_ directory: String? = nil, sourceLocation: SourceLocation = #_sourceLocation) async -> String {
    await git("rev-parse", "HEAD", directory: directory, sourceLocation: sourceLocation)
  }

  /// What git says is changed there.
  func status(_ directory: String? = nil, sourceLocation: SourceLocation = #_sourceLocation) async -> String {
    await git(
      "status", "--porcelain", "--untracked-files=all", directory: directory, sourceLocation: sourceLocation)
  }

  /// Whether the first is in the history of the second.
  func isAncestor(_ old: String, of new: String, directory: String? = nil) async -> Bool {
    await Program.run(
      ["/usr/bin/git", "merge-base", "--is-ancestor", old, new], environment: environment,
      directory: directory ?? work
    ).status == 0
  }

  /// Every file below a directory with its size, its mode and when it was written: what differs, somebody wrote. Of an
  /// object of git's the time says only when it was last needed.
  func listing(_ directory: String) async -> String {
    let find = "find . -path ./.git/objects -prune -o -printf '%p %y %m %s %T@\\n' | sort"
    let objects = "if [ -d .git/objects ]; then find .git/objects -type f -printf '%p %m %s\\n' | sort; fi"
    return await Program.run(
      ["/bin/bash", "-c", find + "; " + objects], environment: environment, directory: directory
    ).output
  }

  /// A program that stands first in a PATH; the variable that makes it so.
  func program(first name: String, _ body: String) -> [String: String] {
    let directory = root + "/bin"
    Disk.makeDirectory(directory)
    Disk.write("#!/bin/bash\n" + body, to: directory + "/" + name, mode: 0o755)
    return ["PATH": directory + ":" + (environment["PATH"] ?? "")]
  }

  /// What doctor names as wrong in this home, mended first where it is told to; what is wrong with the machine is not ours.
  func problems(
    _ more: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> [Finding] {
    let outcome = await run(["doctor", "--json"] + more)
    let findings = try? JSONText.decode([Finding].self, from: Array(outcome.output.utf8))
    return try #require(
      findings, "\(outcome.status) \(outcome.output) \(daemonLog().suffix(1500))", sourceLocation: sourceLocation
    ).filter { $0.level == .problem && !$0.what.hasPrefix("inotify") }
  }

  /// Begins that command, and kills the daemon at that moment of it.
  func cutOff(_ arguments: [String], afterMilliseconds moment: Int) async throws {
    #expect(await apus("up").status == 0)
    let mark = try #require(self.daemon())
    let command = try Running([Checkout.programs + "/apus"] + arguments, environment: environment, directory: work)
    poll(nil, 0, Int32(moment))  // the moment is what is random here; nothing is waited for
    Processes.signal(mark, SIGKILL)
    #expect(ended(mark.pid, start: mark.start))
    await command.release()
  }

  /// What is kept, newest first.
  func rescues() async throws -> [RescueObject] { try await json("rescue", "list", as: [RescueObject].self) }
}

extension TestHome {
  /// Changes a file to a text of the same length in the very second in which git last wrote its index: by the clock of
  /// the file system alone they cannot be told apart. True once that second is over; false where it always was before.
  func changeAtOnce(_ file: String, _ text: String, in directory: String) async -> Bool {
    let path = directory + "/" + file
    let index = await git("rev-parse", "--path-format=absolute", "--git-path", "index", directory: directory)
    for _ in 0..<20 {
      let before = Disk.bytes(path)
      Disk.write(before, to: path, mode: 0o644)
      await git("add", "--", file, directory: directory)
      TestHome.write(text, to: path)
      var (changed, written) = (stat(), stat())
      stat(path, &changed)
      stat(index, &written)
      if changed.st_mtim.tv_sec == written.st_mtim.tv_sec, Disk.size(path) == before.count {
        return await eventually { time(nil) > written.st_mtim.tv_sec }
      }
      Disk.write(before, to: path, mode: 0o644)
    }
    return false
  }
}
