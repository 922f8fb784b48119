import ApusCore
import ApusLink
import ApusLoop
import Glibc

/// The daemon's settings, read again whenever the person's file changed. A file that cannot be read changes nothing.
@LoopActor
final class SettingsSource {
  private struct Stamp: Equatable {
    var inode: UInt64 = 0
    var size = 0
    var seconds = 0
    var nanoseconds = 0
  }

  private let environment: [String: String]
  private let path: String?
  private let log: Log
  private var known: Stamp
  private var settings: Settings
  private var limitsInForce: Limits

  init(_ settings: Settings, environment: [String: String], log: Log) throws {
    self.settings = settings
    self.environment = environment
    self.log = log
    limitsInForce = try Limits(settings)
    path = Configuration.personPath(environment)
    known = Self.stamp(path)
  }

  var current: Settings {
    refresh()
    return settings
  }

  var limits: Limits {
    refresh()
    return limitsInForce
  }

  private func refresh() {
    let stamp = Self.stamp(path)
    guard stamp != known else { return }
    known = stamp
    do {
      let fresh = try Configuration.load(environment: environment, directory: nil)
      limitsInForce = try Limits(fresh)
      settings = fresh
      log.info("settings read again from \(path ?? "")")
    } catch { log.error("settings stay as they were: \(error.summary)") }
  }

  private static func stamp(_ path: String?) -> Stamp {
    var facts = stat()
    guard let path, stat(path, &facts) == 0 else { return Stamp() }
    return Stamp(
      inode: UInt64(facts.st_ino), size: Int(facts.st_size), seconds: facts.st_mtim.tv_sec,
      nanoseconds: facts.st_mtim.tv_nsec)
  }
}
