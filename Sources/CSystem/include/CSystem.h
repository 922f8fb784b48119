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
  /// The device of our controlling terminal: it becomes the child's input, output and errors, and the child's process
  /// group its foreground. Else NULL.
  const char *terminal;
};

/// Starts a child in a session and process group of its own (on a terminal: in a group of its own), signals unblocked and at their defaults.
/// Returns 0 and the pid, or the errno of what failed (ENOENT may be the program or the directory).
int apus_spawn(const struct apus_spawn_plan *plan, pid_t *pid);

/// Leaves the caller's session and parent: forks, and only the grandchild returns (0). Call before any thread.
int apus_detach(void);

/// This process's own umask. For programs of one thread.
mode_t apus_own_umask(void);

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

/// Every entry of the initial environment of `pid` that begins with `prefix`, one after another, each with its final
/// NUL. Returns how many bytes they take (it may exceed `room`; then those are left out that did not fit).
ssize_t apus_process_entries(pid_t pid, const char *prefix, char *found, size_t room);

/// The command line of `pid`, its parts parted by spaces, cut off at `room` bytes (no final NUL); its length.
/// Nothing in it is checked: it is the process's to choose.
ssize_t apus_process_command(pid_t pid, char *command, size_t room);

/// Bytes of memory `pid` takes: its share of what it has in memory (PSS) where that may be read, else all of it.
long long apus_process_memory(pid_t pid);

/// 1 when `path`, looked up as `pid` would, is the very file it is for us; 0 when it is another, -1 when unknown.
int apus_process_sees(pid_t pid, const char *path);

struct apus_listener {
  pid_t pid;
  int port;
};
/// The TCP ports (IPv4 and IPv6) on which these processes listen, in the network that is also ours; a socket that
/// several have is told for each. Returns how many there are (it may exceed `room`).
int apus_listening(const pid_t *pids, int count, struct apus_listener *found, int room);

/// Whether nobody listens on that TCP port, on any address of this machine, and we could: 1 or 0.
int apus_port_is_free(int port);

/// Which boot of the machine this is: pids and start times mean something within one only.
int apus_boot_id(char *text, size_t room);
/// Seconds since that boot, the time asleep included; a process's `start` is on this clock.
double apus_boot_seconds(void);
/// How long a tick is, in which `start` and `ticks` of a process are counted.
double apus_tick_seconds(void);

/// Signals the process only if it is still the one that started then. 0, or -1 with ESRCH when it is gone.
int apus_process_signal(pid_t pid, unsigned long long start, int signal);

/// When that process started, and what tells the program it runs from one it becomes later (where its first stack lies).
int apus_process_program(pid_t pid, unsigned long long *start, unsigned long long *program);
/// 1 when that process is gone, is ending, or has become another program; its files were closed for that then. Else 0.
int apus_process_is_leaving(pid_t pid, unsigned long long start, unsigned long long program);
/// A descriptor that becomes readable when that process ends; -1 with ESRCH when it is gone.
int apus_process_watch(pid_t pid, unsigned long long start);

/// Reaps that child if it ended, or, `waiting`, once it has: its pid and raw status; 0 when it has not ended, -1 (ECHILD)
/// when it is no child.
pid_t apus_reap(pid_t child, int *status, int waiting);

/// The same, also for children that were stopped or go on: `apus_status_stopped` tells them from those that ended.
pid_t apus_reap_or_stop(int *status);
/// 1: stopped, 0: goes on again, -1: it ended.
int apus_status_stopped(int status);

/// A descriptor from which the given signals are read; blocks them for the whole process first.
int apus_signal_descriptor(const int *signals, int count);
/// The next signal from such a descriptor, or 0 when there is none.
int apus_signal_next(int descriptor);
/// The same; `sent` becomes 1 where a process sent it, 0 where the kernel did (keys at the terminal, a child's end).
int apus_signal_next_of(int descriptor, int *sent);
void apus_ignore_pipe_signal(void);
/* No signal of the program's comes to the thread that calls this, nor to those it begins; writing to what nobody reads any
 * more is an error there, not the program's end. */
void apus_block_signals(void);
/// environ(7), which Swift sees as a mutable global.
char *const *apus_environment(void);

// ---- control groups (version 2), where they are ours to divide ----

/// Makes a group of that name below our own and writes its directory to `path`; -1 where that cannot be done.
int apus_group_make(const char *name, char *path, size_t room);
/// Moves this process there; what it starts afterwards is born there.
int apus_group_enter(const char *path);
/// Where the name of our own group begins like that: moves this process to the one above. 0 also when there is nothing to do.
int apus_group_leave(const char *prefix);
/// How many processes are in it; as many as there is room for in `pids`.
int apus_group_members(const char *path, pid_t *pids, int room);
/// Kills all of them, and those that are just being born.
int apus_group_kill(const char *path);
/// Removes it. Whoever is still in it lives on in the group above.
int apus_group_remove(const char *path);

// ---- terminals ----

/// A new pseudo-terminal of that size, the controlling one of this process if it leads a session: our side of it, the
/// `other` side, open too, and that one's device in `name`. `settings` is a struct termios (`apus_tty_settings`),
/// taken over where its length is right.
int apus_tty_open(char *name, size_t room, int rows, int columns, const void *settings, size_t bytes,
                       int *other);
