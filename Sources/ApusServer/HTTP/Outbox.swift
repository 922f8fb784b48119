import ApusLoop
import CHTTP
import Synchronization

/// What is on its way to one who is told things bit by bit. Filled on the loop, emptied by the listener's thread as the
/// other side takes it; whoever fills it waits while there is more than a little in it.
final class Outbox: Sendable {
  /// More than this waits for nobody who does not read.
  private static let comfortable = 1 << 18

  private struct State: Sendable {
    var bytes: [UInt8] = []
    var taken = 0
    var isFinished = false
    var isLeft = false
    /// The connection that waits for bytes, as an address.
    var suspended: UInt = 0
    var waiting: [Answer<Void>] = []
    var onLeft: [@LoopActor @Sendable () -> Void] = []
  }

  private let state = Mutex(State())

  var isLeft: Bool { state.withLock { $0.isLeft } }

  /// Called once, when the other side is gone; at once where it is gone.
  @LoopActor
  func whenLeft(_ action: @escaping @LoopActor @Sendable () -> Void) {
    let isLeft = state.withLock { state in
      if !state.isLeft { state.onLeft.append(action) }
      return state.isLeft
    }
    if isLeft { action() }
  }

  func put(_ bytes: [UInt8]) {
    state.withLock { state in
      guard !state.isLeft, !state.isFinished else { return }
      state.bytes += bytes
      Self.wake(&state)
    }
  }

  /// Only where nothing else is on its way.
  func putIfEmpty(_ bytes: [UInt8]) {
    if state.withLock({ $0.bytes.count == $0.taken }) { put(bytes) }
  }

  func finish() {
    state.withLock { state in
      state.isFinished = true
      Self.wake(&state)
    }
  }

  /// Returns when there is little enough on its way, or the other side is gone.
  @LoopActor
  func room() async {
    await withCheckedContinuation { continuation in
      let answer = Answer<Void>(continuation)
      let isFree = state.withLock { state in
        let isFree = state.isLeft || state.isFinished || state.bytes.count - state.taken <= Self.comfortable
        if !isFree { state.waiting.append(answer) }
        return isFree
      }
      if isFree { answer.give(()) }
    }
  }

  // MARK: the listener's side

  /// As many bytes as there are and fit; nil at the end. Where there are none the connection is suspended until there are.
  func take(_ room: Int, into place: UnsafeMutablePointer<CChar>, connection: UInt) -> Int? {
    let (count, waiting) = state.withLock { state -> (Int?, [Answer<Void>]) in
      let left = state.bytes.count - state.taken
      if left == 0 {
        if state.isFinished { return (nil, []) }
        state.suspended = connection
        MHD_suspend_connection(OpaquePointer(bitPattern: connection))
        return (0, [])
      }
      let count = min(left, room)
      state.bytes.withUnsafeBytes { bytes in
        UnsafeMutableRawPointer(place).copyMemory(
          from: bytes.baseAddress.unsafelyUnwrapped + state.taken, byteCount: count)
      }
      state.taken += count
      if state.taken == state.bytes.count { (state.bytes, state.taken) = ([], 0) }
      guard state.bytes.count - state.taken <= Self.comfortable else { return (count, []) }
      defer { state.waiting = [] }
      return (count, state.waiting)
    }
    if !waiting.isEmpty { LoopActor.begin { for answer in waiting { answer.give(()) } } }
    return count
  }

  func leave() {
    let (waiting, actions) = state.withLock { state in
      defer { (state.waiting, state.onLeft, state.bytes, state.taken) = ([], [], [], 0) }
      state.isLeft = true
      state.suspended = 0
      return (state.waiting, state.onLeft)
    }
    guard !waiting.isEmpty || !actions.isEmpty else { return }
    LoopActor.begin {
      for answer in waiting { answer.give(()) }
      for action in actions { action() }
    }
  }

  private static func wake(_ state: inout State) {
    guard state.suspended != 0 else { return }
    MHD_resume_connection(OpaquePointer(bitPattern: state.suspended))
    state.suspended = 0
  }
}
