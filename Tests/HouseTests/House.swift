import Foundation

/// The repository as it lies on disk.
enum House {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

  struct File: Sendable, CustomStringConvertible {
    var path: String
    var text: String

    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
    var lineCount: Int { lines.count - (text.hasSuffix("\n") ? 1 : 0) }
    /// The room: the folder below `Sources`.
    var room: String { path.split(separator: "/").dropFirst().first.map { String($0) } ?? "" }
    var description: String { path }

    /// Numbered lines without comments and without what stands in quotes.
    var code: [(number: Int, text: String)] {
      lines.enumerated().map { ($0 + 1, House.code(of: $1)) }
    }
  }

  /// Every file below `folder` whose name ends in one of `extensions`, but for what was built or fetched.
  static func files(_ folder: String, _ extensions: Set<String>) -> [File] {
    let walk = FileManager.default.enumerator(atPath: root + "/" + folder)
    var found: [File] = []
    while let name = walk?.nextObject() as? String {
      let path = folder.isEmpty ? name : folder + "/" + name
      if path.hasPrefix(".") { walk?.skipDescendants() }
      guard extensions.contains((name as NSString).pathExtension), let text = load(path) else { continue }
      found.append(File(path: path, text: text))
    }
    return found.sorted { $0.path < $1.path }
  }

  static func load(_ path: String) -> String? {
    FileManager.default.contents(atPath: root + "/" + path).map { String(decoding: $0, as: UTF8.self) }
  }

  static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: root + "/" + path) }

  static let sources = files("Sources", ["swift"])
  static let tests = files("Tests", ["swift"])

  private static func code(of line: Substring) -> String {
    var code = ""
    var isQuoted = false
    var before: Character = " "
    for character in line {
      if character == "\"", before != "\\" {
        isQuoted.toggle()
      } else if !isQuoted {
        if character == "/", before == "/" { return String(code.dropLast()) }
        code.append(character)
      }
      before = character
    }
    return code
  }

  /// Places where a line of code, quotes and comments aside, matches.
  static func offences(_ files: [File], _ pattern: String) throws -> [String] {
    let expression = try Regex(pattern)
    return files.flatMap { file in
      file.code.filter { $0.text.contains(expression) }.map { "\(file.path):\($0.number)" }
    }
  }
}
