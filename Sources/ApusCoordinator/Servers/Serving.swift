import ApusCore
import ApusGit
import ApusLink
import ApusLoop
import ApusWire
import CSystem
import Glibc

// Development servers come and go with the connections of their owners. Nothing of them is stored: whoever serves says so
// again to the next daemon.

extension Coordinator {
  private static let mostServers = 200
  private static let sweepMilliseconds = 100
  /// How long a server's guard has to end its tree before the daemon does.
  private static let guardMilliseconds: Int64 = 15_000

  private static func isHexDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) || (97...102).contains(byte) }

  /// Knows a server, and tells its owner what concerns it, until that goes.
  package func devServe(_ request: DevServeRequest, _ caller: Caller) async throws -> Nothing {
    guard DevSettings.isName(request.name), !request.roots.isEmpty, request.id.utf8.allSatisfy(Self.isHexDigit) else {
      throw Failure(.usage, "\"\(SessionName.excerpt(request.name, of: 40))\" is no name of a server")
    }
    guard servers.all.count < Self.mostServers else {
      throw Failure(
        .limitReached, "\(Self.mostServers) development servers run already", hint: "`apus dev status --all`")
    }
    let asking = try identify(request.asker)
    let session = asking.session
    let scope = asking.scope.isEmpty ? request.directory : asking.scope
    // The same owner again, over another connection.
    if let before = servers.all.first(where: { $0.request.id == request.id }) { forget(before) }
    let name = try freeName(of: request, scope: scope, session: session)
    let port = try servedPort(request, session: session, scope: scope)
    let serving = DevServing(request, name: name, session: session?.id, scope: scope, port: port, caller: caller)
    servers.all.append(serving)
    changes.announce(.servers)
    changes.onAny = { [unowned self] _ in refreshHolds() }
    seedTurns()
    serving.told = holds(of: serving)
    var welcome = DevOrder(.welcome)
    (welcome.name, welcome.port, welcome.session, welcome.holds) = (name, port, session?.name, serving.told)
    serving.send(welcome)
    log.info("server \(name): \(SessionName.excerpt(request.command)), pid \(request.process.pid)")
    await withCheckedContinuation { continuation in
      let answer = Answer<Void>(continuation)
      serving.over = answer
      caller.whenGone(UInt64(UInt(bitPattern: ObjectIdentifier(serving)))) { answer.give(()) }
    }
    forget(serving)
    sweep(serving)
    return Nothing()
  }

  private func forget(_ serving: DevServing) {
    guard servers.all.contains(where: { $0 === serving }) else { return }
    servers.all.removeAll { $0 === serving }
    changes.announce(.servers)
    releaseAllPorts(of: serving.holder)
    for answer in serving.waiting { answer.give(nil) }
    for answer in serving.leaving { answer.give(()) }
    (serving.waiting, serving.leaving) = ([], [])
    serving.over?.give(())
    log.info("server \(serving.name): its owner went")
  }

  /// An owner that was killed has a guard that ends the server; where that was killed as well it is ended here, by its
  /// mark.
  private func sweep(_ serving: DevServing) {
    let entry = "APUS_DEV=\(serving.request.id)"
    let owner = serving.request.process
    LoopActor.begin { [self] in
      let until = apus_monotonic_milliseconds() + Self.guardMilliseconds
      while !isShuttingDown {
        let (isAlive, left) = await Offload.run {
          (Processes.isAlive(owner), Processes.carrying(entry))
        }
        // It serves on, and says so again.
        if isAlive { return }
        if left.isEmpty { return removeLog(of: serving) }
        let isGuarded = await Offload.run { left.contains { Self.isGuard($0.pid) } }
        if !isGuarded || apus_monotonic_milliseconds() >= until {
          for mark in left { Processes.signal(mark, SIGKILL) }
          log.warning("server \(serving.name): \(left.count) processes it left were ended")
        }
        await pause(milliseconds: Self.sweepMilliseconds)
      }
    }
  }

  /// What an owner that was killed left of what its server wrote.
  private func removeLog(of serving: DevServing) {
    let path = "\(places.home)/dev/\(serving.request.id).log"
    guard serving.request.log == path else { return }
    for name in [path, path + ".1"] { unlink(name) }
  }

  private nonisolated static func isGuard(_ pid: Int32) -> Bool {
    var command = [CChar](repeating: 0, count: 64)
    let length = max(0, apus_process_command(pid, &command, command.count))
    let text = String(decoding: command.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return text.hasPrefix("apus-keeper --guard ")
  }

  private func freeName(of request: DevServeRequest, scope: String, session: Session?) throws(Failure) -> String {
    func taken(_ name: String) -> DevServing? {
      servers.all.first { $0.name == name && $0.scope == scope && $0.session == session?.id }
    }
    guard let other = taken(request.name) else { return request.name }
    guard request.isNameFree else {
      let whose = session.map { " of session \($0.name)" } ?? ""
      throw Failure(
        .nameTaken,
        "a server \(request.name)\(whose) runs already: \(SessionName.excerpt(other.request.command)) "
          + "(pid \(other.request.process.pid))",
        hint: "`apus dev stop \(request.name)` ends it; --name gives this one another name")
    }
    var number = 2
    while taken("\(request.name)-\(number)") != nil { number += 1 }
    return "\(request.name)-\(number)"
  }

  // MARK: ports

  private func servedPort(_ request: DevServeRequest, session: Session?, scope: String) throws -> Int? {
    let holder = DevServing.holder(request.id)
    let used = Set(servers.all.compactMap(\.port))
    let own = session?.place?.ports ?? [:]
    let variable = request.port.variable ?? "PORT"
    if let exact = request.port.exact {
      if own.values.contains(exact) && !used.contains(exact) { return exact }
      try lease(exact, for: holder)
      return exact
    }
    let theirs = own[variable] ?? (own.count == 1 && request.port.variable == nil ? own.first?.value : nil)
    if let theirs, !used.contains(theirs) { return theirs }
    let settings = guards.settings(
      checkout: Repository.checkout(of: request.directory) ?? request.directory, log: log)
    let preferred = settings.ports[variable] ?? theirs ?? RepositorySettings.usualPort
    return try leasePorts([variable: preferred], session: holder)[variable]
  }

  // MARK: going

  /// The daemon goes. Those in the background go with the sessions, where that is what is wanted; others serve on.
  func leaveServers(ending: Bool, comesBack: Bool) {
    if comesBack { return }
    for serving in servers.all { serving.send(DevOrder(ending && serving.request.isBackground ? .stop : .leaving)) }
  }
}
