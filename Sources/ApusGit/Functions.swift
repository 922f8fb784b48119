import ApusCore
import CSystem
import Glibc

/// Which functions a change touches, as git's hunk headers name them: the line that begins the function around it.
///
/// For Python and Go git's own patterns are used; for Swift, Rust, TypeScript and JavaScript ones of ours, which are a
/// guess: a line that looks like a declaration counts as one. Of other files nothing is known. A change to the very line
/// that begins a function is told of the function before it, as git does.
package enum Functions {
  private static let drivers: [String: String] = [
    "swift": "swift", "py": "python", "pyi": "python", "go": "golang", "rs": "rust", "ts": "script", "tsx": "script",
    "mts": "script", "cts": "script", "js": "script", "jsx": "script", "mjs": "script", "cjs": "script",
  ]
  private static let patterns = [
    "diff.swift.xfuncname=^[ \t]*((@[A-Za-z]+(\\([^)]*\\))?[ \t]+)*([a-z]+(\\(set\\))?[ \t]+)*"
      + "(func[ \t]|init[?!(<]|deinit|subscript[ \t(<]|struct[ \t]|class[ \t]|enum[ \t]|actor[ \t]|extension[ \t]"
      + "|protocol[ \t]).*)$",
    "diff.script.xfuncname=^[ \t]*((export[ \t]+)?(default[ \t]+)?(async[ \t]+)?"
      + "(function[ \t*(]|class[ \t]|interface[ \t]|enum[ \t]|namespace[ \t]"
      + "|(const|let|var)[ \t]+[A-Za-z_$][A-Za-z0-9_$]*[^=]*=[ \t]*(async[ \t]*)?(function|\\([^)]*\\)[^=]*=>|[A-Za-z_$]+[ \t]*=>)"
      + "|(public|private|protected|static|get|set|async)[ \t]+[A-Za-z_$#][^;]*\\(|constructor[ \t]*\\().*)$",
  ]
  private static let attributes = drivers.sorted { $0.key < $1.key }.map { "*.\($0.key) diff=\($0.value)\n" }.joined()
  private static let largest = 4 << 20

  /// Nil where that is not known of such a file. `scratch` is a directory of ours for what is compared.
  package static func touched(
    _ git: Git, file: String, from old: [UInt8], to new: [UInt8], scratch: String
  ) throws(Failure) -> [String]? {
    guard let dot = file.lastIndex(of: "."), case let kind = file[file.index(after: dot)...].lowercased(),
      drivers[kind] != nil, old.count <= largest, new.count <= largest
    else { return nil }
    if old == new { return [] }
    var template = Array((scratch + "/functions.XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else { return nil }
    let directory = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { apus_tree_remove(directory) }
    guard write(old, directory + "/a." + kind), write(new, directory + "/b." + kind),
      write(Array(attributes.utf8), directory + "/attributes")
    else { return nil }
    let settings = patterns.flatMap { ["-c", $0] }
    let answer = try git.run(
      settings + ["-c", "core.attributesFile=\(directory)/attributes"]
        + ["diff", "--no-index", "--no-color", "--no-ext-diff", "-U0", "--", "a." + kind, "b." + kind], in: directory)
    guard answer.status == 0 || answer.status == 1 else { return nil }
    return names(answer.text)
  }

  /// What stands behind the second `@@` of each hunk's header.
  private static func names(_ diff: String) -> [String] {
    var names: Set<String> = []
    for line in diff.split(separator: "\n") where line.hasPrefix("@@ ") {
      let text = line.dropFirst(3)
      guard let end = text.firstRange(of: " @@") else { continue }
      let name = text[end.upperBound...].drop { $0 == " " }
      names.insert(name.isEmpty ? "the beginning" : String(name))
    }
    return names.sorted()
  }

  private static func write(_ bytes: [UInt8], _ path: String) -> Bool {
    let descriptor = apus_open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var done = 0
    while done < bytes.count {
      let got = apus_write_from(descriptor, bytes, bytes.count, done)
      guard got > 0 else { return false }
      done += got
    }
    return true
  }
}
