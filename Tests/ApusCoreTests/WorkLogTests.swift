import ApusCore
import ApusTestKit
import Testing

@Suite("the work log") struct WorkLogTests {
  private func log(_ text: String) -> WorkLog { WorkLog(Array(text.utf8)) }
  private func text(_ log: WorkLog) -> String { String(decoding: log.bytes, as: UTF8.self) }

  private let draft = WorkLog.Draft(
    title: "Add auth", branch: "feature/add-auth", component: "server", started: "2026-11-26 14:02",
    files: ["src/auth.py", "tests/test_auth.py"], eta: "3 hours")
  private let feature = """
    ### Session: Add auth
    - **Branch**: `feature/add-auth`
    - **Component**: server
    - **Started**: 2026-11-26 14:02
    - **Status**: IN PROGRESS
    - **Files**:
      - [ ] src/auth.py
      - [ ] tests/test_auth.py
    - **ETA**: 3 hours

    """
  private func adding(to before: String, _ draft: WorkLog.Draft? = nil) -> String {
    var log = log(before)
    log.add(draft ?? self.draft)
    return text(log)
  }
  private func setting(_ status: WorkLog.Status, _ branch: String = "a", in before: String, _ line: String? = nil)
    -> String?
  {
    var log = log(before)
    return log.set(status, branch: branch, appending: line) ? text(log) : nil
  }

  @Test func `the first entry begins the file, in the form of the feature template`() {
    #expect(adding(to: "") == "# Work Log\n\n" + feature)
    #expect(adding(to: "\u{FEFF}").unicodeScalars.elementsEqual(("\u{FEFF}# Work Log\n\n" + feature).unicodeScalars))
    #expect(WorkLog.empty.bytes.isEmpty && WorkLog.empty.entries.isEmpty)
  }

  @Test func `a bug's entry is the bug template's, with its issue`() {
    let bug = WorkLog.Draft(
      isBug: true, title: "Feeds are empty", branch: "fix/42", started: "now", issue: "#42: no feeds", files: ["a.py"])
    let entry = """
      ### Session: Feeds are empty
      - **Branch**: `fix/42`
      - **Component**: —
      - **Started**: now
      - **Status**: IN PROGRESS
      - **Issue**: #42: no feeds
      - **Files**:
        - [ ] a.py
      - **ETA**: —

      """
    #expect(adding(to: "", bug) == "# Work Log\n\n" + entry)
  }

