import ApusCore
import Glibc

/// A home that belongs to another user id, with programs that one may run: for what root is never refused.
package struct OtherUser: Sendable {
  package static var isPossible: Bool { geteuid() == 0 }
  /// Nobody's id on any machine of ours.
  package static let id: uid_t = 62_345

  private let home: TestHome
  private let programs: String
  private let environment: [String: String]

  /// Hands the home's directories over. What runs in it must be ended by `end` before the home's own test is over.
  package init(_ home: TestHome) async throws {
    self.home = home
    programs = home.root + "/programs"
    mkdir(programs, 0o755)
    chmod(home.root, 0o711)
    chmod(programs, 0o755)
    var sources = ["apus", "apusd", "apus-keeper"].map { Checkout.programs + "/" + $0 }
    sources.append(Checkout.claude)
    for source in sources {
      let target = programs + "/" + (source.split(separator: "/").last ?? "")
      if link(source, target) == 0 { continue }
      let copied = await Program.run(["/bin/cp", source, target], environment: [:], directory: "/")
      guard copied.status == 0 else { throw Failure(.internalError, copied.errors) }
    }
    for part in [home.root, home.person, home.work, home.root + "/tmp"] { chown(part, Self.id, Self.id) }
    environment = home.environment.merging([
      "PATH": programs + ":/usr/local/bin:/usr/bin:/bin", "APUS_CLAUDE": programs + "/claude",
    ]) { $1 }
  }

  /// Runs a program as that user.
  package func run(_ arguments: [String], extra: [String: String] = [:]) async -> Outcome {
    let become = [
      "/usr/bin/setpriv", "--reuid=\(Self.id)", "--regid=\(Self.id)", "--clear-groups", "--inh-caps=-all", "--",
    ]
    return await Program.run(
      become + arguments, environment: environment.merging(extra) { $1 }, directory: home.work)
  }

  package func apus(_ arguments: String..., extra: [String: String] = [:]) async -> Outcome {
    await run([programs + "/apus"] + arguments, extra: extra)
  }

  package func end() async { _ = await apus("down", "--end") }
}
