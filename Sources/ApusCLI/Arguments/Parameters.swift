import ApusCore

/// What a command can be given. Commands declare theirs as wrapped properties; the parser finds them by reflection, and
/// help, completions and the manual are written from them.
protocol Parameter: AnyObject {
  var facts: ParameterFacts { get }
  /// Takes one value (of a flag: nil). Throws what is wrong with it.
  func take(_ value: String?) throws(Failure)
  /// Whether it may be left out, and was.
  var isMissing: Bool { get }
}

struct ParameterFacts {
  enum Kind { case flag, option, operand, operands }

  var kind: Kind
  /// `--wait`, `-f`; of an operand its name in upper case.
  var names: [String]
  /// Of an option: what its value is called.
  var value: String = ""
  var help: String
  /// The values it takes, where they can be listed.
  var choices: [String] = []
  /// Of operands: whether they are what stands behind `--`, and nothing else is.
  var isBehindDashes = false
  /// What a shell may complete here.
  var completes: Completion = .nothing

  enum Completion { case nothing, sessions, files }
}

@propertyWrapper
final class Flag: Parameter {
  let facts: ParameterFacts
  private(set) var wrappedValue = false
  var isMissing: Bool { false }

  init(_ names: String..., help: String) { facts = ParameterFacts(kind: .flag, names: names, help: help) }

  func take(_ value: String?) { wrappedValue = true }
}

@propertyWrapper
final class Option<Value>: Parameter {
  let facts: ParameterFacts
  private(set) var wrappedValue: Value?
  private let parse: (String) -> Value?
  var isMissing: Bool { false }

  init(
    _ names: String..., value: String, help: String, choices: [String] = [],
    completes: ParameterFacts.Completion = .nothing, parse: @escaping (String) -> Value?
  ) {
    facts = ParameterFacts(
      kind: .option, names: names, value: value, help: help, choices: choices, completes: completes)
    self.parse = parse
  }

  func take(_ value: String?) throws(Failure) {
    guard let value, let parsed = parse(value) else { throw Usage.badValue(facts, value ?? "") }
    wrappedValue = parsed
  }
}

extension Option where Value == String {
  convenience init(
    _ name: String, value: String, help: String, choices: [String] = [],
    completes: ParameterFacts.Completion = .nothing
  ) {
    self.init(name, value: value, help: help, choices: choices, completes: completes) {
      choices.isEmpty || choices.contains($0) ? $0 : nil
    }
  }
}

extension Option where Value == Int {
  convenience init(_ name: String, value: String, help: String, atLeast least: Int) {
    self.init(name, value: value, help: help) { text in Int(text).flatMap { $0 >= least ? $0 : nil } }
  }
}

extension Option where Value == Double {
  convenience init(_ name: String, value: String, help: String) {
    self.init(name, value: value, help: help) { text in
      let digits = text.hasSuffix("s") ? String(text.dropLast()) : text
      return Double(digits).flatMap { $0 >= 0 && $0 < 1e9 ? $0 : nil }
    }
  }
}

/// An option that may be given several times.
@propertyWrapper
final class Repeated: Parameter {
  let facts: ParameterFacts
  private(set) var wrappedValue: [String] = []
  var isMissing: Bool { false }

  init(_ names: String..., value: String, help: String) {
    facts = ParameterFacts(kind: .option, names: names, value: value, help: help)
  }

  func take(_ value: String?) { if let value { wrappedValue.append(value) } }
}

@propertyWrapper
final class Operand: Parameter {
  let facts: ParameterFacts
  private(set) var wrappedValue = ""
  private var isGiven = false
  var isMissing: Bool { !isGiven }

  init(_ name: String, help: String, completes: ParameterFacts.Completion = .nothing) {
    facts = ParameterFacts(kind: .operand, names: [name], help: help, completes: completes)
  }

  func take(_ value: String?) {
    wrappedValue = value ?? ""
    isGiven = true
  }
}

/// All further operands; with `least`, at least so many.
@propertyWrapper
final class Operands: Parameter {
  let facts: ParameterFacts
  private(set) var wrappedValue: [String] = []
  private let least: Int
  var isMissing: Bool { wrappedValue.count < least }

  init(
    _ name: String, help: String, least: Int = 0, choices: [String] = [],
    completes: ParameterFacts.Completion = .nothing
  ) {
    self.least = least
    facts = ParameterFacts(kind: .operands, names: [name], help: help, choices: choices, completes: completes)
  }

  func take(_ value: String?) { if let value { wrappedValue.append(value) } }
}

/// All that stands behind `--`, whatever it looks like.
@propertyWrapper
final class Rest: Parameter {
  let facts: ParameterFacts
  private(set) var wrappedValue: [String] = []
  var isMissing: Bool { false }

  init(_ name: String, help: String) {
    var facts = ParameterFacts(kind: .operands, names: [name], help: help)
    facts.isBehindDashes = true
    self.facts = facts
  }

  func take(_ value: String?) { if let value { wrappedValue.append(value) } }
}
