import Glibc

/// What a process takes of the machine.
package struct Weight: Sendable {
  /// The memory it has to itself and did not read from a file, in KB: what grows where something is kept too long.
  /// (Its share of all memory also grows when others that have the same programs open go away.)
  package var memory: Int
  package var descriptors: Int
  package var threads: Int

  /// Nil when the process is gone.
  package init?(of pid: Int32) {
    let rollup = String(decoding: Disk.bytes("/proc/\(pid)/smaps_rollup"), as: UTF8.self)
    guard let line = rollup.split(separator: "\n").first(where: { $0.hasPrefix("Anonymous:") }),
      let kilobytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return nil }
    memory = kilobytes
    descriptors = Self.count("/proc/\(pid)/fd")
    threads = Self.count("/proc/\(pid)/task")
  }

  private static func count(_ directory: String) -> Int {
    guard let open = opendir(directory) else { return 0 }
    defer { closedir(open) }
    var count = -2
    while readdir(open) != nil { count += 1 }
    return count
  }
}
