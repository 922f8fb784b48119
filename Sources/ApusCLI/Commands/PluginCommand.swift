import ApusAgents
import ApusCore
import ApusLink
import ApusWire
import CSystem

struct PluginCommand: Command {
  static let about = About(
    name: "plugin", group: .together, summary: "give every Claude Code session what those of Apus have",
    example: "apus plugin install",
    more: "A plugin of hooks, tools (`apus mcp`) and one skill, for sessions that Apus did not start; those it starts "
      + "have them without it. `install` writes it below $XDG_DATA_HOME/apus (~/.local/share/apus), has `claude` check it "
      + "and installs it for you, not for a repository; again is as once. `uninstall` takes all of that back. `show` says "
      + "what is there. --print shows every file and changes nothing.")

  @Operands(
    "ACT", help: "install, uninstall or show", least: 1, choices: ["install", "uninstall", "show"]) var words
  @Flag("--print", help: "show the files, change nothing") var prints

  private struct Shown: Encodable {
    struct File: Encodable {
      var path: String
      /// `created`, `changed`, `unchanged`, `removed`, `missing`.
      var state: String
      var text: String?
    }

    var plugin = ClaudePlugin.id
    var directory: String
    var files: [File]
    /// What Claude Code knows of it; nil where it was not asked.
    var registered: PluginRegistry.State?
  }

  func run(_ context: Context) throws(Failure) -> Int32 {
    guard words.count == 1 else { throw Usage.wrong("plugin", "it takes one of install, uninstall and show") }
    let plugin = ClaudePlugin(program: try Detached.sibling("apus"), version: Version.text)
    let folder = try PluginFolder(environment: context.environment)
    var shown = Shown(
      directory: folder.path, files: plugin.files.map { Shown.File(path: $0.path, state: state($0, folder)) })
    if prints {
      for index in shown.files.indices { shown.files[index].text = plugin.files[index].text }
      show(shown, context)
      return 0
    }
    let registry = try PluginRegistry(context)
    switch words[0] {
    case "install":
      try requireOwn(try registry.load(), folder)
      try folder.write(plugin) { (draft) throws(Failure) in try registry.validate(draft) }
      try registry.register(folder.path)
      for index in shown.files.indices where shown.files[index].state == "missing" {
        shown.files[index].state = "created"
      }
      shown.registered = try registry.load()
      show(shown, context)
      if !context.isJSON {
        context.output.write(
          "Installed for your Claude Code: sessions started from now on have it. `apus plugin uninstall` takes it back.\n"
        )
      }
    case "uninstall":
      let before = try registry.load()
      try requireOwn(before, folder)
      try registry.unregister(before)
      apus_tree_remove(registry.copies)
      try folder.remove(plugin)
      for index in shown.files.indices where shown.files[index].state != "missing" {
        shown.files[index].state = "removed"
      }
      shown.registered = try registry.load()
      show(shown, context)
    case "show":
      shown.registered = try registry.load()
      show(shown, context)
    default:
      throw Usage.wrong("plugin", "there is no \"\(SessionName.excerpt(words[0]))\": install, uninstall or show")
    }
    return 0
  }

  private func state(_ file: ClaudePlugin.File, _ folder: PluginFolder) -> String {
    folder.isKept(file) ? "unchanged" : folder.isThere(file) ? "changed" : "missing"
  }

  /// A list of that name that is somebody else's stays what it is.
  private func requireOwn(_ state: PluginRegistry.State, _ folder: PluginFolder) throws(Failure) {
    guard let directory = state.directory, directory != folder.path else { return }
    throw Failure(
      .nameTaken,
      "your Claude Code has a marketplace \(ClaudePlugin.marketplace) already, from \(SessionName.excerpt(directory))",
      hint: "nothing was changed; `claude plugin marketplace remove \(ClaudePlugin.marketplace)`, then do it again")
  }

  private func show(_ shown: Shown, _ context: Context) {
    let output = context.output
    if context.isJSON { return output.json(shown) }
    for file in shown.files {
      output.write(output.styled("\(shown.directory)/\(file.path): \(file.state)", .bold) + "\n")
      for line in (file.text ?? "").split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
        output.write("  \(SessionName.printable(String(line)))\n")
      }
    }
    guard let registered = shown.registered else { return }
    let state = registered.installed ? (registered.enabled ? "installed" : "installed, switched off") : "not installed"
    output.write("\(shown.plugin) in your Claude Code: \(state)\n")
  }
}
