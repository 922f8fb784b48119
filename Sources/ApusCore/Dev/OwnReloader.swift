/// A reloader of the server's own: it restarts whenever an agent saves, whatever ours holds, so it is named.
package struct OwnReloader: Equatable, Sendable {
  /// What switches it on, as it stands there.
  package var what: String
  /// What to do about it.
  package var remedy: String

  /// What of a command line, or of what it is started with, reloads by itself; nil: nothing that is known.
  package static func find(_ command: [String], _ environment: [String: String]) -> OwnReloader? {
    var words = command
    // What a shell is told to run.
    if let shell = words.first.map(name), ["sh", "bash", "dash", "zsh"].contains(shell),
      let at = words.firstIndex(where: { $0.hasPrefix("-") && $0.hasSuffix("c") }), at + 1 < words.count
    {
      words = words[at + 1].split { " \t\n;&|()".contains($0) }.map(String.init)
    }
    let names = words.map(name)
    func has(_ flags: String...) -> String? { words.first { flags.contains($0) } }
    func runs(_ programs: String...) -> String? { names.first { programs.contains($0) } }
    if let program = runs("uvicorn", "hypercorn", "gunicorn", "granian", "daphne", "fastapi"),
      let flag = has("--reload")
    {
      return OwnReloader(what: "\(program) \(flag)", remedy: "leave \(flag) out")
    }
    if names.contains("fastapi"), words.contains("dev") {
      return OwnReloader(what: "fastapi dev", remedy: "use `fastapi run`, or add --no-reload")
    }
    if names.contains("flask") {
      if let flag = has("--debug", "--reload"), has("--no-reload") == nil {
        return OwnReloader(what: "flask \(flag)", remedy: "add --no-reload behind `run`")
      }
      if DevMode.truth(environment["FLASK_DEBUG"] ?? "") == true, has("--no-reload") == nil {
        return OwnReloader(what: "FLASK_DEBUG", remedy: "add --no-reload behind `run`")
      }
    }
    if words.contains("runserver"), has("--noreload") == nil {
      return OwnReloader(what: "runserver", remedy: "add --noreload")
    }
    if let program = runs("node", "bun", "deno", "tsx"), let flag = has("--watch", "--hot", "watch") {
      return OwnReloader(what: "\(program) \(flag)", remedy: "leave \(flag) out")
    }
    if let program = runs(
      "nodemon", "ts-node-dev", "watchexec", "watchmedo", "entr", "air", "cargo-watch", "watchfiles")
    {
      return OwnReloader(what: program, remedy: "give the command that \(program) runs")
    }
    if names.contains("cargo"), words.contains("watch") {
      return OwnReloader(what: "cargo watch", remedy: "use `cargo run`")
    }
    if let program = runs("next", "nuxt", "astro"), words.contains("dev") {
      return OwnReloader(
        what: "\(program) dev",
        remedy: "it loads changes by itself; use --no-reload, or `\(program) start` after a build")
    }
    if let program = runs("vite"), !words.contains("build"), !words.contains("preview") {
      return OwnReloader(
        what: program, remedy: "it loads modules by itself; use --no-reload, and set server.watch to null to stop that")
    }
    if DevMode.truth(environment[DevMode.debugVariable] ?? "") == true {
      return OwnReloader(
        what: "DEBUG", remedy: "a program that reloads in debug mode goes on doing so; DEBUG=false stops it")
    }
    return nil
  }

  private static func name(_ word: String) -> String {
    word.split(separator: "/").last.map(String.init) ?? word
  }
}
