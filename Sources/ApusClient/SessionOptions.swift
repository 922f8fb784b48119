import ApusCore
import ApusLink
import ApusWire
import Glibc

/// What a new session is called, where it works, and what it is to do.
public struct SessionOptions: Sendable {
  /// 1 to 64 of A-Z a-z 0-9 . _ -
  public var name: String
  /// Where it works, or the repository its worktree is made of: an absolute path.
  public var directory: String
  /// What the agent is to do; without one it is ready and waits for `send`.
  public var prompt: String?
  /// The model to use; usually what is configured.
  public var model: String?
  /// What the agent may do unasked: `manual`, `acceptEdits`, `plan`, `auto`, `dontAsk`, `bypassPermissions`.
  public var permissionMode: String?
  /// Ends a turn after so many steps of the agent.
  public var maxTurns: Int?
  /// Variables for the agent, beside those of the `Apus` it is made with.
  public var environment: [String: String] = [:]
  /// Whose it is, to find it by.
  public var owner: String?
  /// What it can be found by.
  public var tags: [String] = []
  /// Whether it goes on through a deliberate shutdown; usually what `PERSIST_CLAUDE_SESSIONS` says.
  public var persists: Bool?
  /// Whether the end of this program is a deliberate shutdown for it.
  public var isTiedToThisProgram = false
  /// Whether it gets a branch and a worktree of its own, and ports nobody else has.
  public var worktree = false
  /// With a worktree: where its branch begins.
  public var base: String?
  /// With a worktree: a branch that is there already.
  public var branch: String?
  /// With a worktree: the part of the repository it works on (`.apus/config.json`).
  public var component: String?

  /// A session of that name in that directory.
  public init(name: String, directory: String, prompt: String? = nil) {
    self.name = name
    self.directory = directory
    self.prompt = prompt
  }

  /// Reads the configuration, which may block.
  func request(_ daemon: Daemon) throws(Failure) -> NewRequest {
    try SessionName.check(name)
    guard directory.hasPrefix("/") else {
      throw Failure(
        .directoryMissing, "\(SessionName.excerpt(directory)) is not an absolute path", hint: "begin it with /")
    }
    let settings = try Configuration.load(environment: daemon.environment, directory: directory)
    let usually = try settings.flag(.persist)
    var request = NewRequest(
      name: name, directory: directory, prompt: prompt,
      spec: try AgentProgram.spec(
        settings, model: model ?? settings[.model], permissionMode: permissionMode ?? settings[.permissionMode],
        maxTurns: maxTurns, environment: daemon.environment.merging(environment) { $1 }, directory: directory,
        beside: daemon.directory),
      owner: owner, tags: tags, persists: persists ?? usually, wait: false)
    if isTiedToThisProgram { request.tiedTo = Processes.mark(of: getpid()) }
    guard worktree else {
      guard base == nil, branch == nil, component == nil else {
        throw Failure(.usage, "base, branch and component are for sessions with a worktree", hint: "worktree = true")
      }
      return request
    }
    var place = PlaceWish(date: LocalDate.today())
    (place.base, place.on, place.component) = (base, branch, component)
    place.given = environment.keys.sorted()
    request.place = place
    return request
  }
}
