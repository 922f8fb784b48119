import ApusCore
import Glibc

/// One line on standard error that says what is being done, replaced in place; nothing where that is no terminal.
final class ProgressLine {
  private let isShown: Bool
  private let columns: Int
  private var isThere = false

  init(_ output: Output) {
    isShown = isatty(2) == 1
    columns = output.columns
  }

  func show(_ doing: String) {
    guard isShown else { return }
    isThere = true
    Output.ask("\r\u{1B}[K" + Width.cut(SessionName.printable(doing) + " …", max(20, columns - 1)))
  }

  func clear() {
    if isThere { Output.ask("\r\u{1B}[K") }
    isThere = false
  }
}
