/// The life of a development server: decides, performs nothing, reads no clock. Times are milliseconds of one clock that
/// never goes back.
///
/// A *change* is a file whose bytes differ from what they were; changes are numbered. A reload loads all of them. While
/// anybody holds none happens, but for the one that is due when the longest hold is over; what changed meanwhile is
/// loaded by one reload. No change is ever forgotten: `loaded` reaches `change` once all is quiet, and where reloading is
/// off, once somebody asks.
package struct DevState: Equatable, Sendable {
  /// One start of the server, and what it loaded.
  package struct Process: Equatable, Sendable {
    package var number: Int
    package var change: Int
    package var startedAt: Int64
    package var isLate = false
  }

  package enum Phase: Equatable, Sendable {
    case idle
    case starting(Process)
    case serving(Process)
    /// The old one serves while the new one starts.
    case replacing(old: Process, new: Process)
    /// It was told to end; then the next is started.
    case ending(Process)
    /// Nothing runs. With a time it is tried again then.
    case down(DevHealth, retryAt: Int64?)
    case leaving(Set<Int>, status: Int32)
    case left(Int32)
  }

  package enum Event: Equatable, Sendable {
    case begun
    /// So many files changed, at that time.
    case changed(Int)
    case held([Hold])
    case reloadAsked
    /// `sharing`: another process could listen on its port beside it.
    case healthy(Int, sharing: Bool)
    /// Nothing of that process lives any more.
    case gone(Int, status: Int32)
    case stopAsked(status: Int32)
    case timePassed
  }

  package enum Action: Equatable, Sendable {
    case start(Int)
    /// Politely, then not; all of its tree.
    case end(Int)
    case tell(DevOutcome)
    case leave(Int32)
  }

  package let rules: DevRules
  package private(set) var phase: Phase = .idle
  /// How many changes there were.
  package private(set) var change = 0
  /// Up to which the last process that was started has them.
  package private(set) var loaded = 0
  package private(set) var holds: [Hold] = []
  /// Told to end, and not waited for.
  private var retired: Set<Int> = []
  private var number = 0
  private var failures = 0
  private var changedAt: Int64 = 0
  /// When the oldest change that is not loaded came.
  private var waitingSince: Int64 = 0
  private var sharesPort = false
  /// Who was at work when a reload was begun all the same.
  private var overdue: [Hold] = []
  private var everServed = false

  package init(_ rules: DevRules) { self.rules = rules }

  package var pending: Int { change - loaded }

  package var health: DevHealth {
    switch phase {
    case .idle, .starting, .ending: .starting
    case .serving(let process), .replacing(let process, _): process.isLate ? .late : .healthy
    case .down(let health, _): health
    case .leaving, .left: .stopped
    }
  }

  /// The process whose answers people get; nil: none.
  package var serving: Int? {
    switch phase {
    case .starting(let process), .serving(let process), .replacing(let process, _), .ending(let process): process.number
    case .idle, .down, .leaving, .left: nil
    }
  }

  /// When `timePassed` is due; nil: nothing is awaited.
  package var deadline: Int64? {
    var deadlines: [Int64] = []
    switch phase {
    case .starting(let process), .replacing(_, let process): deadlines.append(process.startedAt + rules.startLimit)
    case .down(_, let retryAt?): deadlines.append(held(until: retryAt))
    case .idle, .serving, .ending, .down, .leaving, .left: break
    }
    if let reloadAt { deadlines.append(reloadAt) }
    return deadlines.min().flatMap { $0 == .max ? nil : $0 }
  }

  package mutating func handle(_ event: Event, now: Int64) -> [Action] {
    switch event {
    case .begun:
      guard phase == .idle else { return [] }
      return [start(now)]
    case .changed(let count):
      guard count > 0 else { return [] }
      if pending == 0 { waitingSince = now }
      change += count
      changedAt = now
      return reloadIfDue(now)
    case .held(let holds):
      self.holds = holds
      return reloadIfDue(now)
    case .reloadAsked: return reload(now)
    case .healthy(let number, let sharing): return becameHealthy(number, sharing, now)
    case .gone(let number, let status): return ended(number, status, now)
    case .stopAsked(let status): return stop(status)
    case .timePassed: return passTime(now)
    }
  }

  // MARK: when

  /// When what is pending may be loaded; nil: not by itself.
  private var reloadAt: Int64? {
    guard rules.reloads, pending > 0 else { return nil }
    switch phase {
    case .serving, .down: break
    // What changes while it starts is loaded once that is decided.
    case .idle, .starting, .replacing, .ending, .leaving, .left: return nil
    }
    if holds.contains(where: { !$0.isBounded }) { return nil }
    let ceiling = waitingSince + rules.maxHold
    return holds.isEmpty ? min(changedAt + rules.settle, ceiling) : ceiling
  }

  /// What failed is tried again with what is pending: not while somebody is at work on it.
  private func held(until retryAt: Int64) -> Int64 {
    guard pending > 0, rules.reloads, !holds.isEmpty else { return retryAt }
    if holds.contains(where: { !$0.isBounded }) { return .max }
    return max(retryAt, waitingSince + rules.maxHold)
  }

  private mutating func reloadIfDue(_ now: Int64) -> [Action] {
    guard let reloadAt, now >= reloadAt else { return [] }
    overdue = holds
    return reload(now)
  }

  private mutating func passTime(_ now: Int64) -> [Action] {
    switch phase {
    case .starting(var process) where now >= process.startedAt + rules.startLimit:
      process.isLate = true
      phase = .serving(process)
      return [.tell(outcome(.late, process))] + reloadIfDue(now)
    case .replacing(let old, let new) where now >= new.startedAt + rules.startLimit:
      phase = .serving(old)
      retired.insert(new.number)
      var told = outcome(.late, new)
      told.keepsLast = true
      return [.end(new.number), .tell(told)] + reloadIfDue(now)
    case .down(_, let retryAt?) where now >= held(until: retryAt):
      if pending > 0 { overdue = holds }
      return [start(now)]
    case .idle, .starting, .serving, .replacing, .ending, .down, .leaving, .left: return reloadIfDue(now)
    }
  }

  // MARK: what

  private mutating func start(_ now: Int64) -> Action {
    number += 1
    phase = .starting(next(now))
    return .start(number)
  }

  /// The process of that number has all there is by now.
  private mutating func next(_ now: Int64) -> Process {
    loaded = change
    return Process(number: number, change: change, startedAt: now)
  }

  private mutating func reload(_ now: Int64) -> [Action] {
    failures = 0
    switch phase {
    case .serving(let old) where rules.keepsLastGood && sharesPort && !old.isLate:
      number += 1
      phase = .replacing(old: old, new: next(now))
      return [.start(number)]
    case .replacing(let old, let new):
      retired.insert(new.number)
      number += 1
      phase = .replacing(old: old, new: next(now))
      return [.end(new.number), .start(number)]
    case .serving(let process), .starting(let process):
      phase = .ending(process)
      return [.end(process.number)]
    case .down: return [start(now)]
    // It is started with all there is anyway.
    case .ending: return []
    case .idle, .leaving, .left: return []
    }
  }

  private mutating func becameHealthy(_ number: Int, _ sharing: Bool, _ now: Int64) -> [Action] {
    switch phase {
    case .starting(let process) where process.number == number, .serving(let process) where process.number == number:
      if case .serving = phase, !process.isLate { return [] }
      return served(process, sharing) + reloadIfDue(now)
    case .replacing(let old, let new) where new.number == number:
      retired.insert(old.number)
      return [.end(old.number)] + served(new, sharing) + reloadIfDue(now)
    case .idle, .starting, .serving, .replacing, .ending, .down, .leaving, .left: return []
    }
  }

  private mutating func served(_ process: Process, _ sharing: Bool) -> [Action] {
    var process = process
    process.isLate = false
    sharesPort = sharing
    phase = .serving(process)
    let told = outcome(.healthy, process)
    everServed = true
    return [.tell(told)]
  }

  private mutating func ended(_ gone: Int, _ status: Int32, _ now: Int64) -> [Action] {
    if retired.remove(gone) != nil { return [] }
    switch phase {
    case .ending(let process) where process.number == gone: return [start(now)]
    case .starting(let process) where process.number == gone, .serving(let process) where process.number == gone:
      return fell(process, status, now)
    case .replacing(let old, let new) where old.number == gone:
      phase = .starting(new)
      return []
    case .replacing(let old, let new) where new.number == gone:
      phase = .serving(old)
      var told = outcome(.failed, new)
      told.status = status
      told.keepsLast = true
      return [.tell(told)] + reloadIfDue(now)
    case .leaving(var left, let code):
      left.remove(gone)
      phase = left.isEmpty ? .left(code) : .leaving(left, status: code)
      return left.isEmpty ? [.leave(code)] : []
    case .idle, .starting, .serving, .replacing, .ending, .down, .left: return []
    }
  }

  /// It ended by itself.
  private mutating func fell(_ process: Process, _ status: Int32, _ now: Int64) -> [Action] {
    var wasUp = false
    if case .serving = phase { wasUp = true }
    var told = outcome(wasUp || status == 0 ? .ended : .failed, process)
    told.status = status
    guard rules.restartsOnExit || (told.kind == .failed && rules.reloads) else {
      guard rules.reloads else {
        phase = .left(status)
        return [.tell(told), .leave(status)]
      }
      phase = .down(.ended, retryAt: nil)
      return [.tell(told)] + reloadIfDue(now)
    }
    if now - process.startedAt >= DevRules.steady { failures = 0 }
    let pause = min(DevRules.longestPause, DevRules.firstPause << min(failures, 10))
    failures += 1
    phase = .down(told.kind == .failed ? .failed : .ended, retryAt: now + pause)
    told.retry = Double(pause) / 1000
    return [.tell(told)] + reloadIfDue(now)
  }

  private mutating func stop(_ status: Int32) -> [Action] {
    let running: Set<Int>
    switch phase {
    case .starting(let process), .serving(let process), .ending(let process): running = [process.number]
    case .replacing(let old, let new): running = [old.number, new.number]
    case .idle, .down: running = []
    case .leaving, .left: return []
    }
    let all = running.union(retired)
    retired = []
    phase = all.isEmpty ? .left(status) : .leaving(all, status: status)
    return all.isEmpty ? [.leave(status)] : running.sorted().map { .end($0) }
  }

  private mutating func outcome(_ kind: DevOutcome.Kind, _ process: Process) -> DevOutcome {
    var told = DevOutcome(kind, change: process.change, isReload: everServed || process.change > 0)
    told.overdue = overdue
    overdue = []
    return told
  }
}
