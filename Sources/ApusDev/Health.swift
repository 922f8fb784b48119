import ApusCore
import ApusLink
import CSystem
import Glibc

/// How it is seen that a server is healthy.
package enum HealthCheck: Sendable, Equatable {
  /// It listens; on that port, where one is named, else on any.
  case listening(port: Int?)
  /// It answers `GET` there with anything from 200 to 399. `anyPort`: where it listens elsewhere, it is asked there.
  case answers(HealthURL, anyPort: Bool)
}

/// An address to ask: `http://127.0.0.1:8000/health`. Names other than localhost are not looked up.
package struct HealthURL: Sendable, Equatable {
  package var host: String
  package var port: Int
  package var path: String

  /// `port` is what a path alone is asked on.
  package init(_ text: String, port: Int?) throws(Failure) {
    let wrong = Failure(
      .usage, "\"\(SessionName.excerpt(text))\" is no address a health check can ask",
      hint: "http://127.0.0.1:8000/health, or a path (/health); what is behind https is checked by --port")
    guard text.utf8.count <= 2000, text == SessionName.printable(text), !text.contains(" ") else { throw wrong }
    if text.hasPrefix("/") {
      guard let port else {
        throw Failure(
          .usage, "no port is known that \(SessionName.excerpt(text)) could be asked on", hint: "name it with --port")
      }
      (host, self.port, path) = ("127.0.0.1", port, text)
      return
    }
    guard text.hasPrefix("http://") else { throw wrong }
    let rest = text.dropFirst(7)
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    var authority = rest[..<slash]
    path = slash == rest.endIndex ? "/" : String(rest[slash...])
    var number = 80
    if let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") {
      guard let given = Int(authority[authority.index(after: colon)...]), (1...65535).contains(given) else {
        throw wrong
      }
      number = given
      authority = authority[..<colon]
    }
    var name = String(authority)
    if name.hasPrefix("["), name.hasSuffix("]") { name = String(name.dropFirst().dropLast()) }
    self.port = number
    host = name == "localhost" ? "127.0.0.1" : name
    var four = in_addr()
    var six = in6_addr()
    guard inet_pton(AF_INET, host, &four) == 1 || inet_pton(AF_INET6, host, &six) == 1 else { throw wrong }
  }
}

/// Asks; may block for a moment.
enum Health {
  enum Answer: Sendable, Equatable {
    /// On that port.
    case healthy(port: Int?)
    case notYet(String)
  }

  private static let patienceMilliseconds: Int64 = 2_000

  /// `pids`: the server's processes. `isSure`: nobody else can be the one who listens there.
  static func ask(_ check: HealthCheck, pids: [Int32], isSure: Bool, isPatient: Bool) -> Answer {
    let ports = Set(Processes.listening(pids).values.joined())
    switch check {
    case .listening(let port?):
      if ports.contains(port) { return .healthy(port: port) }
      // What serves in its stead (a container) is none of its processes.
      if isSure, connect("127.0.0.1", port) || connect("::1", port) { return .healthy(port: port) }
      if let other = ports.min(), isPatient { return .notYet("it listens on \(other), not on \(port)") }
      return .notYet("nothing listens on port \(port)")
    case .listening(nil):
      return ports.min().map { .healthy(port: $0) } ?? .notYet("it listens on no port")
    case .answers(var url, let anyPort):
      if anyPort, isPatient, !ports.contains(url.port), let other = ports.min() { url.port = other }
      // Beside another that serves there, an answer alone could be that one's.
      guard isSure || ports.contains(url.port) else { return .notYet("nothing listens on port \(url.port)") }
      switch get(url) {
      case nil: return .notYet("nothing answers at \(url.host):\(url.port)")
      case (200..<400)?: return .healthy(port: url.port)
      case let status?: return .notYet("\(url.path) answers \(status)")
      }
    }
  }

  /// Whether another could listen on that port beside whoever does.
  static func isShared(_ port: Int) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var on: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, socklen_t(MemoryLayout<Int32>.size))
    return bind(descriptor, port)
  }

  /// On loopback; false with errno where it cannot.
  static func bind(_ descriptor: Int32, _ port: Int) -> Bool {
    guard var address = address("127.0.0.1", port) else { return false }
    return withUnsafePointer(to: &address.storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.bind(descriptor, $0, address.length) == 0 }
    }
  }

  private static func connect(_ host: String, _ port: Int) -> Bool {
    guard let descriptor = open(host, port) else { return false }
    close(descriptor)
    return true
  }

  private static func get(_ url: HealthURL) -> Int? {
    guard let descriptor = open(url.host, url.port) else { return nil }
    defer { close(descriptor) }
    let until = apus_monotonic_milliseconds() + patienceMilliseconds
    let name = url.host.contains(":") ? "[\(url.host)]" : url.host
    let request = Array(
      "GET \(url.path) HTTP/1.1\r\nHost: \(name):\(url.port)\r\nUser-Agent: apus\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        .utf8)
    guard apus_write_from(descriptor, request, request.count, 0) == request.count else { return nil }
    var head: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 512)
    while !head.contains(10), head.count < 4096 {
      var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&watched, 1, Int32(clamping: max(0, until - apus_monotonic_milliseconds()))) > 0 else { return nil }
      let got = read(descriptor, &chunk, chunk.count)
      guard got > 0 else { return nil }
      head += chunk[..<got]
    }
    let words = String(decoding: head.prefix { $0 != 13 && $0 != 10 }, as: UTF8.self).split(separator: " ")
    guard words.count >= 2, words[0].hasPrefix("HTTP/") else { return nil }
    return Int(words[1])
  }

  /// A connection, non-blocking; nil where none comes about in time.
  private static func open(_ host: String, _ port: Int) -> Int32? {
    guard var address = address(host, port) else { return nil }
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let descriptor = socket(Int32(address.storage.ss_family), kind, 0)
    guard descriptor >= 0 else { return nil }
    let code = withUnsafePointer(to: &address.storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, address.length) }
    }
    if code != 0 {
      var watched = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      var failure: Int32 = 0
      var length = socklen_t(MemoryLayout<Int32>.size)
      guard errno == EINPROGRESS, poll(&watched, 1, Int32(patienceMilliseconds)) > 0,
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &length) == 0, failure == 0
      else {
        close(descriptor)
        return nil
      }
    }
    return descriptor
  }

  private static func address(_ host: String, _ port: Int) -> (storage: sockaddr_storage, length: socklen_t)? {
    var storage = sockaddr_storage()
    var four = sockaddr_in()
    four.sin_family = sa_family_t(AF_INET)
    four.sin_port = in_port_t(port).bigEndian
    if inet_pton(AF_INET, host, &four.sin_addr) == 1 {
      withUnsafeMutableBytes(of: &storage) { room in withUnsafeBytes(of: four) { room.copyMemory(from: $0) } }
      return (storage, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
    var six = sockaddr_in6()
    six.sin6_family = sa_family_t(AF_INET6)
    six.sin6_port = in_port_t(port).bigEndian
    guard inet_pton(AF_INET6, host, &six.sin6_addr) == 1 else { return nil }
    withUnsafeMutableBytes(of: &storage) { room in withUnsafeBytes(of: six) { room.copyMemory(from: $0) } }
    return (storage, socklen_t(MemoryLayout<sockaddr_in6>.size))
  }
}
