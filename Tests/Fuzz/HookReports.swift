import ApusCore

/// What a hook says, read and held against guards as a command.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let text = Array(UnsafeBufferPointer(start: bytes, count: count))
  var sheet = GuardSheet()
  sheet.guards = [Guard(pattern: "docker compose *", lock: "docker")]
  (sheet.forcePush, sheet.commitOnBase, sheet.base, sheet.isStrict) = (true, true, "main", true)
  if let json = try? JSONText.decode(JSON.self, from: text), let report = ClaudeHooks.read(json) {
    if case .toolBegan(let tool, let input, _) = report.fact {
      _ = sheet.refusalAlone(tool: tool, input: input, in: report.directory ?? "/")
    }
  }
  _ = sheet.decide(String(decoding: text, as: UTF8.self), in: "/x", branch: { _ in "main" })
  return 0
}
