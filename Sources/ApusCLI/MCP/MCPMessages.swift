import ApusCore

// JSON-RPC 2.0 in lines, as the Model Context Protocol has it (claude-contract §6.1; real-cli §7).

/// Error numbers of JSON-RPC and of the protocol.
enum MCPCode: Int64 {
  case malformed = -32700
  case notARequest = -32600
  case unknownMethod = -32601
  case wrongParameters = -32602
  case unsupportedVersion = -32022
}

/// What a line asks.
enum MCPIncoming: Equatable {
  case request(MCPRequest)
  /// A notification, or an answer to what nobody asked: never answered.
  case silent
  /// To be answered with an error; `id` is null where none could be read.
  case wrong(id: JSON, MCPCode, String)

  static func read(_ line: [UInt8]) -> MCPIncoming {
    guard let json = try? JSONText.decode(JSON.self, from: line) else {
      return .wrong(id: .null, .malformed, "that line is not JSON")
    }
    // Only one revision had them, and nobody sends them to servers like this one.
    if json.array != nil { return .wrong(id: .null, .notARequest, "batches are not taken: one message a line") }
    guard let fields = json.object else { return .wrong(id: .null, .notARequest, "a message is an object") }
    var id: JSON?
    switch fields["id"] {
    case .string?, .integer?, .number?: id = fields["id"]
    case nil: break
    case .null?, .bool?, .array?, .object?:
      return .wrong(id: .null, .notARequest, "an id is a string or a number")
    }
    guard fields["jsonrpc"]?.string == "2.0" else {
      return .wrong(id: id ?? .null, .notARequest, "jsonrpc is to be \"2.0\"")
    }
    guard let method = fields["method"]?.string else {
      if id != nil, fields["result"] != nil || fields["error"] != nil { return .silent }
      return .wrong(id: id ?? .null, .notARequest, "there is no method")
    }
    guard let id else { return .silent }
    switch fields["params"] {
    case nil: return .request(MCPRequest(id: id, method: method, parameters: [:]))
    case .object(let parameters)?: return .request(MCPRequest(id: id, method: method, parameters: parameters))
    default: return .wrong(id: id, .wrongParameters, "params is to be an object")
    }
  }
}

struct MCPRequest: Equatable {
  var id: JSON
  var method: String
  var parameters: [String: JSON]

  /// What a request of the stateless revision says of itself; nil: it is of a connection that was agreed on before.
  var stated: JSON? { parameters["_meta"]?["io.modelcontextprotocol/protocolVersion"] }
}

/// What the server says.
enum MCPReply {
  static func result(_ id: JSON, _ fields: [String: JSON]) -> [UInt8] {
    line(["jsonrpc": .string("2.0"), "id": id, "result": .object(fields)])
  }

  static func error(_ id: JSON, _ code: MCPCode, _ message: String, data: JSON? = nil) -> [UInt8] {
    var error: [String: JSON] = ["code": .integer(code.rawValue), "message": .string(message)]
    if let data { error["data"] = data }
    return line(["jsonrpc": .string("2.0"), "id": id, "error": .object(error)])
  }

  /// One line, whatever the texts hold, without its newline.
  private static func line(_ fields: [String: JSON]) -> [UInt8] {
    (try? JSONText.encode(JSON.object(fields))) ?? Array(#"{"jsonrpc":"2.0","id":null,"error":{"code":-32603}}"#.utf8)
  }
}

/// Puts what arrives into lines. What is too long is dropped as it comes, and told as such when it ends.
struct MCPLines {
  enum Line: Equatable {
    case whole([UInt8])
    case tooLong
  }

  static let longest = 8 << 20
  private let limit: Int
  private var kept: [UInt8] = []
  private var isTooLong = false

  init(limit: Int = longest) { self.limit = limit }

  mutating func feed(_ bytes: some Collection<UInt8>) -> [Line] {
    var lines: [Line] = []
    var rest = bytes[...]
    while let end = rest.firstIndex(of: 10) {
      keep(rest[..<end])
      rest = rest[rest.index(after: end)...]
      if let line = finish() { lines.append(line) }
    }
    keep(rest)
    return lines
  }

  /// What arrived without its newline; nil: nothing.
  mutating func finish() -> Line? {
    defer {
      kept = []
      isTooLong = false
    }
    if isTooLong { return .tooLong }
    return kept.allSatisfy { $0 == 32 || $0 == 9 || $0 == 13 } ? nil : .whole(kept)
  }

  private mutating func keep(_ bytes: some Collection<UInt8>) {
    if !isTooLong { kept += bytes }
    guard kept.count > limit else { return }
    isTooLong = true
    kept = []
  }
}
