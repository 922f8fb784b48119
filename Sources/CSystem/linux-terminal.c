#define _GNU_SOURCE
#include "CSystem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

int apus_tty_open(char *name, size_t room, int rows, int columns, const void *settings, size_t bytes,
                       int *other) {
  int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master < 0) return -1;
  struct termios modes;
  if (grantpt(master) != 0 || unlockpt(master) != 0 || ptsname_r(master, name, room) != 0 ||
      apus_tty_resize(master, rows, columns) != 0 || tcgetattr(master, &modes) != 0)
    goto failed;
  // The settings of the terminal somebody sits at, where they are told: the erase key and its like stay theirs.
  if (bytes == sizeof modes) memcpy(&modes, settings, sizeof modes);
  modes.c_iflag |= IUTF8;
  // Ctrl-S must not be able to hold an agent.
  modes.c_iflag &= ~(tcflag_t)(IXON | IXOFF);
  if (tcsetattr(master, TCSANOW, &modes) != 0) goto failed;
  // The first terminal a session leader opens becomes its controlling one.
  *other = open(name, O_RDWR | O_CLOEXEC);
  if (*other < 0) goto failed;
  return master;
failed:;
  int failure = errno;
  close(master);
  errno = failure;
  return -1;
}

int apus_tty_resize(int descriptor, int rows, int columns) {
  struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
  return ioctl(descriptor, TIOCSWINSZ, &size);
}

int apus_tty_size(int descriptor, int *rows, int *columns) {
  struct winsize size;
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0) return -1;
  *rows = size.ws_row;
  *columns = size.ws_col;
  return 0;
}

int apus_tty_settings(int descriptor, void *settings, size_t room) {
  struct termios modes;
  if (room < sizeof modes || tcgetattr(descriptor, &modes) != 0) return -1;
  memcpy(settings, &modes, sizeof modes);
  return (int)sizeof modes;
}

int apus_tty_raw(int descriptor) {
  struct termios modes;
  if (tcgetattr(descriptor, &modes) != 0) return -1;
  cfmakeraw(&modes);
  return tcsetattr(descriptor, TCSANOW, &modes);
}

int apus_tty_restore(int descriptor, const void *settings, size_t bytes) {
  struct termios modes;
  if (bytes != sizeof modes) {
    errno = EINVAL;
    return -1;
  }
  memcpy(&modes, settings, sizeof modes);
  return tcsetattr(descriptor, TCSANOW, &modes);
}

int apus_tty_device(const char *path) {
  // Without O_NONBLOCK on a description of our own, a terminal that is held (Ctrl-S) would hold us.
  int descriptor = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return -1;
  struct stat facts;
  if (fstat(descriptor, &facts) != 0 || !S_ISCHR(facts.st_mode) || !isatty(descriptor)) {
    close(descriptor);
    errno = ENOTTY;
    return -1;
  }
  return descriptor;
}

int apus_tty_unread(int descriptor) {
  int count;
  return ioctl(descriptor, FIONREAD, &count) == 0 ? count : -1;
}

int apus_tty_go_on(int descriptor) { return tcflow(descriptor, TCOON); }

pid_t apus_reap_or_stop(int *status) {
  pid_t pid;
  while ((pid = waitpid(-1, status, WNOHANG | WUNTRACED | WCONTINUED)) < 0 && errno == EINTR) {}
  return pid;
}

int apus_status_stopped(int status) {
  if (WIFSTOPPED(status)) return 1;
  return WIFCONTINUED(status) ? 0 : -1;
}
