import ApusCore
import Testing

/// Rows A2, A3: what decides whether a server reloads, and on what.
@Suite struct DevModeTests {
  private func mode(_ flag: Bool = false, _ environment: [String: String] = [:], _ dotenv: String = "") throws
    -> DevMode
  {
    try DevMode.decide(
      noReload: flag, environment: environment, dotenv: try EnvFile(dotenv, path: ".env"), path: ".env")
  }

  @Test func `with nothing said reload is on`() throws {
    #expect(try mode() == DevMode(reloads: true, why: ""))
    #expect(try mode(false, ["SAFE_RELOAD_MODE": "", "DEBUG": ""]).reloads)
    #expect(try mode(false, ["SAFE_RELOAD_MODE": "false"]).reloads)
  }

  @Test func `the flag, either variable and either place of it switch safe mode on, and the reason is named`() throws {
    #expect(try mode(true) == DevMode(reloads: false, why: "--no-reload"))
    #expect(try mode(false, ["SAFE_RELOAD_MODE": "true"]).why == "SAFE_RELOAD_MODE=true, environment")
    #expect(try mode(false, [:], "A=1\nexport SAFE_RELOAD_MODE=\"on\" # yes\n").why == "SAFE_RELOAD_MODE=on, .env:2")
    #expect(try mode(false, ["DEBUG": "false"]).why == "DEBUG=false, environment")
    #expect(try mode(false, [:], "DEBUG=0").why == "DEBUG=0, .env:1")
  }

  @Test func `for each variable the environment wins over the file, and the flag over both`() throws {
    #expect(try mode(false, ["SAFE_RELOAD_MODE": "false"], "SAFE_RELOAD_MODE=true").reloads)
    #expect(try mode(false, ["DEBUG": "true"], "DEBUG=false").reloads)
    #expect(try !mode(true, ["SAFE_RELOAD_MODE": "false", "DEBUG": "true"], "").reloads)
  }

  @Test func `safe mode holds even when debugging is on`() throws {
    #expect(try !mode(false, ["SAFE_RELOAD_MODE": "true", "DEBUG": "true"]).reloads)
    #expect(try !mode(false, ["DEBUG": "true"], "SAFE_RELOAD_MODE=true").reloads)
    #expect(try !mode(false, ["SAFE_RELOAD_MODE": "false", "DEBUG": "false"]).reloads)
  }

  @Test func `a DEBUG of another program's says nothing, and a safe mode nobody can read is an error`() throws {
    #expect(try mode(false, ["DEBUG": "express:*"]).reloads)
    #expect(throws: Failure.self) { try mode(false, ["SAFE_RELOAD_MODE": "perhaps"]) }
  }

  @Test(
    arguments: [
      ("uvicorn main:app --reload", "uvicorn --reload"), ("python3 -m uvicorn main:app --reload", "uvicorn --reload"),
      ("/venv/bin/gunicorn --reload app", "gunicorn --reload"), ("flask --debug run", "flask --debug"),
      ("python manage.py runserver 8000", "runserver"), ("nodemon server.js", "nodemon"),
      ("node --watch server.js", "node --watch"), ("npx next dev", "next dev"), ("vite --port 3000", "vite"),
      ("cargo watch -x run", "cargo watch"), ("watchexec -r cargo run", "watchexec"),
      ("fastapi dev main.py", "fastapi dev"),
      ("sh -c uvicorn\tmain:app", nil), ("uvicorn main:app", nil), ("python manage.py runserver --noreload", nil),
      ("flask --debug run --no-reload", nil), ("cargo run", nil), ("swift run server", nil), ("vite build", nil),
      ("next start", nil), ("python3 -m http.server", nil),
    ] as [(String, String?)])
  func `a reloader of the command's own is noticed`(command: String, what: String?) {
    let found = OwnReloader.find(command.split(separator: " ").map(String.init), [:])
    #expect(found?.what == what)
    #expect(found.map { !$0.remedy.isEmpty } ?? true)
  }

