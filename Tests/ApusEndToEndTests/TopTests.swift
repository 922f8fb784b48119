import ApusCore
import ApusTesting
import Testing

/// `apus top` on a terminal of its own.
@Suite struct TopTests {
  /// Draws on a terminal, changes its size, leaves; prints what was found out. Argument: `q`, or the signal it gets.
  private static let person = """
    import fcntl, json, os, pty, re, select, signal, struct, sys, termios
    way = sys.argv[1]
    master, slave = pty.openpty()
    def size(rows, columns):
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    size(24, 100)
    before = termios.tcgetattr(slave)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for number in range(3):
            os.dup2(slave, number)
        os.execvp("apus", ["apus", "top"])
    seen = b""
    def until(count, mark=b"\\x1b[J"):
        global seen
        while seen.count(mark) < count and select.select([master], [], [], 20)[0]:
            seen += os.read(master, 65536)
        return seen.count(mark) >= count
    drawn = until(1)
    raw = termios.tcgetattr(slave)[3]
    again = until(2)
    first, seen = seen, b""
    size(6, 60)
    resized = until(1)
    last = seen
    if way == "q":
        os.write(master, b"q")
    elif way == "ctrl-c":
        os.write(master, b"\\x03")
    else:
        os.kill(pid, int(way))
    left = until(1, b"\\x1b[?1049l")
    status = os.waitpid(pid, 0)[1]
    text = re.sub(rb"\\x1b\\[[0-9;?]*[a-zA-Z]", b"", last).decode()
    print(json.dumps({
        "drawn": drawn, "again": again, "resized": resized, "left": left,
        "raw": not raw & (termios.ECHO | termios.ICANON), "restored": termios.tcgetattr(slave) == before,
        "entered": first.startswith(b"\\x1b[?1049h"), "totals": b"sessions live" in first,
        "lines": [line.rstrip() for line in text.split("\\n")],
        "status": os.waitstatus_to_exitcode(status)}))
    """

  @Test(arguments: [("q", 0), ("ctrl-c", 0), ("15", -15), ("1", -1)])
  func `top draws again and again, follows the terminal's size, and gives the terminal back`(way: String, status: Int)
    async throws
  {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      for number in 0..<5 { _ = try await home.session("new", "session-\(number)") }
      let outcome = await Program.run(
        ["/usr/bin/python3", "-c", Self.person, way], environment: home.environment, directory: home.work)
      let told = try JSONText.decode(JSON.self, from: Array(outcome.output.utf8))
      for word in ["drawn", "again", "resized", "left", "raw", "restored", "entered", "totals"] {
        #expect(told[word]?.bool == true, "\(word): \(outcome.output) \(outcome.errors)")
      }
      #expect(told["status"]?.integer == Int64(status))
      let lines = (told["lines"]?.array ?? []).compactMap(\.string)
      #expect(lines.count <= 6 && lines.last == "  … 2 more", "\(lines)")
      for line in lines { #expect(line.count <= 60, "\(line)") }
    }
  }
}
