import ApusCore
import ApusLink
import ApusLoop
import ApusWire
import CSystem
import Glibc

// Ports are leases in the store, held by a session until it is removed or archived. Several daemons of one user share a
// directory with a file per port: what one leased no other gives away. That nobody listens there is seen by binding.

extension Coordinator {
  private static let leasePrefix = "port:"

  private static func leaseName(port: Int) -> String { leasePrefix + String(port) }

  /// Leases a port for each of these variables, or none at all. The preferred one where it is free, else the next.
  func leasePorts(_ wanted: [String: Int], session: String) throws -> [String: Int] {
    if wanted.isEmpty { return [:] }
    let choice = Self.portChoice
    var taken = Set(try portLeases().map(\.port))
    var given: [String: Int] = [:]
    do {
      for (variable, preferred) in wanted.sorted(by: { ($0.value, $0.key) < ($1.value, $1.key) }) {
        let port = choice.candidates(preferred: preferred).first { port in
          !taken.contains(port) && PortRegistry.take(port, home: places.home, session: session)
        }
        guard let port else {
          throw Failure(
            .portsExhausted, "no port is free for \(variable)", hint: "`apus ports` says who has them")
        }
        taken.insert(port)
        given[variable] = port
        let decision = try store.decide(
          .take(holder: session, seconds: nil, deadHolder: nil), name: Self.leaseName(port: port), now: now)
        guard case .granted = decision else {
          throw Failure(.internalError, "port \(port) is leased already", hint: "`apus ports` says by whom")
        }
      }
      return given
    } catch {
      releasePorts(given, session: session)
      throw error
    }
  }

  /// Leases that very port, or says who has it.
  func lease(_ port: Int, for holder: String) throws {
    if let other = try portLeases().first(where: { $0.port == port })?.lease, other.holder != holder {
      let who = sessions[other.holder].map { "session \($0.name)" } ?? served(by: other.holder)
      throw Failure(
        .portTaken, "port \(port) is leased by \(who), for \(MomentText.age(now - other.since))",
        hint: "choose another; `apus ports` says who has which")
    }
    guard PortRegistry.mark(port, home: places.home, session: holder) else {
      throw Failure(
        .portTaken, "port \(port) is leased by another Apus of yours, with a home of its own",
        hint: "choose another; that one's `apus ports` says for whom")
    }
    _ = try store.decide(
      .take(holder: holder, seconds: nil, deadHolder: nil), name: Self.leaseName(port: port), now: now)
  }

  /// Of a lease that is no session's.
  func served(by holder: String) -> String {
    servers.all.first { $0.holder == holder }.map { "server \($0.name)" } ?? holder
  }

  func releasePorts(_ ports: [String: Int], session: String) {
    for port in ports.values {
      do {
        guard let lease = try portLeases().first(where: { $0.port == port })?.lease, lease.holder == session else {
          continue
        }
        _ = try store.decide(.release(token: lease.token), name: lease.name, now: now)
        PortRegistry.give(port, home: places.home)
      } catch { log.error("port \(port) of session \(session): \(error)") }
    }
  }

  func releaseAllPorts(of session: String) {
    let held = (try? portLeases().filter { $0.lease.holder == session }) ?? []
    releasePorts(Dictionary(held.map { ("\($0.port)", $0.port) }) { $1 }, session: session)
  }

  /// A session that was archived gave its ports back: it has the same again where they are free, else others.
  func ensurePorts(_ id: String) throws {
    guard let place = sessions[id]?.place, !place.ports.isEmpty else { return }
    let held = Set(try portLeases().filter { $0.lease.holder == id }.map(\.port))
    let missing = place.ports.filter { !held.contains($0.value) }
    if missing.isEmpty { return }
    let given = try leasePorts(missing, session: id)
    try update(id) { session in
      for (variable, port) in given {
        session.place?.ports[variable] = port
        session.place?.variables[variable] = String(port)
        session.spec.environment[variable] = String(port)
      }
    }
  }

  private func portLeases() throws -> [(port: Int, lease: Lease)] {
    try store.loadLeases(prefix: Self.leasePrefix).compactMap { lease in
      Int(lease.name.dropFirst(Self.leasePrefix.count)).map { ($0, lease) }
    }
  }

  /// At the start: what is leased here is so for all daemons, and what is not is not ours.
  func registerPorts() {
    let open = Set(((try? openUndertakings()) ?? []).map(\.session))
    for (port, lease) in (try? portLeases()) ?? [] {
      if let session = sessions[lease.holder], session.state != .archived {
        _ = PortRegistry.mark(port, home: places.home, session: lease.holder)
      } else if !open.contains(lease.holder) {
        // Leased for a session that never came to be.
        releasePorts(["": port], session: lease.holder)
      }
    }
    guard let held = try? portLeases() else { return }
    PortRegistry.sweep(home: places.home, keeping: Set(held.map(\.port)))
  }

  package func ports(_ request: PortsRequest) async throws -> [PortObject] {
    let held = try portLeases()
    let listening = await Offload.run { Self.listeners() }
    var objects: [PortObject] = []
    for (port, lease) in held where request.port == nil || request.port == port {
      var object = PortObject(port: port)
      let session = sessions[lease.holder]
      object.session = session?.name ?? served(by: lease.holder)
      object.variable = session?.place?.ports.first { $0.value == port }?.key
      object.since = MomentText.iso(lease.since)
      object.age = max(0, now - lease.since)
      objects.append(object)
    }
    if let port = request.port, objects.isEmpty { objects.append(PortObject(port: port)) }
    for index in objects.indices {
      guard let pid = listening[objects[index].port] else { continue }
      objects[index].pid = Int(pid)
      var command = [CChar](repeating: 0, count: 160)
      let length = apus_process_command(pid, &command, command.count)
      objects[index].program = SessionName.printable(
        String(decoding: command.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self))
      // Whoever listens may be a session's without the port being leased to it.
      if objects[index].session == nil { objects[index].session = await owner(of: pid) }
    }
    if let port = request.port, objects[0].pid == nil, objects[0].session == nil, apus_port_is_free(Int32(port)) == 0 {
      objects[0].program = "a process of another user"
    }
    return objects.sorted { $0.port < $1.port }
  }

