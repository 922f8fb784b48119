import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Foundation
import Glibc
import Testing

/// Development servers in a throw-away home.
extension TestHome {
  /// A home with a repository that has the tests' servers in it, committed.
  @discardableResult
  static func withServers<T: Sendable>(
    agent: String = Checkout.scriptedAgent, settings: String = #"{"ports": {"PORT": 3000}}"#, slots: Int = 1,
    _ body: (TestHome) async throws -> T
  ) async throws -> T {
    try await withRepository(agent: agent, settings: settings, slots: slots) { home in
      for file in ["plain.py", "star.py", "node-server.js"] {
        write(text(Checkout.root + "/Tests/ApusDevTests/servers/" + file), to: home.work + "/server/" + file)
      }
      await home.git("add", "--all")
      await home.git("commit", "--quiet", "-m", "servers")
      return try await body(home)
    }
  }

  var server: String { work + "/server" }

  /// `apus dev` with these words, in the directory of the servers; it runs until it is told to end, or `release`d.
  func dev(
    _ words: String..., environment more: [String: String] = [:], directory: String? = nil
  ) throws -> Running {
    try Running(
      [Checkout.programs + "/apus", "dev"] + words, environment: environment.merging(more) { $1 },
      directory: directory ?? server)
  }

  /// Does it with a server that is healthy, and ends that; what it said on standard error.
  @discardableResult
  func serving(
    _ words: String..., environment more: [String: String] = [:], directory: String? = nil,
    _ body: (Running) async throws -> Void
  ) async throws -> Outcome {
    let running = try Running(
      [Checkout.programs + "/apus", "dev"] + words, environment: environment.merging(more) { $1 },
      directory: directory ?? server)
    do {
      _ = try await until { $0.health == .healthy }
      try await body(running)
    } catch {
      running.kill(SIGTERM)
      let outcome = try? await running.finish(seconds: 20)
      await running.release()
      Issue.record("it said: \(outcome?.output ?? "") \(outcome?.errors ?? "")")
      throw error
    }
    running.kill(SIGTERM)
    let outcome = try await running.finish(seconds: 30)
    await running.release()
    return outcome
  }

  func servers() async throws -> [DevServerObject] { try await json("dev", "status", "--all") }

  /// The one server there is, once it is so.
  @discardableResult
  func until(
    seconds: Double = 120, sourceLocation: SourceLocation = #_sourceLocation, _ isSo: (DevServerObject) -> Bool
  ) async throws -> DevServerObject {
    var last: DevServerObject?
    let isMet = try await eventually(seconds: seconds) {
      last = try await servers().first
      return last.map(isSo) ?? false
    }
    return try #require(isMet ? last : nil, "it is \(String(describing: last))", sourceLocation: sourceLocation)
  }

  /// What a server answers; nil: nobody does.
  func get(_ port: Int?, _ path: String = "/") async -> String? {
    guard let port else { return nil }
    let answer = await Program.run(
      [
        "/bin/bash", "-c", #"exec 3<>/dev/tcp/127.0.0.1/$0 && printf 'GET \#(path) HTTP/1.0\r\n\r\n' >&3 && cat <&3"#,
        "\(port)",
      ],
      environment: ["PATH": "/usr/bin:/bin"], directory: "/", seconds: 10)
    guard answer.status == 0, let blank = answer.output.range(of: "\r\n\r\n") else { return nil }
    return String(answer.output[blank.upperBound...])
  }

  /// Puts another text into a server's file.
  func edit(_ file: String = "plain.py", text new: String) {
    let path = server + "/" + file
    let lines = Self.text(path).split(separator: "\n", omittingEmptySubsequences: false).map { line in
      line.contains("TEXT = \"")
        ? (line.hasPrefix("const") ? "const " : "") + "TEXT = \"\(new)\"" + (line.hasSuffix(";") ? ";" : "")
        : String(line)
    }
    // In one step: one change, whenever it is looked at.
    Self.write(lines.joined(separator: "\n"), to: root + "/edited")
    rename(root + "/edited", path)
  }

  /// Whether nothing listens there.
  func isFree(_ port: Int?) -> Bool { port.map { apus_port_is_free(Int32($0)) == 1 } ?? false }

  /// Every process of a server, its guard among them.
  func tree(of id: String) -> [ProcessMark] { Processes.carrying("APUS_DEV=" + id) }
}
