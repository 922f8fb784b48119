import ApusCore
import ApusLink
import ApusWire
import Glibc

struct OpenCommand: Command {
  static let about = About(
    name: "open", group: .server, summary: "the page, in your browser", example: "apus open",
    more:
      "Opens the page in $BROWSER or the desktop's browser, signed in by a code in the address that is good for a minute "
      + "and once; the browser stays signed in for 90 days (`apus token list` shows it, `apus token revoke` ends that). "
      + "Where nothing is listened at yet the daemon listens at 127.0.0.1 from then on (`apus serve --off` ends it). "
      + "Without a desktop, and with --print, the address is printed. --phone shows it as a picture for another device's "
      + "camera; for that something is to be served others can reach, with TLS (`apus help serve`).")

  @Flag("--print", help: "only print the address") var printOnly
  @Flag("--phone", help: "show the address for another device to scan") var phone
  @Option("--listen", value: "ADDRESS", help: "at that address, of those that are served") var address: String?

  func run(_ context: Context) throws(Failure) -> Int32 {
    var request = PageRequest()
    request.phone = phone
    request.address = address
    let bytes = try context.raw(.openPage, request)
    let page: PageObject = try context.decode(bytes)
    let output = context.output
    if context.isJSON {
      output.line(bytes)
      return 0
    }
    if phone {
      let picture = QRCode.text(page.url, isColored: output.isColored)
      output.write(picture ?? "no picture without libqrencode (Debian: libqrencode4); the address to type:\n")
      output.write("\(page.url)\n(good for \(page.seconds) seconds, once)\n")
      return 0
    }
    if !printOnly, let browser = Self.browser(context.environment), Self.start(browser, page.url, context) {
      output.write("\(page.page) is open in your browser.\n")
      return 0
    }
    output.write(page.url + "\n")
    return 0
  }

  /// The program that opens addresses; nil where nobody could see it.
  private static func browser(_ environment: [String: String]) -> String? {
    func find(_ name: String) -> String? {
      if name.contains("/") { return access(name, X_OK) == 0 ? name : nil }
      return (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(name)" }
        .first { $0.utf8.first == UInt8(ascii: "/") && access($0, X_OK) == 0 }
    }
    if let named = environment["BROWSER"] {
      return named.split(separator: ":").lazy.compactMap { find(String($0)) }.first
    }
    guard environment["DISPLAY"] != nil || environment["WAYLAND_DISPLAY"] != nil else { return nil }
    return find("xdg-open")
  }

  private static func start(_ program: String, _ url: String, _ context: Context) -> Bool {
    guard
      let (ready, _) = try? Detached.start(
        program: program, arguments: [url], environment: context.environment, directory: "/")
    else { return false }
    close(ready)
    return true
  }
}
