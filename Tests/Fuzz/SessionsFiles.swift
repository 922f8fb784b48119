import ApusCore

/// A text that is read is written again as one that reads the same.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  guard let file = try? SessionsFile.parse(Array(UnsafeBufferPointer(start: bytes, count: count))) else { return 0 }
  let text = file.render()
  precondition((try? SessionsFile.parse(text)) == file)
  let merge = SessionsFileMerge(base: .template, ours: .init(sessions: ["a7f3"], locks: ["docker": "a7f3"]), now: 2e9)
  _ = merge.changes(in: file)
  return 0
}
