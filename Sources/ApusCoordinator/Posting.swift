import ApusCore
import ApusGit
import ApusLoop
import CSystem
import Glibc

// Requests of ours to others: by the `curl` program, which nobody else's environment reaches, to an address that was
// looked at before.

/// What came of a request.
package enum Posted: Equatable, Sendable {
  /// The status that was answered.
  case answered(Int)
  /// Nothing was sent, or nothing came back.
  case failed(String)
}

extension Coordinator {
  private nonisolated static let postSeconds: Double = 20

  /// Sends JSON to that address. Where `inside` is false, only to one that is no machine's of ours; a redirection is not
  /// followed.
  package func post(_ url: String, _ body: [UInt8], headers: [(String, String)], inside: Bool) async -> Posted {
    guard let address = WebhookAddress(url) else { return .failed("the address is none") }
    return await Offload.run {
      guard let program = Self.curl else { return .failed("there is no `curl` program") }
      let found = Self.look(up: address.host)
      guard !found.isEmpty else { return .failed("\(address.host) is not known") }
      // One that is inside spoils them all: the name may mean that one the next time.
      if !inside, found.contains(where: { WebhookAddress.isInside($0.bytes) }) {
        return .failed("\(address.host) is an inside address")
      }
      var command = [
        program, "-q", "--silent", "--show-error", "--noproxy", "*", "--proto", "=http,https", "--max-redirs", "0",
        "--connect-timeout", "5", "--max-time", "\(Int(Self.postSeconds) - 5)", "--output", "/dev/null", "--write-out",
        "%{http_code}", "--data-binary", "@-", "--resolve", "\(address.host):\(address.port):\(found[0].text)",
      ]
      for (name, value) in headers + [("Content-Type", "application/json"), ("Expect", "")] {
        command += ["--header", "\(name): \(value)"]
      }
      guard let child = Child(command + ["--", url], environment: ["PATH": "/usr/bin:/bin"], directory: "/"),
        let answer = child.finish(input: body, largest: 1 << 16, seconds: Self.postSeconds)
      else { return .failed("no answer in time") }
      if let status = Int(String(decoding: answer.output, as: UTF8.self)), status > 0 { return .answered(status) }
      return .failed(SessionName.excerpt(answer.errors.filter { $0 != "\n" }, of: 200))
    }
  }

  private nonisolated static let curl: String? = ["/usr/bin/curl", "/usr/local/bin/curl", "/opt/homebrew/bin/curl"]
    .first { access($0, X_OK) == 0 }

  private struct Found: Sendable {
    var bytes: [UInt8]
    var text: String
  }

  private nonisolated static func look(up host: String) -> [Found] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
    defer { freeaddrinfo(list) }
    var found: [Found] = []
    var next = list
    while let one = next?.pointee {
      next = one.ai_next
      guard let address = one.ai_addr else { continue }
      var bytes: [UInt8]
      switch one.ai_family {
      case AF_INET:
        bytes = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { pointer in
          withUnsafeBytes(of: pointer.pointee.sin_addr) { Array($0) }
        }
      case AF_INET6:
        bytes = address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
          withUnsafeBytes(of: pointer.pointee.sin6_addr) { Array($0) }
        }
      default: continue
      }
      var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
      guard inet_ntop(one.ai_family, &bytes, &text, socklen_t(text.count)) != nil else { continue }
      let words = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      found.append(Found(bytes: bytes, text: bytes.count == 16 ? "[\(words)]" : words))
    }
    return found
  }
}
