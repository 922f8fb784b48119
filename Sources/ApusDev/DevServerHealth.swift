import ApusCore
import ApusLink
import ApusLoop
import ApusWire
import CSystem
import Glibc

extension DevServer {
  /// Asks until it is healthy, or over; seldom once it is late.
  func awaitHealth(of server: GuardedServer) {
    LoopActor.begin { [self] in
      let began = apus_monotonic_milliseconds()
      var pauses = 0
      while servers[server.number] === server {
        guard isAwaited(server.number) else { return }
        let age = apus_monotonic_milliseconds() - began
        let (check, isSure, isPatient) = (self.check, servers.count == 1, age > Self.patientMilliseconds)
        let guarded = server
        let pids = guarded.pids
        let answer = await Offload.run { Health.ask(check, pids: pids, isSure: isSure, isPatient: isPatient) }
        guard servers[server.number] === server, isAwaited(server.number) else { return }
        switch answer {
        case .healthy(let port): return await becameHealthy(server.number, port: port)
        case .notYet(let why):
          if let other = await otherPort(of: guarded, isPatient: isPatient) {
            onNews(.note("note: the server listens on \(other), not on PORT \(port ?? 0)"))
            return await becameHealthy(server.number, port: other)
          }
          if state.health == .late, problem != why {
            problem = why
            say()
          }
        }
        pauses += 1
        let isLate = age > state.rules.startLimit
        await pause(
          milliseconds: isLate ? Self.slowHealthPause : pauses < 40 ? Self.firstHealthPause : Self.laterHealthPause)
      }
    }
  }

  private static let patientMilliseconds: Int64 = 1_000

  private func isAwaited(_ number: Int) -> Bool {
    switch state.phase {
    case .starting(let process), .replacing(_, let process): process.number == number
    case .serving(let process): process.number == number && process.isLate
    case .idle, .ending, .down, .leaving, .left: false
    }
  }

  /// Nobody asked for the port it was given: where it listens elsewhere, it serves there.
  private func otherPort(of server: GuardedServer, isPatient: Bool) async -> Int? {
    guard isPatient, plan.request.port.exact == nil, case .listening = check else { return nil }
    let pids = server.pids
    return await Offload.run { Set(Processes.listening(pids).values.joined()).min() }
  }

  /// A port that somebody has is an error that says who.
  func requireFreePort() async throws(Failure) {
    guard let port else { return }
    if apus_port_is_free(Int32(port)) == 1 { return }
    let (places, environment) = (plan.places, plan.environment)
    let owner = await Offload.run { () -> PortObject? in
      guard var link = try? DaemonLink.open(places, environment: environment, starting: false),
        let bytes = try? link.ask(.ports, PortsRequest(port: port), within: 3_000)
      else { return nil }
      return (try? JSONText.decode([PortObject].self, from: bytes))?.first
    }
    throw Self.taken(port, by: owner)
  }

  private static func taken(_ port: Int, by owner: PortObject?) -> Failure {
    var who = "another process"
    if let program = owner?.program {
      who = SessionName.excerpt(program, of: 120)
      if let pid = owner?.pid {
        who += " (pid \(pid))"
        if let mark = Processes.mark(of: Int32(pid)) {
          let age = max(0, apus_boot_seconds() - Double(mark.start) * apus_tick_seconds())
          who += ", for \(MomentText.age(age))"
        }
      }
    }
    if let session = owner?.session, owner?.pid != nil { who += ", of session \(session)" }
    return Failure(
      .portTaken, "port \(port) is taken by \(who)",
      hint: "end that first, or choose another port with --port; `apus ports \(port)` says more")
  }
}
