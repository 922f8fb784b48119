/// Lists, pipelines, branches and loops around the words of `ShellReader`.
extension ShellReader {
  private enum Link {
    case sequence
    case and
    case or
    case pipe
  }

  fileprivate enum Kind {
    case branch
    case loop
    case cases
    case group
    case function
  }

  /// What stands open: where it began, and whether one of its ways led elsewhere.
  struct Scope {
    fileprivate var kind: Kind
    fileprivate var entry: String?
    fileprivate var hasMoved = false
  }

  mutating func list(until end: Character?) {
    var scopes: [Scope] = []
    var link = Link.sequence
    // The directory before and after the last `cd`, for what follows it behind `||`.
    var moved: (from: String?, to: String?)?
    while !harvest.isStopped {
      skipBlanks()
      guard let character = peek() else {
        if end != nil || !scopes.isEmpty { harvest.leaveIncomplete() }
        return
      }
      let before = at
      switch character {
      case "\n":
        at += 1
        (link, moved) = (.sequence, nil)
        readHereDocuments()
      case "#": skipComment()
      case ")":
        at += 1
        if end == ")" { return }
        harvest.leaveIncomplete()
      case ";":
        at += 1
        (link, moved) = (.sequence, nil)
        if peek() == ";" || peek() == "&" { nextCase(&scopes) }
      case "&" where peek(1) == "&":
        at += 2
        link = .and
      case "&" where peek(1) != ">":
        at += 1
        (link, moved) = (.sequence, nil)
      case "|":
        at += peek(1) == "|" || peek(1) == "&" ? 2 : 1
        link = bytes[at - 1] == UInt8(ascii: "|") && at - before == 2 ? .or : .pipe
      case "(":
        if peek(1) == "(", let close = arithmeticEnd(at + 2) {
          at += 2
          fill(to: close)
          at = close + 2
        } else {
          at += 1
          nested(until: ")")
        }
      default:
        let start = directory
        if link == .or, let moved { directory = moved.from }
        let origin = directory
        simple(&scopes)
        if at == before { at += 1 }
        skipBlanks()
        let isApart = link == .pipe || (peek() == "|" && peek(1) != "|") || (peek() == "&" && peek(1) != "&")
        if isApart, directory != origin { directory = origin }
        if link == .or, let way = moved {
          directory = directory == origin ? way.to : nil
        } else if directory != start {
          moved = (start, directory)
        }
      }
    }
  }

  /// One simple command, with the words of the grammar that stand before it.
  private mutating func simple(_ scopes: inout [Scope]) {
    var words: [ShellWord] = []
    var isElsewhere = false
    let firstDocument = hereDocuments.count
    hereStrings = []
    reading: while !harvest.isStopped {
      skipBlanks()
      guard let character = peek() else { break }
      switch character {
      case "\n", ";", "|", ")", "(": break reading
      case "&":
        guard peek(1) == ">" else { break reading }
        redirection()
        continue
      case "<", ">":
        if peek(1) != "(" {
          redirection()
          continue
        }
      case "#":
        skipComment()
        break reading
      default: break
      }
      guard let word = word() else { break }
      if !word.isQuoted, peek() == "<" || peek() == ">", word.text.utf8.allSatisfy({ (48...57).contains($0) }) {
        continue
      }
      if words.isEmpty {
        if word.isFunction {
          at += 1
          skipBlanks()
          at = min(at + 1, bytes.count)
          return beginFunction(&scopes)
        }
        if word.isAssignment {
          if word.assigned == "GIT_DIR" || word.assigned == "GIT_WORK_TREE" { isElsewhere = true }
          continue
        }
        if !word.isQuoted {
          switch keyword(word.text, &scopes) {
          case .none: break
          case .before: continue
          case .whole: return
          }
        }
      }
      words.append(word)
    }
    guard !words.isEmpty else { return }
    let outcome = harvest.run(words, in: isElsewhere ? nil : directory, level: level, nesting: nesting)
    if case .moved(let target) = outcome { directory = target }
    if outcome == .readsScript {
      for n in hereDocuments.indices where n >= firstDocument { hereDocuments[n].isScript = true }
      for text in hereStrings {
        harvest.script(Array(text.utf8), directory: directory, level: level + 1, nesting: nesting + 1)
      }
    }
  }

  private enum Keyword {
    case none
    /// A command may follow on the line.
    case before
    /// It was read to the end of its head.
    case whole
  }

  private mutating func keyword(_ text: String, _ scopes: inout [Scope]) -> Keyword {
    switch text {
    case "!", "then", "do", "coproc": return .before
    case "time":
      skipBlanks()
      if peek() == "-", peek(1) == "p" { at += 2 }
      return .before
    case "if": scopes.append(Scope(kind: .branch, entry: directory))
    case "while", "until": scopes.append(Scope(kind: .loop, entry: directory))
    case "{": scopes.append(Scope(kind: .group, entry: directory))
    case "else", "elif": startOver(&scopes, .branch)
    case "fi": close(&scopes, .branch)
    case "done": close(&scopes, .loop)
    case "esac": close(&scopes, .cases)
    case "}": close(&scopes, scopes.last?.kind == .function ? .function : .group)
    case "for", "select":
      scopes.append(Scope(kind: .loop, entry: directory))
      loopHead()
      return .whole
    case "case":
      skipBlanks()
      _ = word()
      skipLines()
      _ = word()
      scopes.append(Scope(kind: .cases, entry: directory))
      casePattern()
      return .whole
    case "function":
      skipBlanks()
      _ = word()
      skipBlanks()
      if peek() == "(" {
        at += 1
        skipBlanks()
        if peek() == ")" { at += 1 }
      }
      beginFunction(&scopes)
      return .whole
    case "[[":
      testExpression()
      return .whole
    default: return .none
    }
    return .before
  }

