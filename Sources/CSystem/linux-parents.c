#define _GNU_SOURCE
#include "CSystem.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/// The kernel's mark of a process that is ending (sched.h, not told to programs by a header). It is set before its files
/// are closed.
enum { ENDING = 0x4 };

static int look(pid_t pid, char *state, unsigned long *flags, unsigned long long *start, unsigned long long *program) {
  char path[64], text[2048];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return -1;
  ssize_t got = read(descriptor, text, sizeof text - 1);
  close(descriptor);
  if (got <= 0) return -1;
  text[got] = 0;
  // The name, in parentheses, may hold anything.
  char *rest = strrchr(text, ')');
  if (!rest) return -1;
  // Fields 3, 9, 22 and 28 of proc(5).
  return sscanf(rest + 1,
                " %c %*d %*d %*d %*d %*d %lu %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu %*u %*d %*u %*u %*u %llu",
                state, flags, start, program) == 4
             ? 0
             : -1;
}

int apus_process_program(pid_t pid, unsigned long long *start, unsigned long long *program) {
  char state;
  unsigned long flags;
  return look(pid, &state, &flags, start, program);
}

int apus_process_is_leaving(pid_t pid, unsigned long long start, unsigned long long program) {
  char state;
  unsigned long flags;
  unsigned long long started, stack;
  if (look(pid, &state, &flags, &started, &stack) != 0) return 1;
  return started != start || stack != program || state == 'Z' || state == 'X' || (flags & ENDING) != 0;
}

int apus_file_watch(const char *path) {
  int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (watch >= 0 && inotify_add_watch(watch, path, IN_MODIFY) < 0) {
    close(watch);
    return -1;
  }
  return watch;
}
