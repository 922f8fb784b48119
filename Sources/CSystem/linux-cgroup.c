#define _GNU_SOURCE
#include "CSystem.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/// Where the second version of control groups is mounted.
static int mounted_at(char *path, size_t room) {
  FILE *mounts = setmntent("/proc/self/mounts", "re");
  if (!mounts) return -1;
  int found = -1;
  struct mntent *mount;
  while (found < 0 && (mount = getmntent(mounts))) {
    if (strcmp(mount->mnt_type, "cgroup2") != 0) continue;
    if (snprintf(path, room, "%s", mount->mnt_dir) < (int)room) found = 0;
  }
  endmntent(mounts);
  return found;
}

/// The group this process is in, as a directory.
static int own_group(char *path, size_t room) {
  char mount[512], line[1024];
  if (mounted_at(mount, sizeof mount) != 0) return -1;
  FILE *groups = fopen("/proc/self/cgroup", "re");
  if (!groups) return -1;
  int found = -1;
  while (found < 0 && fgets(line, sizeof line, groups)) {
    if (strncmp(line, "0::", 3) != 0) continue;
    line[strcspn(line, "\n")] = 0;
    const char *below = strcmp(line + 3, "/") == 0 ? "" : line + 3;
    if (snprintf(path, room, "%s%s", mount, below) < (int)room) found = 0;
  }
  fclose(groups);
  return found;
}

static int write_file(const char *directory, const char *name, const char *text) {
  char path[1200];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  int descriptor = open(path, O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) return -1;
  ssize_t written = write(descriptor, text, strlen(text));
  int failure = errno;
  close(descriptor);
  errno = failure;
  return written < 0 ? -1 : 0;
}

/// Ours to divide: where systemd keeps the groups, only what it marked as delegated; elsewhere whatever we may write.
static int is_delegated(const char *path) {
  if (access("/run/systemd/system", F_OK) == 0) {
    char value[8] = "";
    return (getxattr(path, "user.delegate", value, sizeof value) > 0 ||
            getxattr(path, "trusted.delegate", value, sizeof value) > 0) &&
           value[0] == '1';
  }
  return 1;
}

int apus_group_make(const char *name, char *path, size_t room) {
  char own[1024];
  if (own_group(own, sizeof own) != 0 || !is_delegated(own)) return -1;
  if (snprintf(path, room, "%s/%s", own, name) >= (int)room) return -1;
  if (mkdir(path, 0755) != 0 && errno != EEXIST) return -1;
  // A kernel without cgroup.kill gives us nothing the walk of /proc does not.
  char kill[1200];
  snprintf(kill, sizeof kill, "%s/cgroup.kill", path);
  if (access(kill, W_OK) == 0) return 0;
  rmdir(path);
  return -1;
}

int apus_group_enter(const char *path) { return write_file(path, "cgroup.procs", "0"); }

int apus_group_leave(const char *prefix) {
  char own[1024];
  if (own_group(own, sizeof own) != 0) return -1;
  char *last = strrchr(own, '/');
  if (!last || strncmp(last + 1, prefix, strlen(prefix)) != 0) return 0;
  *last = 0;
  return apus_group_enter(own);
}

int apus_group_members(const char *path, pid_t *pids, int room) {
  char name[1200];
  snprintf(name, sizeof name, "%s/cgroup.procs", path);
  FILE *members = fopen(name, "re");
  if (!members) return -1;
  int count = 0, pid;
  while (fscanf(members, "%d", &pid) == 1) {
    if (count < room) pids[count] = pid;
    count++;
  }
  fclose(members);
  return count;
}

int apus_group_kill(const char *path) { return write_file(path, "cgroup.kill", "1"); }

int apus_group_remove(const char *path) {
  char above[1200], text[16];
  snprintf(above, sizeof above, "%s", path);
  char *last = strrchr(above, '/');
  if (!last) return -1;
  *last = 0;
  pid_t pids[256];
  // Again where somebody was born there meanwhile.
  for (int round = 0; rmdir(path) != 0; round++) {
    if (errno != EBUSY || round == 8) return -1;
    int count = apus_group_members(path, pids, 256);
    for (int at = 0; at < count && at < 256; at++) {
      snprintf(text, sizeof text, "%d", (int)pids[at]);
      write_file(above, "cgroup.procs", text);
    }
  }
  return 0;
}