  /// A function runs where it is called, which is not known here.
  private mutating func beginFunction(_ scopes: inout [Scope]) {
    skipLines()
    let before = directory
    if peek() == "{" {
      at += 1
      scopes.append(Scope(kind: .function, entry: before))
      directory = nil
    } else if peek() == "(" {
      at += 1
      directory = nil
      nested(until: ")")
      directory = before
    }
  }

  private mutating func loopHead() {
    while !harvest.isStopped {
      skipBlanks()
      if peek() == "(", peek(1) == "(", let close = arithmeticEnd(at + 2) {
        at += 2
        fill(to: close)
        at = close + 2
        continue
      }
      guard let word = word(), word.text != "do" || word.isQuoted else { return }
    }
  }

  private mutating func skipLines() {
    while !harvest.isStopped {
      skipBlanks()
      if peek() == "\n" {
        at += 1
        readHereDocuments()
      } else if peek() == "#" {
        skipComment()
      } else {
        return
      }
    }
  }

  private mutating func nextCase(_ scopes: inout [Scope]) {
    while peek() == ";" || peek() == "&" { at += 1 }
    guard scopes.last?.kind == .cases else { return }
    startOver(&scopes, .cases)
    casePattern()
  }

  /// `a|b)` before the commands of a case.
  private mutating func casePattern() {
    skipLines()
    if peek() == "(" { at += 1 }
    while let character = peek(), !harvest.isStopped {
      let before = at
      switch character {
      case ")":
        at += 1
        return
      case "\n", ";", "&": return
      case " ", "\t", "|": at += 1
      default:
        if let word = word(), word.text == "esac", !word.isQuoted {
          at = before
          return
        }
        if at == before { at += 1 }
      }
    }
  }

  /// In `[[ … ]]` brackets and operators are those of the test.
  private mutating func testExpression() {
    while peek() != nil, !harvest.isStopped {
      skipBlanks()
      if let word = word() {
        if word.text == "]]", !word.isQuoted { return }
      } else {
        at = min(at + 1, bytes.count)
      }
    }
    harvest.leaveIncomplete()
  }

  private mutating func startOver(_ scopes: inout [Scope], _ kind: Kind) {
    guard let last = scopes.indices.last, scopes[last].kind == kind else { return }
    if directory != scopes[last].entry { scopes[last].hasMoved = true }
    directory = scopes[last].entry
  }

  private mutating func close(_ scopes: inout [Scope], _ kind: Kind) {
    guard let scope = scopes.last, scope.kind == kind else { return harvest.leaveIncomplete() }
    scopes.removeLast()
    switch kind {
    case .group: break
    case .function: directory = scope.entry
    case .branch, .loop, .cases: if scope.hasMoved || directory != scope.entry { directory = nil }
    }
  }

  private mutating func redirection() {
    let start = at
    while let character = peek(), "<>&|".contains(character), at - start < 3 {
      if character == "&", at > start, bytes[at - 1] == UInt8(ascii: "&") { break }
      at += 1
      if peek() == "(" { break }
    }
    let mark = String(decoding: bytes[start..<at], as: UTF8.self)
    var stripsTabs = false
    if mark == "<<", peek() == "-" {
      stripsTabs = true
      at += 1
    }
    skipBlanks()
    guard let word = word() else { return }
    if mark == "<<" {
      hereDocuments.append(
        HereDocument(
          delimiter: Array(word.text.utf8), stripsTabs: stripsTabs, isQuoted: word.isQuoted, directory: directory))
    } else if mark == "<<<" {
      hereStrings.append(word.text)
    }
  }

  /// At the beginning of a line: the texts that were announced on the one before.
  private mutating func readHereDocuments() {
    guard !hereDocuments.isEmpty else { return }
    let documents = hereDocuments
    hereDocuments = []
    for document in documents where !harvest.isStopped {
      let start = at
      var end: Int?
      while end == nil, at < bytes.count {
        let lineEnd = bytes[at...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
        var line = bytes[at..<lineEnd]
        if document.stripsTabs { line = line.drop { $0 == UInt8(ascii: "\t") } }
        if line.elementsEqual(document.delimiter) { end = at }
        at = min(lineEnd + 1, bytes.count)
        // The line break behind it ends the command that announced it, or whatever it stands in.
        if end != nil, lineEnd < bytes.count { at = lineEnd }
      }
      if end == nil { harvest.leaveIncomplete() }
      let body = Array(bytes[start..<(end ?? bytes.count)])
      if end != nil, document != documents.last, at < bytes.count { at += 1 }
      if document.isScript {
        harvest.script(body, directory: document.directory, level: level + 1, nesting: nesting + 1)
      } else if !document.isQuoted, body.contains(UInt8(ascii: "$")) || body.contains(UInt8(ascii: "`")),
        harvest.spend(body.count)
      {
        var reader = ShellReader(
          body, directory: document.directory, level: level + 1, nesting: nesting + 1, harvest: harvest)
        reader.fill(to: body.count)
      }
    }
  }
}
