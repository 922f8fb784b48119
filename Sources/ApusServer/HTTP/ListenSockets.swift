import ApusCore
import ApusWire
import CSystem
import Glibc

/// Sockets to listen at, and what may be said of them.
enum ListenSockets {
  private static let backlog: Int32 = 512

  static func tcp(_ host: String, _ port: inout Int32, _ address: ListenAddress) throws(Failure) -> Int32 {
    let socket = apus_tcp_listen(host, &port, backlog)
    guard socket >= 0 else {
      if errno == EADDRINUSE { throw taken(address) }
      throw failed(address)
    }
    return socket
  }

  /// Takes the place of a socket file nobody listens at any more, never of anything else.
  static func unix(_ path: String) throws(Failure) -> Int32 {
    let address = try ListenAddress("unix:" + path)
    var socket = apus_unix_listen(path, backlog)
    if socket < 0, errno == EADDRINUSE {
      var facts = stat()
      guard lstat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFSOCK, facts.st_uid == getuid(),
        apus_unix_listens(path) == 0
      else { throw taken(address) }
      unlink(path)
      socket = apus_unix_listen(path, backlog)
    }
    guard socket >= 0 else { throw failed(address) }
    return socket
  }

  static func taken(_ address: ListenAddress) -> Failure {
    Failure(
      .portTaken, "something else listens at \(address.text)", hint: "choose another; port 0 takes one that is free")
  }

  private static func failed(_ address: ListenAddress) -> Failure {
    Failure(
      .usage, "cannot listen at \(address.text): \(String(cString: apus_error_text(errno)))",
      hint: "choose an address of this machine, or a path in a directory of yours")
  }

  /// The first of the names, with its port.
  static func name(_ names: [String], port: Int) -> String? {
    names.first.map { $0.contains(":") ? $0 : "\($0):\(port)" }
  }

  /// What `Host` may say there.
  static func hosts(_ host: String, port: Int, scheme: String, names: [String]) -> Set<String> {
    let shown = host.contains(":") ? "[\(host)]" : host
    var hosts: Set<String> = ["\(shown):\(port)"]
    if host.hasPrefix("127.") || host == "::1" { hosts.formUnion(["localhost:\(port)"]) }
    for name in names { hosts.insert(name.contains(":") ? name.lowercased() : "\(name.lowercased()):\(port)") }
    let usual = scheme == "https" ? 443 : 80
    if port == usual { hosts.formUnion(hosts.map { String($0[..<($0.lastIndex(of: ":") ?? $0.endIndex)]) }) }
    return hosts
  }
}

/// A certificate and its key, as files in PEM.
enum TLSFiles {
  struct Text: Sendable {
    var certificate: String
    var key: String
  }

  private static let longest = 1 << 20

  /// Nil where none are asked for.
  static func load(_ request: ListenRequest) throws(Failure) -> Text? {
    guard let certificate = request.certificate, let key = request.key else {
      guard request.certificate == nil, request.key == nil else {
        throw Failure(
          .usage, "TLS needs both the certificate and its key", hint: "--tls-cert FILE --tls-key FILE")
      }
      return nil
    }
    var facts = stat()
    if stat(key, &facts) == 0, facts.st_mode & 0o077 != 0 {
      throw Failure(
        .usage, "\(SessionName.printable(key)) may be read by others",
        hint: "`chmod 600 \(SessionName.printable(key))`, and make a new key if it was secret")
    }
    return Text(certificate: try read(certificate), key: try read(key))
  }

  private static func read(_ path: String) throws(Failure) -> String {
    let descriptor = apus_open(path, O_RDONLY | O_NONBLOCK, 0)
    defer { if descriptor >= 0 { close(descriptor) } }
    var bytes = [UInt8](repeating: 0, count: longest)
    let got = descriptor < 0 ? -1 : apus_read_to(descriptor, &bytes, bytes.count, 0)
    guard got > 0 else {
      throw Failure(
        .usage, "\(SessionName.printable(path)) cannot be read: \(String(cString: apus_error_text(errno)))",
        hint: "name a PEM file of yours")
    }
    return String(decoding: bytes.prefix(got), as: UTF8.self)
  }
}