  @Test func `a reloader inside of a shell's command, or switched on by a variable, is noticed as well`() {
    #expect(OwnReloader.find(["sh", "-c", "cd x && uvicorn main:app --reload"], [:])?.what == "uvicorn --reload")
    #expect(OwnReloader.find(["flask", "run"], ["FLASK_DEBUG": "1"])?.what == "FLASK_DEBUG")
    #expect(OwnReloader.find(["python3", "main.py"], ["DEBUG": "true"])?.what == "DEBUG")
    #expect(OwnReloader.find(["python3", "main.py"], ["DEBUG": "express:*"]) == nil)
  }

  @Test func `what tools make, what is ours and what somebody does not want is not watched`() throws {
    let rule = try WatchRule(
      ignore: ["*.log", "gen/", "docs/**/*.md", "./a.txt"], never: ["/srv/scratch-*"], base: "/w")
    func allows(_ path: String, _ isDirectory: Bool = false) -> Bool {
      rule.allows(name: path.split(separator: "/").last.map(String.init) ?? "", path: path, isDirectory: isDirectory)
    }
    for name in [".git", "venv", ".venv", "__pycache__", "node_modules", ".build", "target"] {
      #expect(!allows("/w/deep/" + name, true), "\(name)")
    }
    // A file may be called so.
    #expect(allows("/w/target"))
    #expect(!allows("/tmp/raisc-agent-17", true) && !allows("/srv/scratch-a/x") && allows("/srv/other", true))
    #expect(
      !allows("/w/x/y.log") && !allows("/w/src/gen", true) && !allows("/w/docs/a/b.md") && allows("/w/docs/a/b.py"))
    #expect(!allows("/w/a.txt") && allows("/w/sub/a.txt"))
    #expect(throws: Failure.self) { try WatchRule(ignore: [], never: ["relative"], base: "/w") }
    #expect(throws: Failure.self) { try WatchRule(ignore: ["["], never: [], base: "/w") }
  }

  @Test func `servers of the configuration are read, and what is wrong there is named`() throws {
    func settings(_ text: String) throws -> RepositorySettings {
      try RepositorySettings(try JSONText.decodeRelaxed(JSON.self, from: Array(text.utf8)), path: "c.json")
    }
    let read = try settings(
      #"{"dev": {"api": "uvicorn a:b", "web": {"command": "npm run dev", "directory": "web", "port": "WEB_PORT","#
        + #" "health": "/ok", "settle": "50ms", "maxHold": "2m", "keepLastGood": true, "reload": false}},"#
        + #" "neverWatch": ["/tmp/x-*"]}"#)
    #expect(read.dev["api"]?.command == "uvicorn a:b" && read.dev["api"]?.reload == true)
    let web = try #require(read.dev["web"])
    #expect(web.directory == "web" && web.port == "WEB_PORT" && web.health == "/ok")
    #expect(web.settle == 0.05 && web.maxHold == 120 && web.keepLastGood && !web.reload)
    #expect(read.neverWatch == ["/tmp/x-*"])
    for wrong in [
      #"{"dev": {"a b": "x"}}"#, #"{"dev": {"a": {}}}"#, #"{"dev": {"a": {"command": "x", "directory": "../y"}}}"#,
      #"{"dev": {"a": {"command": "x", "port": "PATH"}}}"#, #"{"dev": {"a": {"command": "x", "settle": "soon"}}}"#,
      #"{"dev": []}"#,
    ] {
      #expect(throws: Failure.self, "\(wrong)") { try settings(wrong) }
    }
  }

  @Test(arguments: [("200ms", 0.2), ("1.5s", 1.5), ("2", 2), ("3m", 180)] as [(String, Double)])
  func `times are read as people write them`(text: String, seconds: Double) {
    #expect(DurationText.seconds(text) == seconds)
    #expect(DurationText.seconds("ms") == nil && DurationText.seconds("5mms") == nil)
  }
}
