import ApusCore
import ApusFrames

/// Frames between our own programs: one request, any number of items, one last frame.
package enum Control {
  /// Raised when a request or reply changes its meaning; the two sides must agree.
  package static let version: UInt16 = 1

  package enum Kind {
    package static let request: UInt8 = 1
    package static let item: UInt8 = 2
    package static let done: UInt8 = 3
    package static let failed: UInt8 = 4
  }

  /// Version, verb, and the verb's own JSON.
  package static func request(_ verb: Verb, _ body: some Encodable) throws -> Frame {
    request(verb, bytes: try JSONText.encode(body))
  }

  /// Version, verb, and what that verb says otherwise.
  package static func request(_ verb: Verb, bytes: [UInt8]) -> Frame {
    var writer = ByteWriter()
    writer.number(version)
    writer.string(Array(verb.rawValue.utf8))
    return Frame(kind: Kind.request, body: writer.bytes + bytes)
  }

  package struct Parsed {
    package var verb: Verb
    package var body: [UInt8]
  }

  /// Throws a failure to send back.
  package static func parse(_ frame: Frame) throws(Failure) -> Parsed {
    var reader = ByteReader(frame.body)
    guard frame.kind == Kind.request, let version: UInt16 = try? reader.number(), let name = try? reader.string()
    else { throw Failure(.usage, "that is not a request") }
    guard version == Self.version, let verb = Verb(rawValue: String(decoding: name, as: UTF8.self)) else {
      throw Failure(
        .daemonVersion, "the daemon is of another version than the program that asks",
        hint: "`apus restart` starts the new one; running sessions are not touched")
    }
    return Parsed(verb: verb, body: reader.rest())
  }
}

/// The version of all three programs.
package enum Version {
  package static let text = "0.1.0"
  /// The oldest `claude` this version works with: resume from another directory came with it (claude-contract §11).
  package static let oldestClaude = [2, 1, 223]
}
