import ApusCore

/// Two patterns and a path: whatever they are, nothing crashes, meeting has no direction, and a path that both match is
/// proof that they meet.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let parts = UnsafeBufferPointer(start: bytes, count: count).split(separator: 10, maxSplits: 2)
    .map { String(decoding: $0, as: UTF8.self) }
  guard parts.count == 3, count < 300, let one = try? Glob(parts[0]), let other = try? Glob(parts[1]) else { return 0 }
  let meets = one.meets(other)
  precondition(meets == other.meets(one))
  let isPath = !parts[2].hasPrefix("/") && !parts[2].isEmpty && !parts[2].contains("//") && !parts[2].hasSuffix("/")
  if isPath, one.matches(parts[2]), other.matches(parts[2]) { precondition(meets) }
  return 0
}
