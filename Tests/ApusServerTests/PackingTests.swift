import ApusCore
import ApusTesting
import Testing

@testable import ApusServer

/// Long answers, packed for those who unpack them.
@Suite struct PackingTests {
  private func head(_ offer: String?) -> RequestHead {
    RequestHead(
      method: "GET", target: "/", headers: offer.map { [(name: "accept-encoding", value: $0)] } ?? [], query: [],
      isOwnUser: false)
  }

  @Test func `who does not say gzip, or says not gzip, gets none`() {
    for offer in ["gzip", "br, gzip;q=0.5", "gzip, deflate"] { #expect(Packing.isTaken(by: head(offer)), "\(offer)") }
    for offer in [nil, "br", "gzip;q=0", "xgzip", "identity, gzip; q=0"] {
      #expect(!Packing.isTaken(by: head(offer)), "\(offer ?? "none")")
    }
  }

  @Test func `what is packed is the same once it is unpacked`() async throws {
    let text = String(repeating: #"{"name":"one","directory":"/tmp/one"},"#, count: 20_000)
    let packed = try #require(Packing.gzip(Array(text.utf8)))
    #expect(packed.count < text.utf8.count / 20)
    let unpacked = await Program.run(
      [
        "/usr/bin/python3", "-c",
        "import gzip, sys; sys.stdout.write(gzip.decompress(bytes.fromhex(sys.stdin.read())).decode())",
      ], environment: ["PATH": "/usr/bin:/bin"], directory: "/", input: Digest.hexadecimal(packed))
    #expect(unpacked.output == text)
  }
}
