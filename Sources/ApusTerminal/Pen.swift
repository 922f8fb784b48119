/// How a character looks: SGR (ECMA-48 §8.3.117; xterm's ctlseqs for colours and kinds of underline).
package struct Pen: Equatable, Sendable {
  package struct Attributes: OptionSet, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let bold = Attributes(rawValue: 1)
    package static let faint = Attributes(rawValue: 2)
    package static let italic = Attributes(rawValue: 4)
    package static let blink = Attributes(rawValue: 8)
    package static let reverse = Attributes(rawValue: 16)
    package static let concealed = Attributes(rawValue: 32)
    package static let struck = Attributes(rawValue: 64)
    package static let overlined = Attributes(rawValue: 128)
  }

  package enum Colour: Equatable, Sendable {
    case standard
    case indexed(UInt8)
    case rgb(UInt8, UInt8, UInt8)
  }

  package var attributes: Attributes = []
  /// 0 none, 1 single, 2 double, 3 curly, 4 dotted, 5 dashed.
  package var underline: UInt8 = 0
  package var foreground = Colour.standard
  package var background = Colour.standard
  /// Of the underline.
  package var line = Colour.standard

  package init() {}

  /// Takes over what an SGR sequence says. What is unknown changes nothing.
  package mutating func apply(_ parameters: UnsafeBufferPointer<UInt8>) {
    guard !parameters.isEmpty else {
      self = Pen()
      return
    }
    var reader = Selection(parameters)
    while let number = reader.take() { apply(number, &reader) }
  }

  private mutating func apply(_ number: Int, _ reader: inout Selection) {
    switch number {
    case 0: self = Pen()
    case 1: attributes.insert(.bold)
    case 2: attributes.insert(.faint)
    case 3: attributes.insert(.italic)
    case 4: underline = UInt8(min(5, reader.takeSub() ?? 1))
    case 5, 6: attributes.insert(.blink)
    case 7: attributes.insert(.reverse)
    case 8: attributes.insert(.concealed)
    case 9: attributes.insert(.struck)
    case 21: underline = 2
    case 22: attributes.subtract([.bold, .faint])
    case 23: attributes.remove(.italic)
    case 24: underline = 0
    case 25: attributes.remove(.blink)
    case 27: attributes.remove(.reverse)
    case 28: attributes.remove(.concealed)
    case 29: attributes.remove(.struck)
    case 30...37: foreground = .indexed(UInt8(number - 30))
    case 38: foreground = reader.takeColour() ?? foreground
    case 39: foreground = .standard
    case 40...47: background = .indexed(UInt8(number - 40))
    case 48: background = reader.takeColour() ?? background
    case 49: background = .standard
    case 53: attributes.insert(.overlined)
    case 55: attributes.remove(.overlined)
    case 58: line = reader.takeColour() ?? line
    case 59: line = .standard
    case 90...97: foreground = .indexed(UInt8(number - 82))
    case 100...107: background = .indexed(UInt8(number - 92))
    default: break
    }
  }

  /// What brings any terminal's pen here, whatever it was.
  package func select(into bytes: inout [UInt8]) {
    bytes.add("\u{1B}[0")
    let codes: [(Attributes, StaticString)] = [
      (.bold, ";1"), (.faint, ";2"), (.italic, ";3"), (.blink, ";5"), (.reverse, ";7"), (.concealed, ";8"),
      (.struck, ";9"), (.overlined, ";53"),
    ]
    if !attributes.isEmpty { for (one, code) in codes where attributes.contains(one) { bytes.add(code) } }
    if underline > 0 { bytes.add(";4") }
    foreground.select(30, into: &bytes)
    background.select(40, into: &bytes)
    bytes.append(UInt8(ascii: "m"))
    // By itself: a terminal that does not know subparameters may throw away the whole sequence.
    if underline > 1 {
      bytes.add("\u{1B}[4:")
      bytes.add(Int(underline))
      bytes.append(UInt8(ascii: "m"))
    }
    guard line != .standard else { return }
    bytes.add("\u{1B}[")
    line.selectLine(into: &bytes)
    bytes.append(UInt8(ascii: "m"))
  }
}

extension Pen.Colour {
  fileprivate func select(_ base: Int, into bytes: inout [UInt8]) {
    switch self {
    case .standard: return
    case .indexed(let index) where index < 16:
      bytes.append(UInt8(ascii: ";"))
      bytes.add(index < 8 ? base + Int(index) : base + 52 + Int(index))
    case .indexed(let index):
      bytes.append(UInt8(ascii: ";"))
      bytes.add(base + 8)
      bytes.add(";5;")
      bytes.add(Int(index))
    case .rgb(let red, let green, let blue):
      bytes.append(UInt8(ascii: ";"))
      bytes.add(base + 8)
      bytes.add(";2")
      for part in [red, green, blue] {
        bytes.append(UInt8(ascii: ";"))
        bytes.add(Int(part))
      }
    }
  }

  /// Only in the form with subparameters: others take `58;5;n` for blinking.
  fileprivate func selectLine(into bytes: inout [UInt8]) {
    switch self {
    case .standard: bytes.add("59")
    case .indexed(let index):
      bytes.add("58:5:")
      bytes.add(Int(index))
    case .rgb(let red, let green, let blue):
      bytes.add("58:2:")
      for part in [red, green, blue] {
        bytes.append(UInt8(ascii: ":"))
        bytes.add(Int(part))
      }
    }
  }
}

/// The numbers of an SGR sequence, each with the subparameters that belong to it.
private struct Selection {
  private var reader: ParameterReader
  private var ahead: (value: Int?, isSub: Bool)?

  init(_ parameters: UnsafeBufferPointer<UInt8>) {
    reader = ParameterReader(parameters)
    ahead = reader.next()
  }

  private mutating func advance() -> Int? {
    defer { ahead = reader.next() }
    return ahead?.value
  }

  /// The next number, past subparameters that nobody took.
  mutating func take() -> Int? {
    while ahead?.isSub == true { _ = advance() }
    return ahead == nil ? nil : advance() ?? 0
  }

  mutating func takeSub() -> Int? { ahead?.isSub == true ? advance() ?? 0 : nil }

  /// `5;n`, `2;r;g;b`, `5:n`, `2:r:g:b` or `2:space:r:g:b`.
  mutating func takeColour() -> Pen.Colour? {
    if ahead?.isSub == true {
      var parts: [Int] = []
      while ahead?.isSub == true { parts.append(advance() ?? 0) }
      if parts.first == 5, parts.count >= 2 { return .indexed(UInt8(min(255, parts[1]))) }
      guard parts.first == 2, parts.count >= 4 else { return nil }
      return colour(parts.count == 4 ? parts[1...] : parts[2...])
    }
    switch take() {
    case 5: return take().map { .indexed(UInt8(min(255, $0))) }
    case 2:
      guard let red = take(), let green = take(), let blue = take() else { return nil }
      return colour([red, green, blue])
    default: return nil
    }
  }

  private func colour(_ parts: ArraySlice<Int>) -> Pen.Colour? {
    let bytes = parts.prefix(3).map { UInt8(min(255, $0)) }
    return bytes.count == 3 ? .rgb(bytes[0], bytes[1], bytes[2]) : nil
  }
}
