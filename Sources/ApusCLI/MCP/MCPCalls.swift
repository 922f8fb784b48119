import ApusCore
import ApusLink
import ApusWire

/// Does what a tool is for: asks the daemon, and puts what it says into words for a model. A daemon that is away, coming
/// or hanging is a result with an error, never the end of the server.
struct MCPCalls {
  let context: Context
  private static let patience: Int64 = 10_000
  /// A server has to end, to start and to become healthy.
  private static let reloadPatience: Int64 = 120_000
  /// How long a wish waits in the queue, in seconds: whoever made it is told, and does not stand there.
  private static let waitSeconds: Double = 86_400

  func call(_ tool: MCPTool, _ arguments: [String: JSON]) -> MCPResult {
    func text(_ name: String) -> String { arguments[name]?.string ?? "" }
    do throws(Failure) {
      switch tool {
      case .lockAcquire:
        var names = (arguments["names"]?.array ?? []).compactMap(\.string)
        if let name = arguments["name"]?.string { names.append(name) }
        return try acquire(Array(Set(names)).sorted(), note: arguments["note"]?.string)
      case .lockRelease: return try release(text("name"))
      case .locks: return MCPWords.locks(try look(.locks, LocksRequest(asker: context.asker())), own: own)
      case .claims: return MCPWords.claims(try claims(.list, arguments["path"]?.string), path: nil, own: own)
      case .whoEdits: return MCPWords.claims(try claims(.check, text("path")), path: text("path"), own: own)
      case .sessions:
        let request = ListRequest(all: false, resumable: false, owner: nil, tag: nil, limit: nil)
        return MCPWords.sessions(try look(.list, request), own: own)
      case .tell:
        let request = TellRequest(asker: context.asker(), to: text("to"), text: text("text"))
        return MCPWords.told(try context.ask(.tell, request, within: Self.patience))
      case .inbox:
        let request = InboxRequest(asker: context.asker(), all: false, reads: true)
        return MCPWords.inbox(try context.ask(.inbox, request, within: Self.patience))
      case .devStatus: return MCPWords.servers(try look(.devStatus, DevStatusRequest(asker: context.asker())))
      case .devReload:
        let names = arguments["name"]?.string.map { [$0] } ?? []
        let request = DevActRequest(asker: context.asker(), names: names, act: .reload)
        return MCPWords.servers(try context.ask(.devAct, request, within: Self.reloadPatience))
      }
    } catch {
      return .failed(MCPWords.failure(error))
    }
  }

  /// Asks for what may be asked again: once more where the daemon went away meanwhile.
  private func look<Reply: Decodable>(_ verb: Verb, _ body: some Encodable) throws(Failure) -> Reply {
    do throws(Failure) { return try context.ask(verb, body, within: Self.patience) } catch {
      guard error == DaemonLink.gone else { throw error }
      return try context.ask(verb, body, within: Self.patience)
    }
  }

  private func claims(_ act: ClaimRequest.Act, _ path: String?) throws(Failure) -> [ClaimObject] {
    try look(.claims, ClaimRequest(asker: context.asker(), act: act, paths: path.map { [$0] } ?? []))
  }

  // MARK: locks

  private func acquire(_ names: [String], note: String?) throws(Failure) -> MCPResult {
    var request = LockRequest(
      asker: context.asker(), names: names, ticket: Self.ticket(of: context.environment, for: names))
    request.note = note
    request.waitSeconds = Self.waitSeconds
    request.isLater = true
    return MCPWords.asked(try look(.lock, request), names: names)
  }

  /// Gives it back, or leaves the queue where it is another's.
  private func release(_ name: String) throws(Failure) -> MCPResult {
    let request = HeldLockRequest(asker: context.asker(), act: .release, name: name)
    do throws(Failure) {
      let object: LockObject = try context.ask(.heldLock, request, within: Self.patience)
      return MCPWords.released(object, own: own)
    } catch {
      guard error.code == .lockHeld else { throw error }
      let locks: [LockObject] = try look(.locks, LocksRequest(asker: context.asker(), name: name))
      let prefix = Self.ticketPrefix(of: context.environment)
      guard let ticket = locks.first?.queue.first(where: { $0.ticket.hasPrefix(prefix) })?.ticket else { throw error }
      var leaving = HeldLockRequest(asker: context.asker(), act: .leave, name: name)
      leaving.ticket = ticket
      let object: LockObject = try context.ask(.heldLock, leaving, within: Self.patience)
      return MCPWords.left(object)
    }
  }

  /// The same wish of the same session has the same ticket, so that asking again, or through a server that was started
  /// anew, is no second wish: that would wait for the first one for ever.
  static func ticket(of environment: [String: String], for names: [String]) -> String {
    ticketPrefix(of: environment) + mark(names.sorted().joined(separator: "\0"))
  }

  private static func ticketPrefix(of environment: [String: String]) -> String {
    let who = [environment["APUS_RUN"] ?? "", environment["CLAUDE_CODE_SESSION_ID"] ?? ""]
    return "mcp-\(mark(who.first { !$0.isEmpty } ?? ""))-"
  }

  /// FNV-1a, 64 bits: only to keep wishes apart.
  private static func mark(_ text: String) -> String {
    String(text.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }, radix: 16)
  }

  /// The short id of the session that asks, where it is one of ours.
  private var own: String? {
    guard let run = context.environment["APUS_RUN"], let places = try? context.places else { return nil }
    return RunID(directory: run, below: places.runs)?.session
  }
}
