import ApusCore
import ApusTestKit
import Testing

@Suite("sessions.md: read and written") struct SessionsFileTests {
  static let fresh = """
    # Claude Session Coordination

    > This file is used by concurrent Claude Code sessions to avoid conflicts.
    > It is gitignored and lives only on the dev server.
    > DO NOT commit this file. See docs/claude/concurrent-sessions.md for the full protocol.

    ## Vercel Deployment Lock

    - **Status:** NONE
    - **Claimed by:** -
    - **Error:** -
    - **Since:** -
    - **Last updated:** -

    ## Docker Rebuild Lock

    - **Status:** NONE
    - **Claimed by:** -
    - **Services:** -
    - **Since:** -
    - **Last updated:** -

    ## Active Sessions

    | Session ID | Started | Last Active | Currently Editing |
    | ---------- | ------- | ----------- | ----------------- |

    """
  static let claim = """
    - **Status:** IN_PROGRESS
    - **Claimed by:** a7f3
    - **Error:** Type error in ChatMessage.svelte line 42
    - **Since:** 2026-02-20T10:35:00Z
    - **Last updated:** 2026-02-20T10:36:00Z
    """
  static let free = """
    - **Status:** NONE
    - **Claimed by:** -
    - **Error:** -
    - **Since:** -
    - **Last updated:** -
    """
  static let row = "| a7f3 | 2026-02-20T10:00:00Z | 2026-02-20T10:35:00Z | ChatMessage.svelte, ChatInput.svelte |"
  /// 2026-02-20T10:00:00Z.
  static let ten = 1_771_581_600.0
  static let busy = fresh.replacing(free, with: claim) + row + "\n"

  private func parse(_ text: String) throws -> SessionsFile { try SessionsFile.parse(text) }
  private func fault(_ text: String) -> SessionsFile.Fault? {
    do {
      _ = try SessionsFile.parse(text)
      return nil
    } catch {
      return error
    }
  }

  @Test func `a fresh file is the template, byte for byte`() throws {
    #expect(Array(SessionsFile.template.render().utf8) == Array(Self.fresh.utf8))
    #expect(try parse(Self.fresh) == .template)
    #expect(try parse(String(Self.fresh.dropLast())) == .template)
  }

