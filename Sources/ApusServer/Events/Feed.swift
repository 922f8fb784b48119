import ApusCoordinator
import ApusCore
import ApusLoop
import ApusWire

/// The events of all sessions, for those who follow them. What just happened is read and written out once for all who
/// are up to date; whoever is behind reads from the store at a pace of their own. Nothing waits here for anybody.
@LoopActor
final class Feed {
  /// One event as it is sent.
  struct Item: Sendable {
    var number: Int64
    var session: String
    var type: String
    /// The event as JSON.
    var data: [UInt8]
    /// As it is sent to who follows.
    var plain: [UInt8]
    /// The same without secrets.
    var hidden: [UInt8]
  }

  private static let kept = 512
  private static let batch = 200
  private static let heartbeatMilliseconds = 15_000

  private let brain: Coordinator
  private var recent: [Item] = []
  /// Everything behind this number, and there is something else of it, is in `recent`.
  private var recentAfter: Int64
  private var waiting: [ObjectIdentifier: Answer<Void>] = [:]
  private var signals: [ObjectIdentifier: Signals] = [:] { didSet { brain.changes.isFollowed = !signals.isEmpty } }
  private var outboxes: [ObjectIdentifier: Outbox] = [:]
  private var isBeating = false

  init(_ brain: Coordinator) {
    self.brain = brain
    recentAfter = brain.lastInFeed
    brain.changes.onEvents = { [unowned self] in wake() }
    brain.changes.onAspect = { [unowned self] aspect in signal { $0.note(aspect) } }
    brain.sayings.onPiece = { [unowned self] session, text, begins in
      signal { $0.add(text, begins: begins, of: session) }
    }
    brain.sayings.onOver = { [unowned self] session in for signals in signals.values { signals.drop(session) } }
  }

  var last: Int64 { brain.lastInFeed }

  /// What happened after that number, as much as is sent at a time; empty when there is nothing yet.
  func items(after number: Int64) throws -> [Item] {
    guard number >= recentAfter else { return try load(after: number) }
    let known = recent.last?.number ?? recentAfter
    if brain.lastInFeed > known {
      recent += try load(after: known)
      if recent.count > Self.kept {
        let gone = recent.count - Self.kept
        recentAfter = recent[gone - 1].number
        recent.removeFirst(gone)
      }
    }
    guard number >= recentAfter else { return try load(after: number) }
    let start = recent.partitioningIndex { $0.number > number }
    return Array(recent[start...].prefix(Self.batch))
  }

  private func load(after number: Int64) throws -> [Item] {
    try brain.loadFeed(after: number, limit: Self.batch).map { numbered in
      let event = numbered.event
      let object = FeedObject(id: numbered.number, name: brain.name(of: event.session) ?? "", EventObject(event))
      let data = try JSONText.encode(object)
      func framed(_ data: [UInt8]) -> [UInt8] {
        Array("id: \(numbered.number)\nevent: \(event.kind.rawValue)\ndata: ".utf8) + data + [10, 10]
      }
      return Item(
        number: numbered.number, session: event.session, type: event.kind.rawValue, data: data, plain: framed(data),
        hidden: framed(Secrets.hidden(in: data)))
    }
  }

  /// Returns when something happened, or that outbox is left.
  func next(_ outbox: Outbox) async {
    let id = ObjectIdentifier(outbox)
    await withCheckedContinuation { continuation in
      if outbox.isLeft { return continuation.resume() }
      waiting[id] = Answer<Void>(continuation)
    }
  }

  /// Hears of every event as well.
  var onEvents: @LoopActor () -> Void = {}

  private func wake() {
    onEvents()
    let answers = waiting.values
    waiting = [:]
    for answer in answers { answer.give(()) }
  }

  private func signal(_ note: (Signals) -> Void) {
    for (id, signals) in signals {
      note(signals)
      waiting.removeValue(forKey: id)?.give(())
    }
  }

  // MARK: signs of life

  /// With `signals` it is told those as well; what agents are in the middle of saying comes first.
  func add(_ outbox: Outbox, _ signals: Signals?) {
    outboxes[ObjectIdentifier(outbox)] = outbox
    if let signals {
      self.signals[ObjectIdentifier(outbox)] = signals
      for (session, text) in brain.sayings.texts { signals.add(text, begins: true, of: session) }
    }
    guard !isBeating else { return }
    isBeating = true
    beat()
  }

  func remove(_ outbox: Outbox) {
    let id = ObjectIdentifier(outbox)
    (outboxes[id], signals[id]) = (nil, nil)
    waiting.removeValue(forKey: id)?.give(())
  }

  private func beat() {
    Timers.shared.after(Self.heartbeatMilliseconds) { [weak self] in
      guard let self else { return }
      for outbox in outboxes.values { outbox.putIfEmpty(Array(":\n\n".utf8)) }
      if outboxes.isEmpty { isBeating = false } else { beat() }
    }
  }
}

/// An event among those of all sessions, as programs see it.
struct FeedObject: Encodable {
  var id: Int64
  var name: String
  var n: Int
  var at: String
  var session: String
  var run: Int
  var type: String
  var detail: JSON

  init(id: Int64, name: String, _ event: EventObject) {
    self.id = id
    self.name = name
    n = event.n
    at = event.at
    session = event.session
    run = event.run
    type = event.type
    detail = event.detail
  }
}

extension Array {
  /// The first place from which on all elements are so, where they are sorted by it.
  fileprivate func partitioningIndex(_ isSo: (Element) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if isSo(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
