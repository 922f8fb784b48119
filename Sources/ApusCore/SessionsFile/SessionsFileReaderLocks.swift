extension SessionsFileReader {
  /// Nil when the section is about something else: only the two locks of the template must be one.
  static func lock(_ name: String, _ head: Line, _ body: ArraySlice<Line>) throws(SessionsFile.Fault) -> Lock? {
    var lock = Lock(name, items: [])
    var values: [Lock.Field: (text: Words.Text, line: Int)] = [:]
    var items: [(item: Lock.Item, isText: Bool, isBlank: Bool)] = []
    var isOver = false
    for line in body {
      if case .heading = line.kind { isOver = true }
      guard !isOver, !line.isHidden, let (field, value) = field(line.text, of: lock) else {
        items.append((.text(line.string), true, line.isBlank && !line.isHidden))
        continue
      }
      guard values[field] == nil else {
        throw Fault(line: line.number, problem: .fieldTwice(lock.label(of: field)))
      }
      values[field] = (value, line.number)
      items.append((.field(field), false, false))
    }
    guard let status = values[.status] else {
      if name != "deploy" && name != "docker" { return nil }
      throw Fault(line: head.number, problem: .fieldMissing(lock.label(of: .status)))
    }
    if try isHeld(status.text, status.line) {
      let claimedBy = values[.claimedBy]
      guard let claimedBy, !Words.isNone(claimedBy.text) else {
        throw Fault(line: status.line, problem: .holderMissing)
      }
      let who = WorkLog.oneLine(Words.string(Words.bare(claimedBy.text)))
      guard Words.id(Array(who.utf8)[...]) != nil else {
        throw Fault(line: claimedBy.line, problem: .idUnreadable(who))
      }
      let note = values[.note].map { WorkLog.oneLine(Words.string($0.text)) }
      lock.hold = SessionsFile.Hold(
        who, note: note.flatMap { Words.isNone(Array($0.utf8)[...]) ? nil : $0 },
        since: try moment(values[.since]), lastUpdated: try moment(values[.lastUpdated]))
    }
    complete(&items)
    lock.items = spaced(items)
    return lock
  }

  /// What was left out comes below the field that stands before it in the template, and below what belongs to that.
  private static func complete(_ items: inout [(item: Lock.Item, isText: Bool, isBlank: Bool)]) {
    var place = 0
    for field in Lock.Field.allCases {
      if let found = items.firstIndex(where: { $0.item == .field(field) }) {
        place = found + 1
      } else {
        items.insert((.field(field), false, false), at: place)
        place += 1
      }
    }
  }

  /// `- **Since:** x`, and with another bullet, the colon outside, or nothing bold.
  private static func field(_ line: Words.Text, of lock: Lock) -> (SessionsFile.Lock.Field, Words.Text)? {
    let content = Words.trimmed(line)
    guard let bullet = content.first, [42, 43, 45].contains(bullet) else { return nil }
    let rest = content.dropFirst()
    guard let blank = rest.first, Words.isBlank(blank) else { return nil }
    let text = Words.trimmed(rest)
    let bold = text.prefix { $0 == 42 || $0 == 95 }
    guard let colon = text.firstIndex(of: 58) else { return nil }
    var (name, value) = (text[bold.endIndex..<colon], text[(colon + 1)...])
    if !bold.isEmpty {
      if value.starts(with: bold) {
        value = value.dropFirst(bold.count)
      } else if name.suffix(bold.count).elementsEqual(bold) {
        name = name.dropLast(bold.count)
      } else {
        return nil
      }
    }
    let label = Words.string(Words.trimmed(name)).lowercased()
    let field = Lock.Field.allCases.first { lock.label(of: $0).lowercased() == label }
    return field.map { ($0, Words.trimmed(value)) }
  }

  private static func isHeld(_ text: Words.Text, _ line: Int) throws(SessionsFile.Fault) -> Bool {
    let letters = Words.bare(text).filter { $0 != 42 }
    let words = Words.string(letters[...].map { $0 == 32 || $0 == 45 ? 95 : $0 }[...]).uppercased()
    if words == "NONE" || Words.isNone(text) { return false }
    if words == "IN_PROGRESS" { return true }
    throw Fault(line: line, problem: .statusUnknown(WorkLog.oneLine(Words.string(text))))
  }

  static func moment(_ value: (text: Words.Text, line: Int)?) throws(SessionsFile.Fault) -> Moment? {
    guard let (text, line) = value, !Words.isNone(Words.bare(text)) else { return nil }
    if let moment = Words.moment(text) { return moment }
    throw Fault(line: line, problem: .timeUnreadable(WorkLog.oneLine(Words.string(text))))
  }
}