  @Test func `what the protocol writes is read, and written the same`() throws {
    let file = try parse(Self.busy)
    #expect(
      file.hold(of: "deploy")
        == SessionsFile.Hold(
          "a7f3", note: "Type error in ChatMessage.svelte line 42", since: Self.ten + 2100, lastUpdated: Self.ten + 2160
        ))
    #expect(file.hold(of: "docker") == nil)
    #expect(
      file.rows == [
        .init(
          "a7f3", started: Self.ten, lastActive: Self.ten + 2100, editing: ["ChatMessage.svelte", "ChatInput.svelte"])
      ])
    #expect(file.render() == Self.busy)
  }

  /// Edits that change how the busy file looks and not what it says.
  @Test(arguments: [
    ("\n", "\r\n"), ("\n", "\r\r\n"), (":** ", ":**  "), ("**Status:**", "**Status**:"),
    ("- **Status:**", "* __status:__"),
    ("- **Claimed by:** a7f3", "- Claimed By: `a7f3`"), ("IN_PROGRESS", "in_progress"), ("IN_PROGRESS", "In Progress"),
    ("NONE", "None"), ("NONE", "`none`"), ("Claimed by:** -", "Claimed by:**"), ("- **Since:** -\n", ""),
    ("2026-02-20T10:35:00Z", "2026-02-20T10:35:00.125Z"), ("2026-02-20T10:35:00Z", "2026-02-20T10:35:00+00:00"),
    ("2026-02-20T10:35:00Z", "2026-02-20T11:35:00+0100"), ("2026-02-20T10:35:00Z", "2026-02-20 10:35:00 UTC"),
    ("2026-02-20T10:35:00Z", "2026-02-20T10:35"), ("## Active", "\n\n##   Active"), ("- **Since", "\n\n- **Since"),
    ("| Session ID | Started | ", "| Session ID |       Started        | "), ("| ------- |", "|:-----:|"),
    ("| ---------- |", "|-|"), ("| a7f3 |", "|a7f3|"), ("svelte |", "svelte"), ("| a7f3 |", "\n| `a7f3` |"),
    ("Input.svelte |\n", "Input.svelte |\n| - | - | - | - |\n"), ("ChatInput", "`ChatInput.svelte`,  ,ChatInput"),
    ("Vercel Deployment Lock", "vercel deployment lock ##"), ("| Currently Editing |", "|currently editing|  "),
    ("# Claude Session", "\u{FEFF}# Claude Session"), ("- **Error:** T", "- **Error:**\tT"),
  ])
  func `a change of looks is no change`(old: String, new: String) throws {
    let text = Self.busy.replacing(old, with: new)
    #expect(text != Self.busy)
    let isList = new.hasPrefix("`ChatInput")
    let expected = isList ? Self.busy.replacing("ChatInput", with: "ChatInput.svelte, ChatInput") : Self.busy
    #expect(Array(try parse(text).render().utf8) == Array(expected.utf8))
  }

  /// Lines of somebody else, below a line of ours.
  @Test(arguments: [
    ("full protocol.", "\nAsk  Ann first.  \n\n\n<b>x</b>"),
    ("for the full protocol.", "\n\n# Rules \n\n- **Status:** x"),
    ("for the full protocol.", "\n\n## House rules\n\n| a | b |\n|---|--|\n| 1 | 2 |"),
    ("Status:** IN_PROGRESS", "\n- **Ticket:** #12\n  - [x]  nested"), ("10:36:00Z", "\n\nA paragraph\nof two lines  "),
    ("10:36:00Z", "\n\n### Before\n\n- **Status:** NONE\n- **Since:** yesterday"), ("Services:** -", "\n  indented"),
    ("10:36:00Z", "\n\n```\n## Docker Rebuild Lock\n- **Status:** what\n<<<<<<< x\n\n```"),
    ("10:36:00Z", "\n\n<!-- ## Docker Rebuild Lock\n\n| x | -->"),
    ("10:36:00Z", "\n\n## The Great Lock\n\nIs in a bay."),
    ("## Active Sessions", "\n\nWho is here:"), ("ChatInput.svelte |", "\n\nAnn was here | too."),
    ("ChatInput.svelte |", "\n\n| Who | What |\n| --- | ---- |\n| a7f3 | x |"),
    ("ChatInput.svelte |", "\nnote\n| b1c2 | - | - | - |"), ("ChatInput.svelte |", "\n\n~~~\n| x |\n\n"),
    ("ChatInput.svelte |", "\n\n## Notes\n\n- x \n  \n\ty"),
  ])
  func `what somebody else wrote stays where it is, byte for byte`(after: String, lines: String) throws {
    let range = try #require(Self.busy.firstRange(of: after))
    let text = Self.busy.replacingCharacters(in: range, with: after + lines)
    let file = try parse(text)
    #expect(Array(file.render().utf8) == Array(text.utf8))
    #expect(file.hold(of: "deploy")?.holder == "a7f3" && file.row("a7f3")?.editing.count == 2)
  }

  @Test func `columns of somebody else stay, wherever they are`() throws {
    let text = Self.busy.replacing("| Started |", with: "| Owner | Started |").replacing(
      "| ------- |", with: "| :---: | ------- |"
    ).replacing("| a7f3 |", with: "| a7f3 | Ann\\|Bob |").replacing("ChatInput.svelte |", with: "c | odd |")
    let file = try parse(text + "| b1c2 | | - | - | - |\n")
    #expect(file.rows.map(\.others) == [["Ann\\|Bob", "odd"], []])
    #expect(file.render().hasPrefix(text.replacing(":---:", with: ":-----:")))
    #expect(file.render().hasSuffix("\n| b1c2 |  | - | - | - |\n"))
    #expect(try parse(file.render()) == file)
  }

  @Test func `a lock that is free says nothing more, and a holder may be described`() throws {
    let left = Self.busy.replacing("IN_PROGRESS", with: "NONE").replacing("2026-02-20T10:36:00Z", with: "just now")
    #expect(try parse(left).render() == Self.fresh + Self.row + "\n")
    let described = try parse(Self.busy.replacing("by:** a7f3", with: "by:** a7f3 (docs session)"))
    #expect(described.hold(of: "deploy")?.holder == "a7f3")
    #expect(described.render().contains("- **Claimed by:** a7f3 (docs session)\n"))
  }

  @Test func `a further lock has its own section and a note`() throws {
    let section = "## e2e tests Lock\n\n" + Self.claim.replacing("Error", with: "Note") + "\n\n## Active Sessions"
    let text = Self.fresh.replacing("## Active Sessions", with: section)
    #expect(try parse(text).hold(of: "e2e tests")?.note == "Type error in ChatMessage.svelte line 42")
    #expect(try parse(text).render() == text)
  }

  @Test(arguments: ["deploy", "docker", "db", "a b", "Lock", "é", "db:main/x"])
  func `a lock's name is read from its title`(name: String) {
    #expect(SessionsFile.Lock.name(of: SessionsFile.Lock.title(of: name)) == name)
    #expect(SessionsFile.Lock.isWritable(name))
  }

  @Test(arguments: ["", " x", "a\nb", "Vercel Deployment", "docker rebuild", "# x", "a\u{1B}b"])
  func `a name that would be read as another is not written`(name: String) {
    #expect(!SessionsFile.Lock.isWritable(name))
  }

  @Test(arguments: [
    "a,b", "a|b", "a\\|b", "\\", "a\nb", "-", "--", "a%20b", "a%2Cb", "%25", "%%2C", "%", "%,", "%2,", " a ", "`a`",
    "`",
    "a b", "é,ü", "\u{7F}", "%2c", "a\\", "|", "%252C", "x\t", "%\n", "\u{301}a",
  ])
  func `any path comes back as it was`(path: String) throws {
    let file = SessionsFile.build(previous: nil, locks: [], rows: [.init("a7f3", editing: [path, "b", path])])
    let back = try parse(file.render())
    #expect(back.rows.map { $0.editing.map { Array($0.utf8) } } == [[path, "b", path].map { Array($0.utf8) }])
    #expect(file.render().utf8.count { $0 == 10 } == Self.fresh.utf8.count { $0 == 10 } + 1)
  }

  @Test(arguments: [
    (0.0, "1970-01-01T00:00:00Z"), (951_782_400, "2000-02-29T00:00:00Z"), (1_771_581_600.9, "2026-02-20T10:00:00Z"),
    (4_107_542_399, "2100-02-28T23:59:59Z"), (4_107_542_400, "2100-03-01T00:00:00Z"), (-5, "1970-01-01T00:00:00Z"),
    (253_402_300_799, "9999-12-31T23:59:59Z"), (1e300, "9999-12-31T23:59:59Z"), (.nan, "1970-01-01T00:00:00Z"),
    (1_735_689_599, "2024-12-31T23:59:59Z"),
  ])
  func `moments are whole seconds in UTC`(moment: Double, text: String) throws {
    let file = SessionsFile.build(previous: nil, locks: [], rows: [.init("a7f3", started: moment)])
    #expect(file.render().hasSuffix("| a7f3 | \(text) | - | - |\n"))
    #expect(try parse(file.render()) == file)
  }

  private typealias Malformed = (old: String, new: String, line: Int, problem: SessionsFile.Problem)
  private static let malformed: [Malformed] = [
    ("## Vercel", "## Other", 28, .sectionMissing("Vercel Deployment Lock")),
    (
      "## Active", "## Docker Rebuild Lock\n\n- **Status:** NONE\n\n## Active", 23, .sectionTwice("Docker Rebuild Lock")
    ),
    ("## Docker", "## deploy lock\n- Status: NONE\n## Docker", 15, .sectionTwice("Vercel Deployment Lock")),
    ("## Active Sessions", "## Sessions", 28, .sectionMissing("Active Sessions")),
    ("## Vercel", "```\n## Vercel", 29, .sectionMissing("Vercel Deployment Lock")),
    ("- **Status:** IN_PROGRESS\n", "", 7, .fieldMissing("Status")),
    ("- **Status:** IN_PROGRESS", "- **Status: IN_PROGRESS", 7, .fieldMissing("Status")),
    ("- **Since:** 2", "- **Status:** NONE\n- **Since:** 2", 12, .fieldTwice("Status")),
    ("IN_PROGRESS", "DONE", 9, .statusUnknown("DONE")), ("by:** a7f3", "by:** -", 9, .holderMissing),
    ("- **Claimed by:** a7f3\n", "", 9, .holderMissing), ("by:** a7f3", "by:** *me*", 10, .idUnreadable("*me*")),
    ("10:36:00Z", "10:36:0", 13, .timeUnreadable("2026-02-20T10:36:0")),
    ("2026-02-20T10:36", "2026-02-30T10:36", 13, .timeUnreadable("2026-02-30T10:36:00Z")),
    ("2026-02-20T10:36:00Z", "just now", 13, .timeUnreadable("just now")),
    ("| 2026-02-20T10:00:00Z |", "| 10:00 |", 27, .timeUnreadable("10:00")),
    ("| Session ID", "Session ID", 23, .tableMissing),
    ("| Currently Editing |", "", 25, .columnMissing("Currently Editing")),
    ("| Currently", "| Started | Currently", 25, .columnTwice("Started")), ("| ---------- ", "x", 25, .ruleMissing),
    (" | ChatMessage.svelte, ChatInput.svelte |", "", 27, .rowTooShort), ("| a7f3 |", "| ? |", 27, .idUnreadable("?")),
    ("ChatInput.svelte |", "x |\n| a7f3 | - | - | - |", 28, .rowTwice("a7f3")),
    ("## Docker", "<<<<<<< HEAD\n## Docker", 15, .conflictMarker),
    ("## Docker", "|||||||\n## Docker", 15, .conflictMarker),
    ("svelte |\n", "svelte |\n>>>>>>> theirs\n", 28, .conflictMarker), ("by:** a7f3", "by:** a7\0f3", 10, .notText),
  ]

  @Test(arguments: malformed.indices) func `a malformed text is refused, and where and why is said`(n: Int) {
    let (old, new, line, problem) = Self.malformed[n]
    let found = fault(Self.busy.replacing(old, with: new))
    #expect(found == SessionsFile.Fault(line: line, problem: problem))
    #expect(found?.description.hasPrefix("line \(found?.line ?? 0): ") == true)
  }

  @Test func `nothing, half a file, what is no text and what is too large is refused`() {
    #expect(fault("")?.problem == .sectionMissing("Vercel Deployment Lock"))
    #expect(throws: SessionsFile.Fault.self) { try SessionsFile.parse([0x23, 0xFF, 10]) }
    #expect(fault(Self.busy + String(repeating: "x", count: SessionsFile.mostBytes))?.problem == .tooLarge)
    for end in Self.fresh.indices where end < Self.fresh.index(Self.fresh.endIndex, offsetBy: -60) {
      #expect(fault(String(Self.fresh[..<end])) != nil)
    }
  }

  @Test func `whatever is done to a text, it is refused or read, and what is written of it is read as the same`() throws
  {
    let extra =
      "\n\n### x\n\n| A | B |\n|---|---|\n| 1 | 2 |\n\n```\n| x |\n```\n\n<!-- a\n\n b -->\n\n## db Lock\n- Status: none\n"
    let seeds = [Self.fresh, Self.busy, Self.busy + "| b1c2 | - | - | a\\|b |\n" + extra].map { Array($0.utf8) }
    let bits = [
      "\n", "\n\n", "|", "`", "```\n", "~~~", "<!--", "-->", "- **Note:** ", "  x\n", "| - | - | - | - |\n",
      "|---|---|---|---|\n",
      "## x Lock\n- Status: NONE\n", "#", "\r", "\\", "- **Since:** -\n", " ", "\u{301}", "é", "%2C", ",", "*", ":",
      "# T\n", "-",
      "| Session ID | Started | Last Active | Currently Editing | X |\n", "## ", "\t", "\0", "9",
    ].map { Array($0.utf8) }
    var random = Seeded(7)
    var read = 0
    for _ in 0..<10_000 {
      var bytes = random.pick(seeds)
      for _ in 0...random.below(4) {
        let place = random.below(bytes.count)
        let end = min(bytes.count, place + random.below(random.chance(80) ? 3 : 60))
        switch random.below(4) {
        case 0: bytes.removeSubrange(place..<end)
        case 1: bytes.insert(contentsOf: bytes[place..<end], at: random.below(bytes.count))
        default: bytes.insert(contentsOf: random.pick(bits), at: place)
        }
        if bytes.isEmpty { bytes = [10] }
      }
      guard let file = try? SessionsFile.parse(bytes) else { continue }
      read += 1
      let text = file.render()
      let again = try? SessionsFile.parse(text)
      #expect(again == file, "\(String(decoding: bytes, as: UTF8.self))")
      #expect(again?.render() == text)
      let built = SessionsFile.build(
        previous: file, locks: [.init("db", .init("c3d4", note: "n"))], rows: file.rows + [.init("c3d4")])
      #expect((try? SessionsFile.parse(built.render())) == built, "\(String(decoding: bytes, as: UTF8.self))")
      if again != file { break }
    }
    #expect(read > 2000)
  }
}

extension String {
  fileprivate func replacingCharacters(in range: Range<Index>, with new: String) -> String {
    String(self[..<range.lowerBound]) + new + self[range.upperBound...]
  }
}
