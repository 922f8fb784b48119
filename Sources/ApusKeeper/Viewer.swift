import ApusFrames
import CSystem
import Glibc

/// One who is attached. Costs an offset, not a copy: output is read back from the recording when the socket has
/// room, so a slow viewer makes nobody wait and nothing grow.
struct Viewer {
  let descriptor: Int32
  private var reader = FrameReader()
  private var outbox: [UInt8] = []
  private var outboxStart = 0
  private(set) var following: UInt64?
  private(set) var toldEnding = false
  var greeted = false
  /// When it last took a byte that was meant for it, on the keeper's clock; nil while nothing is owed.
  private(set) var blockedSince: Int64?

  static let chunk = 1 << 16

  init(descriptor: Int32) { self.descriptor = descriptor }

  /// Requests that arrived; nil when the viewer is gone or speaks nonsense.
  mutating func receive() -> [KeeperRequest]? {
    var chunk = [UInt8](repeating: 0, count: Self.chunk)
    var requests: [KeeperRequest] = []
    while true {
      let got = read(descriptor, &chunk, chunk.count)
      if got < 0 {
        if errno == EINTR { continue }
        return errno == EAGAIN ? requests : nil
      }
      if got == 0 { return requests.isEmpty ? nil : requests }
      reader.feed(chunk[..<got])
      do {
        while let frame = try reader.next() { requests.append(try KeeperRequest(frame)) }
      } catch { return nil }
      if got < chunk.count { return requests }
    }
  }

  mutating func send(_ reply: KeeperReply) { outbox += reply.frame.encoded }

  mutating func follow(from offset: UInt64) {
    following = offset
    toldEnding = false
  }

  /// Whether there is something it should be sent.
  func isOwed(_ recording: Recording, ending: KeptEnding?) -> Bool {
    if outboxStart < outbox.count { return true }
    guard let following else { return false }
    return following < recording.recorded || (ending != nil && !toldEnding)
  }

  /// Sends what it is owed, as far as its socket takes it. False when it is gone.
  mutating func write(_ recording: Recording, ending: KeptEnding?, now: Int64) -> Bool {
    while true {
      if outboxStart == outbox.count {
        outbox.removeAll(keepingCapacity: outbox.capacity <= 2 * Self.chunk)
        outboxStart = 0
        guard fill(recording, ending: ending) else {
          blockedSince = nil
          return true
        }
      }
      let got = apus_write_from(descriptor, outbox, outbox.count, outboxStart)
      if got < 0 {
        if errno == EINTR { continue }
        guard errno == EAGAIN else { return false }
        if blockedSince == nil { blockedSince = now }
        return true
      }
      outboxStart += got
      blockedSince = nil
    }
  }

  private mutating func fill(_ recording: Recording, ending: KeptEnding?) -> Bool {
    guard let offset = following else { return false }
    let bytes = recording.read(from: offset, limit: Self.chunk)
    if !bytes.isEmpty {
      send(.output(offset: offset, bytes: bytes))
      following = offset + UInt64(bytes.count)
      return true
    }
    guard let ending, !toldEnding, offset >= recording.recorded else { return false }
    send(.ending(ending, recorded: recording.recorded))
    toldEnding = true
    return true
  }
}
