#define _GNU_SOURCE
#include "CSystem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

// What /proc says of processes. Any of them may be gone between two reads: that is -1, never a guess.

/// A whole file of /proc, with a NUL behind it; NULL when unreadable. At most `most` bytes are read.
static char *whole(const char *path, size_t most, size_t *length) {
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return NULL;
  size_t room = 1 << 14, got = 0;
  char *text = malloc(room + 1);
  ssize_t count = 0;
  while (text && got < most && (count = read(descriptor, text + got, room - got)) != 0) {
    if (count < 0) {
      if (errno == EINTR) continue;
      break;
    }
    got += (size_t)count;
    if (got < room) continue;
    char *larger = realloc(text, room * 2 + 1);
    if (!larger) break;
    text = larger;
    room *= 2;
  }
  int failure = errno;
  close(descriptor);
  errno = failure;
  if (!text || count < 0) {
    free(text);
    return NULL;
  }
  text[got] = 0;
  *length = got;
  return text;
}

long long apus_process_memory(pid_t pid) {
  char path[64];
  size_t length = 0;
  snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
  char *text = whole(path, 1 << 14, &length);
  char *share = text ? strstr(text, "\nPss:") : NULL;
  long long kilobytes = -1;
  if (share && sscanf(share + 5, "%lld", &kilobytes) != 1) kilobytes = -1;
  free(text);
  if (kilobytes >= 0) return kilobytes * 1024;
  snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
  text = whole(path, 4096, &length);
  if (!text) return -1;
  long long pages = -1;
  if (sscanf(text, "%*d %lld", &pages) != 1) pages = -1;
  free(text);
  return pages < 0 ? -1 : pages * sysconf(_SC_PAGESIZE);
}

ssize_t apus_process_entries(pid_t pid, const char *prefix, char *found, size_t room) {
  char path[64];
  size_t length = 0, wanted = strlen(prefix), needed = 0, used = 0;
  snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
  char *text = whole(path, 1 << 24, &length);
  if (!text) return -1;
  for (size_t at = 0; at < length; at += strlen(text + at) + 1) {
    if (strncmp(text + at, prefix, wanted) != 0) continue;
    size_t size = strlen(text + at) + 1;
    needed += size;
    if (used + size > room) continue;
    memcpy(found + used, text + at, size);
    used += size;
  }
  free(text);
  return (ssize_t)needed;
}

ssize_t apus_process_command(pid_t pid, char *command, size_t room) {
  char path[64];
  size_t length = 0;
  if (room < 32) return -1;
  snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
  char *text = whole(path, room, &length);
  while (text && length > 0 && text[length - 1] == 0) length--;
  if (text && length > 0) {
    if (length > room) length = room;
    for (size_t at = 0; at < length; at++) command[at] = text[at] == 0 ? ' ' : text[at];
    free(text);
    return (ssize_t)length;
  }
  free(text);
  // No arguments: the program's name, as ps(1) shows it.
  snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
  text = whole(path, 64, &length);
  if (!text) return -1;
  while (length > 0 && text[length - 1] == '\n') text[--length] = 0;
  int written = snprintf(command, room, "[%.*s]", (int)length, text);
  free(text);
  return written < 0 ? -1 : written;
}

