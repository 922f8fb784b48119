import ApusCore
import CSystem
import Glibc

/// Ports no other test prefers, of this run of the tests or of another beside it: a lock says so until it is let go.
final class PortSlot: Sendable {
  static let many = 1_500
  private static let few = 50
  private static let region = 11_000..<31_000

  /// The first of them. Browsers refuse none of these, and the kernel gives none away.
  let base: Int
  private let descriptor: Int32

  /// `count`: fifty, or `many`.
  init(_ count: Int = few) throws {
    let directory = "/tmp/apus-test-ports-\(getuid())"
    let middle = Self.region.lowerBound + 4 * Self.many
    let all =
      count > Self.few
      ? Array(stride(from: Self.region.lowerBound, to: middle, by: Self.many))
      : Array(stride(from: middle, to: Self.region.upperBound, by: Self.few))
    for base in all.shuffled() {
      mkdir(directory, 0o700)
      let descriptor = apus_open("\(directory)/\(base)", O_RDWR | O_CREAT, 0o600)
      // Whoever let it go took its name away: then the lock is on nothing any more.
      if descriptor >= 0, apus_lock_file(descriptor) == 0, Self.isNamed(descriptor, "\(directory)/\(base)") {
        (self.base, self.descriptor) = (base, descriptor)
        return
      }
      if descriptor >= 0 { close(descriptor) }
    }
    throw Failure(.portsExhausted, "other tests have all ports")
  }

  /// At the end of the test that has it.
  func release() {
    let directory = "/tmp/apus-test-ports-\(getuid())"
    unlink("\(directory)/\(base)")
    close(descriptor)
    rmdir(directory)
  }

  private static func isNamed(_ descriptor: Int32, _ path: String) -> Bool {
    var (open, named) = (stat(), stat())
    return fstat(descriptor, &open) == 0 && stat(path, &named) == 0 && open.st_ino == named.st_ino
  }
}
