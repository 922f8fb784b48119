/// Which ports may be given to a session, and in which order they are tried.
package struct PortChoice: Sendable {
  /// First and last of the ports the kernel gives to outgoing connections.
  package var ephemeral: ClosedRange<Int>
  /// Reserved by the machine's administrator.
  package var reserved: Set<Int>

  package init(ephemeral: ClosedRange<Int> = 32768...60999, reserved: Set<Int> = []) {
    self.ephemeral = ephemeral
    self.reserved = reserved
  }

  /// Ports browsers refuse to open (the Fetch standard, "port blocking"), as far as they are above 1023.
  private static let unsafe: Set<Int> = [
    1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
  ]

  package func isAllowed(_ port: Int) -> Bool {
    port >= 1024 && port <= 65535 && !ephemeral.contains(port) && !reserved.contains(port)
      && !Self.unsafe.contains(port)
  }

  /// The preferred port, then those after it, then those from 1024 on: each once.
  package func candidates(preferred: Int) -> some Sequence<Int> {
    let first = min(max(preferred, 1024), 65535)
    return [first...65535, 1024...max(1024, first - 1)].lazy.joined().lazy.filter { isAllowed($0) }
  }
}
