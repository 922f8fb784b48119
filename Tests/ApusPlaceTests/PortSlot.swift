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
    mkdir(directory, 0o700)
    let middle = Self.region.lowerBound + 4 * Self.many
    let all =
      count > Self.few
      ? Array(stride(from: Self.region.lowerBound, to: middle, by: Self.many))
      : Array(stride(from: middle, to: Self.region.upperBound, by: Self.few))
    for base in all.shuffled() {
      let descriptor = apus_open("\(directory)/\(base)", O_RDWR | O_CREAT, 0o600)
      if descriptor >= 0, apus_lock_file(descriptor) == 0 {
        (self.base, self.descriptor) = (base, descriptor)
        return
      }
      if descriptor >= 0 { close(descriptor) }
    }
    throw Failure(.portsExhausted, "other tests have all ports")
  }

  /// At the end of the test that has it.
  func release() { close(descriptor) }
}
