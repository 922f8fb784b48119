/// What must survive: sessions, runs, leases, inputs (on disk before they are acknowledged), and the stream of events
/// (which may lose its last milliseconds in a power cut, and is then read again from the recordings).
///
/// One writer. Every method throws `Failure` (`store.failed`, `disk.full`) and has then changed nothing.
package protocol Store: AnyObject {
  func transaction<T>(_ body: () throws -> T) throws -> T

  func loadSessions() throws -> [Session]
  func save(_ session: Session) throws

  /// The latest run of every session.
  func loadLatestRuns() throws -> [Run]
  func loadRuns(of session: String) throws -> [Run]
  func save(_ run: Run) throws

  /// Decides by `Lease.decide` and keeps the outcome, in one step.
  func decide(_ request: LeaseRequest, name: String, now: Moment) throws -> LeaseDecision

  /// Every lease whose name begins like that and that is held.
  func loadLeases(prefix: String) throws -> [Lease]

  /// Who has which named lock, and who waits, as it was last kept.
  var locks: LockBook { get }
  /// Lets `LockBook.handle` decide, one event after another, and keeps the outcome in one step. `now` is a clock that
  /// stands still while the machine sleeps. No token ever comes back: not after a power cut, not after an older copy of
  /// the store was restored.
  func decide(_ events: [LockEvent], now: Moment, wall: Moment) throws -> [LockEffect]
  /// What became of earlier holdings, the latest first; nil: of every scope, of every name.
  func loadStories(scope: String?, name: String?, limit: Int) throws -> [LockStory]

  /// All claims, by the repository they belong to.
  func loadClaims() throws -> [String: [Claim]]
  func save(_ claims: [Claim], gone: [Claim], scope: String) throws

  /// Keeps a new notice and gives it its row.
  func add(_ notice: Notice) throws -> Notice
  func save(_ notice: Notice) throws
  /// What a session is to be told, oldest first; with `read` also what it was told, the latest `limit` of all.
  func loadNotices(of session: String, read: Bool, limit: Int) throws -> [Notice]

  /// Keeps a new input and gives it its row.
  func add(_ input: Input) throws -> Input
  func save(_ input: Input) throws
  /// Inputs that are not finished, oldest first; with `finished` all of them.
  func loadInputs(of session: String, finished: Bool) throws -> [Input]

  /// Appends events (their `n` is given here) and, in the same step, how far the recording was read.
  func append(_ events: [Event], cursor: RunCursor?, session: String, run: Int) throws -> [Event]
  func loadEvents(of session: String, from n: Int, limit: Int) throws -> [Event]
  func loadCursor(session: String, run: Int) throws -> RunCursor?
  /// Events of all sessions behind that number, in the order they were kept. No number ever comes back: not after a
  /// power cut, which may take the last events with it.
  func loadFeed(after number: Int64, limit: Int) throws -> [NumberedEvent]
  /// The number of the newest event.
  var lastInFeed: Int64 { get }
  /// Called after events were appended.
  var onAppended: (() -> Void)? { get set }

  func loadValue(_ key: String) throws -> String?
  func saveValue(_ key: String, _ value: String) throws
  func removeValue(_ key: String) throws
  /// Facts whose keys begin like that.
  func loadValues(prefix: String) throws -> [String: String]
}
