import CSystem
import Glibc

func currentThread() -> UInt { UInt(pthread_self()) }

@LoopActor
final class Descriptors {
  static let shared = Descriptors()
  private var next: UInt64 = 1
  private var watched: [UInt64: Descriptor] = [:]

  func add(_ descriptor: Descriptor) -> UInt64 {
    defer { next += 1 }
    watched[next] = descriptor
    return next
  }

  func remove(_ token: UInt64) { watched[token] = nil }

  func deliver(_ event: apus_poll_event) {
    // One handler may close another's descriptor before its event comes up: then it is no longer here.
    guard let descriptor = watched[event.token] else { return }
    if event.readable != 0 || event.hung_up != 0 { descriptor.onReadable() }
    if event.writable != 0, watched[event.token] === descriptor { descriptor.onWritable() }
  }
}

/// A file descriptor the loop watches, and closes when it is closed here.
@LoopActor
package final class Descriptor {
  package let number: Int32
  private var token: UInt64 = 0
  private var readable = false
  private var writable = false
  private(set) package var isOpen = true
  /// Called when there is something to read, or the other end is gone.
  package var onReadable: @LoopActor () -> Void = {}
  package var onWritable: @LoopActor () -> Void = {}

  package init(_ number: Int32) {
    self.number = number
  }

  /// Says what to wait for; call again to change it.
  package func watch(readable: Bool = true, writable: Bool = false) {
    guard isOpen, token == 0 || readable != self.readable || writable != self.writable else { return }
    let known = token != 0
    if !known { token = Descriptors.shared.add(self) }
    (self.readable, self.writable) = (readable, writable)
    Loop.shared.watch(number, token: token, readable: readable, writable: writable, known: known)
  }

  package func close() {
    guard isOpen else { return }
    isOpen = false
    if token != 0 {
      Loop.shared.unwatch(number)
      Descriptors.shared.remove(token)
    }
    onReadable = {}
    onWritable = {}
    Glibc.close(number)
  }
}
