import ApusCore
import ApusLink
import ApusWire
import CSystem
import Glibc

/// What `apus doctor` finds out about the machine: head-room of memory, CPU, watches and ports, and who else watches.
enum Machine {
  /// What one agent takes, measured on Claude Code 2.1.329 (real-cli §9), in KB.
  private static let agentKilobytes = 200 << 10

  static func findings(directory: String) -> [Finding] {
    [memory(), processor(), watches(), ports(), descriptors()].compactMap(\.self) + watchers(directory)
  }

  /// In KB.
  static func memoryAvailable() -> Int? {
    let line = text("/proc/meminfo")?.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
    return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
  }

  private static func memory() -> Finding? {
    guard let available = memoryAvailable() else { return nil }
    let room = available / agentKilobytes
    let what = "\(available >> 10) MB of memory are available: room for about \(room) more agents"
    return room < 2 ? Finding(.problem, what, mend: "apus stop NAME") : Finding(.fine, what)
  }

  private static func processor() -> Finding? {
    guard let load = text("/proc/loadavg")?.split(separator: " ").first.flatMap({ Double($0) }) else { return nil }
    let cores = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let what = "load \(load) on \(cores) cores"
    return load > Double(cores) * 4 ? Finding(.note, what + ": agents will start slowly") : Finding(.fine, what)
  }

  private static func watches() -> Finding? {
    guard let instances = number("/proc/sys/fs/inotify/max_user_instances"),
      let watches = number("/proc/sys/fs/inotify/max_user_watches")
    else { return nil }
    var pids = [Int32](repeating: 0, count: 1)
    let used = Int(apus_watchers_below("/", &pids, 1))
    let what = "inotify: \(used) processes watch, \(instances) instances and \(watches) watches allowed"
    if used * 10 > instances * 9 {
      return Finding(.problem, what, mend: "sudo sysctl fs.inotify.max_user_instances=\(instances * 4)")
    }
    return watches < 65536
      ? Finding(.note, what, mend: "sudo sysctl fs.inotify.max_user_watches=524288") : Finding(.fine, what)
  }

  private static func ports() -> Finding? {
    guard
      let range = text("/proc/sys/net/ipv4/ip_local_port_range")?.split(whereSeparator: {
        $0 == "\t" || $0 == " " || $0 == "\n"
      })
      .compactMap({ Int($0) }), range.count == 2
    else { return nil }
    var used = 0
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
      used += max(0, (text(table) ?? "").split(separator: "\n").count - 1)
    }
    let room = range[1] - range[0]
    let what = "ports: \(used) sockets, \(room) ephemeral ports"
    return used * 10 > room * 8 ? Finding(.problem, what, mend: "find who holds them: ss -tnp") : Finding(.fine, what)
  }

  private static func descriptors() -> Finding? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
    let what = "\(limit.rlim_cur) descriptors allowed per process"
    return limit.rlim_cur < 512 ? Finding(.problem, what, mend: "ulimit -n 4096") : Finding(.fine, what)
  }

  /// Other programs that react to changes in this tree: a reloader among them disturbs agents.
  private static func watchers(_ directory: String) -> [Finding] {
    var pids = [Int32](repeating: 0, count: 64)
    let count = Int(apus_watchers_below(directory, &pids, 64))
    return pids.prefix(max(0, min(count, 64))).filter { $0 != getpid() }.map { pid in
      let name = text("/proc/\(pid)/comm")?.filter { $0 != "\n" } ?? "?"
      return Finding(.note, "\(name) (pid \(pid)) watches files from this directory")
    }
  }

  /// The first line a program prints; nil when it fails or prints nothing.
  static func firstLine(_ arguments: [String], _ environment: [String: String]) -> String? {
    guard let child = ChildProgram.start(arguments, environment: environment, directory: "/", pipes: .output) else {
      return nil
    }
    defer { close(child.output) }
    var line: [UInt8] = []
    var byte: UInt8 = 0
    var ready = pollfd(fd: child.output, events: Int16(POLLIN), revents: 0)
    while line.count < 200, poll(&ready, 1, 10_000) == 1, read(child.output, &byte, 1) == 1, byte != 10 {
      line.append(byte)
    }
    kill(child.pid, SIGKILL)
    var status: Int32 = 0
    while waitpid(child.pid, &status, 0) < 0, errno == EINTR {}
    return line.isEmpty ? nil : String(decoding: line, as: UTF8.self)
  }

  private static func number(_ path: String) -> Int? { text(path).flatMap { Int($0.filter(\.isNumber)) } }

  private static func text(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 14)
    while case let got = read(descriptor, &chunk, chunk.count), got > 0 { bytes += chunk[..<got] }
    return String(decoding: bytes, as: UTF8.self)
  }
}
