/// What is known of a watched file: enough to tell whether its bytes changed.
struct FileStamp: Equatable, Sendable {
  var bytes: Int64
  /// Nanoseconds.
  var modified: Int64
  /// Of its bytes; 0: not read yet, or too large to be.
  var hash: Int
}

/// The directories that are watched, by the kernel's number, and the files in them.
struct FileTable {
  struct Directory {
    var path: String
    var files: [String: FileStamp] = [:]
  }

  private(set) var directories: [Int32: Directory] = [:]
  private var numbers: [String: Int32] = [:]
  private(set) var count = 0

  func path(_ directory: Int32) -> String? { directories[directory]?.path }

  func number(of path: String) -> Int32? { numbers[path] }

  mutating func add(_ number: Int32, _ path: String) {
    // One inode has one number, whatever it is called now.
    if let before = directories[number], before.path != path { numbers[before.path] = nil }
    if directories[number] == nil { directories[number] = Directory(path: path) }
    directories[number]?.path = path
    numbers[path] = number
  }

  /// What was in it and below it, and the numbers that are watched no more.
  mutating func removeAll(below path: String) -> (files: [String], numbers: [Int32]) {
    var files: [String] = []
    var gone: [Int32] = []
    let prefix = path + "/"
    for (name, number) in numbers where name == path || name.hasPrefix(prefix) {
      files += (directories[number]?.files.keys).map { $0.map { name + "/" + $0 } } ?? []
      count -= directories[number]?.files.count ?? 0
      directories[number] = nil
      gone.append(number)
    }
    for name in numbers.keys.filter({ $0 == path || $0.hasPrefix(prefix) }) { numbers[name] = nil }
    return (files, gone)
  }

  subscript(path: String) -> FileStamp? {
    get {
      let (directory, name) = Self.parts(path)
      return numbers[directory].flatMap { directories[$0]?.files[name] }
    }
    set {
      let (directory, name) = Self.parts(path)
      guard let number = numbers[directory] else { return }
      let before = directories[number]?.files.updateValue(
        newValue ?? FileStamp(bytes: 0, modified: 0, hash: 0), forKey: name)
      if newValue == nil { directories[number]?.files[name] = nil }
      count += (newValue == nil ? 0 : 1) - (before == nil ? 0 : 1)
    }
  }

  static func parts(_ path: String) -> (directory: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return ("", path) }
    return (String(path[..<slash]), String(path[path.index(after: slash)...]))
  }
}
