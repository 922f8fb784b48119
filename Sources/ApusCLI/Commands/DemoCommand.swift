import ApusCore
import ApusLink
import ApusWire
import CSystem
import Glibc

struct DemoCommand: Command {
  static let about = About(
    name: "demo", group: .other, summary: "see three sessions work side by side, in a throw-away home",
    example: "apus demo --real",
    more:
      "In a checkout `make run` calls it with Claude Code from PyPI and the project's model stub: nothing leaves the "
      + "machine and nothing is spent. With --real it uses your own claude and login, which costs a few tokens.")

  @Flag("--real", help: "use claude from PATH and the real service: costs tokens") var real
  @Option("--claude", value: "PATH", help: "the claude program for the stub", completes: .files) var claude: String?
  @Option("--stub", value: "PATH", help: "the model stub to run it against", completes: .files) var stub: String?

  func run(_ context: Context) throws(Failure) -> Int32 {
    let scene = try DemoScene(context, real: real, claude: claude, stub: stub)
    defer { scene.clean() }
    try scene.play()
    return 0
  }
}

/// One showing: a home and a repository of its own, and everything ended at the end.
private final class DemoScene {
  private static let roles = ["add-greeting", "count-words", "write-notes"]

  private let context: Context
  private let output: Output
  private let root: String
  private let tasks: [String]
  private var child: ChildProgram?
  private let signals: Int32
  private let stubPath: String?
  private var stubAddress: String?
  private var drawn = 0

  init(_ outer: Context, real: Bool, claude: String?, stub: String?) throws(Failure) {
    output = outer.output
    guard real || (claude != nil && stub != nil) else {
      throw Failure(
        .demoUnavailable, "the demo needs Claude Code and a model to answer it",
        hint: "in a checkout of the project: `make run` (costs nothing); or `apus demo --real`, which uses your own "
          + "claude and login and costs a few tokens")
    }
    var template = Array("\(outer.environment["TMPDIR"] ?? "/tmp")/apus-demo-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else {
      throw Failure(
        .homeRefused, "no temporary directory can be made: \(String(cString: apus_error_text(errno)))",
        hint: "is TMPDIR writable?")
    }
    root = String(cString: made)
    signals = apus_signal_descriptor([SIGINT, SIGTERM, SIGHUP], 3)
    var environment = outer.environment
    if !real {
      environment = [
        "PATH": outer.environment["PATH"] ?? "/usr/bin:/bin", "HOME": root + "/person", "TMPDIR": root + "/tmp",
        "LANG": "C.UTF-8", "TERM": "dumb", "APUS_CLAUDE": outer.absolute(claude ?? ""),
        "ANTHROPIC_API_KEY": "sk-ant-the-stub-takes-any", "IS_SANDBOX": "1", "DISABLE_AUTOUPDATER": "1",
        "DISABLE_TELEMETRY": "1", "DISABLE_ERROR_REPORTING": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
      ]
    }
    environment["APUS_HOME"] = root + "/apus"
    tasks = real ? Self.realTasks : Self.stubTasks(root + "/shop")
    context = Context(environment: environment, directory: root + "/shop", isJSON: false, output: outer.output)
    stubPath = real ? nil : outer.absolute(stub ?? "")
  }

  func play() throws(Failure) {
    try makeRepository()
    if let stubPath { try startStub(stubPath) }
    output.write(
      stubPath == nil
        ? "Three sessions of your own Claude Code in \(root), on the real service.\n\n"
        : "Three sessions of the real Claude Code in \(root), against the project's model stub on loopback:\n"
          + "nothing leaves this machine and nothing is spent. `apus demo --real` shows it with your own login.\n\n")
    try begin()
    output.write("\n$ apus list\n")
    try watch()
    output.write("\n$ apus check\n")
    let items: [CheckItem] = try context.ask(.check, CheckRequest(sessions: Self.roles))
    for item in items { output.write("✓ \(Width.fit(item.name, 14))\(SessionCard.verdict(item.verdict))\n") }
    try resumeOne()
  }

  /// An empty repository is a directory of four entries.
  private func makeRepository() throws(Failure) {
    let git = root + "/shop/.git"
    for directory in ["/person", "/tmp", "/shop", "/shop/.git", "/shop/.git/objects", "/shop/.git/refs"] {
      mkdir(root + directory, 0o700)
    }
    for (path, text) in [
      (git + "/HEAD", "ref: refs/heads/main\n"),
      (git + "/config", "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"),
      (root + "/shop/README", "A shop for the demo.\n"),
    ] {
      let descriptor = apus_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
      guard descriptor >= 0 else {
        throw Failure(.homeRefused, "\(path) cannot be written", hint: "is there room in TMPDIR?")
      }
      _ = text.withCString { write(descriptor, $0, strlen($0)) }
      close(descriptor)
    }
  }

