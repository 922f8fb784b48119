import ApusTestKit
import CSystem
import Glibc

/// A terminal of the test's own, nobody's controlling one: what a person would sit at.
final class OwnPseudoTerminal {
  /// Where the person would sit.
  let master: Int32
  /// Where programs would be.
  let slave: Int32
  let device: String

  init() throws {
    master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
    // TIOCSPTLCK and TIOCGPTN, which Swift does not see.
    var locked: Int32 = 0
    var number: Int32 = 0
    guard master >= 0, ioctl(master, 0x4004_5431, &locked) == 0, ioctl(master, 0x8004_5430, &number) == 0 else {
      throw TestFailure("no pseudo-terminal: errno \(errno)")
    }
    device = "/dev/pts/\(number)"
    slave = open(device, O_RDWR | O_NOCTTY)
    guard slave >= 0 else { throw TestFailure("\(device): errno \(errno)") }
    for descriptor in [master, slave] { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    _ = fcntl(master, F_SETFL, O_NONBLOCK)
  }

  deinit {
    close(slave)
    close(master)
  }

  /// The bytes of its `struct termios`.
  var settings: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = apus_tty_settings(slave, &bytes, bytes.count)
    return Array(bytes.prefix(Int(max(0, count))))
  }

  var modes: termios {
    get {
      var found = termios()
      tcgetattr(slave, &found)
      return found
    }
    set {
      var wanted = newValue
      tcsetattr(slave, TCSANOW, &wanted)
    }
  }

  func makeRaw() { apus_tty_raw(slave) }

  /// What was written to it, as soon as there is something; nil after the time.
  func next(seconds: Double) -> [UInt8]? {
    guard Wait.readable(master, seconds: seconds) else { return nil }
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    let got = Glibc.read(master, &chunk, chunk.count)
    return got > 0 ? Array(chunk[..<got]) : nil
  }

  /// Writes to it until it takes no more, and holds it as Ctrl-S does.
  func fill() {
    _ = fcntl(slave, F_SETFL, O_NONBLOCK)
    let bytes = [UInt8](repeating: UInt8(ascii: "x"), count: 4096)
    while write(slave, bytes, bytes.count) > 0 {}
    tcflow(slave, TCOOFF)
  }
}
