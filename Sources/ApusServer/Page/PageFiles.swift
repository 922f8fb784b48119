import ApusCore
import ApusLink
import CSystem
import Glibc

/// The files of the page, as they were installed: the same for everybody, nothing secret in them. They are read when they
/// are asked for, so that the daemon is no larger for them; what there is was listed once, and nothing else is ever read.
struct PageFiles: Sendable {
  private static let types = [
    "html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml", "png": "image/png", "webmanifest": "application/manifest+json",
  ]
  private static let first = "index.html"
  private static let longest = 4 << 20
  /// Nothing but what we serve runs there, is shown there, or is asked from there; nobody shows it in a frame.
  private static let policy =
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

  private let directory: String
  /// Paths below the directory, without those of compressed copies.
  private let names: Set<String>

  /// Beside the programs where they are installed, below `.build` where they were built; nil where there is none.
  static func installed() -> PageFiles? {
    for place in ["../share/apus/page", "../../page"] {
      guard let path = try? Detached.sibling(place) else { continue }
      let files = PageFiles(path)
      if files.names.contains(first) { return files }
    }
    return nil
  }

  init(_ directory: String) {
    self.directory = directory
    names = Set(Self.list(directory, below: "").filter { Self.type($0) != nil })
  }

  /// The answer where a file of the page is asked for; nil where it is none.
  func answer(_ head: RequestHead) -> HTTPReply? {
    guard head.method == "GET" || head.method == "HEAD", let parts = head.parts else { return nil }
    let path = parts == [""] ? Self.first : parts.joined(separator: "/")
    guard names.contains(path), let type = Self.type(path) else { return nil }
    guard
      let (bytes, tag) = (Packing.isTaken(by: head) ? load(path + ".gz").map { ($0.0, "z" + $0.1) } : nil) ?? load(path)
    else {
      return nil
    }
    var headers = [
      ("Content-Type", type), ("Cache-Control", "no-cache"), ("ETag", "\"\(tag)\""), ("Vary", "Accept-Encoding"),
      ("Content-Security-Policy", Self.policy),
    ]
    if head.value("if-none-match") == "\"\(tag)\"" { return HTTPReply(status: 304, headers: headers) }
    if tag.hasPrefix("z") { headers.append(("Content-Encoding", "gzip")) }
    return HTTPReply(status: 200, headers: headers, body: .bytes(bytes))
  }

  /// The bytes, and what tells them from others of that name.
  private func load(_ path: String) -> ([UInt8], String)? {
    let descriptor = apus_open("\(directory)/\(path)", O_RDONLY, 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var facts = stat()
    guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, facts.st_size <= Self.longest else {
      return nil
    }
    var bytes = [UInt8](repeating: 0, count: Int(facts.st_size))
    guard pread(descriptor, &bytes, bytes.count, 0) == bytes.count else { return nil }
    return (bytes, String(facts.st_mtim.tv_sec * 1_000_000_000 + facts.st_mtim.tv_nsec, radix: 36))
  }

  private static func type(_ path: String) -> String? {
    path.split(separator: ".").last.flatMap { types[String($0)] }
  }

  private static func list(_ directory: String, below prefix: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var found: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard !name.hasPrefix(".") else { continue }
      if Int32(entry.pointee.d_type) == Int32(DT_DIR) {
        found += list("\(directory)/\(name)", below: "\(prefix)\(name)/")
      } else {
        found.append(prefix + name)
      }
    }
    return found
  }
}
