#define _GNU_SOURCE
#include "CSystem.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// ---- processes ----

/// Pointers to the strings of a block, the last one NULL.
static char **strings_of(const char *block, size_t bytes) {
  size_t count = 0;
  for (size_t at = 0; at < bytes; at++) count += block[at] == 0;
  char **pointers = malloc((count + 1) * sizeof *pointers);
  if (!pointers) return NULL;
  size_t at = 0;
  for (size_t index = 0; index < count; index++) {
    pointers[index] = (char *)block + at;
    at += strlen(block + at) + 1;
  }
  pointers[count] = NULL;
  return pointers;
}

int apus_spawn(const struct apus_spawn_plan *plan, pid_t *pid) {
  char **arguments = strings_of(plan->arguments, plan->argument_bytes);
  char **environment = strings_of(plan->environment, plan->environment_bytes);
  if (!arguments || !environment) {
    free(arguments);
    free(environment);
    return ENOMEM;
  }
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_init(&actions);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  // On a terminal the child stays in our session, as under a shell: a process group whose parent is not of its session
  // is orphaned, and the kernel lets nobody stop it (Ctrl-Z).
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, (plan->terminal ? POSIX_SPAWN_SETPGROUP : POSIX_SPAWN_SETSID) |
                                            POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  const int given[3] = {plan->input, plan->output, plan->errors};
  for (int target = 0; target < 3; target++) {
    if (plan->terminal && target == 0)
      posix_spawn_file_actions_addopen(&actions, 0, plan->terminal, O_RDWR, 0);
    else if (plan->terminal)
      posix_spawn_file_actions_adddup2(&actions, 0, target);
    else if (given[target] >= 0)
      posix_spawn_file_actions_adddup2(&actions, given[target], target);
    else
      posix_spawn_file_actions_addopen(&actions, target, "/dev/null", target == 0 ? O_RDONLY : O_WRONLY, 0);
  }
  if (plan->terminal) posix_spawn_file_actions_addtcsetpgrp_np(&actions, 0);
  int first_closed = 3;
  if (plan->ready >= 0) {
    posix_spawn_file_actions_adddup2(&actions, plan->ready, 3);
    first_closed = 4;
  }
  posix_spawn_file_actions_addclosefrom_np(&actions, first_closed);
  if (plan->directory) posix_spawn_file_actions_addchdir_np(&actions, plan->directory);

  int failure = posix_spawn(pid, plan->program, &actions, &attributes, arguments, environment);
  free(arguments);
  free(environment);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return failure;
}

int apus_detach(void) {
  pid_t first = fork();
  if (first < 0) return -1;
  if (first > 0) {
    // The intermediate child ends at once; its status tells whether the grandchild came to be.
    int status = 0;
    while (waitpid(first, &status, 0) < 0 && errno == EINTR) {}
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
  }
  setsid();
  pid_t second = fork();
  if (second != 0) _exit(second < 0 ? 1 : 0);
  return setsid() < 0 ? -1 : 0;
}

mode_t apus_own_umask(void) {
  mode_t own = umask(077);
  umask(own);
  return own;
}

int apus_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

int apus_process_look(pid_t pid, struct apus_process *found) {
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return -1;
  ssize_t length = read(descriptor, text, sizeof text - 1);
  close(descriptor);
  if (length <= 0) {
    errno = ESRCH;
    return -1;
  }
  text[length] = 0;
  // The program's name stands in parentheses and may hold anything: the fields begin after the last ')'.
  char *fields = strrchr(text, ')');
  if (!fields) return -1;
  unsigned long user_time = 0, system_time = 0;
  int parent = 0;
  memset(found, 0, sizeof *found);
  int read_fields =
      sscanf(fields + 2, "%c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %llu %*u %ld",
             &found->state, &parent, &user_time, &system_time, &found->start, &found->resident_pages);
  if (read_fields < 6) return -1;
  found->pid = pid;
  found->parent = parent;
  found->ticks = user_time + system_time;
  return 0;
}

int apus_process_list(struct apus_process *found, int room) {
  DIR *directory = opendir("/proc");
  if (!directory) return -1;
  int count = 0;
  struct dirent *entry;
  while ((entry = readdir(directory))) {
    if (!isdigit((unsigned char)entry->d_name[0])) continue;
    struct apus_process one;
    if (apus_process_look((pid_t)atoi(entry->d_name), &one) != 0) continue;
    if (count < room) found[count] = one;
    count++;
  }
  closedir(directory);
  return count;
}

int apus_process_environment_has(pid_t pid, const char *entry) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return -1;
  size_t room = 1 << 16, length = 0;
  char *text = malloc(room + 1);
  ssize_t got = 0;
  while (text && (got = read(descriptor, text + length, room - length)) > 0) {
    length += (size_t)got;
    if (length == room) {
      if (room > (1 << 24)) break;
      room *= 2;
      char *larger = realloc(text, room + 1);
      if (!larger) break;
      text = larger;
    }
  }
  close(descriptor);
  if (!text || got < 0) {
    free(text);
    return -1;
  }
  text[length] = 0;
  size_t wanted = strlen(entry);
  int prefix = wanted > 0 && entry[wanted - 1] == '=';
  int has = 0;
  for (size_t at = 0; at < length && !has; at += strlen(text + at) + 1)
    has = prefix ? strncmp(text + at, entry, wanted) == 0 : strcmp(text + at, entry) == 0;
  free(text);
  return has;
}

