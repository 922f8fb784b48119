import ApusAgents
import ApusCore
import Testing

@Suite("the plugin as a value") struct ClaudePluginTests {
  private let plugin = ClaudePlugin(program: "/o pt/it's/apus", version: "1.2.3")

  private func file(_ path: String) throws -> String {
    try #require(plugin.files.first { $0.path == path }, "\(path)").text
  }

  private func json(_ path: String) throws -> JSON { try JSONText.decode(from: Array(try file(path).utf8)) }

  @Test func `its list leads to it, and both bear its name`() throws {
    let list = try json(".claude-plugin/marketplace.json")
    #expect(list["name"]?.string == "apus" && ClaudePlugin.id == "apus@apus")
    #expect(list["plugins"]?.array?.map { $0["source"]?.string } == ["./apus"])
    let manifest = try json("apus/.claude-plugin/plugin.json")
    #expect(manifest["name"]?.string == "apus" && manifest["version"]?.string == "1.2.3")
    let server = try json("apus/.mcp.json")["mcpServers"]?["apus"]
    #expect(server?["command"]?.string == "/o pt/it's/apus")
    #expect(server?["args"] == .array([.string("mcp"), .string("--plugin")]))
  }

  @Test func `its hooks are those of our own runs, do nothing in these, and are waited for where we answer`() throws {
    let hooks = try #require(try json("apus/hooks/hooks.json")["hooks"]?.object)
    let own: JSON = try JSONText.decode(from: try ClaudeHooks.settings(program: "/opt/apus"))
    #expect(Set(hooks.keys) == Set(try #require(own["hooks"]?.object).keys))
    for (event, groups) in hooks {
      let hook = try #require(groups.array?.last?["hooks"]?.array?.first)
      #expect(groups.array?.count == own["hooks"]?[event]?.array?.count)
      #expect(hook["timeout"] == own["hooks"]?[event]?.array?.last?["hooks"]?.array?.first?["timeout"])
      let isWaitedFor = ["SessionStart", "SessionEnd", "PreToolUse", "UserPromptSubmit"].contains(event)
      #expect((hook["async"]?.bool == true) != isWaitedFor, "\(event)")
      let quoted = #"'/o pt/it'\''s/apus'"#
      #expect(hook["command"]?.string == "[ -n \"$APUS_RUN\" ] || [ ! -x \(quoted) ] || exec \(quoted) hook")
    }
  }

  @Test func `its skill begins as skills do, and says when`() throws {
    let lines = try file("apus/skills/apus/SKILL.md").split(separator: "\n", omittingEmptySubsequences: false)
    #expect(
      lines[0] == "---" && lines[1] == "name: apus" && lines[2].hasPrefix("description: Use ") && lines[3] == "---")
    // Longer ones are cut in the list a model sees.
    #expect(lines[2].count < 400)
    #expect(lines.last?.isEmpty == true)
  }
}