int apus_process_sees(pid_t pid, const char *path) {
  char below[4096];
  struct stat ours, theirs;
  if (snprintf(below, sizeof below, "/proc/%d/root%s", (int)pid, path) >= (int)sizeof below) return -1;
  if (stat(path, &ours) != 0 || stat(below, &theirs) != 0) return -1;
  return ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

// ---- ports ----

struct listening {
  unsigned long inode;
  int port;
};

static int by_inode(const void *one, const void *other) {
  unsigned long a = ((const struct listening *)one)->inode, b = ((const struct listening *)other)->inode;
  return a < b ? -1 : a > b;
}

struct table {
  struct listening *all;
  int count;
};

static int add(struct table *table, unsigned long inode, int port) {
  if (table->count % 64 == 0) {
    struct listening *larger = realloc(table->all, (size_t)(table->count + 64) * sizeof *larger);
    if (!larger) return -1;
    table->all = larger;
  }
  table->all[table->count++] = (struct listening){inode, port};
  return 0;
}

/// The listening sockets of one family as the kernel tells them who asks for those alone (sock_diag(7)); -1 where it
/// does not.
static int ask_listening(int family, struct table *table) {
  int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (netlink < 0) return -1;
  struct {
    struct nlmsghdr head;
    struct inet_diag_req_v2 body;
  } ask = {.head = {sizeof ask, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 0, 0},
           .body = {.sdiag_family = (unsigned char)family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = 1 << 0x0A}};
  int done = send(netlink, &ask, sizeof ask, 0) == (ssize_t)sizeof ask ? 0 : -1;
  _Alignas(struct nlmsghdr) char answer[1 << 15];
  while (done == 0) {
    ssize_t got = recv(netlink, answer, sizeof answer, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) done = -1;
    unsigned left = got > 0 ? (unsigned)got : 0;
    for (struct nlmsghdr *head = (void *)answer; done == 0 && NLMSG_OK(head, left); head = NLMSG_NEXT(head, left)) {
      if (head->nlmsg_type == NLMSG_DONE) done = 1;
      else if (head->nlmsg_type == NLMSG_ERROR) done = -1;
      else {
        const struct inet_diag_msg *one = NLMSG_DATA(head);
        if (add(table, one->idiag_inode, ntohs(one->id.idiag_sport)) != 0) done = -1;
      }
    }
  }
  close(netlink);
  return done == 1 ? 0 : -1;
}

/// The same from the table in /proc: the kernel goes through every socket's place for it, 5 ms on a large machine.
static void read_listening(const char *path, struct table *table) {
  size_t length = 0;
  char *text = whole(path, 1 << 26, &length), *rest = NULL;
  for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest)) {
    unsigned port = 0, state = 0;
    unsigned long inode = 0;
    int fields = sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %*u %*d %lu", &port,
                        &state, &inode);
    if (fields == 3 && state == 0x0A && inode != 0 && add(table, inode, (int)port) != 0) break;
  }
  free(text);
}

int apus_listening(const pid_t *pids, int count, struct apus_listener *found, int room) {
  struct table table = {NULL, 0};
  if (ask_listening(AF_INET, &table) != 0 || ask_listening(AF_INET6, &table) != 0) {
    read_listening("/proc/net/tcp", &table);
    read_listening("/proc/net/tcp6", &table);
  }
  struct listening *all = table.all;
  int sockets = table.count;
  if (sockets == 0) {
    free(all);
    return 0;
  }
  qsort(all, (size_t)sockets, sizeof *all, by_inode);
  int listeners = 0;
  for (int at = 0; at < count; at++) {
    char path[64], target[64];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pids[at]);
    DIR *descriptors = opendir(path);
    struct dirent *entry;
    while (descriptors && (entry = readdir(descriptors))) {
      ssize_t got = readlinkat(dirfd(descriptors), entry->d_name, target, sizeof target - 1);
      if (got <= 0) continue;
      target[got] = 0;
      struct listening wanted = {0, 0};
      if (sscanf(target, "socket:[%lu]", &wanted.inode) != 1) continue;
      struct listening *known = bsearch(&wanted, all, (size_t)sockets, sizeof *all, by_inode);
      if (!known) continue;
      if (listeners < room) found[listeners] = (struct apus_listener){pids[at], known->port};
      listeners++;
    }
    if (descriptors) closedir(descriptors);
  }
  free(all);
  return listeners;
}

static int listens_alone(int family, int port) {
  int descriptor = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  // A machine without that family has nobody there.
  if (descriptor < 0) return 1;
  int on = 1;
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  int done;
  if (family == AF_INET) {
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    done = bind(descriptor, (struct sockaddr *)&any, sizeof any);
  } else {
    setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    done = bind(descriptor, (struct sockaddr *)&any, sizeof any);
    if (done < 0 && (errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT)) done = 0, family = 0;
  }
  if (done == 0 && family != 0) done = listen(descriptor, 1);
  close(descriptor);
  return done == 0;
}

int apus_port_is_free(int port) { return listens_alone(AF_INET, port) && listens_alone(AF_INET6, port); }

int apus_unix_listens(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return -1;
  strcpy(address.sun_path, path);
  int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return -1;
  int connected = connect(descriptor, (struct sockaddr *)&address, sizeof address);
  int failure = errno;
  close(descriptor);
  errno = failure;
  // EAGAIN: somebody listens and has a full queue.
  if (connected == 0 || failure == EAGAIN) return 1;
  return failure == ECONNREFUSED ? 0 : -1;
}

// ---- the machine ----

int apus_boot_id(char *text, size_t room) {
  size_t length = 0;
  char *id = whole("/proc/sys/kernel/random/boot_id", 64, &length);
  if (!id) return -1;
  while (length > 0 && id[length - 1] == '\n') id[--length] = 0;
  int fits = length > 0 && length < room;
  if (fits) memcpy(text, id, length + 1);
  free(id);
  return fits ? 0 : -1;
}

double apus_boot_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double apus_tick_seconds(void) { return 1.0 / (double)sysconf(_SC_CLK_TCK); }
