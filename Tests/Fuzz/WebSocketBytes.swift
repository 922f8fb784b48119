/// Whatever a client sends: messages, or a reason to end; cut anywhere, it is the same.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  let whole = read(bytes, piece: max(1, bytes.count))
  precondition(whole == read(bytes, piece: 1))
  precondition(whole == read(bytes, piece: 3))
  return 0
}

private func read(_ bytes: [UInt8], piece: Int) -> [String] {
  var frames = WebSocketFrames()
  var said: [String] = []
  var rest = bytes[...]
  while !rest.isEmpty {
    frames.feed(rest.prefix(piece))
    rest = rest.dropFirst(piece)
    do { while let message = try frames.next() { said.append("\(message)") } } catch {
      said.append("\(error.code)")
      return said
    }
  }
  return said
}
