extension TerminalModes {
  mutating func applySequence(_ token: EscapeToken) {
    switch (token.intermediate, token.prefix, token.final) {
    case (0, UInt8(ascii: "?"), UInt8(ascii: "h")): eachMode(token) { $0.change($1, true) }
    case (0, UInt8(ascii: "?"), UInt8(ascii: "l")): eachMode(token) { $0.change($1, false) }
    case (0, 0, UInt8(ascii: "h")): eachMode(token) { $0.applyStandard($1, true) }
    case (0, 0, UInt8(ascii: "l")): eachMode(token) { $0.applyStandard($1, false) }
    case (0, 0, UInt8(ascii: "r")): applyMargins(token)
    case (0, 0, UInt8(ascii: "s")): if !isSet(69) { save() }
    case (0, 0, UInt8(ascii: "u")): restore()
    case (0, 0, UInt8(ascii: "t")): titles.apply(token)
    case (0, _, UInt8(ascii: "u")): keyboards[shown].apply(token)
    case (0, UInt8(ascii: ">"), UInt8(ascii: "m")): applyModifiers(token)
    case (0, UInt8(ascii: ">"), UInt8(ascii: "n")): applyModifiers(token)
    case (UInt8(ascii: " "), 0, UInt8(ascii: "q")): cursorStyle = min(6, token.parameter(0) ?? 0)
    case (UInt8(ascii: "!"), 0, UInt8(ascii: "p")): softReset()
    default: break
    }
  }

  private mutating func eachMode(_ token: EscapeToken, _ body: (inout TerminalModes, Int) -> Void) {
    var reader = ParameterReader(token.parameters)
    while let one = reader.next() { if let mode = one.value { body(&self, mode) } }
  }

  private mutating func applyStandard(_ mode: Int, _ isSet: Bool) {
    if mode == 4 { isInserting = isSet }
    if mode == 20 { startsNewLine = isSet }
  }

  /// DECSET and DECRST of one mode.
  mutating func change(_ mode: Int, _ isSet: Bool) {
    switch mode {
    case 47, 1047, 1049:
      guard isSet != isAlternate else {
        if mode == 1049, !isSet { restore() }
        return
      }
      if isSet {
        if mode == 1049 { save() }
        alternate = mode
        // Another screen begins: what was kept and set on the one before it is gone.
        saved[1] = Saved()
        keyboards[1] = Keyboard()
      } else {
        alternate = nil
        if mode == 1049 { restore() }
      }
    case 1048: isSet ? save() : restore()
    default: set(mode, isSet)
    }
  }

  private mutating func applyMargins(_ token: EscapeToken) {
    let top = max(1, token.parameter(0) ?? 1)
    var bottom = token.parameter(1)
    if bottom == 0 { bottom = nil }
    if let rows, let last = bottom, last >= rows { bottom = nil }
    guard top < bottom ?? rows ?? .max else { return }
    margins = top == 1 && bottom == nil ? nil : Margins(top: top, bottom: bottom)
  }

  private mutating func applyModifiers(_ token: EscapeToken) {
    guard let resource = token.parameter(0) else {
      if token.final == UInt8(ascii: "m") { keyModifiers = [:] }
      return
    }
    guard resource < 16 else { return }
    // XTMODKEYS' undoing disables a resource, which is none of its values.
    keyModifiers[resource] = token.final == UInt8(ascii: "n") ? -1 : token.parameter(1)
  }
}

extension TerminalModes.Keyboard {
  /// kitty's keyboard protocol, "progressive enhancement": push, pop, set.
  mutating func apply(_ token: EscapeToken) {
    let first = token.parameter(0)
    switch token.prefix {
    case UInt8(ascii: ">"):
      if stack.count >= 16 { stack.removeFirst() }
      stack.append(flags)
      flags = (first ?? 0) & 0x1F
    case UInt8(ascii: "<"):
      for _ in 0..<min(max(1, first ?? 1), 17) { flags = stack.popLast() ?? 0 }
    case UInt8(ascii: "="):
      let given = (first ?? 0) & 0x1F
      switch token.parameter(1) ?? 1 {
      case 1: flags = given
      case 2: flags |= given
      case 3: flags &= ~given
      default: break
      }
    default: break
    }
  }

  func select(into bytes: inout [UInt8]) {
    let all = stack + [flags]
    for (n, one) in all.enumerated() {
      if n > 0 {
        bytes.control(one, prefix: ">", end: "u")
      } else if one != 0 {
        bytes.control(one, 1, prefix: "=", end: "u")
      }
    }
  }

  func deselect(into bytes: inout [UInt8]) {
    if !stack.isEmpty { bytes.control(stack.count, prefix: "<", end: "u") }
    if stack.first ?? flags != 0 { bytes.control(0, 1, prefix: "=", end: "u") }
  }
}
