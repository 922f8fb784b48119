import ApusCore
import ApusLink
import ApusLoop
import ApusWire
import CSystem

/// What a development server and the daemon say to each other, over the ends of daemons. A server serves without one as
/// well: what held it when the daemon went holds it still, for as long as anything may.
@LoopActor
final class DaemonTalk {
  private static let firstPause = 50
  private static let longestPause = 2_000
  /// How long one may be gone unannounced before another is started.
  private static let crashMilliseconds: Int64 = 1_000
  private static let mostPaths = 500

  var onOrder: @LoopActor (DevOrder) -> Void = { _ in }
  /// It is not known to the daemon for now; said once.
  var onTrouble: @LoopActor (Failure) -> Void = { _ in }
  private let places: Places
  private let environment: [String: String]
  private var request: DevServeRequest
  private var orders: ControlLink?
  private var reports: ControlLink?
  private var welcome: Answer<Result<DevOrder, Failure>>?
  private var unsent: DevReport?
  private var isEnded = false
  private var mayStart = true
  private var goneAt: Int64?
  private var hasTold = false

  init(_ request: DevServeRequest, places: Places, environment: [String: String]) {
    self.request = request
    self.places = places
    self.environment = environment
  }

  /// Returns once the daemon knows the server, with what it is called and its port. The daemon is started where there is
  /// none.
  func begin() async throws(Failure) -> DevOrder {
    try await startDaemon()
    let result: Result<DevOrder, Failure> = await withCheckedContinuation { continuation in
      welcome = Answer(continuation)
      connect()
    }
    let order = try result.get()
    request.name = order.name
    request.isNameFree = false
    request.port.exact = order.port
    return order
  }

  /// Says how the server is. What cannot be said now is said once there is a daemon.
  func report(_ report: DevReport) {
    var report = report
    if let unsent {
      report.changed = Array(Set(unsent.changed + report.changed).sorted().prefix(Self.mostPaths))
      if report.outcome == nil { (report.outcome, report.lines) = (unsent.outcome, unsent.lines) }
    }
    guard let reports else {
      unsent = report
      return
    }
    unsent = nil
    reports.send(.devReport, report)
  }

  /// The daemon is told by the connection's end.
  func end() {
    isEnded = true
    orders?.close()
    reports?.close()
    (orders, reports) = (nil, nil)
  }

  private func startDaemon() async throws(Failure) {
    let (places, environment) = (self.places, self.environment)
    try await Offload.trying { () throws(Failure) in _ = try DaemonLink.open(places, environment: environment) }
  }

  private func connect() {
    guard !isEnded else { return }
    guard let link = ControlLink.connect(places), let other = ControlLink.connect(places) else { return later() }
    (orders, reports) = (link, nil)
    link.onItem = { [weak self] bytes in
      guard let self, let order = try? JSONText.decode(DevOrder.self, from: bytes) else { return }
      take(order, other)
    }
    link.onReply = { [weak self] result in
      guard let self else { return }
      if case .failure(let failure) = result { refused(failure) } else { gone() }
    }
    link.onGone = { [weak self] in self?.gone() }
    other.onGone = { [weak self] in self?.reports = nil }
    link.send(.devServe, request)
  }

  private func take(_ order: DevOrder, _ other: ControlLink) {
    switch order.kind {
    case .welcome:
      reports = other
      goneAt = nil
      (hasTold, mayStart) = (false, true)
      if let welcome {
        self.welcome = nil
        welcome.give(.success(order))
      }
      onOrder(order)
      if let unsent { report(unsent) }
    case .leaving: mayStart = false
    case .holds, .reload, .stop: onOrder(order)
    }
  }

  private func refused(_ failure: Failure) {
    orders?.close()
    (orders, reports) = (nil, nil)
    if let welcome {
      self.welcome = nil
      return welcome.give(.failure(failure))
    }
    if !hasTold { onTrouble(failure) }
    hasTold = true
    Timers.shared.after(Self.longestPause) { [weak self] in self?.connect() }
  }

  private func gone() {
    orders?.close()
    reports?.close()
    (orders, reports) = (nil, nil)
    goneAt = apus_monotonic_milliseconds()
    later()
  }

  private func later() {
    let away = apus_monotonic_milliseconds() - (goneAt ?? apus_monotonic_milliseconds())
    let pause = min(Self.longestPause, max(Self.firstPause, Int(away / 4)))
    Timers.shared.after(pause) { [weak self] in
      guard let self, !isEnded else { return }
      // One that went without a word crashed: holds are its to tell, so another has to come.
      guard mayStart, away >= Self.crashMilliseconds else { return connect() }
      LoopActor.begin { [self] in
        do throws(Failure) { try await startDaemon() } catch {
          if !hasTold { onTrouble(error) }
          hasTold = true
          mayStart = false
        }
        connect()
      }
    }
  }
}
