import Foundation
import Testing

@Suite("the style of the page") struct PageStyleTests {
  private let files = House.files("Page", ["js", "css", "html"])

  @Test func `no line of the page is longer than a hundred and twenty characters`() {
    #expect(files.count > 30)
    for file in files {
      let long = file.lines.enumerated().filter { $1.count > 120 }.map { $0.offset + 1 }
      #expect(long == [], "\(file.path)")
    }
  }

  @Test func `text becomes markup in one file alone, and nothing is evaluated`() throws {
    let acts = #"innerHTML|outerHTML|insertAdjacentHTML|document\.write|v-html|\beval\(|new Function|setAttribute\('on"#
    #expect(try House.offences(files, acts) == [])
    let markup = files.filter { $0.text.contains("DOMPurify") }.map(\.path)
    #expect(markup == ["Page/js/markdown.js"])
  }

  @Test func `the page asks for nothing of anywhere else`() throws {
    let addresses = try House.offences(files, #"(src|href|from|import|fetch)\W{1,3}(https?:)?//"#)
    #expect(addresses == [])
  }

  /// One after the other, each found in the one before, they would come late.
  @Test func `all that the first view imports is asked for at once`() throws {
    let texts = Dictionary(uniqueKeysWithValues: files.map { ($0.path, $0.text) })
    var wanted: Set<String> = []
    var queue = ["/js/app.js"]
    let imported = try Regex(#"(?m)^(?:import|\}) ?(?:[^;']*from )?'([^']+)';"#, as: (Substring, Substring).self)
    while let path = queue.popLast() {
      for match in (texts["Page" + path] ?? "").matches(of: imported) {
        if wanted.insert(String(match.1)).inserted { queue.append(String(match.1)) }
      }
    }
    let named = try Regex(#"rel="modulepreload" href="([^"]+)""#, as: (Substring, Substring).self)
    let asked = Set((texts["Page/index.html"] ?? "").matches(of: named).map { String($0.1) })
    #expect(wanted.count > 15)
    #expect(asked == wanted)
  }
}
