import ApusFrames

// What those who are attached ask, and what they are answered.

extension Keeper {
  func hear(_ token: UInt64) {
    guard let requests = viewers.receive(from: token) else { return drop(token) }
    for request in requests { answer(request, to: token) }
  }

  /// The same of all it said before it went.
  func hearOut(_ token: UInt64) {
    while let requests = viewers.receive(from: token), !requests.isEmpty {
      for request in requests { answer(request, to: token) }
    }
  }

  private func answer(_ request: KeeperRequest, to token: UInt64) {
    guard let viewer = viewers[token] else { return }
    if !viewer.greeted {
      guard case .hello = request else { return drop(token) }
    }
    switch request {
    case .hello: welcome(token)
    case .follow(let offset):
      viewers[token]?.follow(from: offset)
      if offset == .max, viewers.anyoneViews { viewers.send(.viewed(true), to: token) }
    case .input(let number, let bytes):
      if number > lastInput {
        lastInput = number
        agent.queue(bytes)
      }
      viewers.send(.taken(number: number), to: token)
    case .closeInput: agent.closeInputWhenWritten()
    case .end(let steps): perform(state.handle(.endRequested(steps), now: now))
    case .acknowledgeEnding: perform(state.handle(.endingAcknowledged, now: now))
    case .signal(let signal): perform([.signalAgent(signal)])
    case .type(let bytes) where sizes == nil: type(bytes, by: token)
    case .speak(let process): speak(token, process: process)
    case .view, .type, .size, .lead, .leave: answerViewing(request, of: viewer, token)
    }
  }

  private func answerViewing(_ request: KeeperRequest, of viewer: Viewer, _ token: UInt64) {
    guard sizes != nil else { return viewers.send(.refused(Array("the agent has no terminal".utf8)), to: token) }
    switch request {
    case .view(let view):
      resize(viewers.view(view, by: token))
      viewers.send(
        .viewing(
          available: recording.available, size: sizes?.now ?? view.size, leads: viewers.lead == token), to: token)
      if agentStopped, !viewer.isViewing { viewers.send(.stopped(true), to: token) }
    case .type(let bytes):
      guard !viewer.isViewing || viewers.lead == token else { return }
      agent.queue(bytes)
      agent.write()
      viewers[token]?.isHeld = agent.isFull
    case .size(let size):
      if viewer.isViewing { viewers[token]?.size = size }
      if !viewer.isViewing || viewers.lead == token { resize(size) }
    case .lead: resize(viewers.takeLead(token))
    case .leave: drop(token, farewell: true)
    case .hello, .follow, .input, .closeInput, .end, .acknowledgeEnding, .signal, .speak: break
    }
  }

  private func speak(_ token: UInt64, process: Int32) {
    guard sizes == nil else { return viewers.send(.refused(Array("the agent has a terminal".utf8)), to: token) }
    if agent.isDeaf { return viewers.send(.refused(Array("the agent's input is closed".utf8)), to: token) }
    viewers.speak(token, process: process)
  }

  /// What is typed at once is queued whole: nobody's words come to stand within another's, and of one who dies in the
  /// middle of a word nothing is left.
  private func type(_ bytes: [UInt8], by token: UInt64) {
    guard viewers.speaker == token else {
      return viewers.send(.refused(Array("another speaks with the agent, or nobody".utf8)), to: token)
    }
    agent.queue(bytes)
    agent.write()
    viewers[token]?.isHeld = agent.isFull
  }

  private func welcome(_ token: UInt64) {
    viewers[token]?.greeted = true
    viewers.send(
      .welcome(
        .init(
          version: KeeperProtocol.version, keeper: pid, agent: agent.pid, agentStart: agent.start,
          recorded: recording.recorded, lastInput: lastInput, terminal: sizes?.now)), to: token)
    if toldTrouble != 0 { viewers.send(.trouble(toldTrouble), to: token) }
    if viewers.speaking != 0 { viewers.send(.speaker(viewers.speaking), to: token) }
  }

  private func resize(_ size: TerminalSize?) {
    guard let size, size.rows > 0, size.columns > 0, size != sizes?.now else { return }
    // What was written under the old size is taken in first, as far as it is there.
    readOutput()
    sizes?.set(size, from: recording.available)
    agent.resize(size)
    viewers.tellViewing(.sized(size))
  }

  func drop(_ token: UInt64, farewell: Bool = false) {
    resize(viewers.drop(token, farewell: farewell, now: now))
    continueUnseen()
  }
}
