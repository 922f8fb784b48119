import ApusCore

/// The keys a viewer keeps for itself: a prefix and one letter. Everything else goes to the agent as it is.
struct DetachKeys: Equatable {
  enum Piece: Equatable {
    case keys([UInt8])
    case detach
    case lead
  }

  /// What the person presses, as it is shown.
  let shown: String
  private let prefix: UInt8
  private let letter: UInt8
  private var isPending = false

  /// `ctrl-\ d`: a control key, then a letter.
  init(_ text: String) throws(Failure) {
    let words = text.split(separator: " ").map(String.init)
    guard words.count == 2, words[0].lowercased().hasPrefix("ctrl-"), words[0].utf8.count == 6,
      let key = words[0].uppercased().utf8.last, (0x40...0x5F).contains(key), words[1].utf8.count == 1,
      let letter = words[1].utf8.first, letter > 32, letter < 127, letter != UInt8(ascii: "l")
    else {
      throw Failure(
        .configurationInvalid, "detachKeys is \"\(SessionName.printable(text))\", which names no keys",
        hint: "a control key and one letter but l, as in \"ctrl-\\ d\"")
    }
    prefix = key & 0x1F
    self.letter = letter
    shown = "Ctrl-\(String(decoding: [key], as: UTF8.self)) \(words[1])"
  }

  /// What is to become of these keys, in order.
  mutating func take(_ bytes: ArraySlice<UInt8>) -> [Piece] {
    var pieces: [Piece] = []
    var keys: [UInt8] = []
    for byte in bytes {
      guard isPending else {
        if byte == prefix { isPending = true } else { keys.append(byte) }
        continue
      }
      isPending = false
      let own: Piece?
      switch byte {
      case letter: own = .detach
      case UInt8(ascii: "l"): own = .lead
      // Pressed twice it is meant for the agent; with anything else both were.
      case prefix: own = .keys([prefix])
      default: own = .keys([prefix, byte])
      }
      if case .keys(let more)? = own {
        keys += more
      } else if let own {
        if !keys.isEmpty { pieces.append(.keys(keys)) }
        keys = []
        pieces.append(own)
      }
    }
    if !keys.isEmpty { pieces.append(.keys(keys)) }
    return pieces
  }
}
