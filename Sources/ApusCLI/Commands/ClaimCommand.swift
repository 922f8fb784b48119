import ApusCore
import ApusWire

struct ClaimCommand: Command {
  static let about = About(
    name: "claim", group: .together, summary: "who edits which files", example: "apus claim check src/api/",
    more:
      "Claims appear by themselves when a session edits, and go when it commits, ends, or leaves the file alone for a "
      + "while. `claim add PATH…` (a file, a directory or a pattern: 'src/**/*.swift') takes them beforehand, until "
      + "`claim release`. `claim check PATH…` says who has them: exit 4 when another does. Whether sessions are warned "
      + "of one another or kept out is the repository's to say: \"claims\": \"strict\" in .apus/config.json.")

  @Operands(
    "ACT PATH …", help: "add, release, list or check, then paths", least: 1,
    choices: ["add", "release", "list", "check"]) var words
  @Flag("--shared", help: "add: others may have them too, if they share them as well") var isShared
  @Option("--session", value: "NAME", help: "for that session") var session: String?

  func run(_ context: Context) throws(Failure) -> Int32 {
    guard let act = ClaimRequest.Act(rawValue: words[0]) else {
      throw Usage.wrong("claim", "there is no \"\(SessionName.excerpt(words[0]))\": add, release, list or check")
    }
    let paths = Array(words.dropFirst())
    if paths.isEmpty, act == .add || act == .check { throw Usage.wrong("claim", "\(act.rawValue) takes paths") }
    var request = ClaimRequest(asker: context.asker(session: session), act: act, paths: paths)
    request.isShared = isShared
    let bytes = try context.raw(.claims, request)
    let claims: [ClaimObject] = try context.decode(bytes)
    let code: Int32 = act == .check && !claims.isEmpty ? ErrorCode.claimHeld.exitCode : 0
    if context.isJSON {
      context.output.line(bytes)
      return code
    }
    switch act {
    case .add: show(claims, context, empty: "")
    case .release: context.output.write(claims.isEmpty ? "Nothing was claimed there.\n" : "\(claims.count) released.\n")
    case .list: show(claims, context, empty: "Nothing is claimed.\n")
    case .check: show(claims, context, empty: "Free.\n")
    }
    return code
  }

  private func show(_ claims: [ClaimObject], _ context: Context, empty: String) {
    let output = context.output
    if claims.isEmpty { return output.write(empty) }
    let names = min(28, max(7, claims.map { Width.of($0.session) }.max() ?? 7))
    output.write(
      output.styled(Width.fit("SESSION", names) + "  SINCE   FROM    PATH", .dim) + "\n")
    for claim in claims {
      var words: [String] = []
      if claim.shared { words.append("shared") }
      if claim.meeting == "merge" { words.append("another worktree") }
      if let functions = claim.functions, !functions.isEmpty { words.append(functions.joined(separator: ", ")) }
      let more = words.isEmpty ? "" : "  (\(words.joined(separator: "; ")))"
      let line =
        Width.fit(claim.session, names) + "  " + Width.fit(MomentText.age(claim.age), 6) + "  "
        + Width.fit(claim.source, 6) + "  " + claim.path + more
      output.write(Width.cut(SessionName.printable(line), max(60, output.columns)) + "\n")
    }
  }
}
