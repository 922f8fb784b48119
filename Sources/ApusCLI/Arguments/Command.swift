import ApusCore

/// One verb of the command line.
protocol Command {
  init()
  static var about: About { get }
  func run(_ context: Context) throws(Failure) -> Int32
}

/// What help says of a command.
struct About {
  enum Group: String, CaseIterable {
    case sessions = "Sessions"
    case terminals = "Terminals"
    case place = "Place"
    case together = "Together"
    case server = "Server"
    case care = "Care"
    case daemon = "Daemon"
    case other = "Other"
  }

  var name: String
  var group: Group
  var summary: String
  var example: String
  /// A paragraph more, where the options do not say it all.
  var more = ""
  /// Not for people: help and completions show it to those who ask for it by name.
  var isHidden = false
}

extension Command {
  static var parameters: [any Parameter] { Self().parameters }

  var parameters: [any Parameter] {
    Mirror(reflecting: self).children.compactMap { $0.value as? any Parameter }
  }
}

/// Puts arguments into a command's parameters. Flags may stand anywhere; `--` ends them.
enum Usage {
  /// Every command takes these.
  static let everywhere: [ParameterFacts] = [
    ParameterFacts(kind: .flag, names: ["--json"], help: "print JSON instead of text"),
    ParameterFacts(
      kind: .option, names: ["--color"], value: "WHEN", help: "auto, always or never",
      choices: ["auto", "always", "never"]),
    ParameterFacts(kind: .flag, names: ["--help", "-h"], help: "print this help"),
  ]

  static func fill(_ command: any Command, with arguments: [String]) throws(Failure) {
    let name = type(of: command).about.name
    let parameters = command.parameters
    let behind = parameters.first { $0.facts.isBehindDashes }
    var operands = parameters.filter {
      ($0.facts.kind == .operand || $0.facts.kind == .operands) && !$0.facts.isBehindDashes
    }[...]
    var rest = arguments[...]
    var flagsEnded = false
    while let argument = rest.popFirst() {
      if !flagsEnded, argument == "--" {
        flagsEnded = true
        if let behind { while let word = rest.popFirst() { try behind.take(word) } }
      } else if !flagsEnded, argument.hasPrefix("-"), argument != "-" {
        try takeFlag(argument, &rest, parameters, name)
      } else {
        guard let operand = operands.first else {
          throw wrong(name, "\"\(SessionName.excerpt(argument))\" is one argument too many")
        }
        try operand.take(argument)
        if operand.facts.kind == .operand { operands = operands.dropFirst() }
      }
    }
    if let missing = operands.first(where: { $0.isMissing }) {
      throw wrong(name, "\(missing.facts.names[0]) is missing")
    }
  }

  private static func takeFlag(
    _ argument: String, _ rest: inout ArraySlice<String>, _ parameters: [any Parameter], _ command: String
  ) throws(Failure) {
    var flag = argument
    var value: String?
    if argument.hasPrefix("--"), let equals = argument.firstIndex(of: "=") {
      flag = String(argument[..<equals])
      value = String(argument[argument.index(after: equals)...])
    }
    guard let parameter = parameters.first(where: { $0.facts.kind != .operand && $0.facts.names.contains(flag) }) else {
      let known = parameters.flatMap(\.facts.names).filter { $0.hasPrefix("--") }
      let near = known.first { $0.hasPrefix(flag.prefix(5)) }.map { "; did you mean \($0)?" } ?? ""
      throw wrong(command, "there is no option \(SessionName.excerpt(flag))\(near)")
    }
    if parameter.facts.kind == .flag {
      guard value == nil else { throw wrong(command, "\(flag) takes no value") }
      return try parameter.take(nil)
    }
    guard let given = value ?? rest.popFirst() else {
      throw wrong(command, "\(flag) needs a value (\(parameter.facts.value))")
    }
    try parameter.take(given)
  }

  static func badValue(_ facts: ParameterFacts, _ value: String) -> Failure {
    let takes = facts.choices.isEmpty ? "a \(facts.value)" : "one of \(facts.choices.joined(separator: ", "))"
    return Failure(
      .usage, "\(facts.names[0]) takes \(takes), not \"\(SessionName.excerpt(value))\"",
      hint: "\(facts.names[0]): \(facts.help)")
  }

  static func wrong(_ command: String, _ what: String) -> Failure {
    Failure(.usage, "apus \(command): \(what)", hint: "`apus \(command) --help` shows how it is used")
  }
}
