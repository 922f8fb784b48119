import ApusCore

/// What a request is made of, each taken to an end or refused: paths, queries, bodies; and what is hidden in answers.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  guard let kind = bytes.first else { return 0 }
  let rest = Array(bytes.dropFirst())
  let text = String(decoding: rest, as: UTF8.self)
  switch kind % 5 {
  case 0:
    let head = RequestHead(method: "GET", target: text, headers: [], query: [], isOwnUser: false)
    if let parts = head.parts {
      precondition(!parts.contains("..") && !parts.contains { $0.contains("/") || $0.utf8.contains(0) })
    }
  case 1:
    let pairs = text.split(separator: "&").map { part in
      let words = part.split(separator: "=", maxSplits: 1)
      return (name: words.first.map(String.init) ?? "", value: words.dropFirst().first.map(String.init) ?? "")
    }
    _ = try? Fields(query: pairs, fields)
  case 2: _ = try? Fields(body: rest, fields)
  case 3:
    let hidden = Secrets.hidden(in: rest)
    // What was JSON is JSON.
    if (try? JSONText.decode(JSON.self, from: rest)) != nil {
      precondition((try? JSONText.decode(JSON.self, from: hidden)) != nil)
    }
  default:
    if let address = WebhookAddress(text) { precondition(!address.host.isEmpty && (1...65_535).contains(address.port)) }
  }
  return 0
}

private let fields = [
  Field("directory", .path, required: true, ""), Field("name", .sessionName, ""),
  Field("text", .text(least: 1, most: 100), ""),
  Field("line", .line(most: 10), ""), Field("choice", .choice(["a", "b"]), ""), Field("flag", .flag, ""),
  Field("whole", .whole(0...10), ""), Field("number", .number(0...1), ""),
  Field("lines", .lines(count: 1...2, length: 1...3), ""),
  Field("env", .variables, ""), Field("object", .object([Field("rows", .whole(1...2), required: true, "")]), ""),
]