  @Test func `what a draft leaves out is a dash, and a list without files has no bullets`() {
    let bug = WorkLog.Draft(isBug: true, title: " \n", branch: "", started: "", issue: "\u{0}", files: ["", "\n"])
    let lines = adding(to: "", bug).split(separator: "\n").dropFirst()
    let expected = [
      "### Session: —", "- **Branch**: —", "- **Component**: —", "- **Started**: —", "- **Status**: IN PROGRESS",
      "- **Issue**: —", "- **Files**:", "- **ETA**: —",
    ]
    #expect(lines.elementsEqual(expected[...].map { $0[...] }))
    #expect(!adding(to: "", WorkLog.Draft(title: "x", branch: "x", started: "", issue: "y")).contains("Issue"))
    let read = log(adding(to: "", bug)).entries[0]
    #expect(
      [read.branch, read.component, read.started, read.issue, read.eta].allSatisfy { $0 == nil } && read.files == [])
  }

  @Test func `what was added is read again as it was meant`() {
    let entry = log(adding(to: "# Ours\n\nprose\n")).entries
    #expect(entry.count == 1 && entry[0].line == 5 && entry[0].isOpen)
    #expect(entry[0].title == "Add auth" && entry[0].branch == "feature/add-auth" && entry[0].component == "server")
    #expect(entry[0].started == "2026-11-26 14:02" && entry[0].status == "IN PROGRESS" && entry[0].eta == "3 hours")
    #expect(entry[0].files == ["src/auth.py", "tests/test_auth.py"] && entry[0].issue == nil)
  }

  @Test(arguments: [
    ("x", "x\n\n"), ("x\n", "x\n\n"), ("x\n\n", "x\n\n"), ("x\n\n\n", "x\n\n\n"), ("x\n  \t", "x\n  \t\n"),
    ("\n", "\n"),
  ])
  func `without its section an entry goes to the end, below a blank line`(_ before: String, _ above: String) {
    #expect(adding(to: before) == above + feature)
  }

  @Test(arguments: [
    ("## Active Sessions\n", "\n\n## Done\nx\n"), ("## Active Sessions\n", "\n## Done\n"),
    ("# L\n## active sessions\n\n### Session: A\n- Branch: a\n", "\n\n\n# Done\n"),
    ("## Active Sessions\n## Session: A\n- Branch: a\n", "\n---\n\n## Done\n"),
    ("## Active Sessions\n#### x\ntext\n", "\n***\n\n## Done\n"), ("## Active Sessions\n\ntext\n---\n", "\n## Done\n"),
    ("## Active Sessions\n\n```\n## x\n\n```\n", "\n## Done\n"),
    ("## Active Sessions\n\n", ""), ("## Done\n\n## Active Sessions\n\nx\n\n", ""),
    ("```\n## Active Sessions\n```\n## x\n\n", ""), ("### Active Sessions\n\n## Done\n\n", ""),
  ])
  func `an entry goes to the end of the active sessions`(_ above: String, _ below: String) {
    let blank = below.isEmpty ? "" : "\n"
    #expect(adding(to: above + below) == above + blank + feature + below)
  }

  @Test func `a section that ends without a blank line gets one above the next heading`() {
    #expect(
      adding(to: "## Active Sessions\nx\n## Done\n") == "## Active Sessions\nx\n\n" + feature + "\n## Done\n")
  }

  @Test func `a code block that is never closed hides no later entry`() {
    for (before, closing) in [
      ("```sh\nx\n", "```"), ("~~~~\n~~~\n", "~~~~"), ("- ```\n  x\n", "  ```"), ("<!-- x\n", "-->"),
    ] {
      #expect(adding(to: before) == before + closing + "\n\n" + feature)
      #expect(log(adding(to: before)).entries.map(\.title) == ["Add auth"])
    }
  }

  @Test func `a log with lines as on Windows stays one`() throws {
    let before = "# Log\r\n\r\n## Active Sessions\r\n\r\n### Session: A\r\n* Branch: a\r\n\r\n## Done\r\n"
    var after = WorkLog(Array(before.utf8))
    after.add(draft)
    let moved = [after.set(.blocked, branch: "a", appending: "**x**"), after.set(.done, branch: "feature/add-auth")]
    #expect(moved == [true, true])
    #expect(
      after.entries.map(\.status) == ["BLOCKED", "DONE"] && after.entries.map(\.branch) == ["a", "feature/add-auth"])
    let lines = after.bytes.split(separator: 10, omittingEmptySubsequences: false)
    #expect(lines.dropLast().allSatisfy { $0.last == 13 } && lines.last == [])
    let inserted = before.replacing("* Branch: a\r\n", with: "* Branch: a\r\n* **Status**: BLOCKED\r\n* **x**\r\n")
    let entry = feature.replacing("IN PROGRESS", with: "DONE").replacing("\n", with: "\r\n") + "\r\n## Done"
    #expect(text(after) == inserted.replacing("## Done", with: entry))
  }

  @Test func `nothing a person says forges a heading, ends a fence or a code span`() {
    let evil =
      "a\r\n### Session: forged\n- **Branch**: `main`\n```\u{2028}~~~\u{85}<!--\u{202E}\u{0}\u{1B}[2J`\u{301}x ###"
    for before in ["", "## Active Sessions\n\n## Done\n", "x\r\n"] {
      var log = log(before)
      log.add(
        WorkLog.Draft(
          isBug: true, title: evil, branch: evil, component: evil, started: evil, issue: evil,
          files: [evil, "```", "#"],
          eta: evil))
      log.add(draft)
      let plain =
        "a ### Session: forged - **Branch**: `main` ``` ~~~ <!-- [2J`\u{301}x ###".unicodeScalars.map { String($0) }
      let entries = log.entries
      #expect(entries.count == 2 && entries[1].branch == "feature/add-auth")
      #expect(entries[0].title.unicodeScalars.map { String($0) } == plain)
      #expect(entries[0].branch.map { Array($0.utf8) } == Array(plain.map { $0 == "`" ? "'" : $0 }.joined().utf8))
      #expect(
        [entries[0].component, entries[0].started, entries[0].issue, entries[0].eta]
          == .init(repeating: entries[0].title, count: 4))
      #expect(entries[0].files == [entries[0].title, "```", "#"] && entries[0].status == "IN PROGRESS")
      let isMoved = log.set(.done, branch: evil)
      #expect(isMoved && log.entries.map(\.status) == ["DONE", "IN PROGRESS"])
    }
  }

  @Test func `an appended line is one bullet whatever it says`() {
    let before = "### Session: A\n- **Branch**: `a`\n- **Status**: DONE\n\n### Session: B\n"
    for (line, bullet) in [
      ("- **Merged**: now", "- **Merged**: now"), ("**Merged**: x\n### y", "- **Merged**: x ### y"),
      ("```", "- \\```"), ("~~~", "- \\~~~"), ("### x", "- \\### x"), ("<!-- x", "- \\<!-- x"), ("- - x", "- \\- x"),
      ("* x", "- \\* x"),
    ] {
      let after = setting(.done, in: before, line)
      #expect(after == before.replacing("DONE\n", with: "DONE\n\(bullet)\n"))
      #expect(after.map { log($0).entries.map(\.title) } == ["A", "B"])
    }
    #expect(setting(.done, in: before, " \n") == before)
  }

  @Test(arguments: [
    "### Session: A\n- **Branch**: `a`\n- **Status**: DONE", "## session:A\n* **Branch:** a\n* **Status:** DONE",
    "# Session: A\n+ Branch: a (from main)\n+ Status: DONE", "###### SESSION: A\n  - branch: `a` x\n  - STATUS:DONE",
    "   ### Session:\tA  \n\nprose\n\n- __Branch__: a\n\n- __Status:__ DONE\n",
    "\u{FEFF}### Session: A\r\n- Branch: a\r\n- Status: DONE\r\n",
  ])
  func `an entry written by hand is read in its loose form`(_ text: String) {
    let entries = log(text).entries
    #expect(entries.map(\.title) == ["A"] && entries.map(\.branch) == ["a"] && entries.map(\.status) == ["DONE"])
  }

  @Test func `the seed's templates are read as they stand`() {
    let entry = log(
      """
      ### Session: [Feature Name]
      - **Branch**: `feature/[name]`
      - **Component**: `ui`
      - **Started**: [timestamp]
      - **Status**: IN PROGRESS
      - **Files**:
        - [ ] Create service: `a/[name].py`
        - [x] `b.py`
          with a note
        * c.py
      - **ETA**: [hours]
        - [ ] no file
      """
    ).entries[0]
    #expect(entry.files == ["Create service: `a/[name].py`", "b.py", "c.py"])
    #expect(entry.branch == "feature/[name]" && entry.eta == "[hours]" && entry.component == "ui")
    #expect(log("### Session: A\n- Files: a.py, `b.py`,\n").entries[0].files == ["a.py", "b.py"])
  }

  @Test(arguments: [
    "#### Session A\n", "####### Session: A\n", "###Session: A\n", "    ### Session: A\n", "\t### Session: A\n",
    "> ### Session: A\n", "```\n### Session: A\n```\n", "~~~md\n### Session: A\n```\n~~~\n",
    "````\n```\n### Session: A\n````\n",
    "1. ```\n### Session: A\n   ```\n", "- x\n\n  ```md\n  ### Session: A\n  ```\n", "<!--\n### Session: A\n-->\n",
  ])
  func `what only looks like an entry is none`(_ text: String) {
    #expect(log(text + "\n### Session: last\n").entries.map(\.title) == ["last"])
  }

  @Test(arguments: ["```\n", "`````md\n``` `\n", "~~~\n```\n", "<!--\n- -\n", "* ```\n\n"])
  func `what is never closed goes to the end`(_ text: String) {
    #expect(log(text + "### Session: A\n- Branch: a\n").entries.isEmpty)
  }

  @Test func `an inline comment or code span opens nothing`() {
    #expect(log("<!-- x -->\n```x``` y\n``\n### Session: A\n").entries.map(\.title) == ["A"])
  }

  @Test func `an entry ends at the next heading of its level or above, or of a session`() {
    let before =
      "## Session: A\n- Branch: a\n### Session: B\n- Branch: b\n#### Notes\n- Status: DONE\n### Other\n- ETA: 1\n"
    let entries = log(before).entries
    #expect(
      entries.map(\.status) == [nil, "DONE"] && entries.map(\.eta) == [nil, nil] && entries.map(\.line) == [1, 3])
    #expect(
      setting(.blocked, in: before) == before.replacing("Branch: a\n", with: "Branch: a\n- **Status**: BLOCKED\n"))
  }

  @Test(arguments: [
    ("DONE", false), ("done", false), ("Merged", false), ("CLOSED (won't fix)", false), ("✅ **Done**, merged", false),
    ("`DONE`", false), ("IN PROGRESS", true), ("BLOCKED", true), ("almost DONE", true), ("DONE-ish", true),
    ("doner", true), ("—", true), ("", true),
  ])
  func `an entry is open until its status says otherwise`(_ status: String, _ isOpen: Bool) {
    #expect(log("### Session: A\n- Status: \(status)\n").entries[0].isOpen == isOpen)
    #expect(log("### Session: A\n").entries[0].isOpen)
  }

  @Test(arguments: [
    ("IN PROGRESS", "NEEDS REVIEW"), ("in progress (see #7)", "NEEDS REVIEW (see #7)"),
    ("**Done**", "**NEEDS REVIEW**"),
    ("🟢 IN PROGRESS since Monday  ", "🟢 NEEDS REVIEW since Monday  "), ("WIP — ask Bob", "NEEDS REVIEW — ask Bob"),
    ("on hold - Bob", "NEEDS REVIEW - Bob"), ("waiting, long", "NEEDS REVIEW, long"), ("—", "NEEDS REVIEW"),
    ("`WIP`", "`NEEDS REVIEW`"), ("进行中 (x)", "NEEDS REVIEW (x)"), ("BLOCKED: x", "NEEDS REVIEW: x"),
    ("IN PROGRESS <!-- x -->", "NEEDS REVIEW <!-- x -->"), ("(x)", "(NEEDS REVIEW)"),
  ])
  func `a new status replaces the words of the old one and nothing beside them`(_ old: String, _ new: String) {
    for line in ["- **Status**: ", "* **Status:** ", "+ Status:   ", "- status: "] {
      let before = ["### Session: A\n- Branch: a\n\(line)", "\nnote\n"]
      #expect(setting(.needsReview, in: before.joined(separator: old)) == before.joined(separator: new))
    }
  }

  @Test func `a status line that says nothing is filled in`() {
    for (line, filled) in [("- Status:", "- Status: DONE"), ("* **Status**: \t", "* **Status**: DONE \t")] {
      let before = "### Session: A\n- Branch: a\n"
      #expect(setting(.done, in: before + line) == before + filled)
      #expect(setting(.done, in: before + line + "\nx") == before + filled + "\nx")
    }
  }

  @Test func `an entry without status gets one below what it started with`() {
    #expect(
      setting(.done, in: "### Session: A\n* Started: x\n  more\n  - y\n\n  z\n* Branch: a\n")
        == "### Session: A\n* Started: x\n  more\n  - y\n\n  z\n* **Status**: DONE\n* Branch: a\n")
    #expect(
      setting(.done, in: "### Session: A\n - Component: x\n - Branch: a")
        == "### Session: A\n - Component: x\n - **Status**: DONE\n - Branch: a")
    #expect(
      setting(.done, in: "### Session: A\n- Branch: a", "end")
        == "### Session: A\n- Branch: a\n- **Status**: DONE\n- end")
  }

  @Test func `the last entry of a branch is the one that moves`() {
    let before = "### Session: A\n- Branch: a\n- Status: DONE\n\n### Session: A\n- Branch: `a`\n- Status: BLOCKED\n"
    let fenced = "```\n### Session: A\n- Branch: a\n- Status: BLOCKED\n```\n"
    #expect(setting(.inProgress, in: before + fenced) == before.replacing("BLOCKED", with: "IN PROGRESS") + fenced)
  }

  @Test func `a branch without entry changes nothing`() {
    let text =
      "### Session: A\n- Branch: ab\n\n### Session: B\n- Branch: —\n\n### Session: C\n- Branch:\n\n### Session: D\n"
    for branch in ["a", "A", "abc", "", "—", "b"] { #expect(setting(.done, branch, in: text) == nil) }
    var untouched = log(text)
    let isMoved = untouched.set(.done, branch: "a", appending: "x")
    #expect(!isMoved && untouched == log(text))
  }

  @Test func `an appended line stands below the entry's own bullets and above a person's notes`() {
    let above =
      "### Session: A\n- Branch: a\n- Status: DONE\n- Files:\n  - [ ] x\n\n  ```\ny\n  ```\n\n- ETA: 1\nlazy\n"
    for below in [
      "", "\nProse.\n\n- note\n", "---\n- x\n", "```\nx\n```\n", "#### Notes\n- x\n", "\n1. x\n", "\n\n### B\n",
    ] {
      #expect(setting(.done, in: above + below, "**Merged**: x") == above + "- **Merged**: x\n" + below)
    }
  }

  @Test func `the first of several bullets of a name counts, and a status is kept as it stands`() {
    let entry = log("### Session: A\n- Status: `WIP`\n- Status: DONE\n- ETA: `1`\n- ETA: 2\n").entries[0]
    #expect(entry.status == "`WIP`" && entry.eta == "1" && entry.isOpen)
  }

  @Test func `a bullet below a bullet says nothing of the entry`() {
    let before = "### Session: A\n- Branch: a\n- Notes:\n  - Status: DONE\n  - Issue: x\n"
    #expect(log(before).entries[0].status == nil && log(before).entries[0].issue == nil)
  }

  @Test func `bytes that are no text stay, around and inside an entry`() {
    let noise: [UInt8] = [0xFF, 0xC3, 0x28, 0x00, 0x0D, 0xED, 0xA0, 0x80]
    let head = noise + Array("\n### Session: ".utf8) + noise + Array("\n- Branch: a\n- Status: ".utf8)
    let tail = Array(" (".utf8) + noise + Array(")\n".utf8) + noise
    var log = WorkLog(head + Array("BLOCKED".utf8) + tail)
    let isMoved = log.set(.done, branch: "a")
    #expect(isMoved && log.bytes == head + Array("DONE".utf8) + tail)
    log.add(draft)
    #expect(log.bytes == head + Array("DONE".utf8) + tail + Array(("\n\n" + feature).utf8))
    #expect(log.entries.map(\.branch) == ["a", "feature/add-auth"])
  }

  @Test func `a person's text stays byte for byte`() {
    var random = Seeded(7)
    let pieces = [
      "### Session: P", "## Active Sessions", "## Done", "# L", "- **Branch**: `b1`", "* Branch: b2 x", "- note", "```",
      "  ~~~", "- ```", "<!-- x", "-->", "---", "", "", "  ", "text", "- **Status**: ", "- Files:", "  - [ ] x",
      "\u{FEFF}x",
    ]
    for _ in 0..<200 {
      let newline: [UInt8] = random.chance(30) ? [13, 10] : [10]
      var before: [UInt8] = random.chance(10) ? [0xEF, 0xBB, 0xBF] : []
      for _ in 0..<random.below(30) {
        let noise = random.chance(20) ? random.bytes(random.below(20)).filter { $0 != 10 } : []
        before += Array(random.pick(pieces).utf8) + noise + (random.chance(5) ? [10] : newline)
      }
      if random.chance(40) { before += random.bytes(5) }
      var log = WorkLog(before)
      for step in 0..<12 {
        if random.chance(40) {
          let count = log.entries.count
          log.add(
            WorkLog.Draft(
              isBug: random.chance(50), title: String(decoding: random.bytes(9), as: UTF8.self), branch: "b\(step % 4)",
              started: "s", files: ["f"]))
          #expect(log.entries.count == count + 1)
        } else {
          let (branch, old) = ("b\(random.below(4))", log)
          let has = log.entries.contains { $0.branch == branch }
          let status = random.pick(WorkLog.Status.allCases)
          let isMoved = log.set(status, branch: branch, appending: random.chance(30) ? "**Merged**: x" : nil)
          #expect(isMoved == has && (has || log == old))
          if has { #expect(log.entries.last { $0.branch == branch }?.status?.contains(status.rawValue) == true) }
        }
      }
      // Every line a person wrote, but for the ends of status lines, is there in its order.
      var rest = log.bytes.split(separator: 10, omittingEmptySubsequences: false).map(person)[...]
      for line in before.split(separator: 10, omittingEmptySubsequences: false).map(person) where !line.isEmpty {
        let place = rest.firstIndex(of: line)
        #expect(place != nil, "\(String(decoding: line, as: UTF8.self)) in \(String(decoding: before, as: UTF8.self))")
        rest = rest[((place ?? rest.endIndex - 1) + 1)...]
      }
    }
  }

  private func person(_ line: [UInt8].SubSequence) -> [UInt8] {
    let status = Array("- **Status**: ".utf8)
    if line.starts(with: status) { return status }
    return Array(line.last == 13 ? line.dropLast() : line)
  }

  @Test func `a move and back leaves every byte as it was`() {
    var random = Seeded(11)
    for _ in 0..<100 {
      let noise = (0..<4).map { _ in random.bytes(random.below(30)).filter { $0 != 10 && $0 != 96 && $0 != 126 } }
      let head = noise[0] + Array("\n### Session: ".utf8) + noise[1] + Array("\n- **Branch**: `a` ".utf8) + noise[2]
      let before = head + Array("\n- **Status**: BLOCKED (".utf8) + noise[3]
      var log = WorkLog(before)
      let isDone = log.set(.done, branch: "a")
      #expect(isDone && log.bytes.count == before.count - 3)
      let isBack = log.set(.blocked, branch: "a")
      #expect(isBack && log.bytes == before)
    }
  }

  @Test func `many entries cost no more than their number`() {
    let entry = "### Session: x\n- **Branch**: `b`\n- **Status**: DONE\n- **Files**:\n  - [ ] y\n\n"
    let before = String(repeating: entry, count: 4_000) + "- " + String(repeating: "- ", count: 40_000)
    var log = log(before)
    #expect(log.entries.count == 4_000)
    let isMoved = log.set(.blocked, branch: "b", appending: "x")
    #expect(isMoved && log.bytes.count == before.utf8.count + 3 + 4)
  }
}
