import ApusCore
import Glibc

/// The two scripts that start a development server: `start_safe.sh` without reloading, `start_dev.sh` with it, or without
/// where it is given --no-reload.
enum ServerScripts {
  static let names = ["start_safe.sh", "start_dev.sh"]

  /// `command`: what a person said runs the server, for a shell; `settings`: the repository's; `inside`: the directory,
  /// relative to the repository, empty for that itself. Nil where no server is recognised there.
  static func text(of name: String, command: String?, settings: RepositorySettings, directory: String, inside: String)
    -> String?
  {
    let mine = settings.dev.filter { ($0.value.directory ?? "") == inside }.keys.sorted()
    let run: String
    if let command {
      run = "-- sh -c \(quoted("exec " + command))"
    } else if mine.count == 1 {
      run = "--name \(mine[0])"
    } else if let known = recognised(directory) {
      run = "-- sh -c \(quoted("exec " + known))"
    } else {
      return nil
    }
    let isSafe = name == names[0]
    let says =
      isSafe
      ? "Starts the server without reloading: whoever is at work on it is left alone. `apus dev reload` loads changes."
      : "Starts the server; it reloads once no session is at work on it. --no-reload: as start_safe.sh."
    return """
      #!/bin/sh
      # \(says)
      cd "$(dirname "$0")" || exit 1
      for place in venv .venv; do
        if [ -f "$place/bin/activate" ]; then . "$place/bin/activate"; fi
      done
      exec apus dev \(isSafe ? "--no-reload " : "")"$@" \(run)

      """
  }

  /// How servers of that kind are started, their own reloaders off, on the port they are given.
  private static func recognised(_ directory: String) -> String? {
    func load(_ name: String) -> String? {
      Files.load(directory + "/" + name).map { String(decoding: $0, as: UTF8.self) }
    }
    if Files.isThere(directory + "/manage.py") { return #"python3 manage.py runserver --noreload "127.0.0.1:$PORT""# }
    for module in ["main", "app", "server"] {
      guard let text = load(module + ".py") else { continue }
      if text.contains("FastAPI(") || text.contains("Starlette(") {
        return #"uvicorn \#(module):app --host "${HOST:-127.0.0.1}" --port "$PORT""#
      }
      if text.contains("Flask(") { return #"flask --app \#(module) run --no-reload --port "$PORT""# }
    }
    if let package = load("package.json") {
      for script in ["start", "dev"] where package.contains("\"\(script)\":") { return "npm run \(script)" }
    }
    if Files.isThere(directory + "/Cargo.toml") { return "cargo run" }
    if Files.isThere(directory + "/Package.swift") { return "swift run" }
    return Files.isThere(directory + "/main.py") ? "python3 main.py" : nil
  }

  private static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }
}