  private func startStub(_ path: String) throws(Failure) {
    guard
      let started = ChildProgram.start(
        [path, "--exit-with-stdin"], environment: ["PATH": "/usr/local/bin:/usr/bin:/bin"], directory: "/",
        pipes: [.input, .output])
    else {
      throw Failure(.demoUnavailable, "the model stub \(path) cannot be started", hint: "call it through `make run`")
    }
    child = started
    var line: [UInt8] = []
    var byte: UInt8 = 0
    while read(started.output, &byte, 1) == 1, byte != 10 { line.append(byte) }
    guard let port = String(decoding: line, as: UTF8.self).split(separator: ":").last.flatMap({ Int($0) }) else {
      throw Failure(.demoUnavailable, "the model stub did not say where it listens", hint: "call it through `make run`")
    }
    stubAddress = "http://127.0.0.1:\(port)"
  }

  private static let realTasks = [
    "Reply with one short sentence: what is a good greeting for a shop?",
    "Reply with only the number of words in: the quick brown fox jumps over the lazy dog",
    "Reply with a haiku about the common swift.",
  ]

  private static func stubTasks(_ shop: String) -> [String] {
    [
      "edit \(shop)/greeting.txt: Welcome! then slow 2: I wrote a greeting into greeting.txt and read it again.",
      "bash: wc -w \(shop)/README then slow 3: The README has five words; that is short, but it says what it must.",
      "slow 1: Looking around first. then edit \(shop)/NOTES: swifts sleep in the air then say: The notes are in NOTES.",
    ]
  }

  // MARK: the play

  private func begin() throws(Failure) {
    let settings = try context.settings
    var environment = context.environment
    if let stubAddress { environment["ANTHROPIC_BASE_URL"] = stubAddress }
    let program = try AgentProgram.find(settings[.claude], environment: environment, directory: context.directory)
    for (name, task) in zip(Self.roles, tasks) {
      output.write("$ apus new \(name) --prompt \"\(task.prefix(44))…\"\n")
      let spec = SpawnSpec(
        program: program, model: nil, permissionMode: "manual", maxTurns: nil, environment: environment)
      let _: SessionObject = try context.ask(
        .new,
        NewRequest(
          name: name, directory: context.directory, prompt: task, spec: spec, owner: nil, tags: ["demo"],
          persists: false, wait: false))
    }
  }

  /// Shows the list until all are idle; what they ask is allowed, as a person would here.
  private func watch() throws(Failure) {
    var last = ""
    while true {
      let sessions: [SessionRow] = try context.ask(
        .list, ListRequest(all: false, resumable: false, owner: nil, tag: nil, limit: nil))
      let text = SessionList.text(sessions.sorted { $0.name < $1.name }, output)
      // The ages change all the time; away from a terminal only news are worth a line.
      let news = sessions.map { "\($0.name) \($0.activity.rawValue) \(SessionList.about($0))" }.joined(separator: "\n")
      if output.isTerminal {
        output.write((drawn > 0 ? "\u{1B}[\(drawn)A\u{1B}[J" : "") + text)
        drawn = text.split(separator: "\n").count
      } else if news != last {
        output.write(text + "\n")
        last = news
      }
      for session in sessions {
        guard let asked = session.needs.first else { continue }
        if output.isTerminal { drawn = 0 }
        output.write("$ apus permit \(session.name) allow      # \(SessionName.printable(asked.brief))\n")
        let _: SessionObject = try context.ask(
          .permit, PermitRequest(session: session.name, request: asked.id, allow: true, message: nil))
      }
      if sessions.allSatisfy({ $0.activity == .idle || !$0.state.isLive }) { return }
      try rest(milliseconds: 150)
    }
  }

  private func resumeOne() throws(Failure) {
    let name = Self.roles[0]
    output.write("\n$ apus stop \(name); apus resume \(name) \"…\" --wait\n")
    let _: SessionObject = try context.ask(.stop, StopRequest(session: name, now: false))
    let text =
      child == nil
      ? "In one short sentence: what did I ask you before?" : "say: We go on where we were: greeting.txt says Welcome!"
    let session: SessionObject = try context.ask(
      .resume, ResumeRequest(session: name, text: text, fork: nil, directory: nil, wait: true))
    output.write(SessionCard.text(session, output) + "\n\(session.result ?? "")\n\n")
  }

  /// Waits a moment, or ends the demo when it is asked to.
  private func rest(milliseconds: Int32) throws(Failure) {
    var asked = pollfd(fd: signals, events: Int16(POLLIN), revents: 0)
    if poll(&asked, 1, milliseconds) == 1 {
      throw Failure(.turnInterrupted, "the demo was stopped", hint: "everything it started is ended")
    }
  }

  func clean() {
    let down = try? DaemonControl.shutDown(.end, context)
    if let child {
      close(child.input)
      close(child.output)
      var status: Int32 = 0
      while waitpid(child.pid, &status, 0) < 0, errno == EINTR {}
    }
    if down != nil { RemovedTree.remove(root) }
    output.write("Everything the demo started is ended, and \(root) is removed.\n")
  }
}
