import ApusCore
import ApusLink
import ApusWire
import CSystem
import Glibc

/// What `apus doctor` says of how runs are kept: by which means all of a run's processes are found, and what the end of a
/// login does to them.
enum CustodyFindings {
  static func all(_ environment: [String: String]) -> [Finding] { [custody(), logout(environment)] }

  private static func custody() -> Finding {
    var path = [CChar](repeating: 0, count: 1100)
    guard apus_group_make("apus-probe-\(getpid())", &path, path.count) == 0 else {
      return Finding(
        .fine, "custody: a walk of /proc, with the keeper as subreaper (no control group is ours to divide)")
    }
    apus_group_remove(path)
    return Finding(.fine, "custody: a control group for each run, and a walk of /proc")
  }

  private static func logout(_ environment: [String: String]) -> Finding {
    switch UserScope.find(environment) {
    case .none:
      return Finding(.fine, "logout: keepers are out of the login's session and process group (no systemd here)")
    case .unreachable:
      return Finding(
        .note,
        "logout: systemd runs, but not your service manager: where KillUserProcesses is set, a logout ends sessions",
        mend: "loginctl enable-linger")
    case .reachable:
      let user = environment["USER"] ?? String(getuid())
      guard UserScope.lingers(user: user) else {
        return Finding(
          .note, "logout: each keeper has a scope of your service manager, which ends with your last login",
          mend: "loginctl enable-linger")
      }
      return Finding(.fine, "logout: each keeper has a scope of your service manager, which lingers")
    }
  }
}
