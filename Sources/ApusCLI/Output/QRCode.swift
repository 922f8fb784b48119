import Glibc

/// A text as a picture for cameras, by Debian's libqrencode where that is installed: few who use Apus ever want one, so
/// nobody needs it to be there.
enum QRCode {
  private typealias Encode =
    @convention(c) (UnsafePointer<CChar>, Int32, Int32, Int32, Int32) -> UnsafeMutableRawPointer?
  private typealias Free = @convention(c) (UnsafeMutableRawPointer) -> Void

  /// `QRcode` of qrencode.h.
  private struct Picture {
    var version: Int32
    var width: Int32
    var data: UnsafePointer<UInt8>?
  }

  /// `QR_ECLEVEL_L`, `QR_MODE_8`: an address is short, and a screen is never dirty.
  private static let (level, mode) = (Int32(0), Int32(2))
  private static let margin = 2

  /// Two rows of the picture a line; nil where it cannot be made.
  static func text(_ text: String, isColored: Bool) -> String? {
    guard let library = dlopen("libqrencode.so.4", RTLD_NOW), let encode = dlsym(library, "QRcode_encodeString"),
      let free = dlsym(library, "QRcode_free"),
      let made = unsafeBitCast(encode, to: Encode.self)(text, 0, level, mode, 1)
    else { return nil }
    defer { unsafeBitCast(free, to: Free.self)(made) }
    let picture = made.load(as: Picture.self)
    let width = Int(picture.width)
    guard let data = picture.data else { return nil }
    func isDark(_ row: Int, _ column: Int) -> Bool {
      guard (0..<width).contains(row), (0..<width).contains(column) else { return false }
      return data[row * width + column] & 1 == 1
    }
    return lines(width, isColored: isColored, isDark).map { $0 + "\n" }.joined()
  }

  /// Dark on light, whatever the terminal's colours are; without colours light is what is printed.
  private static func lines(_ width: Int, isColored: Bool, _ isDark: (Int, Int) -> Bool) -> [String] {
    stride(from: -margin, to: width + margin, by: 2).map { row in
      let cells = (-margin..<width + margin).map { column -> String in
        switch (isDark(row, column), isDark(row + 1, column)) {
        case (true, true): isColored ? "█" : " "
        case (true, false): isColored ? "▀" : "▄"
        case (false, true): isColored ? "▄" : "▀"
        case (false, false): isColored ? " " : "█"
        }
      }
      return isColored ? "\u{1B}[30;107m\(cells.joined())\u{1B}[0m" : cells.joined()
    }
  }
}