/// A pidfd that surely means the process that started then: opened first, checked afterwards.
static int open_process(pid_t pid, unsigned long long start) {
  int descriptor = (int)syscall(SYS_pidfd_open, pid, 0);
  if (descriptor < 0) return -1;
  struct apus_process now;
  if (apus_process_look(pid, &now) != 0 || now.start != start || now.state == 'Z' || now.state == 'X') {
    close(descriptor);
    errno = ESRCH;
    return -1;
  }
  fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  return descriptor;
}

int apus_process_signal(pid_t pid, unsigned long long start, int signal) {
  int descriptor = open_process(pid, start);
  if (descriptor < 0) return -1;
  int result = (int)syscall(SYS_pidfd_send_signal, descriptor, signal, NULL, 0);
  int failure = errno;
  close(descriptor);
  errno = failure;
  return result;
}

int apus_process_watch(pid_t pid, unsigned long long start) { return open_process(pid, start); }

pid_t apus_reap(pid_t child, int *status, int waiting) {
  pid_t pid;
  while ((pid = waitpid(child, status, waiting ? 0 : WNOHANG)) < 0 && errno == EINTR) {}
  return pid;
}

int apus_signal_descriptor(const int *signals, int count) {
  sigset_t set;
  sigemptyset(&set);
  for (int at = 0; at < count; at++) sigaddset(&set, signals[at]);
  if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) return -1;
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int apus_signal_next_of(int descriptor, int *sent) {
  struct signalfd_siginfo one;
  if (read(descriptor, &one, sizeof one) != sizeof one) return 0;
  *sent = one.ssi_code <= 0;
  return (int)one.ssi_signo;
}

int apus_signal_next(int descriptor) { return apus_signal_next_of(descriptor, &(int){0}); }

void apus_block_signals(void) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, NULL);
}

void apus_ignore_pipe_signal(void) { signal(SIGPIPE, SIG_IGN); }

extern char **environ;
char *const *apus_environment(void) { return environ; }

// ---- files ----

int apus_lock_file(int descriptor) { return flock(descriptor, LOCK_EX | LOCK_NB); }
int apus_exchange(const char *one, const char *other) {
  return renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
}

int apus_rename_new(const char *old, const char *new_name) {
  return renameat2(AT_FDCWD, old, AT_FDCWD, new_name, RENAME_NOREPLACE);
}

int apus_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }
int apus_open(const char *path, int flags, mode_t mode) { return open(path, flags | O_CLOEXEC, mode); }

int apus_set_nonblocking(int descriptor, int on) {
  int flags = fcntl(descriptor, F_GETFL);
  return flags < 0 ? -1 : fcntl(descriptor, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

ssize_t apus_write_from(int descriptor, const void *bytes, size_t count, size_t from) {
  ssize_t written;
  while ((written = write(descriptor, (const char *)bytes + from, count - from)) < 0 && errno == EINTR) {}
  return written;
}

ssize_t apus_read_to(int descriptor, void *bytes, size_t count, size_t from) {
  ssize_t got;
  while ((got = read(descriptor, (char *)bytes + from, count - from)) < 0 && errno == EINTR) {}
  return got;
}

long long apus_free_bytes(const char *path) {
  struct statvfs system;
  if (statvfs(path, &system) != 0) return -1;
  return (long long)system.f_bavail * (long long)system.f_frsize;
}

const char *apus_error_text(int code) {
  const char *text = strerrordesc_np(code);
  return text ? text : "unknown error";
}

// ---- the loop ----

int apus_poll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

int apus_poll_set(int poll, int descriptor, uint64_t token, int readable, int writable, int known) {
  struct epoll_event event = {.data.u64 = token};
  if (readable) event.events |= EPOLLIN | EPOLLRDHUP;
  if (writable) event.events |= EPOLLOUT;
  return epoll_ctl(poll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, descriptor, &event);
}

int apus_poll_remove(int poll, int descriptor) { return epoll_ctl(poll, EPOLL_CTL_DEL, descriptor, NULL); }

int apus_poll_wait(int poll, struct apus_poll_event *events, int room, int milliseconds) {
  struct epoll_event raw[64];
  int count = epoll_wait(poll, raw, room < 64 ? room : 64, milliseconds);
  for (int at = 0; at < count; at++) {
    events[at].token = raw[at].data.u64;
    events[at].readable = (raw[at].events & EPOLLIN) != 0;
    events[at].writable = (raw[at].events & EPOLLOUT) != 0;
    events[at].hung_up = (raw[at].events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0;
  }
  return count;
}

int apus_wake_create(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }
void apus_wake_raise(int descriptor) {
  uint64_t one = 1;
  (void)!write(descriptor, &one, sizeof one);
}
void apus_wake_clear(int descriptor) {
  uint64_t count;
  (void)!read(descriptor, &count, sizeof count);
}

long long apus_find(const void *text, size_t length, const void *part, size_t part_length) {
  const char *found = memmem(text, length, part, part_length);
  return found ? found - (const char *)text : -1;
}

long long apus_monotonic_milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

double apus_wall_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
