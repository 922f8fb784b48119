import ApusAgents
import ApusCore
import ApusLoop
import ApusWire

// What a hook is answered: what its agent may do, and what it is to hear before it goes on. Everything else about a
// hook is `Hearing.swift`'s.

extension Coordinator {
  /// At rest it may be days until something wakes it.
  private static let restMilliseconds: UInt32 = 7 * 86_400_000

  func answer(_ report: HookReport, of session: Session, _ caller: Caller) async -> HookAnswer {
    followTurn(report.fact, of: session)
    switch report.fact {
    case .started:
      keepSheet(of: session)
      return tell(session.id, [], report.fact, caller)
    case .prompted:
      sleepers.removeValue(forKey: session.id)?.give(())
      endGuards(of: session.id, background: false)
      return tell(session.id, [], report.fact, caller)
    case .toolBegan(let tool, let input, let id):
      return await before(tool, input, id, report, session, caller)
    case .toolEnded(let tool, let id, let failed):
      if let id {
        endGuard(of: session.id, tool: id)
        editEnded(id, of: session.id)
      }
      ended(tool, failed: failed, in: session)
    case .turnEnded, .turnFailed:
      endGuards(of: session.id, background: !report.hasBackground)
      editEnded(nil, of: session.id)
      return await rest(session.id, caller)
    case .ended(_, let isFollowed): if !isFollowed { endGuards(of: session.id, background: true) }
    case .wentOn, .permissionAsked, .notified: break
    }
    return .nothing
  }

  /// What a hook said while nobody could answer it: what began has begun, what is over is over.
  func missed(_ request: HookRequest, _ run: LiveRun) {
    guard let json = try? JSONText.decode(JSON.self, from: request.report), let report = ClaudeHooks.read(json),
      let session = sessions[run.session]
    else { return }
    switch report.fact {
    case .toolBegan(let tool, let input, _):
      guard ClaudeHooks.changing.contains(tool), let path = (input["file_path"] ?? input["notebook_path"])?.string,
        let file = claimed(path, from: session.directory)
      else { return }
      touch(file, by: session.id, .edit)
    case .toolEnded(let tool, let id, let failed):
      if let id { endGuard(of: session.id, tool: id) }
      ended(tool, failed: failed, in: session)
    case .turnEnded, .turnFailed: endGuards(of: session.id, background: !report.hasBackground)
    case .ended(_, let isFollowed): if !isFollowed { endGuards(of: session.id, background: true) }
    case .started, .prompted, .wentOn, .permissionAsked, .notified: break
    }
  }

  private func before(
    _ tool: String, _ input: JSON, _ id: String, _ report: HookReport, _ session: Session, _ caller: Caller
  ) async -> HookAnswer {
    var words: [String] = []
    if tool == "Bash", let command = input["command"]?.string {
      keepSheet(of: session)
      let inBackground = input["run_in_background"]?.bool == true
      if let reason = await refusal(
        of: command, tool: id, inBackground: inBackground, in: report.directory ?? session.directory, session, caller)
      {
        return HookAnswer(refusing: reason)
      }
    } else if ClaudeHooks.changing.contains(tool), let path = (input["file_path"] ?? input["notebook_path"])?.string {
      switch await claim(path, tool, input, use: id, session) {
      case .allow: break
      case .warn(let text): words.append(text)
      case .deny(let text): return HookAnswer(refusing: text)
      }
      if let text = advice(of: session, on: path) { words.append(text) }
    }
    return tell(session.id, words, report.fact, caller)
  }

  /// What it is to hear at this moment; where nobody listens any more it stays to be told.
  private func tell(_ session: String, _ words: [String], _ fact: HookReport.Fact, _ caller: Caller) -> HookAnswer {
    let told = words + (caller.isGone ? [] : [takeNotices(session)].compactMap(\.self))
    var answer = HookAnswer()
    if !told.isEmpty { answer.output = ClaudeHooks.context(told.joined(separator: "\n\n"), for: fact) }
    return answer
  }

  /// A session that waits for something and is at rest is woken by the end of this very hook. Headless ones of ours are
  /// spoken to instead.
  private func rest(_ id: String, _ caller: Caller) async -> HookAnswer {
    guard live[id]?.run.isTerminal ?? true, awaits(id) else { return .nothing }
    if !hasNoticeThatWakes(id) {
      sleepers.removeValue(forKey: id)?.give(())
      await caller.item(HookAnswer.patience(milliseconds: Self.restMilliseconds))
      await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        let answer = Answer(continuation)
        sleepers[id] = answer
        caller.whenGone(UInt64(UInt(bitPattern: ObjectIdentifier(answer)))) { [weak self] in
          if self?.sleepers[id] === answer { self?.sleepers[id] = nil }
          answer.give(())
        }
      }
    }
    guard !caller.isGone, sessions[id]?.state.isLive == true, hasNoticeThatWakes(id), let text = takeNotices(id) else {
      return .nothing
    }
    return HookAnswer(refusing: text)
  }

  /// Whether something is under way that the session is to be woken for.
  private func awaits(_ id: String) -> Bool {
    hasNoticeThatWakes(id)
      || locks.book.tickets.values.contains { $0.owner.id == id && $0.isWaiting && !$0.isAttended }
      || deployments.awaits(id) || claimWaits.awaits(id)
  }

  private func ended(_ tool: String, failed: Bool, in session: Session) {
    // A command that failed may have been a build, or half of what it was meant to do.
    guard ClaudeHooks.changing.contains(tool), !failed || tool == "Bash" else { return }
    do { try update(session.id) { $0.lastActive = now } } catch { log.error("session \(session.id): \(error)") }
    looked(at: session.id)
  }
}
