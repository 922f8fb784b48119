import Glibc

/// Control groups of this machine, as they lie in the file system.
enum Groups {
  /// Where the second version is mounted; nil where it is not.
  static let mount: String? = {
    guard let mounts = Kept.load("/proc/self/mounts") else { return nil }
    for line in String(decoding: mounts, as: UTF8.self).split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count > 2, words[2] == "cgroup2" { return String(words[1]) }
    }
    return nil
  }()

  /// The directory of the group that process is in.
  static func find(of pid: Int32) -> String? {
    guard let mount, let groups = Kept.load("/proc/\(pid)/cgroup") else { return nil }
    for line in String(decoding: groups, as: UTF8.self).split(separator: "\n") where line.hasPrefix("0::") {
      let below = line.dropFirst(3)
      return mount + (below == "/" ? "" : below)
    }
    return nil
  }

  static func members(_ group: String) -> [Int32] {
    String(decoding: Kept.load(group + "/cgroup.procs") ?? [], as: UTF8.self).split(separator: "\n").compactMap {
      Int32($0)
    }
  }

  /// Whether a keeper can have one here: said by trying.
  static let areOurs: Bool = {
    guard mount != nil, let own = find(of: getpid()) else { return false }
    let trial = own + "/apus-trial-\(getpid())"
    guard mkdir(trial, 0o755) == 0 else { return false }
    defer { rmdir(trial) }
    return access(trial + "/cgroup.kill", W_OK) == 0 && access(own + "/cgroup.procs", W_OK) == 0
  }()
}
