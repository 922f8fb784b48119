import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

// What old-style sessions do: read the file, change it, write it whole.

extension TestHome {
  var sessionsFile: String { work + "/.claude/sessions.md" }

  func sessions(sourceLocation: SourceLocation = #_sourceLocation) throws -> SessionsFile {
    do { return try SessionsFile.parse(TestHome.text(sessionsFile)) } catch {
      Issue.record("\(error): \(TestHome.text(sessionsFile))", sourceLocation: sourceLocation)
      throw error
    }
  }

  /// Whether the file comes to say so.
  func says(
    seconds: Double = 60, _ isSo: (SessionsFile) -> Bool, sourceLocation: SourceLocation = #_sourceLocation
  ) async {
    let found = await eventually(seconds: seconds) {
      (try? SessionsFile.parse(TestHome.text(sessionsFile))).map(isSo) ?? false
    }
    #expect(found, "\(TestHome.text(sessionsFile))\n\(daemonLog().suffix(1500))", sourceLocation: sourceLocation)
  }

  /// An old-style session's edit: as the protocol says, by a script of its own. `text` is the file, `now` the time in it,
  /// `row` and `lock` are how such a session writes them.
  func edit(_ script: String, sourceLocation: SourceLocation = #_sourceLocation) async {
    let program = """
      import datetime, os, re, sys
      path = sys.argv[1]
      def time(seconds=0):
          moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
          return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
      now = time()
      text = open(path).read()
      def row(id, started, active, editing="-"):
          global text
          line = f"| {id} | {started} | {active} | {editing} |\\n"
          text, count = re.subn(rf"(?m)^\\| {id} \\|.*\\n", line, text)
          if not count: text = text.rstrip("\\n") + "\\n" + line
      def unrow(id):
          global text
          text = re.sub(rf"(?m)^\\| {id} \\|.*\\n", "", text)
      def lock(title, id, note, since, updated):
          global text
          head, tail = text.split(f"## {title}", 1)
          body, *rest = re.split(r"(?m)^(?=## )", tail, maxsplit=1)
          values = {"Status": "IN_PROGRESS" if id != "-" else "NONE", "Claimed by": id, "Error": note,
                    "Services": note, "Note": note, "Since": since, "Last updated": updated}
          body = re.sub(r"(?m)^- \\*\\*(.+?):\\*\\* .*$", lambda m: f"- **{m[1]}:** {values[m[1]]}", body)
          text = head + f"## {title}" + body + "".join(rest)
      def free(title): lock(title, "-", "-", "-", "-")
      DOCKER, VERCEL = "Docker Rebuild Lock", "Vercel Deployment Lock"
      \(script.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\n"))
      open(path, "w").write(text)
      """
    let outcome = await Program.run(
      ["/usr/bin/env", "python3", "-c", program, sessionsFile], environment: environment, directory: work)
    #expect(outcome.status == 0, "\(outcome.errors)", sourceLocation: sourceLocation)
  }

  func locks() async throws -> [LockObject] { try await json("lock", "list", as: [LockObject].self) }

  func claims() throws -> [ClaimObject] {
    try ask(.claims, ClaimRequest(asker: Asker(directory: work), act: .list, paths: []))
  }

  /// A session of ours that works in the checkout itself, and the file that came with it.
  func live(_ name: String, sourceLocation: SourceLocation = #_sourceLocation) async throws -> SessionObject {
    let made = try await session("new", name, "--here", sourceLocation: sourceLocation)
    await says({ $0.row(made.id) != nil }, sourceLocation: sourceLocation)
    return made
  }

  func killDaemon(sourceLocation: SourceLocation = #_sourceLocation) throws {
    let mark = try #require(daemon(), sourceLocation: sourceLocation)
    Processes.signal(mark, SIGKILL)
    #expect(ended(mark.pid, start: mark.start), sourceLocation: sourceLocation)
  }
}
