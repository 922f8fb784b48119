extension SessionsFileReader {
  static func table(_ head: Line, _ body: ArraySlice<Line>) throws(SessionsFile.Fault) -> SessionsFile.Table {
    var table = SessionsFile.Table(columns: [], items: [])
    var items: [(item: SessionsFile.Table.Item, isText: Bool, isBlank: Bool)] = []
    var (isOver, ids): (Bool, Set<String>) = (false, [])
    var n = body.startIndex
    func cells(_ n: Int) -> [Words.Text]? { n < body.endIndex && !body[n].isHidden ? Words.cells(body[n].text) : nil }
    func isRule(_ n: Int) -> Bool { cells(n).map(Words.isRule) ?? false }
    while n < body.endIndex {
      let line = body[n]
      defer { n += 1 }
      if case .heading = line.kind { isOver = true }
      guard !isOver, let here = cells(n), !table.columns.isEmpty || isHead(here) else {
        items.append((.text(line.string), true, line.isBlank && !line.isHidden))
        continue
      }
      if table.columns.isEmpty {
        guard let rule = cells(n + 1), Words.isRule(rule) else { throw Fault(line: line.number, problem: .ruleMissing) }
        table.columns = try columns(here, rule, line.number)
        items.append((.head, false, false))
        n += 1
      } else if isRule(n + 1), cells(n - 1) == nil {
        // A table of somebody else: to its last line.
        while cells(n + 1) != nil {
          items.append((.text(body[n].string), true, false))
          n += 1
        }
        items.append((.text(body[n].string), true, false))
      } else if let row = try row(here, table.columns, line.number) {
        guard ids.insert(row.id).inserted else { throw Fault(line: line.number, problem: .rowTwice(row.id)) }
        items.append((.row(row), false, false))
      }
    }
    guard !table.columns.isEmpty else { throw Fault(line: head.number, problem: .tableMissing) }
    table.items = spaced(items)
    return table
  }

  private static func known(_ cell: Words.Text) -> Row.Cell? {
    let name = Words.string(cell.filter { $0 != 42 }[...]).lowercased()
    return Row.Cell.allCases.first { $0.name.lowercased() == name }
  }

  private static func isHead(_ cells: [Words.Text]) -> Bool { cells.contains { known($0) == .id } }

  private static func columns(_ names: [Words.Text], _ rule: [Words.Text], _ line: Int) throws(SessionsFile.Fault)
    -> [SessionsFile.Column]
  {
    var columns: [SessionsFile.Column] = []
    for (n, name) in names.enumerated() {
      if let cell = known(name) {
        guard !columns.contains(.known(cell)) else { throw Fault(line: line, problem: .columnTwice(cell.name)) }
        columns.append(.known(cell))
      } else {
        let dashes = n < rule.count ? rule[n] : []
        let inner = String(repeating: "-", count: max(3, name.count))
        let ends = (dashes.first == 58 ? ":" : "", dashes.count > 1 && dashes.last == 58 ? ":" : "")
        columns.append(.foreign(name: Words.string(name), rule: ends.0 + inner + ends.1))
      }
    }
    for cell in Row.Cell.allCases where !columns.contains(.known(cell)) {
      throw Fault(line: line, problem: .columnMissing(cell.name))
    }
    return columns
  }

  private static func row(_ cells: [Words.Text], _ columns: [SessionsFile.Column], _ line: Int)
    throws(SessionsFile.Fault) -> Row?
  {
    var row = Row("")
    for (n, column) in columns.enumerated() {
      let cell = n < cells.count ? cells[n] : nil
      switch column {
      case .foreign: row.others.append(cell.map(Words.string) ?? "")
      case .known(let known):
        guard let cell else { throw Fault(line: line, problem: .rowTooShort) }
        switch known {
        case .id:
          if Words.isNone(cell) || Words.isRule([cell]) { return nil }
          guard let id = Words.id(cell) else {
            throw Fault(line: line, problem: .idUnreadable(WorkLog.oneLine(Words.string(cell))))
          }
          row.id = id
        case .started: row.started = try moment((cell, line))
        case .lastActive: row.lastActive = try moment((cell, line))
        case .editing: row.editing = Words.paths(cell)
        }
      }
    }
    row.others += cells.dropFirst(columns.count).map(Words.string)
    while row.others.last == "" { row.others.removeLast() }
    return row
  }
}
