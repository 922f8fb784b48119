import ApusCore
import ApusWire

struct ServeCommand: Command {
  static let about = About(
    name: "serve", group: .server, summary: "let programs ask over HTTP", example: "apus serve --listen 127.0.0.1:8300",
    more:
      "The daemon listens there from now on, also after it was started anew, until `apus serve --off`. Nothing listens "
      + "unless it is asked to: by this, or by \"listen\" in the person's configuration. Over TCP every request shows a "
      + "token (`apus token create`); a Unix socket lets in the person's own processes. Port 0 takes a free one, and "
      + "keeps it. An address others can reach needs --tls-cert, --tls-key, --name and a token. The API describes "
      + "itself at /v1/openapi.json.")

  @Option("--listen", value: "ADDRESS", help: "ADDRESS:PORT or unix:PATH; 127.0.0.1:0 where it is left out") var listen:
    String?
  @Option("--tls-cert", value: "FILE", help: "speak TLS with that certificate (PEM)", completes: .files)
  var certificate: String?
  @Option("--tls-key", value: "FILE", help: "its key (PEM), which nobody else may read", completes: .files) var key:
    String?
  @Repeated("--name", value: "HOST", help: "a name others reach it by; may be repeated") var names
  @Flag("--off", help: "stop listening: at --listen, or everywhere") var off
  @Flag("--list", help: "only say where it listens") var list

  func run(_ context: Context) throws(Failure) -> Int32 {
    guard !(off && list) else { throw Usage.wrong("serve", "--off and --list exclude each other") }
    var address = listen
    if let given = listen, given.hasPrefix("unix:") {
      address = "unix:" + context.absolute(String(given.dropFirst(5)))
    }
    if let address, !list { _ = off ? nil : try ListenAddress(address) }
    if list || (!off && listen == nil) {
      let bytes = try context.raw(.listen, ListenRequest(act: .list))
      let known: [ListenerObject] = try context.decode(bytes)
      if list || !known.isEmpty { return show(known, bytes, context, empty: "Nothing is served.\n") }
      address = "127.0.0.1:0"
    }
    var request = ListenRequest(act: off ? .close : .open, address: address)
    request.certificate = certificate.map(context.absolute)
    request.key = key.map(context.absolute)
    request.names = names
    let bytes = try context.raw(.listen, request)
    let done: [ListenerObject] = try context.decode(bytes)
    if off, !context.isJSON {
      context.output.write(done.isEmpty ? "Nothing was served.\n" : done.map { "no longer \($0.address)\n" }.joined())
      return 0
    }
    return show(done, bytes, context, empty: "")
  }

  private func show(_ listeners: [ListenerObject], _ bytes: [UInt8], _ context: Context, empty: String) -> Int32 {
    if context.isJSON {
      context.output.line(bytes)
      return 0
    }
    var lines = listeners.map { one in
      if let problem = one.problem { return "\(one.address)  not served: \(problem.summary)\n" }
      return one.address.hasPrefix("unix:")
        ? "\(one.address)  (curl --unix-socket \(one.address.dropFirst(5)) \(one.url)/v1/sessions)\n" : "\(one.url)\n"
    }
    if lines.isEmpty { lines = [empty] }
    context.output.write(lines.joined())
    return 0
  }
}
