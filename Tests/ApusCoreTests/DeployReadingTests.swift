import ApusCore
import ApusTestKit
import Testing

@Suite("how a deployment is") struct DeployReadingTests {
  static let usual = DeploySettings()

  static func read(_ text: String, status: Int32 = 0, _ settings: DeploySettings = usual) -> DeployReading {
    DeployReading.read(Array(text.utf8), status: status, settings)
  }

  /// As `vercel ls` prints it, with those rows.
  static func listing(_ rows: String...) -> String {
    """
    Vercel CLI 32.5.0
    > Deployments for open-mates-webapp under glowingkitty's projects [450ms]

      Age     Deployment                                             Status      Environment     Duration     Username
    \(rows.map { "  " + $0 }.joined(separator: "\n"))

    > To display the next page, run `vercel ls open-mates-webapp --next 1707000000000`
    """
  }

  static let ready = "3m      https://web-a1-team.vercel.app     ● Ready       Production      1m           ada"
  static let failed = "2m      https://web-b2-team.vercel.app     ● Error       Production      38s          ada"
  static let building = "4s      https://web-c3-team.vercel.app     ● Building    Preview         --           bob"
  static let queued = "1s      https://web-d4-team.vercel.app     ● Queued      Preview         --           bob"

  @Test(arguments: [
    (listing(ready), DeployReading.State.ready, "https://web-a1-team.vercel.app"),
    (listing(failed, ready), .error, "https://web-b2-team.vercel.app"),
    (listing(building, failed, ready), .building, "https://web-c3-team.vercel.app"),
    (listing(queued, building, failed), .building, "https://web-d4-team.vercel.app"),
    (listing(ready, failed, building), .ready, "https://web-a1-team.vercel.app"),
    (listing("9h  https://x.vercel.app  ● Canceled  Preview  2s  ada"), .error, "https://x.vercel.app"),
    (listing("9h  web  https://x.vercel.app  ● Ready  Preview  2s  ada"), .ready, "https://x.vercel.app"),
    // A branch, a project or a person may be called as a state is.
    (
      listing("9h  https://error-ready-team.vercel.app  ● Building  Preview  2s  Ready"), .building,
      "https://error-ready-team.vercel.app"
    ),
    ("Ready\n", .ready, ""), ("ERROR", .error, ""), ("building", .building, ""), ("state: Ready", .ready, "state:"),
    (#"{"url":"a.vercel.app","state":"READY"}"#, .ready, #"{"url":"a.vercel.app","state":"READY"}"#),
    ("{\n  \"uid\": \"dpl_1\",\n  \"state\": \"ERROR\"\n}", .error, "dpl_1"),
    (
      "[\n {\n  \"state\": \"BUILDING\",\n  \"uid\": \"dpl_2\"\n },\n {\n  \"state\": \"ERROR\",\n  \"uid\": \"dpl_1\"\n }\n]",
      .building, "dpl_2"
    ),
    ("app-7f9  1/1  Failed  2m", .error, "app-7f9 1/1"), ("Error: the build failed", .error, "Error: the build failed"),
  ])
  func `the first line that says how it is, is the newest deployment's`(
    _ text: String, _ state: DeployReading.State, _ identity: String
  ) {
    let reading = Self.read(text)
    #expect(reading.state == state && reading.identity == identity, "\(reading)")
  }

  @Test(arguments: [
    ("", Int32(0), "said nothing"), ("\n \n", 0, "said nothing"), ("No deployments found.", 0, "No deployments found"),
    ("sh: 1: vercel: not found", 127, "exit code 127"), ("", 1, "exit code 1"),
    ("Error: Not authenticated. Run `vercel login`", 1, "vercel login"),
    ("Vercel CLI 32.5.0\nError: The token is not valid", 1, "exit code 1"),
    ("> Error while reading Ready deployments", 0, "no line says"), ("not-Ready Errors Readyish", 0, "no line says"),
  ])
  func `what says nothing of a deployment is not known, with the reason`(_ text: String, _ status: Int32, _ why: String)
  {
    let reading = Self.read(text, status: status)
    #expect(reading.state == .unknown && reading.text.contains(why), "\(reading)")
  }

  @Test func `a check that ends with a failure may still say how it is`() {
    #expect(Self.read(Self.listing(Self.failed), status: 1).state == .error)
    #expect(Self.read("Error\n", status: 1).state == .error)
  }

  @Test func `colours, cursors and titles are passed over`() {
    let red = "\u{1B}[31m"
    let text =
      "\u{1B}]0;vercel\u{7}\u{1B}[?25l\u{1B}[2K\u{1B}[1G Fetching\r"
      + "\u{1B}[90m  2m\u{1B}[39m   https://web-b2.vercel.app\u{1B}[39m   \(red)●\u{1B}[39m \(red)Error\u{1B}[39m  38s\r\n"
    let reading = Self.read(text)
    #expect(reading.state == .error && reading.identity == "https://web-b2.vercel.app", "\(reading)")
    #expect(reading.text == "2m https://web-b2.vercel.app ● Error 38s")
  }

  @Test func `a deployment is the same while its columns of time go on`() {
    let before = Self.read("2m  web@main  Error  38s")
    let after = Self.read("1h30m ago  web@main  Error  38s")
    #expect(before.identity == after.identity && before.identity == "web@main")
    #expect(Self.read("2m  web@other  Error").identity != before.identity)
  }

  @Test func `the words are the configuration's, with stars`() {
    var settings = DeploySettings()
    settings.ready = ["Complete*", "live"]
    settings.error = ["Crash*"]
    settings.building = ["Deploy*"]
    let states: [(String, DeployReading.State)] = [
      ("Completed", .ready), ("LIVE", .ready), ("CrashLoopBackOff", .error), ("Deploying", .building),
      ("Ready", .unknown),
    ]
    for (text, state) in states { #expect(Self.read("web 1 " + text, settings).state == state, "\(text)") }
  }

  @Test func `garbage of any size is read in bounds`() {
    var random = Seeded(7)
    for _ in 0..<200 {
      let reading = DeployReading.read(random.bytes(random.below(3000)), status: 0, Self.usual)
      #expect(reading.text.count <= DeployReading.longestText)
      #expect(!reading.text.unicodeScalars.contains { $0.value < 32 })
    }
    let long = Array(repeating: UInt8(ascii: "x"), count: 3 << 20)
    #expect(DeployReading.read(long, status: 0, Self.usual).state == .unknown)
    // What lies behind all that is not looked at.
    #expect(DeployReading.read(long + Array("\nReady\n".utf8), status: 0, Self.usual).state == .unknown)
  }
}
