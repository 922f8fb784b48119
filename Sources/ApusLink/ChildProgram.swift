import CSystem
import Glibc

/// A program started as a child of ours, with pipes. Descriptors are the owner's to close; -1 where none was wanted.
package struct ChildProgram: Sendable {
  package var pid: Int32
  package var input: Int32 = -1
  package var output: Int32 = -1
  package var errors: Int32 = -1

  package struct Pipes: OptionSet, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }
    package static let input = Pipes(rawValue: 1)
    package static let output = Pipes(rawValue: 2)
    package static let errors = Pipes(rawValue: 4)
  }

  /// Starts it in a session of its own; what gets no pipe is /dev/null. Nil, with nothing left open, when it cannot.
  package static func start(
    _ arguments: [String], environment: [String: String], directory: String, pipes: Pipes
  ) -> ChildProgram? {
    guard let program = arguments.first else { return nil }
    var ours: [Int32] = [-1, -1, -1]
    var theirs: [Int32] = [-1, -1, -1]
    for (index, pipe) in [Pipes.input, .output, .errors].enumerated() where pipes.contains(pipe) {
      var ends: [Int32] = [-1, -1]
      guard apus_pipe(&ends) == 0 else {
        for descriptor in ours + theirs where descriptor >= 0 { close(descriptor) }
        return nil
      }
      (ours[index], theirs[index]) = index == 0 ? (ends[1], ends[0]) : (ends[0], ends[1])
    }
    let (pid, code) = Spawn.start(
      program, arguments, environment, directory, input: theirs[0], output: theirs[1], errors: theirs[2])
    for descriptor in theirs where descriptor >= 0 { close(descriptor) }
    guard code == 0 else {
      for descriptor in ours where descriptor >= 0 { close(descriptor) }
      return nil
    }
    return ChildProgram(pid: pid, input: ours[0], output: ours[1], errors: ours[2])
  }
}

/// The one call into the kernel's shim that starts a program.
package enum Spawn {
  /// The pid and 0, or an error number. Descriptors of -1 are /dev/null; `ready` arrives as descriptor 3.
  package static func start(
    _ program: String, _ arguments: [String], _ environment: [String: String], _ directory: String,
    input: Int32 = -1, output: Int32 = -1, errors: Int32 = -1, ready: Int32 = -1
  ) -> (pid: Int32, code: Int32) {
    let argumentBlock = block(arguments)
    let environmentBlock = block(environment.map { "\($0.key)=\($0.value)" })
    var pid: Int32 = 0
    let code = argumentBlock.withUnsafeBufferPointer { arguments in
      environmentBlock.withUnsafeBufferPointer { variables in
        program.withCString { program in
          directory.withCString { directory in
            var plan = apus_spawn_plan(
              program: program, arguments: arguments.baseAddress, argument_bytes: arguments.count,
              environment: variables.baseAddress, environment_bytes: variables.count, directory: directory,
              input: input, output: output, errors: errors, ready: ready, terminal: nil)
            return apus_spawn(&plan, &pid)
          }
        }
      }
    }
    return (pid, code)
  }

  /// Strings one after another, each with its final NUL.
  private static func block(_ strings: [String]) -> [CChar] {
    strings.flatMap { string in string.utf8CString.prefix { $0 != 0 } + [0] }
  }
}
