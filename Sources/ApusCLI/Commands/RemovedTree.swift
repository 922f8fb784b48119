#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Removes a directory this process made itself.
enum RemovedTree {
  static func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }
}
