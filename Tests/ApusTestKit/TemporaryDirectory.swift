import Foundation

/// A directory of the test's own, gone with all that is in it when the last reference goes.
package final class TemporaryDirectory: Sendable {
  package let path: String

  package init() throws {
    // Short: sockets live in it, whose paths the kernel limits.
    var template = Array("/tmp/apus-t-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw TestFailure("no temporary directory: errno \(errno)") }
    path = String(cString: made)
  }

  package func write(_ name: String, _ bytes: some Collection<UInt8>) throws {
    let file = path + "/" + name
    let parent = (file as NSString).deletingLastPathComponent
    try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
    guard FileManager.default.createFile(atPath: file, contents: Data(bytes)) else {
      throw TestFailure("cannot write \(file): errno \(errno)")
    }
  }

  package func write(_ name: String, _ text: String) throws { try write(name, Array(text.utf8)) }

  package func load(_ name: String) -> [UInt8]? {
    FileManager.default.contents(atPath: path + "/" + name).map { Array($0) }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// What a test cannot go on without is missing.
package struct TestFailure: Error, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}
