import CSystem
import Glibc

/// A path below the run's directory as a C string's bytes.
func path(_ directory: [UInt8], _ name: String) -> [CChar] {
  (directory + [UInt8(ascii: "/")] + Array(name.utf8)).map { CChar(bitPattern: $0) } + [0]
}

func cString(_ bytes: [UInt8]) -> [CChar] { bytes.map { CChar(bitPattern: $0) } + [0] }

/// The whole file, nil when it cannot be read.
func loadFile(_ path: [CChar]) -> [UInt8]? {
  let descriptor = apus_open(path, O_RDONLY, 0)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  var all: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let got = read(descriptor, &chunk, chunk.count)
    if got < 0, errno == EINTR { continue }
    guard got >= 0 else { return nil }
    if got == 0 { return all }
    all += chunk[..<got]
  }
}

/// Writes the file so that it is there whole or not at all; `synced`: on disk when this returns 0. Else the error
/// number.
func keepFile(_ name: String, in directory: [UInt8], bytes: [UInt8], synced: Bool) -> Int32 {
  let final = path(directory, name)
  let draft = path(directory, name + ".new")
  let descriptor = apus_open(draft, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
  guard descriptor >= 0 else { return errno }
  var written = 0
  while written < bytes.count {
    let got = apus_write_from(descriptor, bytes, bytes.count, written)
    guard got > 0 else {
      let failure = errno
      close(descriptor)
      return failure
    }
    written += got
  }
  let code = !synced || fdatasync(descriptor) == 0 ? 0 : errno
  close(descriptor)
  guard code == 0 else { return code }
  guard rename(draft, final) == 0 else { return errno }
  return 0
}

/// The strings one after another, each with its final NUL.
func block(_ strings: [[UInt8]]) -> [CChar] { strings.flatMap(cString) }
