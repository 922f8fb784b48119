import ApusCore
import ApusLink
import ApusWire
import CSystem
import Glibc

struct DoctorCommand: Command {
  static let about = About(
    name: "doctor", group: .care, summary: "say what is wrong, and the command that mends it", example: "apus doctor",
    more:
      "Changes nothing without --mend, which completes or takes back what was cut off, and removes worktrees no session "
      + "owns (kept under refs/apus/rescue) and locks of git's that nobody holds. Exits 1 when there is a problem.")

  @Flag("--mend", help: "put right what can be put right") var mends

  func run(_ context: Context) throws(Failure) -> Int32 {
    var findings: [Finding] = []
    // What is mended twice is mended once.
    if mends { findings += try context.decode(try context.rawAgain(.mend) { Nothing() }) as [Finding] }
    findings += Self.programs()
    findings += Self.home(context)
    findings += Self.daemon(context)
    findings += Self.agent(context)
    findings += CustodyFindings.all(context.environment)
    findings += Machine.findings(directory: context.directory)
    if context.isJSON {
      context.output.json(findings)
    } else {
      for finding in findings { context.output.write(Self.text(finding, context.output)) }
    }
    return findings.contains { $0.level == .problem } ? ErrorCode.internalError.exitCode : 0
  }

  private static func text(_ finding: Finding, _ output: Output) -> String {
    let mark: String
    switch finding.level {
    case .fine: mark = output.styled("✓", .green)
    case .note: mark = output.styled("·", .cyan)
    case .problem: mark = output.styled("✗", .red)
    }
    return "\(mark) \(SessionName.printable(finding.what))\n" + (finding.mend.map { "    mend: \($0)\n" } ?? "")
  }

  private static func programs() -> [Finding] {
    ["apusd", "apus-keeper"].compactMap { name in
      guard let path = try? Detached.sibling(name), access(path, X_OK) == 0 else {
        return Finding(.problem, "\(name) is not beside apus", mend: "make install")
      }
      return nil
    }
  }

  private static func home(_ context: Context) -> [Finding] {
    do throws(Failure) {
      let places = try context.places
      var facts = stat()
      guard lstat(places.home, &facts) == 0 else {
        return [Finding(.note, "\(places.home) is not there yet; the first command makes it")]
      }
      guard facts.st_uid == getuid() else {
        return [
          Finding(.problem, "\(places.home) belongs to uid \(facts.st_uid)", mend: "export APUS_HOME=$HOME/.apus")
        ]
      }
      _ = try context.settings
      return [Finding(.fine, "APUS_HOME is \(places.home)")]
    } catch { return [Finding(.problem, error.summary, mend: error.hint)] }
  }

  private static func daemon(_ context: Context) -> [Finding] {
    do throws(Failure) {
      var link = try DaemonLink.open(try context.places, environment: context.environment, starting: false)
      let status: StatusReply = try context.decode(try link.ask(.status, Nothing()) ?? [])
      var findings = [Finding(.fine, "apusd \(status.version) runs, pid \(status.pid), since \(status.startedAt)")]
      if status.version != Version.text {
        findings = [Finding(.problem, "apusd is \(status.version), apus is \(Version.text)", mend: "apus restart")]
      }
      var again = try DaemonLink.open(try context.places, environment: context.environment, starting: false)
      let more: [Finding] = try context.decode(try again.ask(.doctor, Nothing()) ?? [])
      return findings + more
    } catch  where error.code == .daemonUnreachable && error.hint?.contains("apus up") == true {
      return [Finding(.note, "no daemon runs; the next command starts it", mend: "apus up")]
    } catch {
      return [Finding(.problem, error.summary, mend: error.code == .daemonVersion ? "apus restart" : error.hint)]
    }
  }

  private static func agent(_ context: Context) -> [Finding] {
    do throws(Failure) {
      let program = try AgentProgram.find(
        try context.settings[.claude], environment: context.environment, directory: context.directory)
      guard let version = Machine.firstLine([program, "--version"], context.environment) else {
        return [Finding(.problem, "\(program) does not answer --version", mend: "export APUS_CLAUDE=PATH")]
      }
      let numbers = version.prefix { $0.isNumber || $0 == "." }.split(separator: ".").map { Int($0) ?? 0 }
      if numbers.lexicographicallyPrecedes(Version.oldestClaude) {
        return [Finding(.problem, "\(program) is \(version), which is too old", mend: "claude update")]
      }
      return [Finding(.fine, "\(program) is \(version)")]
    } catch { return [Finding(.problem, error.summary, mend: error.hint)] }
  }
}
