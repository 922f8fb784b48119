/// A browser that signed in: a cookie no script can read, and a key that its page alone keeps and says with each request.
/// Either is worth nothing without the other: cookies go to whatever listens on another port of the same machine (an
/// agent's development server, say), keys to whoever could run a script in the page.
enum PageSeat {
  /// How the key is said in a request, and, in a browser's WebSockets, among the protocols.
  static let header = "x-apus-page"
  static let protocolPrefix = "page."
  static let days = 90

  /// The cookie's name at that address: daemons at different ports of a machine do not overwrite each other's.
  static func name(host: String) -> String {
    let port = host.split(separator: "]").last?.split(separator: ":", omittingEmptySubsequences: false).dropFirst().last
    return "apus-" + (port.map(String.init) ?? "page")
  }

  static func cookies(in head: RequestHead) -> [String] {
    let name = name(host: head.value("host") ?? "")
    return head.values("cookie").flatMap { $0.split(separator: ";") }.compactMap { pair in
      let parts = pair.trimmingBlanks.split(separator: "=", maxSplits: 1)
      return parts.count == 2 && parts[0] == name ? String(parts[1]) : nil
    }
  }

  static func key(in head: RequestHead) -> String? {
    if let key = head.value(header) { return key }
    let words = head.values("sec-websocket-protocol").flatMap { $0.split(separator: ",") }.map(\.trimmingBlanks)
    return words.first { $0.hasPrefix(protocolPrefix) }.map { String($0.dropFirst(protocolPrefix.count)) }
  }

  /// The header that sets it.
  static func cookie(_ token: String, host: String, isSecure: Bool, seconds: Int = days * 86_400) -> String {
    "\(name(host: host))=\(token); Path=/; Max-Age=\(seconds); HttpOnly; SameSite=Strict\(isSecure ? "; Secure" : "")"
  }
}
