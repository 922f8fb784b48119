import Testing

@Suite("rooms and what they may know") struct RoomTests {
  /// From the ground up. An arrow points only to a row above; what else a room may import stands beside it.
  private static let rooms: [(name: String, may: Set<String>, platform: Set<String>)] = [
    ("CSQLite", [], []),
    ("CHTTP", [], []),
    ("CSystem", [], []),
    ("ApusFrames", [], []),
    ("CTerminal", [], []),
    ("ApusTerminal", ["ApusFrames", "CTerminal", "CSystem"], ["Glibc"]),
    ("ApusKeeper", ["ApusFrames", "CSystem"], ["Glibc"]),
    ("ApusCore", [], ["FoundationEssentials"]),
    // Stands beside the tests, which alone may ask for it.
    ("ApusSimulation", ["ApusCore"], ["FoundationEssentials"]),
    ("ApusWire", ["ApusCore", "ApusFrames"], ["FoundationEssentials"]),
    ("ApusLoop", ["CSystem"], ["Glibc", "Darwin", "Dispatch", "Synchronization"]),
    (
      "ApusLink", ["ApusCore", "ApusWire", "ApusFrames", "ApusLoop", "CSystem"],
      ["FoundationEssentials", "Glibc", "Darwin", "Synchronization"]
    ),
    (
      "ApusClient", ["ApusCore", "ApusWire", "ApusLoop", "ApusLink", "CSystem"],
      ["FoundationEssentials", "Glibc", "Darwin", "Synchronization"]
    ),
    ("ApusGit", ["ApusCore", "CSystem"], ["FoundationEssentials", "Glibc", "Darwin"]),
    (
      "ApusDev", ["ApusCore", "ApusWire", "ApusLoop", "ApusLink", "ApusGit", "CSystem"],
      ["FoundationEssentials", "Glibc", "Darwin"]
    ),
    ("ApusAgents", ["ApusCore", "CSystem"], ["FoundationEssentials", "Glibc", "Darwin", "Synchronization"]),
    ("ApusStoreSQLite", ["ApusCore", "CSQLite"], ["FoundationEssentials", "Glibc", "Darwin"]),
    (
      "ApusCoordinator",
      ["ApusCore", "ApusWire", "ApusFrames", "ApusLoop", "ApusLink", "ApusGit", "ApusAgents", "CSystem"],
      ["FoundationEssentials", "Glibc", "Darwin", "Synchronization", "Dispatch"]
    ),
    (
      "ApusServer",
      [
        "ApusCore", "ApusWire", "ApusFrames", "ApusLoop", "ApusLink", "ApusCoordinator", "ApusTerminal", "CSystem",
        "CHTTP",
      ],
      ["FoundationEssentials", "Glibc", "Darwin", "Synchronization"]
    ),
    (
      "ApusCLI",
      [
        "ApusCore", "ApusWire", "ApusFrames", "ApusLoop", "ApusLink", "ApusAgents", "ApusTerminal", "ApusDev",
        "CSystem",
      ], ["FoundationEssentials", "Glibc", "Darwin"]
    ),
    ("apus", ["ApusCLI"], ["Glibc"]),
    ("apus-claude", ["ApusCLI"], ["Glibc"]),
    (
      "apusd",
      [
        "ApusCore", "ApusWire", "ApusLoop", "ApusLink", "ApusStoreSQLite", "ApusCoordinator", "ApusServer", "CSystem",
      ], ["FoundationEssentials", "Glibc", "Darwin", "Dispatch"]
    ),
    ("apus-keeper", ["ApusKeeper", "ApusTerminal"], ["Glibc"]),
    // Stands with the examples.
    ("example-client", ["ApusClient"], []),
  ]

  private static let built = Target.all.filter { $0.kind != "testTarget" && !$0.name.hasPrefix("ApusTest") }

  private func imports(_ file: House.File) -> [String] {
    file.lines.compactMap { line in
      let words = line.split(separator: " ")
      guard let at = words.firstIndex(of: "import"), words[..<at].allSatisfy({ $0.hasPrefix("@") || $0 == "package" }),
        at + 1 < words.count
      else { return nil }
      return words[words.count - 1].split(separator: ".").first.map { String($0) }
    }
  }

  @Test func `every room of the package is in the plan`() {
    #expect(Self.built.count >= 10)
    #expect(Set(Self.built.map(\.name)).subtracting(Self.rooms.map(\.name)).isEmpty)
    #expect(Set(House.sources.map(\.room)).subtracting(Self.built.map(\.name)).isEmpty)
  }

  @Test func `arrows point down only`() {
    for (n, room) in Self.rooms.enumerated() {
      #expect(room.may.isSubset(of: Self.rooms[..<n].map(\.name)), "\(room.name)")
    }
  }

  @Test func `a room asks the package for nothing it may not know`() {
    for target in Self.built {
      let may = Self.rooms.first { $0.name == target.name }?.may ?? []
      #expect(Set(target.dependencies).subtracting(may).isEmpty, "\(target.name)")
    }
  }

  @Test func `a file imports only what its room may know`() {
    for file in House.sources {
      guard let room = Self.rooms.first(where: { $0.name == file.room }) else { continue }
      let asked = Set(Self.built.first { $0.name == file.room }?.dependencies ?? [])
      for module in imports(file) where !asked.contains(module) && !room.platform.contains(module) {
        // The whole of Foundation only where the essentials are not to be had.
        let isFallback =
          module == "Foundation" && room.platform.contains("FoundationEssentials")
          && file.text.contains("#else\n  import Foundation\n")
        #expect(isFallback, "\(file.path) imports \(module)")
      }
    }
  }

  @Test func `what must stay small knows no Foundation`() {
    for file in House.sources where ["ApusFrames", "ApusKeeper", "ApusTerminal", "apus-keeper"].contains(file.room) {
      #expect(imports(file).filter { $0.hasPrefix("Foundation") || $0.hasPrefix("_") }.isEmpty, "\(file.path)")
    }
  }

  @Test func `each library of others is imported in one room`() {
    for (library, room) in [
      ("CSQLite", "ApusStoreSQLite"), ("CTerminal", "ApusTerminal"), ("CHTTP", "ApusServer"),
    ] {
      #expect(Set(House.sources.filter { imports($0).contains(library) }.map(\.room)) == [room])
    }
  }

  @Test func `programs are their composition and no more`() {
    for name in ["apus", "apus-claude", "apus-keeper"] {
      let files = House.sources.filter { $0.room == name }
      #expect(files.map(\.path) == ["Sources/\(name)/main.swift"])
      #expect(files.allSatisfy { $0.lineCount <= 20 })
    }
  }

  @Test func `tests ask for no program, whose linking would become theirs`() {
    let programs = Set(Target.all.filter { $0.kind == "executableTarget" }.map(\.name))
    #expect(programs == ["apus", "apus-claude", "apusd", "apus-keeper", "example-client"])
    for target in Target.all where target.kind == "testTarget" {
      #expect(programs.isDisjoint(with: target.dependencies), "\(target.name)")
    }
  }
}
