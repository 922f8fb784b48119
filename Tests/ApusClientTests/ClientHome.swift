import ApusClient
import ApusTesting
import CSystem
import Glibc

extension TestHome {
  /// The library, as a program in this home's shell would have it.
  func client() throws -> Apus { try Apus(environment: environment, programs: Checkout.programs) }

  /// How many connections this process has to this home's daemon.
  func connections() -> Int {
    guard let daemon = daemon() else { return 0 }
    return ownDescriptors().count { descriptor in
      // struct ucred: pid, user, group.
      var peer: [Int32] = [0, 0, 0]
      var size = socklen_t(12)
      return getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer[0] == daemon.pid
    }
  }

  /// However many tests this process does at a time, and whatever their numbers are.
  private func ownDescriptors() -> [Int32] {
    guard let directory = opendir("/proc/self/fd") else { return [] }
    defer { closedir(directory) }
    var found: [Int32] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if let number = Int32(name) { found.append(number) }
    }
    return found
  }

  /// Whether no connection is left, as soon as what was let go of is closed.
  func isQuiet() async -> Bool { await eventually { connections() == 0 } }
}

/// Threads of this process.
func threadCount() -> Int {
  let line = TestHome.text("/proc/self/status").split(separator: "\n").first { $0.hasPrefix("Threads:") }
  return line.flatMap { Int($0.dropFirst(8).filter(\.isNumber)) } ?? 0
}

/// What a body threw of ours; nil: nothing, or another's.
func refusal(_ body: () async throws -> Void) async -> ApusError? {
  do { try await body() } catch { return error as? ApusError }
  return nil
}
