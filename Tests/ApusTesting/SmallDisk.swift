import Glibc

/// A file system in memory of a few megabytes, to be filled. It takes root.
package final class SmallDisk {
  package static var isPossible: Bool { geteuid() == 0 }

  package let path: String
  private var isMounted = true
  private var filler: String { path + "/filler" }

  package init?(at path: String, megabytes: Int) {
    self.path = path
    Disk.makeDirectory(path)
    guard mount("apus-small", path, "tmpfs", 0, "size=\(megabytes)m,mode=700") == 0 else { return nil }
  }

  /// Writes until nothing more fits.
  package func fill() {
    var size = 1 << 16
    while size >= 1 {
      let descriptor = open(filler, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
      let chunk = [UInt8](repeating: 120, count: size)
      while write(descriptor, chunk, size) == size {}
      close(descriptor)
      size /= 16
    }
  }

  package func makeRoom() { unlink(filler) }

  package func takeAway() {
    if isMounted { umount2(path, Int32(MNT_DETACH)) }
    isMounted = false
  }

  deinit { takeAway() }
}
