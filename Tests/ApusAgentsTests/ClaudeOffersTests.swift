import ApusCore
import Testing

@testable import ApusAgents

@Suite struct ClaudeOffersTests {
  private func words(_ json: String) throws -> [String]? {
    ClaudeOffers.read(try JSONText.decode(JSON.self, from: Array(json.utf8)))?.words
  }

  @Test func `offers are said in words`() throws {
    #expect(
      try words(#"[{"type":"setMode","mode":"acceptEdits","destination":"session"}]"#)
        == ["permission mode acceptEdits for this session"])
    #expect(
      try words(
        #"""
        [{"type":"addRules","rules":[{"toolName":"Bash","ruleContent":"npm test:*"},{"toolName":"Read"}],
          "behavior":"allow","destination":"localSettings"},
         {"type":"addDirectories","directories":["/srv"],"destination":"session"}]
        """#) == [
          "Bash(npm test:*) in .claude/settings.local.json", "Read in .claude/settings.local.json",
          "/srv as a directory to work in, for this session",
        ])
  }

  @Test(arguments: [
    "null", "[]", "{}", #"[{"type":"removeRules","rules":[],"behavior":"allow","destination":"session"}]"#,
    #"[{"type":"addRules","rules":[{"toolName":"Bash"}],"behavior":"deny","destination":"session"}]"#,
    #"[{"type":"addRules","rules":[{"toolName":"Bash"},{}],"behavior":"allow","destination":"session"}]"#,
    #"[{"type":"setMode","mode":"plan","destination":"elsewhere"}]"#, #"[{"type":"setMode","destination":"session"}]"#,
    #"[{"type":"setMode","mode":"plan","destination":"session"},{"type":"later"}]"#,
  ])
  func `what cannot be said in words is not offered`(_ json: String) throws { #expect(try words(json) == nil) }
}
