import ApusCore
import ApusTesting
import ApusWire
import CSystem
import Foundation
import Testing

/// An answer as it came.
struct HTTPAnswer: Sendable {
  var status: Int
  var headers: [String: String]
  var body: String
  /// Whether the other side closed the connection.
  var isClosed: Bool

  var json: JSON { (try? JSONText.decode(JSON.self, from: Array(body.utf8))) ?? .null }
  var code: String? { json["code"]?.string }

  /// Nil where nothing came that is one.
  init?(_ bytes: [UInt8], isClosed: Bool) {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let end = text.range(of: "\r\n\r\n") else { return nil }
    let lines = text[..<end.lowerBound].components(separatedBy: "\r\n")
    let words = lines[0].split(separator: " ")
    guard words.count >= 2, let status = Int(words[1]) else { return nil }
    self.status = status
    headers = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    }
    body = String(text[end.upperBound...])
    if headers["transfer-encoding"] == "chunked" { body = Self.unchunked(body) }
    self.isClosed = isClosed
  }

  private static func unchunked(_ text: String) -> String {
    var rest = Array(text.utf8)[...]
    var body: [UInt8] = []
    while let newline = rest.firstIndex(of: 10),
      let count = Int(String(decoding: rest[..<newline].dropLast(), as: UTF8.self), radix: 16), count > 0,
      rest.distance(from: newline, to: rest.endIndex) > count
    {
      body += rest[(newline + 1)..<(newline + 1 + count)]
      rest = rest[(newline + 1 + count)...].dropFirst(2)
    }
    return String(decoding: body, as: UTF8.self)
  }
}

/// A program that asks over HTTP, by the byte.
struct Knock: Sendable {
  enum Door: Sendable {
    case tcp(Int)
    case unix(String)
  }

  var door: Door
  var token: String?

  var host: String { if case .tcp(let port) = door { "127.0.0.1:\(port)" } else { "localhost" } }

  /// A daemon of that home listens, and this asks it.
  static func at(_ home: TestHome, scope: String = "operate", more: [String] = []) async throws -> Knock {
    let served = await home.apus("serve", "--listen", "127.0.0.1:0", "--json")
    let listeners: [ListenerObject] = try JSONText.decode(from: Array(served.output.utf8))
    let port = try #require(listeners.first.flatMap { Int($0.address.split(separator: ":").last ?? "") })
    return Knock(door: .tcp(port), token: try await token(home, scope: scope, more: more))
  }

  static func token(_ home: TestHome, scope: String = "operate", more: [String] = []) async throws -> String {
    let made = await Program.run(
      [Checkout.programs + "/apus", "token", "create", "--scope", scope, "--json"] + more,
      environment: home.environment, directory: home.work)
    let token: TokenObject = try JSONText.decode(from: Array(made.output.utf8))
    return try #require(token.token)
  }

  func with(_ token: String?) -> Knock {
    var other = self
    other.token = token
    return other
  }

  // MARK: asking

  @discardableResult
  func ask(
    _ method: String, _ path: String, _ body: String? = nil, headers: [String] = [], host: String? = nil,
    seconds: Double = 120
  ) async throws -> HTTPAnswer {
    var lines = ["\(method) \(path) HTTP/1.1", "Host: \(host ?? self.host)", "Connection: close"]
    if let token { lines.append("Authorization: Bearer \(token)") }
    if let body { lines += ["Content-Type: application/json", "Content-Length: \(body.utf8.count)"] }
    lines += headers
    let raw = Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + (body ?? "")).utf8)
    return try #require(try await say(raw, seconds: seconds))
  }

  func get(_ path: String) async throws -> HTTPAnswer { try await ask("GET", path) }
  func post(_ path: String, _ body: String = "{}", headers: [String] = []) async throws -> HTTPAnswer {
    try await ask("POST", path, body, headers: headers)
  }

  /// Says that, and reads until the other side closes or is silent for so long.
  func say(_ raw: [UInt8], seconds: Double = 120) async throws -> HTTPAnswer? {
    let door = self.door
    return try await onThread {
      let line = try Line(door)
      line.send(raw)
      let (bytes, isClosed) = line.read(seconds: seconds)
      return HTTPAnswer(bytes, isClosed: isClosed)
    }
  }
}

/// One connection, blocking: for threads of their own.
final class Line: Sendable {
  let descriptor: Int32

  init(_ door: Knock.Door) throws {
    switch door {
    case .tcp(let port):
      descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = in_port_t(port).bigEndian
      address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
      let done = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      guard done == 0 else { throw Failure(.daemonUnreachable, "port \(port): errno \(errno)") }
    case .unix(let path):
      descriptor = apus_unix_connect(path, 0)
      guard descriptor >= 0 else { throw Failure(.daemonUnreachable, "\(path): errno \(errno)") }
    }
  }

  deinit { close(descriptor) }

  /// What the other side does not take any more is not said.
  func send(_ bytes: [UInt8]) {
    var done = 0
    while done < bytes.count {
      let got = bytes.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress.map { $0 + done }, bytes.count - done, Int32(MSG_NOSIGNAL))
      }
      guard got > 0 else { return }
      done += got
    }
  }

  /// Until the other side closes, or nothing more came for so long.
  func read(seconds: Double, until isEnough: ([UInt8]) -> Bool = { _ in false }) -> ([UInt8], isClosed: Bool) {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while !isEnough(bytes) {
      var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&watched, 1, Int32(seconds * 1000)) > 0 else { return (bytes, false) }
      let got = Glibc.read(descriptor, &chunk, chunk.count)
      guard got > 0 else { return (bytes, true) }
      bytes += chunk[..<got]
    }
    return (bytes, false)
  }
}

/// Work that waits for the other side, off the threads that tests share.
func onThread<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
  try await withCheckedThrowingContinuation { continuation in
    Thread.detachNewThread { continuation.resume(with: Result { try work() }) }
  }
}
