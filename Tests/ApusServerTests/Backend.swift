import ApusCore
import ApusTesting
import ApusWire
import Foundation
import Testing

/// One of the backends of `Examples` under `uvicorn --reload`, in a directory of its own.
struct Backend: Sendable {
  let knock: Knock
  private let uvicorn: Running
  private let directory: String

  private static let start = "Application startup complete."

  /// Runs it while the body goes on, and ends it as a person would unless the body did.
  static func with<T: Sendable>(
    _ name: String, _ home: TestHome, _ extra: [String: String], _ body: (Backend) async throws -> T
  ) async throws -> T {
    let directory = home.root + "/" + name
    mkdir(directory, 0o755)
    let program = TestHome.text(Checkout.root + "/Examples/\(name)/main.py")
    TestHome.write(program, to: directory + "/main.py")
    // What uvicorn says goes to its errors; a port that is free is its own to find.
    let uvicorn = try Running(
      [
        "/bin/sh", "-c", "exec \"$0\" \"$@\" 2>&1", Checkout.python, "-m", "uvicorn", "main:app", "--reload", "--port",
        "0", "--timeout-graceful-shutdown", "3",
      ], environment: home.environment.merging(extra) { $1 }, directory: directory)
    do {
      let address = try await line(of: uvicorn, with: "http://127.0.0.1:")
      let digits = address.components(separatedBy: "127.0.0.1:").last.map { $0.prefix { $0.isNumber } } ?? ""
      let port = try #require(Int(digits), "\(address)")
      _ = try await line(of: uvicorn, with: start)
      // It says so before it listens.
      #expect(await eventually { (try? Line(.tcp(port))) != nil })
      let result = try await body(Backend(knock: Knock(door: .tcp(port)), uvicorn: uvicorn, directory: directory))
      uvicorn.kill(SIGTERM)
      _ = try await uvicorn.finish(seconds: 30)
      await uvicorn.release()
      return result
    } catch {
      uvicorn.kill(SIGTERM)
      _ = try? await uvicorn.finish(seconds: 30)
      await uvicorn.release()
      throw error
    }
  }

  private static func line(of uvicorn: Running, with word: String) async throws -> String {
    var said: [String] = []
    while let bytes = try await uvicorn.line() {
      let line = String(decoding: bytes, as: UTF8.self)
      if line.contains(word) { return line }
      said.append(line)
    }
    throw Failure(.internalError, "uvicorn ended before it said \(word): \(said.joined(separator: "\n"))")
  }

  /// Saves its program again, as editors do.
  func save() {
    let path = directory + "/main.py"
    TestHome.write(TestHome.text(path) + "\n# saved\n", to: path + ".new")
    rename(path + ".new", path)
  }

  /// Returns once the program that was saved serves.
  func reloaded() async throws {
    _ = try await Self.line(of: uvicorn, with: Self.start)
  }
}
