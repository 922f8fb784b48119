import ApusCore
import ApusLink
import ApusWire
import CSystem
import Glibc

/// An agent that leaves things behind: what its tools would start, without a tool.
extension TestHome {
  /// Writes a program that runs the script, then is the scripted agent, and after that waits to be killed; returns its
  /// path. Its children: whatever the script starts.
  package func agent(starting script: String) -> String {
    let path = root + "/leaving-agent"
    let text = """
      #!/bin/bash
      if [ "$1" = --version ]; then exec '\(Checkout.scriptedAgent)' "$@"; fi
      \(script)
      '\(Checkout.scriptedAgent)' "$@"
      exec sleep 1000
      """
    Disk.write(text, to: path, mode: 0o700)
    return path
  }

  package var places: Places { Places(home: apusHome, temporary: root + "/tmp", user: getuid()) }

  /// What the daemon answers to a request as it is.
  package func ask<Reply: Decodable>(_ verb: Verb, _ body: some Encodable, as _: Reply.Type = Reply.self) throws
    -> Reply
  {
    var link = try DaemonLink.open(places, environment: environment)
    return try JSONText.decode(Reply.self, from: try link.ask(verb, body) ?? [])
  }

  /// Kills by pid and start time; returns when they are gone.
  package func kill(_ marks: [ProcessMark]) -> Bool {
    for mark in marks { Processes.signal(mark, SIGKILL) }
    return marks.allSatisfy { ended($0.pid, start: $0.start) }
  }
}
