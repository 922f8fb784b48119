import ApusCore
import ApusWire

struct TokenCommand: Command {
  static let about = About(
    name: "token", group: .server, summary: "who may ask over HTTP", example: "apus token create --scope operate",
    more:
      "`token create` prints a new token, once: only a digest of it is kept. `token list` shows which there are, `token "
      + "revoke ID` ends one, and whatever goes on in its name. Scopes: read looks at everything, operate does whatever "
      + "this command line does, session:NAME is what that session may do for itself (its own locks, claims and "
      + "messages). With --owner there are only that owner's sessions for it, and new ones are theirs. Secrets in what "
      + "sessions said are hidden without --secrets.")

  @Operands("ACT ID", help: "create, list, or revoke and an id", least: 1, choices: ["create", "list", "revoke"])
  var words
  @Option("--scope", value: "SCOPE", help: "read (usual), operate or session:NAME") var scope: String?
  @Option("--owner", value: "OWNER", help: "only sessions of that owner") var owner: String?
  @Flag("--secrets", help: "it sees secrets in what sessions said") var secrets

  func run(_ context: Context) throws(Failure) -> Int32 {
    guard let act = TokensRequest.Act(rawValue: words[0]) else {
      throw Usage.wrong("token", "there is no \"\(SessionName.excerpt(words[0]))\": create, list or revoke")
    }
    guard words.count == (act == .revoke ? 2 : 1) else {
      throw Usage.wrong("token", act == .revoke ? "revoke takes the id of one token" : "\(act.rawValue) takes no more")
    }
    var request = TokensRequest(act: act)
    request.scope = scope
    request.owner = owner
    request.seesSecrets = secrets
    if act == .revoke { request.id = words[1] }
    let bytes = try context.raw(.tokens, request)
    let tokens: [TokenObject] = try context.decode(bytes)
    let output = context.output
    switch act {
    case .create:
      guard let made = tokens.first else { return 1 }
      if context.isJSON { output.json(made) } else { output.write((made.token ?? "") + "\n") }
    case .revoke:
      if context.isJSON { output.line(bytes) } else { output.write("\(words[1]) is revoked.\n") }
    case .list:
      if context.isJSON {
        output.line(bytes)
      } else {
        if tokens.isEmpty { output.write("There are no tokens.\n") }
        for one in tokens {
          let owner = one.owner.map { "  owner " + SessionName.printable($0) } ?? ""
          output.write(
            "\(one.id)  \(one.browser ? "browser" : one.scope)\(owner)\(one.secrets ? "  sees secrets" : "")  since \(one.createdAt)\n"
          )
        }
      }
    }
    return 0
  }
}
