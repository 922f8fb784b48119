/// A screen as programs see it. Keys are promises.
package struct ScreenObject: Codable, Sendable {
  package var rows: Int
  package var columns: Int
  package var title: String
  package var alternate: Bool
  /// Where the cursor is, from 0.
  package var row: Int
  package var column: Int
  package var lines: [String]

  package init(_ screen: Screen) {
    rows = screen.rows
    columns = screen.columns
    title = screen.title ?? ""
    alternate = screen.isAlternate
    row = screen.cursor.row
    column = screen.cursor.column
    lines = screen.lines
  }
}
