import ApusCore
import CSystem
import Glibc

/// A program of ours started so that it outlives whoever starts it.
package enum Detached {
  /// Starts `program` with a pipe at descriptor 3 on which it says that it is up; returns the reading end.
  /// The program leaves our session by itself (`apus_detach`), so the process started here ends at once.
  package static func start(
    program: String, arguments: [String], environment: [String: String], directory: String
  ) throws(Failure) -> (ready: Int32, pid: Int32) {
    var ends: [Int32] = [-1, -1]
    guard apus_pipe(&ends) == 0 else { throw failed(program, errno) }
    let (pid, code) = Spawn.start(program, [program] + arguments, environment, directory, ready: ends[1])
    close(ends[1])
    guard code == 0 else {
      close(ends[0])
      throw failed(program, code)
    }
    return (ends[0], pid)
  }

  private static func failed(_ program: String, _ code: Int32) -> Failure {
    Failure(
      .daemonUnreachable, "\(program) cannot be started: \(String(cString: apus_error_text(code)))",
      hint: "apus, apusd and apus-keeper belong side by side: install all three with `make install`")
  }

  /// Our own programs stand beside each other, wherever they were installed.
  package static func sibling(_ name: String) throws(Failure) -> String {
    var target = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = readlink("/proc/self/exe", &target, target.count - 1)
    guard length > 0 else {
      throw Failure(.internalError, "this program does not know where it is", hint: "is /proc mounted?")
    }
    // Where an upgrade put another program in its place the kernel adds a word to the name; the directory is the same.
    var path = String(decoding: target[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    while let last = path.last, last != "/" { path.removeLast() }
    return path + name
  }
}

/// The environment of this process.
package enum Environment {
  package static func current() -> [String: String] {
    var variables: [String: String] = [:]
    var at = apus_environment()
    while let entry = at?.pointee {
      let text = String(cString: entry)
      if let equals = text.firstIndex(of: "=") {
        variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
      }
      at = at?.advanced(by: 1)
    }
    return variables
  }

  /// What a daemon or keeper of ours starts with: nothing of the session it may be started from, our home, and its
  /// role, by which keepers know that it is no part of their run.
  package static func ofOurs(home: String, role: String, from environment: [String: String]) -> [String: String] {
    var own = ["APUS_HOME": home, "APUS_ROLE": role, "SWIFT_BACKTRACE": "enable=no"]
    for key in [
      "PATH", "HOME", "TMPDIR", "LANG", "USER", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "APUS_LOG_LEVEL", "APUS_LOG_PATH",
    ] {
      if let value = environment[key] { own[key] = value }
    }
    for setting in Setting.numbers { own[setting.facts.variable] = environment[setting.facts.variable] }
    guard role == "daemon" else { return own }
    for setting in [Setting.claude, .model, .permissionMode, .persist, .listen, .webhooksInside] {
      own[setting.facts.variable] = environment[setting.facts.variable]
    }
    for key in forAgents { own[key] = environment[key] }
    return own
  }

  /// What agents need that programs start, with no shell of a person's around them: how to reach their model.
  private static let forAgents = [
    "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL", "CLAUDE_CONFIG_DIR",
    "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "AWS_PROFILE", "AWS_REGION",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_FILE", "SSH_AUTH_SOCK", "SHELL", "LC_ALL", "TZ",
  ]
}
