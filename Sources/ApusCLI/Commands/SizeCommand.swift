import ApusCore
import ApusFrames
import ApusWire

struct SizeCommand: Command {
  static let about = About(
    name: "size", group: .terminals, summary: "print or set the size of a session's terminal",
    example: "apus size fix-parser 120x40", more: "An attached lead sets it anew when its own terminal changes.")

  @Operand("NAME", help: "a session", completes: .sessions) var name
  @Operands("SIZE", help: "COLUMNSxROWS; without it the size is printed") var sizes

  private struct Size: Encodable {
    var columns: Int
    var rows: Int
  }

  func run(_ context: Context) throws(Failure) -> Int32 {
    guard sizes.count <= 1 else { throw Usage.wrong("size", "one SIZE at most") }
    var wanted: TerminalSize?
    if let text = sizes.first {
      let numbers = text.split(separator: "x", omittingEmptySubsequences: false).map { UInt16($0) ?? 0 }
      guard numbers.count == 2, numbers.allSatisfy({ (1...UInt16(TerminalWish.largest)).contains($0) }) else {
        throw Failure(
          .usage, "\"\(SessionName.excerpt(text))\" is no size",
          hint: "columns, x, rows, each 1 to \(TerminalWish.largest): `apus size \(name) 120x40`")
      }
      wanted = TerminalSize(rows: numbers[1], columns: numbers[0])
    }
    var talk = try Seat.open(try RunFinder.find(name, context))
    if let wanted {
      try talk.send(.size(wanted))
      try talk.leave()
      return 0
    }
    let size = talk.welcome.terminal ?? TerminalSize(rows: 0, columns: 0)
    if context.isJSON {
      context.output.json(Size(columns: Int(size.columns), rows: Int(size.rows)))
    } else {
      context.output.write("\(size.columns)x\(size.rows)\n")
    }
    return 0
  }
}