  /// The session whose run that process belongs to.
  private func owner(of pid: Int32) async -> String? {
    let places = self.places
    let tree = await Offload.run { ProcessTree(of: places) }
    let run = tree?.runs.first { $0.value.contains { $0.mark.pid == pid } }?.key
    return run.flatMap { sessions[$0.session]?.name }
  }

  private nonisolated static func listeners() -> [Int: Int32] {
    var all = [apus_process](repeating: apus_process(), count: 32_768)
    let count = Int(apus_process_list(&all, Int32(all.count)))
    let pids = all.prefix(max(0, min(count, all.count))).map(\.pid)
    var found = [apus_listener](repeating: apus_listener(), count: 4_096)
    let listening = Int(apus_listening(pids, Int32(pids.count), &found, Int32(found.count)))
    var owners: [Int: Int32] = [:]
    for one in found.prefix(max(0, min(listening, found.count))) {
      owners[Int(one.port)] = min(owners[Int(one.port)] ?? .max, one.pid)
    }
    return owners
  }

  /// What this machine's kernel keeps for itself.
  private static var portChoice: PortChoice {
    var choice = PortChoice()
    func text(_ name: String) -> String {
      Files.load("/proc/sys/net/ipv4/" + name).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
    let range = text("ip_local_port_range").split { $0 == "\t" || $0 == " " || $0 == "\n" }.compactMap { Int($0) }
    if range.count == 2, range[0] <= range[1] { choice.ephemeral = range[0]...range[1] }
    for part in text("ip_local_reserved_ports").split(whereSeparator: { $0 == "," || $0 == "\n" }) {
      let ends = part.split(separator: "-").compactMap { Int($0) }
      if let first = ends.first, let last = ends.last, first <= last, last - first < 65_536 {
        choice.reserved.formUnion(first...last)
      }
    }
    return choice
  }
}

/// Files that say which daemon's home leased a port: one directory for all of a user's daemons on this machine.
enum PortRegistry {
  private static var directory: String { "/tmp/apus-ports-\(getuid())" }

  /// Whether the port is free, and now marked as that session's.
  static func take(_ port: Int, home: String, session: String) -> Bool {
    guard mark(port, home: home, session: session) else { return false }
    if apus_port_is_free(Int32(port)) == 1 { return true }
    give(port, home: home)
    return false
  }

  /// Whether the mark is ours.
  static func mark(_ port: Int, home: String, session: String) -> Bool {
    // Where the directory is somebody else's, or cannot be made, the store alone decides.
    guard prepare() else { return true }
    let path = "\(directory)/\(port)"
    for _ in 0..<3 {
      let draft = "\(directory)/.\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
      guard Files.make(draft, bytes: Array("\(home)\n\(session)\n".utf8)) == 0 else { return true }
      let isOurs = link(draft, path) == 0
      unlink(draft)
      if isOurs { return true }
      guard let owner = owner(path) else { continue }
      if owner.home == home { return owner.session == session || replace(path, home, session) }
      // A home that is gone leases nothing.
      if Files.isThere(owner.home) { return false }
      guard dropStale(path) else { return false }
    }
    return false
  }

  /// Under a lock: the mark that is dropped is the one of the home that is gone, not one that was put there since.
  private static func dropStale(_ path: String) -> Bool {
    let lock = apus_open(directory + "/.lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0o600)
    defer { if lock >= 0 { close(lock) } }
    var tries = 0
    while lock >= 0, apus_lock_file(lock) != 0, tries < 20 {
      poll(nil, 0, 1)
      tries += 1
    }
    guard lock >= 0, tries < 20 else { return false }
    guard let owner = owner(path) else { return true }
    return !Files.isThere(owner.home) && unlink(path) == 0
  }

  static func give(_ port: Int, home: String) {
    let path = "\(directory)/\(port)"
    if owner(path)?.home == home { unlink(path) }
  }

  /// Takes away the marks of this home for ports it does not lease, and those of homes that are gone.
  static func sweep(home: String, keeping: Set<Int>) {
    for name in Files.names(directory) where name != "." && name != ".." && name != ".lock" {
      let path = directory + "/" + name
      if let port = Int(name) {
        if !keeping.contains(port) { give(port, home: home) }
        if let owner = owner(path), !Files.isThere(owner.home) { _ = dropStale(path) }
      } else if isOld(path) {
        // A draft of a daemon that was killed as it wrote it.
        unlink(path)
      }
    }
  }

  private static func isOld(_ path: String) -> Bool {
    var facts = stat()
    return lstat(path, &facts) == 0 && time(nil) - facts.st_mtim.tv_sec > 60
  }

  private static func replace(_ path: String, _ home: String, _ session: String) -> Bool {
    unlink(path)
    return Files.make(path, bytes: Array("\(home)\n\(session)\n".utf8)) == 0
  }

  private static func owner(_ path: String) -> (home: String, session: String)? {
    guard let bytes = Files.load(path) else { return nil }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    return lines.count == 2 ? (lines[0], lines[1]) : ("", "")
  }

  private static func prepare() -> Bool {
    guard mkdir(directory, 0o700) == 0 || errno == EEXIST else { return false }
    var facts = stat()
    return lstat(directory, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR && facts.st_uid == getuid()
  }
}
