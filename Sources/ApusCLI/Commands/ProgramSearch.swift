import ApusCore
import Glibc

/// Which program a word means, as a shell would find it.
enum ProgramSearch {
  static func find(_ word: String, _ path: String) throws(Failure) -> String {
    if word.contains("/") { return word }
    for directory in path.split(separator: ":") where access("\(directory)/\(word)", X_OK) == 0 {
      return "\(directory)/\(word)"
    }
    throw Failure(
      .usage, "there is no program \(SessionName.excerpt(word))", hint: "it is looked for in PATH")
  }
}
