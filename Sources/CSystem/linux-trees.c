#define _GNU_SOURCE
#include "CSystem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Directories with all that is below them. Links are not followed, other file systems not entered, and every step is
// taken from the open directory above it: nothing that is renamed or replaced meanwhile leads elsewhere.

static const int deepest = 64;

static DIR *open_directory(int above, const char *name, dev_t *device) {
  int descriptor = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (descriptor < 0) return NULL;
  struct stat facts;
  if (fstat(descriptor, &facts) != 0 || (*device != 0 && facts.st_dev != *device)) {
    close(descriptor);
    errno = EXDEV;
    return NULL;
  }
  *device = facts.st_dev;
  DIR *directory = fdopendir(descriptor);
  if (!directory) close(descriptor);
  return directory;
}

static int is_itself(const char *name) { return strcmp(name, ".") == 0 || strcmp(name, "..") == 0; }

static long long measure(int above, const char *name, dev_t device, int depth) {
  DIR *directory = open_directory(above, name, &device);
  if (!directory) return -1;
  long long bytes = 0;
  struct dirent *entry;
  struct stat facts;
  while ((entry = readdir(directory))) {
    if (strcmp(entry->d_name, "..") == 0) continue;
    if (fstatat(dirfd(directory), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!S_ISDIR(facts.st_mode) || strcmp(entry->d_name, ".") == 0) {
      bytes += (long long)facts.st_blocks * 512;
    } else if (depth > 0) {
      long long below = measure(dirfd(directory), entry->d_name, device, depth - 1);
      if (below > 0) bytes += below;
    }
  }
  closedir(directory);
  return bytes;
}

long long apus_tree_bytes(const char *path) { return measure(AT_FDCWD, path, 0, deepest); }

static int empty(int above, const char *name, dev_t device, int depth) {
  DIR *directory = open_directory(above, name, &device);
  if (!directory) return -1;
  int failure = 0;
  struct dirent *entry;
  struct stat facts;
  while ((entry = readdir(directory))) {
    if (is_itself(entry->d_name)) continue;
    if (fstatat(dirfd(directory), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0) continue;
    int is_directory = S_ISDIR(facts.st_mode);
    if (is_directory && (depth == 0 || empty(dirfd(directory), entry->d_name, device, depth - 1) != 0)) {
      failure = errno;
      continue;
    }
    if (unlinkat(dirfd(directory), entry->d_name, is_directory ? AT_REMOVEDIR : 0) != 0 && errno != ENOENT)
      failure = errno;
  }
  closedir(directory);
  if (failure == 0) return 0;
  errno = failure;
  return -1;
}

int apus_tree_remove(const char *path) {
  if (empty(AT_FDCWD, path, 0, deepest) != 0) return -1;
  return rmdir(path);
}
