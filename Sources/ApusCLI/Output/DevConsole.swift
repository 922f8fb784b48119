import ApusCore
import ApusDev
import ApusLoop
import ApusWire
import CSystem
import Glibc

// A development server at a terminal: what it writes passes as it is; what we say of it stands on lines of our own, and
// on a terminal one live line below all. Elsewhere our lines go to standard error, with `--json` as objects to standard
// output, and what the server writes to standard error.

@LoopActor
final class DevConsole {
  private let context: Context
  private let warnings: [String]
  private let plan: DevPlan
  /// Where the start of one in the background is told; -1: it has a terminal, or whatever there is in its place.
  private var ready: Int32
  private let isLive: Bool
  private let isSilent: Bool
  private var live = ""
  private var isDrawn = false
  private var isAtLineStart = true
  private var told = ""
  private var name = ""
  private var port: Int?

  private init(_ context: Context, _ plan: DevPlan, _ warnings: [String], _ ready: Int32) {
    self.context = context
    self.plan = plan
    self.warnings = warnings
    self.ready = ready
    isSilent = ready >= 0
    isLive = plan.terminal != nil && ready < 0
  }

  /// Runs it to its end; the exit code. The loop is the caller's thread.
  nonisolated static func run(_ context: Context, _ plan: DevPlan, warnings: [String], ready: Int32 = -1) -> Int32 {
    Loop.serve { await DevConsole(context, plan, warnings, ready).serve() } ?? 1
  }

  private func serve() async -> Int32 {
    let server = DevServer(plan)
    server.onNews = { [unowned self] news in take(news) }
    let signals = Descriptor(apus_signal_descriptor([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH], 5))
    signals.onReadable = { [unowned signals, unowned server, unowned self] in
      while case let number = apus_signal_next(signals.number), number > 0 { hear(number, server) }
    }
    signals.watch()
    let keys = listenToKeys(server)
    defer {
      signals.close()
      keys?.onReadable = {}
      clearLive()
    }
    do throws(Failure) { return try await server.run() } catch {
      clearLive()
      if ready >= 0 {
        Self.say(.failure(error), to: ready)
      } else {
        context.output.fail(error, isJSON: context.isJSON)
      }
      return error.code.exitCode
    }
  }

  private func hear(_ number: Int32, _ server: DevServer) {
    if number == SIGWINCH {
      var rows: Int32 = 0
      var columns: Int32 = 0
      guard apus_tty_size(1, &rows, &columns) == 0 else { return }
      return server.resize(ServerProgram.Size(rows: Int(rows), columns: Int(columns)))
    }
    if number == SIGINT { say("ending; Ctrl-C again ends it at once") }
    server.stop(128 + number)
  }

  /// What a person types goes to the server; the end of it means nothing.
  private func listenToKeys(_ server: DevServer) -> Descriptor? {
    guard isLive, isatty(0) == 1 else { return nil }
    let copy = fcntl(0, F_DUPFD_CLOEXEC, 3)
    guard copy >= 0 else { return nil }
    let keys = Descriptor(copy)
    keys.onReadable = { [unowned keys, weak server] in
      // In the background of a shell reading would stop us.
      guard tcgetpgrp(0) == getpgrp() else { return keys.watch(readable: false) }
      var bytes = [UInt8](repeating: 0, count: 4096)
      let got = read(keys.number, &bytes, bytes.count)
      guard got > 0 else { return keys.watch(readable: false) }
      server?.type(Array(bytes[..<got]))
    }
    keys.watch()
    return keys
  }

  // MARK: news

  private func take(_ news: DevServer.News) {
    switch news {
    case .begun(let order): begun(order)
    case .output(let bytes, let isError): pass(bytes, isError)
    case .note(let text): say(text)
    case .outcome(let outcome, _):
      if context.isJSON { context.output.json(outcome) }
      say(DevWords.outcome(outcome, port: plan.request.port.exact ?? port, reloads: plan.mode.reloads))
      if ready >= 0 {
        Self.say(.success(DevBegun(name: name, healthy: outcome.kind == .healthy)), to: ready)
        close(ready)
        ready = -1
      }
    case .state(let state): show(state)
    }
  }

  private func begun(_ order: DevOrder) {
    name = order.name
    port = order.port
    let place = order.port.map { " on port \($0)" } ?? ""
    let whose = order.session.map { " of session \($0)" } ?? ""
    let watched = plan.roots.map(brief).joined(separator: ", ")
    if plan.mode.reloads {
      say("\(name)\(whose)\(place): reloads when files in \(watched) change, and no agent is at work on them")
    } else {
      say(
        "\(name)\(whose)\(place): safe mode (\(plan.mode.why)): changes in \(watched) are counted, and "
          + "`apus dev reload \(name)` loads them")
    }
    for warning in warnings { say("warning: \(warning)") }
  }

  private func brief(_ path: String) -> String {
    if path == plan.directory { return "." }
    return path.hasPrefix(plan.directory + "/") ? String(path.dropFirst(plan.directory.count + 1)) : path
  }

  private func show(_ state: DevStateObject) {
    port = state.port ?? port
    if context.isJSON { context.output.json(state) }
    if isLive { return draw(state) }
    let pending = state.change - state.loaded
    guard pending > 0, !state.reloads || !state.holds.isEmpty else { return told = "" }
    // Each holder, and each step of counting, once.
    let words = state.reloads ? state.holds.map(\.words).joined(separator: ", ") : "\(pending)"
    if words != told { say(DevWords.waiting(state)) }
    told = words
  }

  // MARK: drawing

  private func pass(_ bytes: [UInt8], _ isError: Bool) {
    if isSilent { return }
    clearLive()
    if context.isJSON || (isError && !isLive) { context.output.writeErrors(bytes) } else { context.output.write(bytes) }
    isAtLineStart = bytes.last == 10 || bytes.last == 13
    redraw()
  }

  private func say(_ text: String) {
    if isSilent { return }
    clearLive()
    let start = isAtLineStart ? "" : "\n"
    for (index, line) in text.split(separator: "\n").enumerated() {
      context.output.note(
        (index == 0 ? start : "") + context.output.styled("apus: \(SessionName.printable(String(line)))", .dim))
    }
    isAtLineStart = true
    redraw()
  }

  private func draw(_ state: DevStateObject) {
    clearLive()
    var parts = ["\(name) \(DevWords.health(state.health, context.output))"]
    if let port { parts.append(":\(port)") }
    if !state.reloads { parts.append("safe mode") }
    parts.append("change \(state.change)")
    let pending = state.change - state.loaded
    if pending > 0 { parts.append(state.reloads ? "\(pending) waiting" : "\(pending) not loaded") }
    if !state.holds.isEmpty { parts.append("held: " + state.holds.map(\.words).joined(separator: ", ")) }
    live = parts.joined(separator: "  ")
    redraw()
  }

  private func redraw() {
    guard isLive, isAtLineStart, !live.isEmpty else { return }
    var output = context.output
    output.measure()
    Output.ask("\r\u{1B}[K" + Width.cutStyled(live, max(20, output.columns - 1)))
    isDrawn = true
  }

  private func clearLive() {
    if isDrawn { Output.ask("\r\u{1B}[K") }
    isDrawn = false
  }

  nonisolated static func say(_ word: Result<DevBegun, Failure>, to descriptor: Int32) {
    let bytes: [UInt8]
    switch word {
    case .success(let begun): bytes = (try? JSONText.encode(begun)) ?? []
    case .failure(let failure): bytes = (try? JSONText.encode(failure)) ?? []
    }
    let line = bytes + [10]
    _ = apus_write_from(descriptor, line, line.count, 0)
  }
}
