import Glibc

/// A file system whose every question hangs in the kernel, like one of a server that went away: a FUSE mount nobody
/// answers. It takes root and /dev/fuse. Whoever asks it hangs until `letGo`.
package final class HangingFileSystem {
  package static var isPossible: Bool { geteuid() == 0 && access("/dev/fuse", R_OK | W_OK) == 0 }

  private let path: String
  private var device: Int32

  /// Mounts it over the directory; nil and errno when that cannot be done.
  package init?(over path: String) {
    self.path = path
    device = open("/dev/fuse", O_RDWR | O_CLOEXEC)
    guard device >= 0 else { return nil }
    let options = "fd=\(device),rootmode=40000,user_id=0,group_id=0,allow_other"
    guard mount("apus-hanging", path, "fuse", 0, options) == 0 else {
      close(device)
      return nil
    }
  }

  /// Everyone who hangs gets an error, and what was there before is seen again.
  package func letGo() {
    guard device >= 0 else { return }
    // Closed first: nothing that looks at the mount may hang while it is taken away.
    close(device)
    device = -1
    umount2(path, Int32(MNT_DETACH))
  }

  deinit { letGo() }
}
