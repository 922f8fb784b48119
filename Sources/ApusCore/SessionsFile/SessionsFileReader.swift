/// Reads one text. Line by line, for bytes that are not ours must come out as they went in.
enum SessionsFileReader {
  typealias Words = SessionsFile.Words
  typealias Fault = SessionsFile.Fault
  typealias Lock = SessionsFile.Lock
  typealias Row = SessionsFile.Row

  enum Kind { case heading(level: Int, title: String), hidden, plain }
  struct Line {
    var text: Words.Text
    var kind: Kind
    var number: Int

    var string: String { Words.string(text) }
    var isBlank: Bool { Words.trimmed(text).isEmpty }
    var isHidden: Bool {
      switch kind {
      case .hidden: true
      case .heading, .plain: false
      }
    }
    /// That of a section: other headings are text, below which nothing of a section is ours.
    var title: String? {
      switch kind {
      case .heading(let level, let title): level == 2 ? title : nil
      case .hidden, .plain: nil
      }
    }
  }

  static func read(_ bytes: [UInt8]) throws(SessionsFile.Fault) -> SessionsFile {
    let lines = try lines(of: bytes)
    let starts = lines.indices.filter { lines[$0].title != nil }
    let preamble = lines[..<(starts.first ?? lines.endIndex)]
    var file = SessionsFile(preamble: texts(preamble), sections: [])
    // The table is the one without a name.
    var names: Set<String> = []
    for (start, end) in zip(starts, starts.dropFirst() + [lines.endIndex]) {
      let (head, body) = (lines[start], lines[(start + 1)..<end])
      let title = head.title ?? ""
      if title.lowercased() == SessionsFile.Table.title.lowercased() {
        guard names.insert("").inserted else {
          throw Fault(line: head.number, problem: .sectionTwice(SessionsFile.Table.title))
        }
        file.sections.append(.sessions(try table(head, body)))
      } else if let name = Lock.name(of: title), let lock = try lock(name, head, body) {
        guard names.insert(name).inserted else {
          throw Fault(line: head.number, problem: .sectionTwice(Lock.title(of: name)))
        }
        file.sections.append(.lock(lock))
      } else {
        file.sections.append(.text(texts(lines[start..<end])))
      }
    }
    for name in ["deploy", "docker"] where !names.contains(name) {
      throw Fault(line: lines.count + 1, problem: .sectionMissing(Lock.title(of: name)))
    }
    guard names.contains("") else {
      throw Fault(line: lines.count + 1, problem: .sectionMissing(SessionsFile.Table.title))
    }
    return file
  }

  // MARK: lines

  private static func lines(of bytes: [UInt8]) throws(SessionsFile.Fault) -> [Line] {
    guard bytes.count <= SessionsFile.mostBytes else { throw Fault(line: 1, problem: .tooLarge) }
    let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
    var lines: [Line] = []
    var end: [UInt8]?
    for (n, part) in text.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
      // However many there are: the next reader would take off one more.
      let line = part.prefix(upTo: part.lastIndex { $0 != 13 }.map { $0 + 1 } ?? part.startIndex)
      guard !line.contains(0), String(validating: line, as: UTF8.self) != nil else {
        throw Fault(line: n + 1, problem: .notText)
      }
      let kind = kind(of: line, &end)
      let marker = line.prefix(7)
      if ["<<<<<<<", "|||||||", ">>>>>>>"].contains(where: { marker.elementsEqual($0.utf8) }) {
        if case .plain = kind, line.dropFirst(7).first ?? 32 == 32 {
          throw Fault(line: n + 1, problem: .conflictMarker)
        }
      }
      lines.append(Line(text: line, kind: kind, number: n + 1))
    }
    if lines.last?.text.isEmpty == true { lines.removeLast() }
    return lines
  }

  /// `end` is what ends the code block or comment that a line stands in.
  private static func kind(of line: Words.Text, _ end: inout [UInt8]?) -> Kind {
    let content = Words.trimmed(line)
    func closesComment(_ text: Words.Text) -> Bool {
      text.indices.contains { text[$0] == 45 && text[$0...].starts(with: "-->".utf8) }
    }
    if let mark = end {
      let isEnd = mark[0] == 45 ? closesComment(content) : isFence(content, mark)
      if isEnd { end = nil }
      return .hidden
    }
    let run = content.prefix { $0 == content.first }
    if run.count > 2, run.first == 126 || run.first == 96 && !content[run.endIndex...].contains(96) {
      end = Array(run)
      return .hidden
    }
    if content.starts(with: "<!--".utf8), !closesComment(content) {
      end = Array("-->".utf8)
      return .hidden
    }
    guard run.first == 35, run.count < 7, line.first == 35, content[run.endIndex...].first.map(Words.isBlank) ?? true
    else { return .plain }
    var title = Words.trimmed(content[run.endIndex...])
    while title.last == 35 { title.removeLast() }
    return .heading(level: run.count, title: Words.string(Words.trimmed(title)))
  }

  private static func isFence(_ content: Words.Text, _ mark: [UInt8]) -> Bool {
    content.starts(with: mark) && content.allSatisfy { $0 == mark[0] }
  }

  /// Without blank lines at the end.
  private static func texts(_ lines: ArraySlice<Line>) -> [String] {
    let last = lines.lastIndex { !$0.isBlank }
    return last.map { lines[...$0].map(\.string) } ?? []
  }

  /// Takes out the blank lines that stand at either end and between two lines that are ours.
  static func spaced<Item>(_ items: [(item: Item, isText: Bool, isBlank: Bool)]) -> [Item] {
    var kept: [(item: Item, isText: Bool, isBlank: Bool)] = []
    var blanks = kept
    for item in items {
      if item.isBlank {
        blanks.append(item)
        continue
      }
      if let last = kept.last, last.isText || item.isText { kept += blanks }
      kept.append(item)
      blanks = []
    }
    return kept.map(\.item)
  }
}
