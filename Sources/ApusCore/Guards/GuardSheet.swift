/// What a session's commands are held against. The daemon decides by it; it also lies beside the sessions, so that a
/// hook can decide where no daemon answers: then what is guarded is refused.
package struct GuardSheet: Codable, Equatable, Sendable {
  package var guards: [Guard] = []
  package var forcePush = false
  package var commitOnBase = false
  /// The branch sessions do not commit on.
  package var base: String?
  /// Whether files others have claimed may not be edited.
  package var isStrict = false

  package enum Decision: Equatable, Sendable {
    case free
    case refused(String)
    /// These locks first; `command` is what asks for them.
    case guarded([Guard], command: String)
  }

  package init() {}

  /// `directory` is where the command begins; `branch` tells which branch a directory is on.
  package func decide(_ command: String, in directory: String, branch: (String) -> String?) -> Decision {
    var wanted: [Guard] = []
    var first = ""
    let line = ShellCommands(command)
    for simple in line.commands {
      if forcePush, let reason = GitGuards.forcePush(simple) {
        return .refused("\(reason). Others may build on what is there: push without force, or ask a person.")
      }
      if commitOnBase, let base, let commit = GitGuards.commit(simple) {
        let named = commit.directory ?? "."
        if branch(named.hasPrefix("/") ? named : directory + "/" + named) == base {
          return .refused(
            "git \(commit.verb) would commit on \(base). Commit on a branch of your own; "
              + "`apus merge` brings it to \(base).")
        }
      }
      for one in guards where one.matches(simple) && !wanted.contains(where: { $0.lock == one.lock }) {
        wanted.append(one)
        if first.isEmpty { first = simple.words.joined(separator: " ") }
      }
    }
    // What cannot be read to its end may hold a command that a guard is for.
    if !line.isComplete, wanted.isEmpty, let one = guards.first(where: { $0.isNamed(in: command) }) {
      return .guarded([one], command: String(command.prefix(60)))
    }
    return wanted.isEmpty ? .free : .guarded(wanted, command: String(first.prefix(200)))
  }

  private static let editing: Set<String> = ["Edit", "MultiEdit", "NotebookEdit", "Write"]

  /// Why a tool may not be used while nobody can be asked; nil: it may.
  package func refusalAlone(tool: String, input: JSON, in directory: String) -> String? {
    let nobody = "the Apus daemon does not answer"
    if tool == "Bash", let command = input["command"]?.string {
      switch decide(command, in: directory, branch: { _ in base }) {
      case .free: return nil
      case .refused(let reason): return reason
      case .guarded(let guards, let command):
        let names = guards.map(\.lock).joined(separator: ", ")
        return "\(command) needs the lock \(names), and \(nobody). Try it again in a moment, or ask for `apus up`."
      }
    }
    if isStrict, Self.editing.contains(tool) {
      return "files that others have claimed may not be edited here, and \(nobody). Try it again in a moment."
    }
    return nil
  }
}

extension Guard {
  /// Whether the program it is for is named there at all.
  fileprivate func isNamed(in text: String) -> Bool {
    guard let program = pattern.split(separator: " ").first else { return false }
    return text.contains(program)
  }
}
