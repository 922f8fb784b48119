import Testing

@Suite("documents in step") struct DocumentTests {
  @Test(arguments: ["README.md", "ARCHITECTURE.md", "GLOSSARY.md", "CHANGELOG.md", "LICENSE"])
  func `what a stranger looks for is there`(_ name: String) throws {
    let text = try #require(House.load(name), "\(name) is missing")
    #expect(text.count > 200)
  }

  @Test func `the plan names every room`() throws {
    let plan = try #require(House.load("ARCHITECTURE.md"), "ARCHITECTURE.md is missing")
    for target in Target.all where target.kind != "testTarget" && !target.name.hasPrefix("ApusTest") {
      let name = target.name.hasPrefix("Apus") ? String(target.name.dropFirst(4)) : target.name
      #expect(plan.contains(name), "\(target.name)")
    }
  }

  @Test func `the example for Swift asks the package for what it offers`() throws {
    let example = try #require(House.load("Examples/swift-client/Package.swift"))
    let offered = try #require(House.load("Package.swift"))
    #expect(example.contains(#"path: "../..""#) && offered.contains(#"name: "apus""#))
    #expect(example.contains(#".product(name: "ApusClient", package: "apus")"#))
    #expect(offered.contains(#".library(name: "ApusClient", targets: ["ApusClient"])"#))
    // The main package compiles the same file, and a test runs it.
    #expect(offered.contains(#"path: "Examples/swift-client/Sources/swift-client""#))
  }

  @Test func `a link from a document to a file leads somewhere`() {
    for file in House.files("", ["md"]) where !file.path.contains("/") || file.path.hasPrefix("docs/") {
      let folder = file.path.split(separator: "/").dropLast().joined(separator: "/")
      for match in file.text.matches(of: /\]\(([^)#:\s]+)(#[^)]*)?\)/) {
        let path = (folder.isEmpty ? "" : folder + "/") + match.1
        #expect(House.exists(path), "\(file.path): \(match.1)")
      }
    }
  }
}
