import ApusCore
import ApusTestKit
import Testing

/// Old-style sessions that read the file, think, and write a whole file made of what they read, and us between them.
@Suite("sessions.md: many writers") struct SessionsFileStoryTests {
  private struct World {
    var random: Seeded
    var now = SessionsFileTests.ten
    var rows: [String: SessionsFile.Row] = [:]
    var locks: [String: SessionsFile.Hold] = [:]
    var versions = [SessionsFile.template]
    var copies: [String: SessionsFile] = [:]
    var (written, staleWrites, refused) = (0, 0, 0)

    static let ours = "c0de"
    static let foreign = ["0a0a", "0b0b", "0c0c", "0d0d"]
    static let names = ["deploy", "docker", "db"]

    var file: SessionsFile { versions[versions.count - 1] }

    init(_ seed: UInt64) { random = Seeded(seed) }

    mutating func write(over theirs: SessionsFile) throws {
      let order = ([Self.ours] + Self.foreign).compactMap { rows[$0] }
      let new = SessionsFile.build(previous: theirs, locks: locks.map { .init($0, $1) }, rows: order)
      let text = new.render()
      if text != file.render() { versions.append(try SessionsFile.parse(text)) }
    }

    mutating func weAct() throws {
      rows[Self.ours] = .init(Self.ours, started: SessionsFileTests.ten, lastActive: now)
      let name = random.pick(Self.names)
      if locks[name]?.holder == Self.ours {
        locks[name] = random.chance(50) ? nil : .init(Self.ours, since: now, lastUpdated: now)
      } else if locks[name] == nil, random.chance(50) {
        locks[name] = .init(Self.ours, since: now, lastUpdated: now)
      }
      try write(over: file)
    }

    /// What `id` makes of its copy by the protocol; nil when it has nothing to say.
    mutating func edit(_ id: String, _ copy: SessionsFile) -> (text: SessionsFile, left: Bool, claimed: String?)? {
      var rows = copy.rows
      var locks = copy.locks.compactMap { lock in lock.hold.map { (lock.name, $0) } }
      let isHere = rows.contains { $0.id == id }
      if isHere, random.chance(15) {
        rows.removeAll { $0.id == id }
        locks.removeAll { $0.1.holder == id }
        let left = SessionsFile.build(previous: copy, locks: locks.map { .init($0.0, $0.1) }, rows: rows)
        return (left, true, nil)
      }
      let row = SessionsFile.Row(id, started: now, lastActive: now, editing: random.chance(50) ? ["\(id).py"] : [])
      if let n = rows.firstIndex(where: { $0.id == id }) { rows[n] = row } else { rows.append(row) }
      let name = random.pick(Self.names)
      let merge = SessionsFileMerge(base: copy, ours: .init(), now: now)
      var claimed: String?
      if let n = locks.firstIndex(where: { $0.0 == name && $0.1.holder == id }) {
        if random.chance(50) { locks.remove(at: n) } else { locks[n].1.lastUpdated = now }
      } else if locks.allSatisfy({ $0.0 != name || merge.isStale($0.1) }), random.chance(60) {
        locks.removeAll { $0.0 == name }
        locks.append((name, .init(id, note: "of \(id)", since: now, lastUpdated: now)))
        claimed = name
      }
      return (.build(previous: copy, locks: locks.map { .init($0.0, $0.1) }, rows: rows), false, claimed)
    }

    mutating func theyAct(_ id: String) throws {
      let copy = copies[id] ?? file
      guard let (text, left, claimed) = edit(id, copy) else { return }
      (written, staleWrites) = (written + 1, staleWrites + (copy == file ? 0 : 1))
      let theirs = try SessionsFile.parse(text.render())
      let mine = locks.filter { $0.value.holder == Self.ours }.mapValues(\.holder)
      let ours = SessionsFileMerge.Ours(sessions: [Self.ours], locks: mine)
      let merge = SessionsFileMerge(base: file, earlier: versions.dropLast(), ours: ours, now: now)
      let (oldRows, oldLocks) = (rows, locks)
      for change in merge.changes(in: theirs) { take(change) }

      // Whoever writes changes what is its own, and what is nobody's any more.
      for (other, row) in oldRows where other != id {
        #expect(rows[other] == row || rows[other] == nil && merge.isInactive(row), "\(id) changed the row of \(other)")
      }
      for (name, hold) in oldLocks where hold.holder != id {
        let isFree = hold.holder != Self.ours && merge.isStale(hold)
        #expect(locks[name] == hold || isFree, "\(id) changed the lock of \(hold.holder)")
      }
      // And all of that is heard.
      #expect(left ? rows[id] == nil : rows[id]?.lastActive == now, "\(id) was not heard")
      if let claimed, oldLocks[claimed].map({ $0.holder != Self.ours && merge.isStale($0) }) ?? true {
        #expect(locks[claimed]?.holder == id)
      }
      for name in Self.names where oldLocks[name]?.holder == id && copy.hold(of: name)?.holder == id {
        #expect(locks[name]?.lastUpdated == theirs.hold(of: name)?.lastUpdated)
      }
      try write(over: theirs)
      copies[id] = nil
    }

    mutating func take(_ change: ForeignChange) {
      switch change {
      case .registered(let id, let started, let lastActive):
        rows[id] = .init(id, started: started, lastActive: lastActive)
      case .touched(let id, let lastActive): rows[id]?.lastActive = lastActive
      case .editing(let id, let paths): rows[id]?.editing = paths
      case .left(let id): rows[id] = nil
      case .lockTaken(let lock, let by, let note, let since, let lastUpdated):
        locks[lock] = .init(by, note: note, since: since, lastUpdated: lastUpdated)
      case .lockRenewed(let lock, let by, let lastUpdated, let note):
        #expect(locks[lock]?.holder == by)
        locks[lock]?.lastUpdated = lastUpdated
        locks[lock]?.note = note
      case .lockReleased(let lock): locks[lock] = nil
      case .refused, .putBack: refused += 1
      case .rowPutBack: break
      }
    }
  }

  @Test(arguments: 0..<20) func `writers of old copies change only what is theirs, and are heard`(seed: Int) throws {
    var world = World(UInt64(seed) &* 977 &+ 1)
    for _ in 0..<250 {
      world.now += Double(1 + world.random.below(world.random.chance(5) ? 900 : 40))
      if world.versions.count > 60 { world.versions.removeFirst(20) }
      // Nobody writes what it read before the oldest version we know.
      let known = world.versions
      world.copies = world.copies.filter { known.contains($0.value) }
      let id = world.random.pick(World.foreign)
      switch world.random.below(4) {
      case 0: try world.weAct()
      case 1: world.copies[id] = world.file
      default: try world.theyAct(id)
      }
    }
    #expect(world.written > 80 && world.staleWrites > 15)
  }
}