int apus_tty_resize(int descriptor, int rows, int columns);
int apus_tty_size(int descriptor, int *rows, int *columns);
/// The terminal's settings as bytes; their number.
int apus_tty_settings(int descriptor, void *settings, size_t room);
/// Every key and byte passes as it is.
int apus_tty_raw(int descriptor);
int apus_tty_restore(int descriptor, const void *settings, size_t bytes);
/// Opens a terminal by its device, never as the controlling one, never waiting for it. ENOTTY when it is none.
int apus_tty_device(const char *path);
/// How many bytes wait to be read by whoever reads that side of it; -1 where that cannot be told.
int apus_tty_unread(int descriptor);
/// Lets a terminal go on that was held with Ctrl-S.
int apus_tty_go_on(int descriptor);

// ---- sockets ----

/// Listens at `path` (mode 0600). EADDRINUSE when the path exists; ENAMETOOLONG at 108 bytes and more.
int apus_unix_listen(const char *path, int backlog);
/// Connects; `nonblocking` concerns the descriptor afterwards (connecting to a Unix socket does not wait).
int apus_unix_connect(const char *path, int nonblocking);
/// Connects without ever waiting: -1 with EAGAIN where too many wait there already. Non-blocking.
int apus_unix_connect_at_once(const char *path);
/// Accepts, non-blocking; -1 with EAGAIN when nobody waits.
int apus_unix_accept(int listener);
/// Whether anybody listens at `path`: 1 somebody, 0 nobody (refused), -1 unknown. Never waits.
int apus_unix_listens(const char *path);
/// Listens on a TCP address (IPv4 or IPv6 in digits); `port` 0 takes a free one, and is the one that was taken afterwards.
int apus_tcp_listen(const char *address, int *port, int backlog);
/// Lets this process have as many descriptors as it may (65,536 at most); how many that is.
long apus_raise_descriptors(void);
/// Another descriptor for the same thing, close-on-exec.
int apus_duplicate(int descriptor);
/// User id of the process at the other end.
int apus_peer_user(int descriptor, uid_t *user);

// ---- a person's terminal ----

/// Borrows the terminal on descriptors 0 and 1 for drawing: keys come at once and unseen, and `enter` is written. It is
/// put back (and `leave` written) by `apus_screen_give_back`, and by whatever signal ends or stops the program
/// meanwhile; Ctrl-C ends it with exit code 0. Both texts must stay. -1 when there is no terminal.
int apus_screen_take(const char *enter, const char *leave);
void apus_screen_give_back(void);
/// Whether the screen must be drawn anew since this was last asked: it has another size, or was left and taken again.
int apus_screen_has_changed(void);

// ---- files ----

/// Exclusive lock on a file that the kernel releases with the descriptor; -1 with EWOULDBLOCK when another has it.
int apus_lock_file(int descriptor);
/// Whether somebody has a file, which is open here for reading alone, open for writing; 0 also where that cannot be told.
int apus_is_being_written(int descriptor);
/// Two files of one directory change places, in one step. -1 also where the file system cannot do that.
int apus_exchange(const char *one, const char *other);
/// Renames where nothing has the new name: -1 with EEXIST otherwise. -1 also where the file system cannot do that.
int apus_rename_new(const char *old, const char *new_name);
int apus_pipe(int ends[2]);
int apus_set_nonblocking(int descriptor, int on);
/// open(2), close-on-exec added.
int apus_open(const char *path, int flags, mode_t mode);
/// write(2) of `bytes` from position `from` on, again where a signal came between.
ssize_t apus_write_from(int descriptor, const void *bytes, size_t count, size_t from);
/// read(2) to position `from` on, again where a signal came between.
ssize_t apus_read_to(int descriptor, void *bytes, size_t count, size_t from);
/// Bytes a person may still write to the file system that holds `path`; -1 when unknown.
long long apus_free_bytes(const char *path);
/// What a directory and all below it take on the disk; links and other file systems are not entered.
long long apus_tree_bytes(const char *path);
/// Removes a directory with all that is below it, never through a link and never on another file system.
int apus_tree_remove(const char *path);
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

// ---- changes in directories ----

/// A descriptor that is readable once that file was written to; what it says is of no interest.
int apus_file_watch(const char *path);
/// A descriptor that is readable when files of the directories added to it change; -1 where there are no more.
int apus_directories_create(void);
/// Watches a directory; its number in what is told, -1 when it is not there. The same directory has the same number.
int apus_directories_add(int watch, const char *directory);
/// The same, and what is made, linked or given other rights in it is told as well.
int apus_directories_add_all(int watch, const char *directory);
int apus_directories_remove(int watch, int directory);

enum { APUS_DIRECTORY_CHANGES = 64 };
/// A file was written and closed, or came by its name otherwise; a file went; the directory itself is no longer
/// watched; some changes were not told.
enum { APUS_FILE_WRITTEN = 1, APUS_FILE_REMOVED = 2, APUS_DIRECTORY_GONE = 3, APUS_CHANGES_LOST = 4 };
struct apus_directory_change {
  int directory, kind;
  /// Whether what changed is itself a directory.
  int is_directory;
  char name[256];
};
/// What changed since, up to APUS_DIRECTORY_CHANGES at a time; 0 when there is no more.
int apus_directories_next(int watch, struct apus_directory_change *changes);
