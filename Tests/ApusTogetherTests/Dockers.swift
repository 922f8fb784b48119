import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// A `docker` of a test's own: it says when it begins and ends, and takes its time.
extension TestHome {
  var dockerLog: String { root + "/docker.log" }

  /// `seconds` is how long `docker compose up` takes.
  func makeDocker(seconds: Double) {
    mkdir(root + "/bin", 0o755)
    let script = """
      #!/bin/sh
      echo "begin $APUS_SESSION $*" >> '\(dockerLog)'
      perl -e 'select(undef, undef, undef, \(seconds))'
      echo "end $APUS_SESSION" >> '\(dockerLog)'
      """
    Self.write(script + "\n", to: root + "/bin/docker")
    chmod(root + "/bin/docker", 0o755)
  }

  /// For `extra:` of commands that make sessions.
  var withDocker: [String: String] {
    ["PATH": root + "/bin:" + Checkout.programs + ":/usr/local/bin:/usr/bin:/bin"]
  }

  /// `begin one`, `end one`, …
  var dockerSaid: [String] {
    Self.text(dockerLog).split(separator: "\n").map { $0.split(separator: " ").prefix(2).joined(separator: " ") }
  }

  /// What a session read and said.
  func transcript(_ name: String) async throws -> String {
    Self.text(try await verdict(name).path ?? "")
  }
}
