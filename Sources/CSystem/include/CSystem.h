// What Swift cannot say to the kernel by itself, behind plain prototypes. Linux lives in linux*.c; another
// platform is another file with the same promises. Every function returns -1 and leaves errno on failure
// unless its comment says otherwise. Every descriptor made here is close-on-exec.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// ---- processes ----

/// What a child is started with. Descriptors of -1 mean /dev/null; everything else above 2 is closed in the
/// child but `ready`, which arrives as descriptor 3 where it is not -1.
struct apus_spawn_plan {
  const char *program;
  /// Strings one after another, each with its final NUL; `argument_bytes` is the length of all.
  const char *arguments;
  size_t argument_bytes;
  const char *environment;
  size_t environment_bytes;
  const char *directory;
  int input, output, errors, ready;
};

/// Starts a child in a session and process group of its own, signals unblocked and at their defaults.
/// Returns 0 and the pid, or the errno of what failed (ENOENT may be the program or the directory).
int apus_spawn(const struct apus_spawn_plan *plan, pid_t *pid);

/// Leaves the caller's session and parent: forks, and only the grandchild returns (0). Call before any thread.
int apus_detach(void);

/// Orphans among our descendants become our children instead of init's.
int apus_become_subreaper(void);

struct apus_process {
  pid_t pid, parent;
  unsigned long long start;  // clock ticks since boot: with the pid, the identity of a process
  long resident_pages;
  unsigned long long ticks;  // user + system time
  char state;
};

/// One process by pid; -1 when there is none.
int apus_process_look(pid_t pid, struct apus_process *found);

/// All processes of the machine; returns how many there are (it may exceed `room`; then only `room` are filled).
int apus_process_list(struct apus_process *found, int room);

/// 1 when the initial environment of `pid` has the exact entry `KEY=value`, or, where the entry ends in '=',
/// that key with any value; 0 when not; -1 when unreadable.
int apus_process_environment_has(pid_t pid, const char *entry);

/// Signals the process only if it is still the one that started then. 0, or -1 with ESRCH when it is gone.
int apus_process_signal(pid_t pid, unsigned long long start, int signal);

/// A descriptor that becomes readable when that process ends; -1 with ESRCH when it is gone.
int apus_process_watch(pid_t pid, unsigned long long start);

/// Reaps one child that ended, without waiting: its pid and raw status; 0 when none has ended, -1 (ECHILD) when
/// there are no children.
pid_t apus_reap(int *status);

/// A descriptor from which the given signals are read; blocks them for the whole process first.
int apus_signal_descriptor(const int *signals, int count);
/// The next signal from such a descriptor, or 0 when there is none.
int apus_signal_next(int descriptor);
void apus_ignore_pipe_signal(void);
/// environ(7), which Swift sees as a mutable global.
char *const *apus_environment(void);

// ---- sockets ----

/// Listens at `path` (mode 0600). EADDRINUSE when the path exists; ENAMETOOLONG at 108 bytes and more.
int apus_unix_listen(const char *path, int backlog);
/// Connects; `nonblocking` concerns the descriptor afterwards (connecting to a Unix socket does not wait).
int apus_unix_connect(const char *path, int nonblocking);
/// Accepts, non-blocking; -1 with EAGAIN when nobody waits.
int apus_unix_accept(int listener);
/// User id of the process at the other end.
int apus_peer_user(int descriptor, uid_t *user);

// ---- files ----

/// Exclusive lock on a file that the kernel releases with the descriptor; -1 with EWOULDBLOCK when another has it.
int apus_lock_file(int descriptor);
int apus_pipe(int ends[2]);
int apus_set_nonblocking(int descriptor, int on);
/// open(2), close-on-exec added.
int apus_open(const char *path, int flags, mode_t mode);
/// write(2) of `bytes` from position `from` on, again where a signal came between.
ssize_t apus_write_from(int descriptor, const void *bytes, size_t count, size_t from);
/// Bytes a person may still write to the file system that holds `path`; -1 when unknown.
long long apus_free_bytes(const char *path);
const char *apus_error_text(int code);

// ---- the loop ----

int apus_poll_create(void);
/// Watches `descriptor` under `token`; `readable`/`writable` say for what. Adds or changes.
int apus_poll_set(int poll, int descriptor, uint64_t token, int readable, int writable, int known);
int apus_poll_remove(int poll, int descriptor);
struct apus_poll_event {
  uint64_t token;
  int readable, writable, hung_up;
};
/// Waits at most `milliseconds` (-1: until something happens).
int apus_poll_wait(int poll, struct apus_poll_event *events, int room, int milliseconds);
/// A descriptor that is readable once it was raised.
int apus_wake_create(void);
void apus_wake_raise(int descriptor);
void apus_wake_clear(int descriptor);

/// Where `part` stands in `text` (memmem(3)), or -1.
long long apus_find(const void *text, size_t length, const void *part, size_t part_length);

/// Milliseconds on a clock that never goes back.
long long apus_monotonic_milliseconds(void);
/// Seconds since 1970, with fractions.
double apus_wall_seconds(void);
/// The processes that have an inotify instance open whose working directory is `directory` or below it; fills pids.
int apus_watchers_below(const char *directory, pid_t *pids, int room);
