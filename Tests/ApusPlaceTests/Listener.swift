import Glibc

/// A socket of this test that listens on a port of the loopback device, until it is let go.
final class Listener: Sendable {
  private let descriptor: Int32

  /// Nil where somebody else has that port.
  init?(_ port: Int, isIPv6: Bool = false) {
    descriptor = socket(isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    let done: Int32
    if isIPv6 {
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = in_port_t(port).bigEndian
      address.sin6_addr = in6addr_loopback
      done = Self.bind(descriptor, &address)
    } else {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = in_port_t(port).bigEndian
      address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
      done = Self.bind(descriptor, &address)
    }
    guard done == 0, listen(descriptor, 1) == 0 else { return nil }
  }

  private static func bind<Address>(_ descriptor: Int32, _ address: inout Address) -> Int32 {
    withUnsafeBytes(of: &address) { bytes in
      guard let start = bytes.bindMemory(to: sockaddr.self).baseAddress else { return -1 }
      return Glibc.bind(descriptor, start, socklen_t(bytes.count))
    }
  }

  deinit { close(descriptor) }
}
