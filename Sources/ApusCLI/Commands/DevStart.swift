import ApusCore
import ApusDev
import ApusLink
import ApusLoop
import ApusWire
import CSystem
import Glibc

/// Makes of a command line and the configuration what a development server is run by, and runs it.
struct DevStart {
  private let options: DevCommand
  private let context: Context
  private static let usualPolite: Double = 10

  init(_ options: DevCommand, _ context: Context) {
    self.options = options
    self.context = context
  }

  func run() throws(Failure) -> Int32 {
    if options.background, getenv(Self.readyVariable) != nil { return try serveDetached() }
    let plan = try plan(terminal: terminal)
    if options.background { return try DevUp.start([(plan.plan.request.name, arguments())], options, context) }
    return DevConsole.run(context, plan.plan, warnings: plan.warnings)
  }

  /// Tells a background server that descriptor 3 is where it says how it began.
  static let readyVariable = "APUS_DEV_READY"

  /// Leaves the terminal, and says on descriptor 3 what became of the start.
  private func serveDetached() throws(Failure) -> Int32 {
    var plan: DevPlan
    do throws(Failure) { plan = try self.plan(terminal: nil).plan } catch {
      DevConsole.say(.failure(error), to: 3)
      throw error
    }
    guard apus_detach() == 0 else { return 1 }
    _ = fcntl(3, F_SETFD, FD_CLOEXEC)
    plan.request.isBackground = true
    plan.request.process = Processes.mark(of: getpid()) ?? plan.request.process
    plan.environment[Self.readyVariable] = nil
    return DevConsole.run(context, plan, warnings: [], ready: 3)
  }

  /// The same command line for the one that goes on in the background.
  private func arguments() -> [String] {
    Array(CommandLine.arguments.dropFirst())
  }

  private var terminal: ServerProgram.Size? {
    guard context.output.isTerminal, !context.isJSON else { return nil }
    var rows: Int32 = 0
    var columns: Int32 = 0
    guard apus_tty_size(1, &rows, &columns) == 0 else { return nil }
    return ServerProgram.Size(rows: Int(rows), columns: Int(columns))
  }

  // MARK: the plan

  private struct Where {
    var directory: String
    var environment: [String: String]
  }

