/// `WORK_LOG.md` as text: entries are found, added and changed; everything else stays byte for byte.
///
/// People and other sessions write in the same file, so nothing is ever taken apart and put together again: a change
/// puts bytes between two lines, or replaces the words of one status. What stands in fenced code blocks and in HTML
/// comments is not looked into, for templates stand there. Lines end with LF or CRLF; everything is linear in the size.
package struct WorkLog: Equatable, Sendable {
  package enum Status: String, CaseIterable, Codable, Sendable {
    case inProgress = "IN PROGRESS", needsReview = "NEEDS REVIEW", blocked = "BLOCKED", done = "DONE"
  }

  /// What a `Session:` heading and the bullets below it say, of Apus or written by hand. `—` and nothing are nil; the
  /// status is as it stands, with whatever is beside it; the line is that of the heading, from 1.
  package struct Entry: Equatable, Codable, Sendable {
    package var title: String
    package var branch: String?
    package var component: String?
    package var started: String?
    package var status: String?
    package var issue: String?
    package var files: [String]
    package var eta: String?
    package var line: Int

    /// False when the status words are DONE, MERGED or CLOSED, in any case of letters.
    package var isOpen: Bool {
      let text = Array((status ?? "").utf8)
      return !["DONE", "MERGED", "CLOSED"].contains(WorkLog.upper(text[WorkLog.words(in: text[...])]))
    }
  }

  /// What a new entry says. Any text is allowed: it is made one line. The issue is shown of a bug only.
  package struct Draft: Equatable, Sendable {
    package var isBug: Bool
    package var title: String
    package var branch: String
    package var component: String?
    package var started: String
    package var issue: String?
    package var files: [String]
    package var eta: String?

    package init(
      isBug: Bool = false, title: String, branch: String, component: String? = nil, started: String,
      issue: String? = nil, files: [String] = [], eta: String? = nil
    ) {
      (self.isBug, self.title, self.branch, self.component) = (isBug, title, branch, component)
      (self.started, self.issue, self.files, self.eta) = (started, issue, files, eta)
    }
  }

  package static let empty = WorkLog([])
  package private(set) var bytes: [UInt8]

  /// Any bytes are a work log.
  package init(_ bytes: [UInt8]) { self.bytes = bytes }

  package var entries: [Entry] {
    let lines = scan().lines
    return found(in: lines).map { entry($0, lines) }
  }

  /// Puts an entry at the end of the section `## Active Sessions`, or of the file when there is none, below a blank
  /// line. Nothing else is touched; a code block that is never closed is closed before it, as Markdown would.
  package mutating func add(_ draft: Draft) {
    let (lines, unclosed) = scan()
    let ending = ending
    let entry = Self.lines(of: draft).flatMap { $0.utf8 + ending }
    guard let last = lines.last else { return bytes += "# Work Log\n\n".utf8 + entry }
    let section = lines.firstIndex { $0.kind == .heading(2) && Self.upper(bytes[$0.content]) == "ACTIVE SESSIONS" }
    let later = section.map { lines[($0 + 1)...] } ?? []
    if let section, let end = later.firstIndex(where: { [.heading(1), .heading(2), .session(1)].contains($0.kind) }) {
      // A rule that sets the next section apart stays with that section.
      let isOwn = { (n: Int) in lines[n].kind != .blank && (lines[n].kind != .rule || lines[n - 1].kind != .blank) }
      let n = later[..<end].indices.last(where: isOwn) ?? section
      return bytes.insert(contentsOf: ending + entry + (n + 1 == end ? ending : []), at: lines[n].next)
    }
    if bytes.last != 10 { bytes += ending }
    if let unclosed { bytes += unclosed.indent + unclosed.mark + ending }
    if unclosed != nil || last.kind != .blank { bytes += ending }
    bytes += entry
  }

  /// Replaces the status words of the last entry with that branch, and no more of their line: `IN PROGRESS (see #7)`
  /// becomes `DONE (see #7)`. An entry without status gets one below what it started with. `line` becomes one
  /// more bullet below the entry's own. False, and nothing changed, when no entry has that branch.
  package mutating func set(_ status: Status, branch: String, appending line: String? = nil) -> Bool {
    let lines = scan().lines
    let names = [Array(branch.utf8), Array(Self.code(branch).utf8)]
    let entry = found(in: lines).last { value(.branch, of: $0).map { names.contains(Array($0.utf8)) } ?? false }
    guard let entry, let named = entry.fields[.branch] else { return false }
    var edits: [Edit] = []
    if let text = line.map(Self.bulletText), !text.isEmpty {
      edits.append(bullet(text, below: named.line, of: entry, lines, isWholeList: true))
    }
    if let old = entry.fields[.status] {
      let words = Self.words(in: bytes[old.value])
      edits.append((words, (words.isEmpty ? [32] : []) + status.rawValue.utf8))
    } else {
      let place = (entry.fields[.started] ?? entry.fields[.component] ?? named).line
      let text = Array("**Status**: \(status.rawValue)".utf8)[...]
      edits.append(bullet(text, below: place, of: entry, lines, isWholeList: false))
    }
    // From the back, so that places stay; where both stand at one, the status goes in later and so comes first.
    edits.sort { $0.range.lowerBound > $1.range.lowerBound }
    for edit in edits { bytes.replaceSubrange(edit.range, with: edit.bytes) }
    return true
  }

  private static func lines(of draft: Draft) -> [String] {
    func shown(_ text: String?) -> String { text.map(oneLine).flatMap { $0.isEmpty ? nil : $0 } ?? "—" }
    let branch = code(draft.branch)
    var lines = ["### Session: " + shown(draft.title), "- **Branch**: " + (branch.isEmpty ? "—" : "`\(branch)`")]
    lines += ["- **Component**: " + shown(draft.component), "- **Started**: " + shown(draft.started)]
    lines += ["- **Status**: IN PROGRESS"] + (draft.isBug ? ["- **Issue**: " + shown(draft.issue)] : [])
    lines += ["- **Files**:"] + draft.files.map { "  - [ ] " + oneLine($0) }.filter { $0 != "  - [ ] " }
    return lines + ["- **ETA**: " + shown(draft.eta)]
  }

  /// Text that stays on its line and is read in the order it is written: every run of control characters, of line and
  /// paragraph separators and of what turns the direction of writing is a blank.
  package static func oneLine(_ text: String) -> String {
    var line = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      let isMeant = ![0...31, 127...159, 0x2028...0x202E, 0x2066...0x2069].contains { $0 ~= scalar.value }
      if isMeant { line.append(scalar) } else if line.last != " " { line.append(" ") }
    }
    return String(line).trimmingBlanks
  }

  /// One line that does not end the code span it stands in. By scalars: a mark may combine with a backtick.
  private static func code(_ text: String) -> String {
    String(String.UnicodeScalarView(oneLine(text).unicodeScalars.map { $0 == "`" ? "'" : $0 }))
  }

  /// One line without its bullet, which begins no code block, comment, heading, quotation or list.
  private static func bulletText(_ line: String) -> Text {
    let line = Array(oneLine(line).utf8)
    let text = trimmed(line[(line.starts(with: "- ".utf8) ? 2 : 0)...])
    return text.first.map { isAny($0, "`~<#>-+") } ?? false || text.starts(with: "* ".utf8) ? [92] + text : text
  }

  /// That of the file's first line.
  private var ending: [UInt8] { bytes.firstIndex(of: 10).map { bytes[..<$0].last == 13 } ?? false ? [13, 10] : [10] }

  private typealias Text = ArraySlice<UInt8>
  private enum Kind: Equatable { case blank, text, bullet, rule, heading(Int), session(Int), opening, hidden }
  private enum Label: String { case branch, component, started, status, issue, files, eta }
  /// A line's `content` is what its heading or bullet says; `next` is where the next line begins.
  private typealias Line = (text: Range<Int>, content: Range<Int>, next: Int, indent: Int, kind: Kind)
  private typealias Found = (lines: Range<Int>, fields: [Label: (line: Int, value: Range<Int>)])
  private typealias Edit = (range: Range<Int>, bytes: [UInt8])
  private typealias Fence = (indent: [UInt8], mark: [UInt8])
  private static func isBlank(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 }
  private static func isLetter(_ byte: UInt8) -> Bool { (97...122).contains(byte | 32) }
  private static func isAny(_ byte: UInt8, _ of: StaticString) -> Bool { of.withUTF8Buffer { $0.contains(byte) } }
  private static func upper(_ text: Text) -> String { String(decoding: text, as: UTF8.self).uppercased() }
  private static func trimmed(_ text: Text) -> Text {
    var text = text.drop(while: isBlank)
    while let last = text.last, isBlank(last) { text.removeLast() }
    return text
  }

  private func scan() -> (lines: [Line], unclosed: Fence?) {
    var lines: [Line] = []
    var fence: Fence?
    var start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: 10) ?? bytes.count
      let next = min(end + 1, bytes.count)
      let text = bytes[start..<(end > start && bytes[end - 1] == 13 ? end - 1 : end)]
      let indent = text.prefix(while: Self.isBlank).reduce(0) { $1 == 9 ? $0 / 4 * 4 + 4 : $0 + 1 }
      let (kind, content) = Self.classify(text, indent, &fence)
      lines.append((text.startIndex..<text.endIndex, content.startIndex..<content.endIndex, next, indent, kind))
      start = next
    }
    return (lines, fence)
  }

  private static func classify(_ text: Text, _ indent: Int, _ fence: inout Fence?) -> (Kind, Text) {
    let content = trimmed(text)
    func isCommentEnd(_ n: Int) -> Bool { content[n] == 45 && content[n...].starts(with: "-->".utf8) }
    if let mark = fence?.mark {
      let isEnd = content.starts(with: mark) && content.allSatisfy { $0 == mark[0] }
      if isEnd || mark.last == 62 && content.indices.contains(where: isCommentEnd) { fence = nil }
      return (.hidden, content)
    }
    // A code block may begin in the items of a list.
    let code = content.drop { isAny($0, "-+*0123456789.) \t") }
    let mark = code.prefix { $0 == code.first }
    if mark.count > 2, mark.first == 126 || mark.first == 96 && !code[mark.endIndex...].contains(96) {
      fence = (text[..<mark.startIndex].map { $0 == 9 ? 9 : 32 }, Array(mark))
    } else if content.starts(with: "<!--".utf8), !content.indices.contains(where: isCommentEnd) {
      fence = ([], Array("-->".utf8))
    }
    guard fence == nil, let first = content.first else { return (fence == nil ? .blank : .opening, content) }
    let run = content.prefix { $0 == first }
    let rest = content[run.endIndex...]
    let isApart = rest.first.map(isBlank) ?? true
    if first == 35, run.count <= 6, isApart, indent < 4 {
      let title = trimmed(rest)
      let isSession = upper(title.prefix(8)) == "SESSION:"
      return isSession ? (.session(run.count), trimmed(title.dropFirst(8))) : (.heading(run.count), title)
    }
    let isBare = content.allSatisfy { $0 == first || isBlank($0) }
    if isBare, isAny(first, "-*_"), content.count(where: { $0 == first }) > 2 { return (.rule, content) }
    return isAny(first, "-*+") && run.count == 1 && isApart ? (.bullet, trimmed(rest)) : (.text, content)
  }

  /// An entry ends at the next heading of its level or above, or of a session; bullets below its bullets say nothing.
  private func found(in lines: [Line]) -> [Found] {
    var all: [Found] = []
    var (level, indent) = (0, 0)
    for (n, line) in lines.enumerated() {
      if case .heading(let depth) = line.kind, depth <= level { level = 0 }
      if case .session(let depth) = line.kind {
        all.append((n..<n, [:]))
        (level, indent) = (depth, .max)
      }
      guard level > 0, let last = all.indices.last else { continue }
      all[last].lines = all[last].lines.lowerBound..<n + 1
      guard line.kind == .bullet, line.indent <= indent else { continue }
      indent = min(indent, line.indent + 1)
      guard let (label, value) = Self.field(bytes[line.content]) else { continue }
      if all[last].fields[label] == nil { all[last].fields[label] = (n, value.startIndex..<value.endIndex) }
    }
    return all
  }

  /// `**Branch**: x`, `**Branch:** x` and `Branch: x`; a branch is a code span or one word.
  private static func field(_ content: Text) -> (Label, Text)? {
    let bold = Array(content.prefix { isAny($0, "*_") })
    let name = content.dropFirst(bold.count).prefix(while: isLetter)
    let rest = content[name.endIndex...]
    let colon: [UInt8]? = [bold + [58], [58] + bold].first { rest.starts(with: $0) }
    guard let colon, let label = Label(rawValue: upper(name).lowercased()) else { return nil }
    let value = trimmed(rest.dropFirst(colon.count))
    if label != .branch { return (label, value) }
    let code = trimmed(value.drop { $0 == 96 }.prefix { $0 != 96 })
    return (label, value.first == 96 ? code : value.prefix { !isBlank($0) })
  }

  /// nil for nothing, and for the dash that stands for nothing; without the backticks of a code span that is all of it.
  private static func string(_ text: Text, isRaw: Bool = false) -> String? {
    let inner = text.dropFirst().dropLast()
    let isCode = !isRaw && text.first == 96 && text.last == 96 && !inner.isEmpty && !inner.contains(96)
    return text.isEmpty || text.elementsEqual("—".utf8) ? nil : String(decoding: isCode ? inner : text, as: UTF8.self)
  }

  private func value(_ label: Label, of entry: Found) -> String? {
    entry.fields[label].flatMap { Self.string(bytes[$0.value], isRaw: label == .status) }
  }

  private func entry(_ found: Found, _ lines: [Line]) -> Entry {
    Entry(
      title: String(decoding: bytes[lines[found.lines.lowerBound].content], as: UTF8.self),
      branch: value(.branch, of: found), component: value(.component, of: found), started: value(.started, of: found),
      status: value(.status, of: found), issue: value(.issue, of: found), files: files(found, lines),
      eta: value(.eta, of: found), line: found.lines.lowerBound + 1)
  }

  /// Beside `Files:`, parted by commas, and in the bullets below it.
  private func files(_ entry: Found, _ lines: [Line]) -> [String] {
    guard let field = entry.fields[.files] else { return [] }
    let below = lines[(field.line + 1)..<entry.lines.upperBound].prefix {
      $0.kind == .blank || $0.kind == .hidden || $0.indent >= lines[field.line].indent + 2
    }
    let items = below.filter { $0.kind == .bullet }.map { bytes[$0.content] }
    let files = items.map { $0.first == 91 && $0.dropFirst(2).first == 93 ? $0.dropFirst(3) : $0 }
    return (bytes[field.value].split(separator: 44) + files).compactMap { Self.string(Self.trimmed($0)) }
  }

  /// A bullet like that in line `n`, below it or its whole list. Prose under a blank line belongs to neither.
  private func bullet(_ text: Text, below n: Int, of entry: Found, _ lines: [Line], isWholeList: Bool) -> Edit {
    var last = lines[n]
    for k in (n + 1)..<entry.lines.upperBound where lines[k].kind != .blank {
      if lines[k].kind != .hidden, lines[k].indent < lines[n].indent + 2 {
        if lines[k].kind == .bullet ? !isWholeList : lines[k].kind != .text || lines[k - 1].kind == .blank { break }
      }
      last = lines[k]
    }
    let line = Array(bytes[lines[n].text.lowerBound..<lines[n].content.lowerBound]) + text
    return (last.next..<last.next, bytes[last.next - 1] == 10 ? line + ending : ending + line)
  }

  /// The status words in what stands behind `Status:`: those Apus knows, else all up to a mark that sets the rest off.
  private static func words(in text: Text) -> Range<Int> {
    let known = text.drop { $0 >= 128 || isAny($0, " \t*_`~[") }
    let word = (Status.allCases.map(\.rawValue) + ["MERGED", "CLOSED"]).first { word in
      let next = known.dropFirst(word.utf8.count).first ?? 32
      return upper(known.prefix(word.utf8.count)) == word && !isLetter(next) && !isAny(next, "-0123456789")
    }
    if let word { return known.startIndex..<known.startIndex + word.utf8.count }
    let other = text.drop { isAny($0, " \t*_`~[(") }
    let end = other.indices.first { n in
      isAny(other[n], "()[]{},;:<|*`~") || ["–", "—", " -"].contains { other[n...].starts(with: $0.utf8) }
    }
    let words = trimmed(other[..<(end ?? other.endIndex)])
    return words.isEmpty ? text.startIndex..<text.endIndex : words.startIndex..<words.endIndex
  }
}
