import ApusCore
import ApusWire

struct PortsCommand: Command {
  static let about = About(
    name: "ports", group: .place, summary: "who has which port", example: "apus ports who 3000",
    more:
      "Ports of sessions are leased when they are made and given back when they are removed or archived. `ports who N` "
      + "tells of any process on this machine.")

  @Operands("who PORT", help: "`who` and a port: whose it is") var words

  func run(_ context: Context) throws(Failure) -> Int32 {
    var port: Int?
    if !words.isEmpty {
      guard words.count == 2, words[0] == "who", let number = Int(words[1]), (1...65535).contains(number) else {
        throw Usage.wrong("ports", "nothing, or `who` and a port from 1 to 65535")
      }
      port = number
    }
    let reply = try context.raw(.ports, PortsRequest(port: port))
    if context.isJSON {
      context.output.line(reply)
      return 0
    }
    let ports: [PortObject] = try context.decode(reply)
    if ports.isEmpty { context.output.write("No ports are leased.\n") }
    if port != nil {
      for port in ports { context.output.write(Self.sentence(port) + "\n") }
      return 0
    }
    let output = context.output
    let widths = (
      max(8, ports.map { Width.of($0.variable ?? "") }.max() ?? 8),
      max(7, ports.map { Width.of($0.session ?? "") }.max() ?? 7)
    )
    if !ports.isEmpty {
      output.write(
        output.styled(
          "PORT   \(Width.fit("VARIABLE", widths.0))  \(Width.fit("SESSION", widths.1))  SINCE    LISTENS", .dim) + "\n"
      )
    }
    for port in ports {
      let listens = port.pid.map { "pid \($0) \(port.program ?? "")" } ?? "–"
      let fixed = 7 + widths.0 + 2 + widths.1 + 2 + 9
      output.write(
        Width.fit(String(port.port), 7) + Width.fit(port.variable ?? "–", widths.0) + "  "
          + Width.fit(port.session ?? "–", widths.1) + "  " + Width.fit(port.age.map { MomentText.age($0) } ?? "–", 9)
          + Width.cut(listens, max(8, output.columns - fixed)) + "\n")
    }
    return 0
  }

  private static func sentence(_ port: PortObject) -> String {
    var words: [String] = []
    if let pid = port.pid {
      words.append("pid \(pid) listens there (\(port.program ?? ""))")
    } else if let program = port.program {
      words.append("\(program) listens there")
    } else {
      words.append("nobody listens there")
    }
    if let session = port.session {
      let lease = port.variable.map { ", leased as \($0) \(port.age.map { MomentText.age($0) + " ago" } ?? "")" } ?? ""
      words.append("session \(session)\(lease)")
    }
    return "\(port.port): " + words.joined(separator: "; ")
  }
}
