import Foundation
import Testing

@Suite("the style of the house") struct StyleTests {
  private let code = House.files("Sources", ["swift", "c", "h", "js", "css", "html"])

  @Test func `no file is longer than four hundred lines`() {
    for file in code { #expect(file.lineCount <= 400, "\(file.path) has \(file.lineCount) lines") }
  }

  @Test func `the median file has at most a hundred and twenty lines`() {
    let counts = code.map(\.lineCount).sorted()
    #expect(counts.count > 30)
    #expect(counts[counts.count / 2] <= 120)
  }

  @Test func `no type has a name that says nothing`() throws {
    let names =
      #"\b(struct|class|enum|actor|protocol|typealias) \w*(Manager|Helper|Util|Utils|Service|Impl|Base|Info)\b"#
    #expect(try House.offences(House.sources + House.tests, names) == [])
  }

  @Test func `no folder or file has a name that says nothing`() {
    for file in House.sources + House.tests {
      let name = ((file.path as NSString).lastPathComponent as NSString).deletingPathExtension
      for word in [
        "Manager", "Helper", "Helpers", "Util", "Utils", "Service", "Impl", "Base", "Info", "Misc", "Common",
      ] {
        #expect(!name.hasSuffix(word), "\(file.path)")
      }
    }
  }

  @Test func `a protocol stands only where two implementations do`() throws {
    let all = try House.offences(House.sources, #"\bprotocol \w+"#)
    let known = ["Store/Store.swift", "Agents/Agent.swift", "Arguments/Command.swift", "Arguments/Parameters.swift"]
    #expect(all.filter { place in !known.contains { place.contains($0) } } == [])
  }

  @Test func `nothing is public but the library product`() throws {
    let client = House.sources.filter { $0.room != "ApusClient" }
    #expect(try House.offences(client, #"^\s*(public |open (class|func|var) )"#) == [])
  }

  @Test func `nothing ends the program where an error would do`() throws {
    #expect(try House.offences(House.sources + House.tests, #"\btry!|\bfatalError\(|\bas! "#) == [])
    #expect(try House.offences(House.sources, #"\bpreconditionFailure\(|\bassertionFailure\("#) == [])
  }

  @Test func `nobody vouches for what the compiler can check`() throws {
    let words = #"@unchecked|nonisolated\(unsafe\)|@preconcurrency|@_exported|swift-format-ignore"#
    #expect(try House.offences(House.sources, words) == [])
  }

  @Test func `only the command line's output room writes to standard output`() throws {
    let others = House.sources.filter {
      !$0.path.hasPrefix("Sources/ApusCLI/Output/") && !$0.path.hasSuffix("/main.swift")
    }
    let ways =
      #"(^|[^\w.])(print|debugPrint|dump|puts|putchar|fputs|printf|vprintf)\(|standardOutput|STDOUT_FILENO|\bstdout\b|\bwrite\(1,|apus_write_from\(1,"#
    #expect(try House.offences(others, ways) == [])
  }

  @Test func `only the git room names the git program`() {
    for file in House.sources where file.room != "ApusGit" {
      for (n, line) in file.lines.enumerated() {
        #expect(!line.contains("\"git\"") && !line.contains("/git\""), "\(file.path):\(n + 1)")
      }
    }
  }

  @Test func `nobody waits half a second for the kernel's sake`() throws {
    #expect(try House.offences(House.sources, #"waitUntilExit|Thread\.sleep"#) == [])
  }

  @Test func `no line names a machine's own paths`() throws {
    let places = ["home", "root", "work"].joined(separator: "|")
    let expression = try Regex(#"(^|[\s"'=(`:,<\[])/("# + places + #")/"#)
    var files = House.files("Sources", ["swift", "c", "h", "js", "css", "html", "json"])
    files +=
      House.files("Tests", ["swift", "jsonl", "events", "json", "py", "sh", "md"])
      + House.files("Scripts", ["", "sh", "py"])
    files += House.files("docs", ["md", "json"]) + House.files("", ["md"]).filter { !$0.path.contains("/") }
    files += ["Package.swift", "Makefile"].compactMap { name in
      House.load(name).map { House.File(path: name, text: $0) }
    }
    for file in files {
      for (n, line) in file.lines.enumerated() where line.contains(expression) { Issue.record("\(file.path):\(n + 1)") }
    }
  }

  @Test func `no file has tabs, carriage returns or blanks at a line's end`() {
    for file in House.sources + House.tests {
      for (n, line) in file.lines.enumerated() {
        let isClean = !line.hasSuffix(" ") && !line.contains("\r") && !line.contains("\t")
        #expect(isClean, "\(file.path):\(n + 1)")
      }
    }
  }
}
