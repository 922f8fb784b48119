import ApusCore
import ApusLink
import ApusWire
import CSystem
import Glibc

// What the daemon itself can say about its health, for `apus doctor`.

extension Coordinator {
  package func examine() async throws -> [Finding] {
    var findings: [Finding] = []
    let free = apus_free_bytes(places.home)
    if free >= 0, free < 1 << 30 {
      findings.append(
        Finding(
          .problem,
          "only \(free >> 20) MB are free where APUS_HOME is (\(places.home)); recordings stall on a full disk",
          mend: "make room on that disk"))
    } else {
      findings.append(Finding(.fine, "\(free >> 30) GB are free where APUS_HOME is"))
    }
    for (id, run) in live.sorted(by: { $0.key < $1.key }) {
      let name = sessions[id]?.name ?? id
      if run.trouble != 0 {
        let why = String(cString: apus_error_text(run.trouble))
        findings.append(
          Finding(.problem, "\(name) waits: its recording cannot be written (\(why))", mend: "make room on that disk"))
      }
      if let obstacle = run.obstacle {
        findings.append(
          Finding(.problem, "what \(name) does cannot be kept: \(obstacle.summary)", mend: obstacle.hint))
      } else if !run.isAttached {
        findings.append(
          Finding(.problem, "the keeper of \(name) does not answer", mend: "apus stop \(name) --now"))
      }
    }
    let lost = sessions.values.filter { $0.state == .lost }.map(\.name).sorted()
    if !lost.isEmpty {
      findings.append(
        Finding(.note, "lost: \(lost.prefix(5).joined(separator: ", "))", mend: "apus recover"))
    }
    let interrupted = sessions.values.filter { $0.state == .ended && $0.interrupted }.map(\.name).sorted()
    if !interrupted.isEmpty {
      findings.append(
        Finding(
          .note, "ended in the middle of a turn: \(interrupted.prefix(5).joined(separator: ", "))",
          mend: "apus recover"))
    }
    findings.append(Finding(.fine, "\(sessions.count) sessions, \(live.count) live"))
    findings.append(await orphans())
    findings += await examinePlaces()
    findings += examineSessionsFiles()
    return findings
  }
}
