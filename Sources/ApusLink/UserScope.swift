import CSystem
import Glibc

/// Where systemd keeps a person's processes, the end of a login may end all that was started in it, whatever session or
/// parent it gave itself. A scope of the person's own service manager belongs to no login.
package enum UserScope {
  package enum Place: Equatable, Sendable {
    /// No systemd here: leaving the login's session and process group is enough.
    case none
    /// There is one, but the person has no service manager in it: a logout may end keepers.
    case unreachable
    case reachable(runtime: String)
  }

  private static let program = "/usr/bin/systemd-run"

  /// What there is on this machine. `root` is the root of the file system.
  package static func find(_ environment: [String: String], root: String = "") -> Place {
    guard isThere(root + "/run/systemd/system") else { return .none }
    let runtime = environment["XDG_RUNTIME_DIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/run/user/\(getuid())"
    guard isThere(root + runtime + "/systemd/private"), isThere(root + program) else { return .unreachable }
    return .reachable(runtime: runtime)
  }

  /// The command that starts `command` in a scope of its own, which we may divide further.
  package static func command(_ command: [String], unit: String) -> [String] {
    [program, "--user", "--scope", "--quiet", "--collect", "--property=Delegate=yes", "--unit=\(unit)", "--"] + command
  }

  /// Whether the person's service manager stays when the last login ends.
  package static func lingers(user: String, root: String = "") -> Bool {
    isThere(root + "/var/lib/systemd/linger/" + user)
  }

  private static func isThere(_ path: String) -> Bool { access(path, F_OK) == 0 }
}
