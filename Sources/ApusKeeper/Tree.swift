import ApusFrames
import CSystem
import Glibc

/// The processes that descend from this keeper: its agent, the agent's tools, and what those left behind (orphans
/// among them come to us: the keeper is their subreaper). Where control groups are ours to divide the run has one, and
/// whatever is in it belongs to the run as well.
///
/// A daemon or another keeper of ours that was started from inside the session also ends up below us. It says who it
/// is in its initial environment, is no part of the run, and is left alone with all that is below it.
struct Tree {
  /// Every group of a run is called so, and then after the run.
  static let groupPrefix = "apus-run-"

  let root: Int32
  private var group: [CChar]?

  init(root: Int32) { self.root = root }

  /// What the group of the run in that directory is called.
  static func groupName(directory: [UInt8]) -> String {
    let run = directory.split(separator: UInt8(ascii: "/")).suffix(2).map { String(decoding: $0, as: UTF8.self) }
    let place = directory.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    return groupPrefix + run.joined(separator: "-") + "-" + String(place, radix: 16)
  }

  /// Makes the run's group, where that can be done, and moves this process into it: what it starts is born there.
  /// `leaveGroup` takes it out again.
  mutating func enterGroup(directory: [UInt8]) {
    var made = [CChar](repeating: 0, count: 1100)
    guard apus_group_make(Self.groupName(directory: directory), &made, made.count) == 0 else { return }
    guard apus_group_enter(made) == 0 else {
      apus_group_remove(made)
      return
    }
    group = made
    // For who has to end the run in our stead.
    let place = made.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    _ = keepFile(RunFile.group, in: directory, bytes: Array(place), synced: false)
  }

  func leaveGroup() {
    if group != nil { apus_group_leave(Self.groupPrefix) }
  }

  /// Once the run is over. One of ours that was started inside it and is still there lives on in the group above.
  func removeGroup() {
    if let group { apus_group_remove(group) }
  }

  static func descendants(of root: Int32) -> [apus_process] { Tree(root: root).members() }

  /// Everyone who belongs to the run.
  func members() -> [apus_process] {
    var all = [apus_process](repeating: apus_process(), count: 4096)
    var count = Int(apus_process_list(&all, Int32(all.count)))
    if count > all.count {
      all = [apus_process](repeating: apus_process(), count: count + 1024)
      count = Int(apus_process_list(&all, Int32(all.count)))
    }
    all.removeLast(all.count - max(0, min(count, all.count)))
    let parents = Dictionary(all.map { ($0.pid, $0.parent) }, uniquingKeysWith: { $1 })
    let grouped = Set(groupMembers())
    var places: [Int32: Place] = [root: .run]
    func place(_ pid: Int32) -> Place {
      if let known = places[pid] { return known }
      guard let parent = parents[pid] else { return .outside }
      // A circle, should the list show one, ends here.
      places[pid] = .outside
      var found = place(parent)
      if found == .outside, grouped.contains(pid) { found = .run }
      if found == .run, apus_process_environment_has(pid, "APUS_ROLE=") == 1 { found = .stranger }
      places[pid] = found
      return found
    }
    return all.filter { $0.pid != root && place($0.pid) == .run }
  }

  /// Where a process stands: in the run, in something of ours that was started inside it, or neither.
  private enum Place { case run, stranger, outside }

  private func groupMembers() -> [Int32] {
    guard let group else { return [] }
    var pids = [Int32](repeating: 0, count: 4096)
    let count = Int(apus_group_members(group, &pids, Int32(pids.count)))
    return Array(pids.prefix(max(0, min(count, pids.count))))
  }

  /// Signals every living member. To kill, all are stopped first, so that none forks away meanwhile; a group is killed
  /// as a whole where nobody else is in it.
  func signal(_ signal: Int32) {
    let members = members().filter { $0.state != CChar(UInt8(ascii: "Z")) }
    if signal == SIGKILL {
      if let group, groupMembers().allSatisfy({ pid in members.contains { $0.pid == pid } }) { apus_group_kill(group) }
      for member in members { apus_process_signal(member.pid, member.start, SIGSTOP) }
    }
    for member in members { apus_process_signal(member.pid, member.start, signal) }
  }

  var isEmpty: Bool { members().allSatisfy { $0.state == CChar(UInt8(ascii: "Z")) } }
}
