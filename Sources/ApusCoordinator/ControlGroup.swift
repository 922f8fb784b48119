import ApusCore
import ApusFrames
import ApusLink
import CSystem

/// The control group a run's keeper made, for when that keeper is gone: whoever is in it belongs to the run, also a
/// process that threw its environment away.
enum ControlGroup {
  /// Every group of a run is called so.
  private static let prefix = "apus-run-"

  /// The group of the run in that directory; nil where it had none.
  private static func path(of directory: String) -> String? {
    guard let bytes = Files.load(directory + "/" + RunFile.group) else { return nil }
    let path = String(decoding: bytes, as: UTF8.self)
    guard path.split(separator: "/").last?.hasPrefix(prefix) == true else { return nil }
    return path
  }

  /// Who is in it, less what of ours was started inside the run.
  static func members(of directory: String) -> [ProcessMark] {
    guard let path = path(of: directory) else { return [] }
    var pids = [Int32](repeating: 0, count: 4096)
    let count = Int(apus_group_members(path, &pids, Int32(pids.count)))
    return pids.prefix(max(0, min(count, pids.count)))
      .filter { apus_process_environment_has($0, "APUS_ROLE=") != 1 }.compactMap { Processes.mark(of: $0) }
  }

  /// Once nobody is left in it.
  static func remove(of directory: String) { path(of: directory).map { _ = apus_group_remove($0) } }
}
