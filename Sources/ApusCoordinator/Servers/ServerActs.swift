import ApusCore
import ApusGit
import ApusLink
import ApusLoop
import ApusWire
import Glibc

// What people and sessions ask of development servers.

extension Coordinator {
  private static let reloadMilliseconds = 600_000
  private static let mostHolds = 100
  private static let endMilliseconds = 30_000

  package func devStatus(_ request: DevStatusRequest) throws -> [DevServerObject] {
    let found = try request.all ? servers.all : choose(request.names, request.asker, orAll: true)
    return found.sorted { ($0.name, $0.request.id) < ($1.name, $1.request.id) }.compactMap(object)
  }

  /// Answers with how each of them is then.
  package func devAct(_ request: DevActRequest, _ caller: Caller) async throws -> [DevServerObject] {
    let chosen = try choose(request.names, request.asker, orAll: request.act == .stop || request.act == .release)
    let asking = try identify(request.asker)
    switch request.act {
    case .reload:
      for serving in chosen { try await reload(serving, waits: request.waits) }
    case .hold:
      let by = asking.session.map { "\($0.name) (\($0.id))" } ?? "a person"
      let words = request.note.map { SessionName.excerpt($0, of: 200) + ", by " + by } ?? "by " + by
      for serving in chosen { try hold(serving, id: asking.session?.id ?? "", words, request.seconds) }
    case .release:
      // A person's word counts for all of them.
      for serving in chosen { serving.asked.removeAll { asking.session == nil || $0.id == asking.session?.id } }
      refreshHolds()
    case .stop: await end(chosen)
    }
    // What was just asked is reported back by the owners; their holds are known here.
    return chosen.compactMap(object)
  }

  /// Returns when they are gone.
  private func end(_ chosen: [DevServing]) async {
    for serving in chosen { serving.send(DevOrder(.stop)) }
    for serving in chosen where servers.all.contains(where: { $0 === serving }) {
      // An owner that does not listen is ended; its guard sees to the rest.
      let timer = Timers.shared.after(Self.endMilliseconds) {
        _ = Processes.signal(serving.request.process, SIGKILL)
      }
      await withCheckedContinuation { continuation in serving.leaving.append(Answer(continuation)) }
      Timers.shared.cancel(timer)
    }
  }

  /// The place they serve from goes.
  func endServers(of session: String) async { await end(servers.all.filter { $0.session == session }) }

  private func reload(_ serving: DevServing, waits: Bool) async throws {
    serving.send(DevOrder(.reload))
    guard waits else { return }
    var timer: UInt64?
    let outcome = await withCheckedContinuation { (continuation: CheckedContinuation<DevOutcome?, Never>) in
      let answer = Answer<DevOutcome?>(continuation)
      serving.waiting.append(answer)
      timer = Timers.shared.after(Self.reloadMilliseconds) { answer.give(nil) }
    }
    if let timer { Timers.shared.cancel(timer) }
    guard outcome == nil else { return }
    throw Failure(
      .serverNotFound, "the server \(serving.name) went away before it was reloaded", hint: "`apus dev status`")
  }

  private func hold(_ serving: DevServing, id: String, _ words: String, _ seconds: Double?) throws(Failure) {
    guard serving.asked.count < Self.mostHolds else {
      throw Failure(
        .limitReached, "\(serving.name) is held \(Self.mostHolds) times already", hint: "`apus dev release`")
    }
    let hold = Hold(.asked, id: id, name: words, since: now)
    serving.asked.append(hold)
    refreshHolds()
    guard let seconds else { return }
    Timers.shared.after(Int(min(seconds, 1e6) * 1000)) { [weak self, weak serving] in
      guard let self, let serving, let index = serving.asked.firstIndex(of: hold) else { return }
      serving.asked.remove(at: index)
      refreshHolds()
    }
  }

  /// Those of these names; with none, those of the asker's session, else all of its repository or directory.
  private func choose(_ names: [String], _ asker: Asker, orAll: Bool) throws -> [DevServing] {
    let asking = try identify(asker)
    let directory = Repository.real(asking.directory) ?? asking.directory
    let here = servers.all.filter { serving in
      asking.scope.isEmpty
        ? serving.scope == directory || directory.hasPrefix(serving.scope + "/") : serving.scope == asking.scope
    }
    let own = here.filter { $0.session == asking.session?.id }
    guard !names.isEmpty else {
      let found = own.isEmpty || (orAll && asking.session == nil) ? here : own
      guard !orAll else { return found }
      guard let one = found.first else {
        throw Failure(
          .serverNotFound, "no development server runs here", hint: "`apus dev -- CMD` starts one, `apus dev up` all")
      }
      guard found.count == 1 else {
        throw Failure(
          .usage, "several servers run here: \(found.map(\.name).sorted().joined(separator: ", "))",
          hint: "name the one you mean")
      }
      return [one]
    }
    return try names.map { name in
      // Whoever knows its id means that one, wherever it runs.
      if let known = servers.all.first(where: { $0.request.id == name }) { return known }
      let named = own.filter { $0.name == name } + here.filter { $0.name == name }
      guard let found = named.first else {
        let known = here.map(\.name).sorted().joined(separator: ", ")
        throw Failure(
          .serverNotFound, "there is no development server \"\(SessionName.excerpt(name, of: 40))\" here",
          hint: known.isEmpty ? "`apus dev -- CMD` starts one, `apus dev up` all" : "one of \(known)")
      }
      return found
    }
  }

  private func object(_ serving: DevServing) -> DevServerObject? {
    var state =
      serving.state
      ?? DevStateObject(
        health: .starting, reloads: true, why: "", change: 0, loaded: 0, holds: serving.told, port: serving.port,
        pid: nil, files: 0, reloadCount: 0, since: now, problem: nil)
    // The owner says so a moment later.
    state.holds = serving.told + state.holds.filter { $0.reason == .vcs }
    return DevServerObject(
      serving.request, name: serving.name, session: serving.session.flatMap { sessions[$0]?.name }, state,
      last: serving.last, lastWords: serving.lastWords, lines: serving.lines, now: now)
  }
}
