#define _GNU_SOURCE
#include "CSystem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdalign.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

int apus_directories_create(void) { return inotify_init1(IN_NONBLOCK | IN_CLOEXEC); }

int apus_directories_add(int watch, const char *directory) {
  return inotify_add_watch(
      watch, directory, IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
}

int apus_directories_add_all(int watch, const char *directory) {
  return inotify_add_watch(watch, directory,
                           IN_CLOSE_WRITE | IN_MODIFY | IN_CREATE | IN_ATTRIB | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
                               IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW);
}

int apus_directories_remove(int watch, int directory) { return inotify_rm_watch(watch, directory); }

int apus_directories_next(int watch, struct apus_directory_change *changes) {
  // No event is smaller than its head, so as many fit into the caller's room as into this.
  alignas(struct inotify_event) char buffer[APUS_DIRECTORY_CHANGES * sizeof(struct inotify_event)];
  ssize_t got;
  do got = read(watch, buffer, sizeof buffer);
  while (got < 0 && errno == EINTR);
  if (got < 0) return errno == EAGAIN ? 0 : -1;
  int count = 0;
  for (char *at = buffer; at < buffer + got; count++) {
    struct inotify_event *event = (struct inotify_event *)at;
    struct apus_directory_change *change = &changes[count];
    change->directory = event->wd;
    change->is_directory = (event->mask & IN_ISDIR) != 0;
    change->name[0] = 0;
    if (event->len > 0) {
      strncpy(change->name, event->name, sizeof change->name - 1);
      change->name[sizeof change->name - 1] = 0;
    }
    if (event->mask & IN_Q_OVERFLOW)
      change->kind = APUS_CHANGES_LOST;
    else if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT))
      change->kind = APUS_DIRECTORY_GONE;
    else
      change->kind = event->mask & (IN_DELETE | IN_MOVED_FROM) ? APUS_FILE_REMOVED : APUS_FILE_WRITTEN;
    at += sizeof(struct inotify_event) + event->len;
  }
  return count;
}

int apus_is_being_written(int descriptor) {
  // A read lease is refused while anybody has the file open for writing. Whoever opens it in between waits for us, and
  // the signal of that is one nobody minds.
  if (fcntl(descriptor, F_SETSIG, SIGURG) < 0) return 0;
  if (fcntl(descriptor, F_SETLEASE, F_RDLCK) < 0) return errno == EAGAIN;
  fcntl(descriptor, F_SETLEASE, F_UNLCK);
  return 0;
}
