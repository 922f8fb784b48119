import ApusCore
import ApusTestKit
import FoundationEssentials
import Testing

@Suite("JSON") struct JSONTests {
  private func decode(_ text: String) throws -> JSON { try JSONText.decode(JSON.self, from: text.utf8) }

  private func any(_ random: inout Seeded, depth: Int = 0) -> JSON {
    switch random.below(depth > 4 ? 5 : 7) {
    case 0: .null
    case 1: .bool(random.chance(50))
    case 2: .integer(Int64(bitPattern: random.next() >> UInt64(random.below(64))))
    case 3: .number(Double(Int64(random.below(2_000_001)) - 1_000_000) + 0.5)
    case 4:
      .string(random.pick(["", "a", "é\u{301}", "😀", "\u{0}\n\t\"\\/", "\u{2028}", "</script>", "\u{7F}\u{FFFF}"]))
    case 5: .array((0..<random.below(4)).map { _ in any(&random, depth: depth + 1) })
    default:
      .object(
        Dictionary(
          (0..<random.below(4)).map { ("k\($0)\"é", any(&random, depth: depth + 1)) }, uniquingKeysWith: { $1 }))
    }
  }

  @Test func `any value comes back as it was`() throws {
    var random = Seeded(81)
    for _ in 0..<2_000 {
      let value = any(&random)
      let bytes = try JSONText.encode(value)
      #expect(try JSONText.decode(JSON.self, from: bytes) == value)
      #expect(!bytes.contains(10))
      // Foundation's relaxed reader takes no NUL, which no configuration has.
      if !String(decoding: bytes, as: UTF8.self).contains("u0000") {
        #expect(try JSONText.decodeRelaxed(JSON.self, from: bytes) == value)
      }
    }
  }

  @Test func `equal values are equal text, keys sorted and slashes left alone`() throws {
    #expect(
      try JSONText.string(decode(#"{"b":1,"a":"x\/y","c":[true,null]}"#)) == #"{"a":"x/y","b":1,"c":[true,null]}"#)
  }

  @Test func `numbers keep what they are`() throws {
    #expect(try decode("9223372036854775807") == .integer(.max))
    #expect(try decode("-9223372036854775808") == .integer(.min))
    #expect(try decode("1.5") == .number(1.5))
    #expect(try decode("9223372036854775808").double == 9_223_372_036_854_775_808)
    #expect(try decode("true") == .bool(true))
    #expect(try decode("1") == .integer(1))
    #expect(try decode("\"1\"") == .string("1"))
  }

  @Test func `what is asked for by another type is not there`() throws {
    let value = try decode(#"{"s":"x","n":2,"d":2.5,"w":3.0,"t":true,"a":[1],"z":null,"big":1e300}"#)
    #expect(value["s"]?.string == "x" && value["n"]?.string == nil)
    #expect(value["n"]?.integer == 2 && value["w"]?.integer == 3 && value["d"]?.integer == nil)
    #expect(value["big"]?.integer == nil && value["big"]?.double == 1e300)
    #expect(value["n"]?.double == 2 && value["d"]?.double == 2.5 && value["s"]?.double == nil)
    #expect(value["t"]?.bool == true && value["n"]?.bool == nil)
    #expect(value["a"]?.array?.count == 1 && value["a"]?.object == nil)
    #expect(value["z"] == .null && value["missing"] == nil)
    #expect(JSON.array([])["x"] == nil)
  }

  @Test(arguments: ["", " ", "{", "[1,", "{\"a\" 1}", "tru", "\"open", "{\"a\":1}}", "\u{0}", "'x'", "{a:1}"])
  func `what is no JSON is refused`(_ text: String) {
    #expect(throws: (any Error).self) { _ = try decode(text) }
  }

  @Test func `a number that ends the text is read the relaxed way too`() throws {
    var random = Seeded(83)
    for _ in 0..<2_000 {
      let number = Int64(bitPattern: random.next() >> UInt64(random.below(64)))
      #expect(try JSONText.decodeRelaxed(JSON.self, from: String(number).utf8) == .integer(number))
    }
  }

  @Test func `brackets beyond all measure are refused, not followed`() {
    let deep = String(repeating: "[", count: 200_000)
    #expect(throws: (any Error).self) { _ = try decode(deep) }
    #expect(throws: (any Error).self) { _ = try decode(deep + String(repeating: "]", count: 200_000)) }
  }

  @Test func `ten thousand random texts never bring the decoder down`() {
    var random = Seeded(82)
    let parts = [
      "{", "}", "[", "]", ",", ":", "\"", "a", "1", "-", ".", "e", "\\", "\\u", "d800", "true", "null", " ", "\u{0}",
    ]
    for _ in 0..<10_000 {
      let text = (0..<random.below(20)).map { _ in random.pick(parts) }.joined()
      _ = try? JSONText.decode(JSON.self, from: text.utf8)
      _ = try? JSONText.decode(JSON.self, from: random.bytes(random.below(40)))
    }
  }

  @Test func `moments are told as outsiders read them`() {
    #expect(MomentText.iso(0) == "1970-01-01T00:00:00.000Z")
    for thousandth in 0..<1000 {
      let digits = String(thousandth + 1000).dropFirst()
      let moment = 1_795_197_800 + Double(thousandth) / 1000
      #expect(MomentText.iso(moment) == "2026-11-20T18:03:20.\(digits)Z")
    }
    #expect(MomentText.iso(1_795_197_800.999_7) == "2026-11-20T18:03:21.000Z")
    #expect(MomentText.iso(1_795_197_800.12) == "2026-11-20T18:03:20.120Z")
  }

  @Test(arguments: [
    (-5.0, "0 s"), (0, "0 s"), (89.9, "89 s"), (90, "1 min"), (5_399, "89 min"), (5_400, "1 h"), (172_799, "47 h"),
    (172_800, "2 d"), (8_640_000, "100 d"),
  ])
  func `an age has one unit`(_ seconds: Double, _ text: String) {
    #expect(MomentText.age(seconds) == text)
  }

  @Test func `what is written is what Foundation would write, but for the order of keys`() throws {
    struct Inner: Codable, Equatable {
      var flag: Bool?
      var small: UInt8
      var ratio: Double
    }
    struct Outer: Codable, Equatable {
      var text: String
      var many: [String]
      var inner: [Inner]
      var byName: [String: Int]
      var none: String?
    }
    let hard = String((0..<0x80).map { Character(Unicode.Scalar(UInt8($0))) }) + "é\u{2028}日本😀\"\\/"
    let value = Outer(
      text: hard, many: ["", hard, "x"],
      inner: [Inner(flag: nil, small: 255, ratio: -1.5e-7), Inner(flag: false, small: 0, ratio: 1e300)],
      byName: ["a": Int.min, "b": Int.max], none: nil)
    let ours = try JSONText.encode(value)
    #expect(!ours.contains { $0 < 32 })
    #expect(try JSONDecoder().decode(Outer.self, from: Data(ours)) == value)
    let theirs = try JSONDecoder().decode(JSON.self, from: JSONEncoder().encode(value))
    #expect(try JSONText.decode(JSON.self, from: ours) == theirs)
    #expect(throws: EncodingError.self) { try JSONText.encode([Double.infinity]) }
  }
}
