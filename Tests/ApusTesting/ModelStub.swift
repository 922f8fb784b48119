import CSystem
import Glibc

/// The project's stub of the model's API on loopback: one for the whole test process, which it does not outlive.
package struct ModelStub: Sendable {
  package let port: Int
  package let pid: Int32

  package static let shared: ModelStub = {
    guard
      let started = Program.start(
        [Checkout.stub, "--exit-with-stdin"], environment: ["PATH": "/usr/local/bin:/usr/bin:/bin"], directory: "/")
    else { preconditionFailure("the model stub cannot be started: \(Checkout.stub)") }
    var line: [UInt8] = []
    var byte: UInt8 = 0
    while read(started.output, &byte, 1) == 1, byte != 10 { line.append(byte) }
    // «listening on http://127.0.0.1:PORT»; its input stays open as long as this process lives.
    let digits = String(decoding: line, as: UTF8.self).split(separator: ":").last ?? ""
    guard let port = Int(digits) else {
      preconditionFailure("the model stub said: \(String(decoding: line, as: UTF8.self))")
    }
    return ModelStub(port: port, pid: started.pid)
  }()
}
