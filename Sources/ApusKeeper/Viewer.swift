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
  /// Its terminal's size, where it views the agent's terminal.
  var size: TerminalSize?
  /// Whether it views the terminal: what it types counts only while it leads.
  var isViewing: Bool { size != nil }
  var testament: OpenTestament?
  /// The process it says it is, where it asked to speak with the agent over its pipes.
  var process: Int32 = 0
  /// It typed more than the agent reads: nothing more is taken of it until the agent has read.
  var isHeld = false
  /// When it last took a byte that was meant for it, on the keeper's clock; nil while nothing is owed.
  private(set) var blockedSince: Int64?
  /// What the loop waits for on its socket.
  var watched: (readable: Bool, writable: Bool) = (true, false)

  static let chunk = 1 << 16

  init(descriptor: Int32) { self.descriptor = descriptor }

  /// Requests that arrived; nil when the viewer is gone or speaks nonsense.
  mutating func receive(_ chunk: inout [UInt8]) -> [KeeperRequest]? {
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
      // What came is to be dealt with before more is taken: who types much waits for an agent that reads little.
      if got < chunk.count || !requests.isEmpty { return requests }
    }
  }

  mutating func send(_ reply: KeeperReply) { outbox += reply.frame.encoded }

  mutating func follow(from offset: UInt64) {
    following = offset
    toldEnding = false
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
    guard let wanted = following else { return false }
    let offset = max(wanted, recording.oldest)
    let bytes = recording.read(from: offset, limit: Self.chunk)
    if !bytes.isEmpty {
      send(.output(offset: offset, bytes: bytes))
      following = offset + UInt64(bytes.count)
      return true
    }
    guard let ending, !toldEnding, offset >= recording.available else { return false }
    send(.ending(ending, recorded: recording.recorded))
    toldEnding = true
    return true
  }
}

/// A viewer's testament with its terminal already open: a device opened when it is needed might be somebody else's by
/// then.
struct OpenTestament {
  /// How long a terminal may take that is full of what its viewer had written.
  private static let patienceMilliseconds: Int64 = 5_000

  private let device: Int32
  private let settings: [UInt8]
  private let bytes: [UInt8]
  private var written = 0
  private var until: Int64?

  /// Nil when the device is no terminal that can be opened.
  init?(_ testament: View.Testament) {
    device = apus_tty_device(cString(testament.device))
    guard device >= 0 else { return nil }
    settings = testament.settings
    bytes = testament.bytes
  }

  /// The viewer went without a farewell. False while its terminal has no room: then this is to be called again.
  mutating func perform(now: Int64) -> Bool {
    if until == nil {
      until = now + Self.patienceMilliseconds
      apus_tty_restore(device, settings, settings.count)
      apus_tty_go_on(device)
    }
    while written < bytes.count {
      let got = apus_write_from(device, bytes, bytes.count, written)
      if got < 0, errno == EAGAIN, now < until ?? 0 { return false }
      guard got > 0 else { break }
      written += got
    }
    close(device)
    return true
  }

  func tearUp() { close(device) }
}
