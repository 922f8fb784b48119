import ApusCore

/// Lines of the tools' protocol, cut anywhere: every answer is one line of JSON.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let server = MCPServer { _, _ in MCPResult(text: "") }
  var lines = MCPLines(limit: 1 << 16)
  let all = UnsafeBufferPointer(start: bytes, count: count)
  for part in [all[..<(count / 2)], all[(count / 2)...]] {
    for line in lines.feed(Array(part)) {
      for answer in server.handle(line) {
        precondition(!answer.contains(10) && (try? JSONText.decode(JSON.self, from: answer)) != nil)
      }
    }
  }
  return 0
}
