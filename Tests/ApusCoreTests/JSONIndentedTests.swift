import ApusCore
import Testing

@Suite("JSON for people") struct JSONIndentedTests {
  @Test func `what is short stands on one line, what is long on several, and all of it is the same value`() throws {
    let long = String(repeating: "x", count: 76)
    let value: JSON = .object([
      "b": .array([.integer(1), .null, .bool(true)]), "a": .object(["\"k\n": .string(long), "n": .number(0.5)]),
      "c": .array([.string(long), .object([:])]),
    ])
    #expect(
      value.indented == """
        {
          "a": {
            "\\"k\\n": "\(long)",
            "n": 0.5
          },
          "b": [1,null,true],
          "c": [
            "\(long)",
            {}
          ]
        }
        """)
    #expect(try JSONText.decode(JSON.self, from: Array(value.indented.utf8)) == value)
    #expect(JSON.object([:]).indented == "{}")
  }
}
