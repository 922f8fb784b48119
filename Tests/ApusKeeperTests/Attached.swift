import ApusFrames
import ApusTestKit
import CSystem
import Glibc

/// One end of a connection to a keeper: says requests, waits for replies.
final class Attached {
  let descriptor: Int32
  /// The run it is attached to goes on for as long as it is.
  private let run: Kept?
  private var reader = FrameReader()

  init(_ socket: String, of run: Kept? = nil) throws {
    self.run = run
    descriptor = apus_unix_connect(socket, 1)
    guard descriptor >= 0 else { throw TestFailure("nobody answers at \(socket): errno \(errno)") }
  }

  deinit { close(descriptor) }

  struct Closed: Error {}

  func send(_ request: KeeperRequest) throws { try send(bytes: request.frame.encoded) }

  func send(bytes: [UInt8], seconds: Double = 120) throws {
    var at = 0
    while at < bytes.count {
      let got = bytes[at...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if got > 0 {
        at += got
      } else if errno == EAGAIN {
        guard Wait.writable(descriptor, seconds: seconds) else { throw TestFailure("the keeper takes nothing") }
      } else if errno != EINTR {
        throw Closed()
      }
    }
  }

  /// The next reply; `Closed` when the keeper hung up.
  func next(seconds: Double = 120) throws -> KeeperReply {
    var chunk = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      if let frame = try reader.next() {
        if let reply = try KeeperReply(frame) { return reply }
        continue
      }
      guard Wait.readable(descriptor, seconds: seconds) else {
        throw TestFailure("no word from the keeper in \(seconds) s")
      }
      let got = Glibc.read(descriptor, &chunk, chunk.count)
      if got > 0 {
        reader.feed(chunk[..<got])
      } else if got == 0 || (errno != EAGAIN && errno != EINTR) {
        throw Closed()
      }
    }
  }

  @discardableResult func hello(version: UInt16 = KeeperProtocol.version) throws -> KeeperReply.Welcome {
    try send(.hello(version: version))
    guard case .welcome(let welcome) = try next() else { throw TestFailure("no welcome") }
    return welcome
  }

  func taken(_ number: UInt64) throws {
    while true {
      if case .taken(number) = try next() { return }
    }
  }

  /// Output from `offset` until it satisfies `enough`.
  func read(from offset: UInt64 = 0, until enough: ([UInt8]) -> Bool) throws -> [UInt8] {
    try send(.follow(offset: offset))
    var all: [UInt8] = []
    while !enough(all) {
      guard case .output(let at, let bytes) = try next() else { continue }
      let seen = offset + UInt64(all.count)
      // Still of what was followed before, when this connection had asked already.
      if all.isEmpty && at > offset || at + UInt64(bytes.count) <= seen { continue }
      guard at <= seen else { throw TestFailure("output at \(at) instead of \(seen)") }
      all += bytes.dropFirst(Int(seen - at))
    }
    return all
  }

  /// Output from `offset` until it holds that text.
  func read(from offset: UInt64 = 0, to text: String) throws -> String {
    let wanted = Array(text.utf8)
    let bytes = try read(from: offset) { all in
      all.withUnsafeBytes { whole in
        wanted.withUnsafeBytes { apus_find(whole.baseAddress, whole.count, $0.baseAddress, $0.count) >= 0 }
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  struct Told {
    var output: [UInt8] = []
    var ending: KeptEnding
    var recorded: UInt64
    var troubles: [Int32] = []

    var text: String { String(decoding: output, as: UTF8.self) }
  }

  /// Follows from `offset` to the ending; `asks` is false where it was asked for before.
  func followToEnd(
    from offset: UInt64 = 0, asks: Bool = true, onOutput: (UInt64) throws -> Void = { _ in }
  ) throws -> Told {
    if asks { try send(.follow(offset: offset)) }
    var told = Told(ending: .exit(-1), recorded: 0)
    while true {
      switch try next() {
      case .output(let at, let bytes):
        // Still of what was followed before, when this connection had asked already.
        if asks, told.output.isEmpty, at > offset { continue }
        guard at == offset + UInt64(told.output.count) else { throw TestFailure("output at \(at) out of turn") }
        told.output += bytes
        try onOutput(at + UInt64(bytes.count))
      case .ending(let ending, let recorded):
        // The same: of what it was asked now comes everything, and then the ending.
        if asks, offset + UInt64(told.output.count) < recorded { continue }
        told.ending = ending
        told.recorded = recorded
        return told
      case .trouble(let code): told.troubles.append(code)
      case .welcome, .taken, .refused, .viewing, .leads, .sized, .stopped, .viewed, .speaker: continue
      }
    }
  }

  /// Waits until the keeper has hung up.
  func waitForClose() throws {
    do {
      while true { _ = try next() }
    } catch is Closed {}
  }
}
