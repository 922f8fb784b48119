import ApusCore
import ApusFrames
import ApusLink
import ApusWire
import CSystem
import Glibc

/// Finds the run somebody wants to attach to: by the daemon, and where none can be had, by the runs' own files. Agents go
/// on without a daemon, and people must get at them.
enum RunFinder {
  /// A daemon that hangs is as good as none.
  private static let patienceMilliseconds: Int64 = 3_000

  static func find(_ name: String, _ context: Context) throws(Failure) -> RunPlace {
    do throws(Failure) {
      return try context.ask(.locate, SessionRequest(session: name), within: patienceMilliseconds)
    } catch {
      switch error.code {
      case .daemonUnreachable, .daemonVersion, .diskFull, .storeFailed:
        guard let found = fromFiles(name, try context.places) else { throw error }
        context.output.note("note: no daemon answers (\(error.summary)); attaching all the same")
        return found
      default: throw error
      }
    }
  }

  /// The latest run of the session of that name or id somebody still keeps.
  private static func fromFiles(_ name: String, _ places: Places) -> RunPlace? {
    for id in names(in: places.runs) {
      let numbers = names(in: places.runs + "/" + id).compactMap { Int($0) }
      guard let run = numbers.max() else { continue }
      let directory = places.runDirectory(session: id, run: run)
      guard let order = load(directory + "/" + RunFile.launch).flatMap({ try? LaunchOrder($0) }) else { continue }
      let own = order.environment.lazy.map { String(decoding: $0, as: UTF8.self) }
        .first { $0.hasPrefix("APUS_SESSION=") }.map { String($0.dropFirst(13)) }
      guard own == name || id == name.lowercased() else { continue }
      return RunPlace(
        id: id, name: own ?? id, run: run, directory: directory, socket: String(decoding: order.socket, as: UTF8.self),
        terminal: order.terminal != nil, isLive: true, isNew: false)
    }
    return nil
  }

  private static func names(in directory: String) -> [String] {
    guard let open = opendir(directory) else { return [] }
    defer { closedir(open) }
    var names: [String] = []
    while let entry = readdir(open) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names
  }

  private static func load(_ path: String) -> [UInt8]? {
    let descriptor = apus_open(path, O_RDONLY, 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 14)
    while case let got = apus_read_to(descriptor, &chunk, chunk.count, 0), got > 0 { bytes += chunk[..<got] }
    return bytes
  }
}