  private func plan(terminal: ServerProgram.Size?) throws(Failure) -> (plan: DevPlan, warnings: [String]) {
    let place = try place()
    let found = try Configuration.repository(from: place.directory)
    let settings = try configured(found?.settings)
    var directory = place.directory
    if let inside = settings?.directory, let root = found?.root { directory = root + "/" + inside }
    guard let real = Self.real(directory) else {
      throw Failure(
        .directoryMissing, "there is no directory \(SessionName.excerpt(directory))",
        hint: "correct \"directory\" in .apus/config.json")
    }
    let words = settings.map { ["/bin/sh", "-c", $0.command] } ?? options.command
    guard words[0] != "" else { throw Usage.wrong("dev", "the command is empty") }
    let program = try ProgramSearch.find(words[0], place.environment["PATH"] ?? "/usr/bin:/bin")
    let absolute = program.hasPrefix("/") ? program : real + "/" + program
    var facts = stat()
    let isProgram = stat(absolute, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG && access(absolute, X_OK) == 0
    guard isProgram else {
      throw Failure(
        .usage, "\(SessionName.excerpt(program)) is no program that can be run",
        hint: "name a program that can be run")
    }
    let dotenv = try Configuration.dotenv(from: directory)
    let mode = try mode(place.environment, dotenv, settings)
    let places = try context.places
    try HomeDirectory.prepare(places)
    let roots = try roots(settings, real)
    let rule = try WatchRule(
      ignore: options.ignore + (settings?.ignore ?? []), never: found?.settings.neverWatch ?? [], base: real)
    // A project that calls its one port otherwise finds it under that name, too.
    let ports = found?.settings.ports ?? [:]
    let variable = settings?.port ?? (ports["PORT"] == nil && ports.count == 1 ? ports.keys.first : nil)
    let id = Ticket.make()
    let logs = places.home + "/dev"
    mkdir(logs, 0o700)
    let shown = settings?.command ?? words.joined(separator: " ")
    let name = options.name ?? Self.name(of: words)
    guard DevSettings.isName(name) else {
      throw Usage.wrong("dev", "--name is letters, digits, - and _, at most 32, not \"\(SessionName.excerpt(name))\"")
    }
    var asker = context.asker(session: options.session)
    asker.directory = real
    let mark = Processes.mark(of: getpid()) ?? ProcessMark(pid: getpid(), start: 0)
    let request = DevServeRequest(
      asker: asker, id: id, name: name, isNameFree: options.name == nil, command: shown, directory: real, roots: roots,
      process: mark, port: DevPortWish(exact: options.port, variable: variable), log: "\(logs)/\(id).log")
    var plan = DevPlan(
      program: absolute, arguments: words, directory: real, environment: place.environment, roots: roots,
      watchRule: rule, never: [places.home, Self.real(places.home)].compactMap(\.self), rules: rules(mode, settings),
      mode: mode, health: options.health ?? settings?.health, portVariable: variable,
      politeMilliseconds: Int((options.stopLimit ?? Self.usualPolite) * 1000), terminal: terminal, request: request,
      places: places)
    plan.handsSocket = options.socket || settings?.socket == true
    var warnings = (dotenv?.file.problems ?? []).map {
      "\(dotenv?.path ?? ".env"):\($0.line): \($0.text); the line is passed over"
    }
    let split = settings.map { ["sh", "-c", $0.command] } ?? words
    if let own = OwnReloader.find(split, place.environment.merging(dotenv?.file.values ?? [:]) { first, _ in first }) {
      warnings.append("\(own.what) restarts the server by itself, whoever is at work: \(own.remedy)")
    }
    return (plan, warnings)
  }

  private func place() throws(Failure) -> Where {
    guard let name = options.session else {
      return Where(directory: context.directory, environment: context.environment)
    }
    let place: PlaceObject = try context.ask(.place, SessionRequest(session: name))
    // What belongs to another run, and to the terminal somebody sits at, stays what it is here.
    var environment = place.environment
    for (key, value) in context.environment where environment[key] == nil && !key.hasPrefix("APUS_RUN") {
      environment[key] = value
    }
    for key in ["APUS_HOME", "TERM", "COLORTERM", "PATH"] {
      environment[key] = context.environment[key] ?? environment[key]
    }
    environment["APUS_RUN"] = nil
    environment["PWD"] = place.directory
    return Where(directory: place.directory, environment: environment)
  }

  /// The server of the configuration that is meant, where no command is given.
  private func configured(_ settings: RepositorySettings?) throws(Failure) -> DevSettings? {
    guard options.command.isEmpty else { return nil }
    let all = settings?.dev ?? [:]
    if let name = options.name, let found = all[name] { return found }
    if options.name == nil, all.count == 1 { return all.values.first }
    let known = all.keys.sorted().joined(separator: ", ")
    throw Failure(
      .usage,
      options.name.map { "the configuration has no server \"\(SessionName.excerpt($0, of: 40))\"" }
        ?? "there is no command",
      hint: known.isEmpty
        ? "apus dev -- CMD …, or name servers in .apus/config.json: \"dev\": {\"api\": \"uvicorn main:app\"}"
        : "apus dev -- CMD …, or --name and one of \(known)")
  }

  private func mode(
    _ environment: [String: String], _ dotenv: (file: EnvFile, path: String)?, _ settings: DevSettings?
  ) throws(Failure) -> DevMode {
    let path = dotenv.map { $0.path.split(separator: "/").last.map(String.init) ?? ".env" } ?? ".env"
    let mode = try DevMode.decide(
      noReload: options.noReload, environment: environment, dotenv: dotenv?.file, path: path)
    guard mode.reloads, settings?.reload == false else { return mode }
    return DevMode(reloads: false, why: ".apus/config.json")
  }

  private func rules(_ mode: DevMode, _ settings: DevSettings?) -> DevRules {
    func milliseconds(_ one: Double?, _ two: Double?) -> Int64? { (one ?? two).map { Int64(min($0, 1e8) * 1000) } }
    var rules = DevRules()
    rules.reloads = mode.reloads
    rules.settle = milliseconds(options.settle, settings?.settle) ?? rules.settle
    rules.maxHold = milliseconds(options.maxHold, settings?.maxHold) ?? rules.maxHold
    rules.startLimit = milliseconds(options.startLimit, settings?.startLimit) ?? rules.startLimit
    rules.keepsLastGood = options.keepLastGood || settings?.keepLastGood == true
    rules.restartsOnExit = options.restartOnExit || settings?.restartOnExit == true
    return rules
  }

  private func roots(_ settings: DevSettings?, _ directory: String) throws(Failure) -> [String] {
    let given =
      options.watch.isEmpty
      ? (settings?.watch ?? []).map { directory + "/" + $0 }
      : options.watch.map {
        $0.hasPrefix("/") ? $0 : (options.session == nil ? context.directory : directory) + "/" + $0
      }
    var found: [String] = []
    for path in given.isEmpty ? [directory] : given {
      var facts = stat()
      guard let real = Self.real(path), stat(real, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR else {
        throw Failure(
          .directoryMissing, "there is no directory \(SessionName.excerpt(path)) to watch",
          hint: "--watch takes directories; what is not wanted of them is said by --ignore")
      }
      found.append(real)
    }
    // What is inside another is watched with that.
    return Set(found).filter { one in !found.contains { one.hasPrefix($0 + "/") } }.sorted()
  }

  /// `uvicorn`; of what runs a script, the script's.
  private static func name(of words: [String]) -> String {
    let interpreters: Set = ["python", "python3", "node", "ruby", "perl", "bash", "sh", "deno", "bun", "php"]
    var name = words[0].split(separator: "/").last.map(String.init) ?? "server"
    if interpreters.contains(name) {
      let at = words.dropFirst().first { !$0.hasPrefix("-") && !$0.contains(" ") }
      name = at.flatMap { $0.split(separator: "/").last.map(String.init) } ?? name
    }
    let stem = name.split(separator: ".").first.map(String.init) ?? name
    let fit = String(
      stem.unicodeScalars.filter { DevSettings.isName("a" + String($0)) }.map(Character.init).prefix(32))
    return fit.isEmpty || fit.hasPrefix("-") ? "server" : fit
  }

  private static func real(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }
}
