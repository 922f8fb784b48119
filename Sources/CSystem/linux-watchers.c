#define _GNU_SOURCE
#include "CSystem.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int apus_watchers_below(const char *directory, pid_t *pids, int room) {
  DIR *processes = opendir("/proc");
  if (!processes) return -1;
  int count = 0;
  size_t length = strlen(directory);
  while (length > 0 && directory[length - 1] == '/') length--;
  struct dirent *entry;
  while ((entry = readdir(processes))) {
    if (!isdigit((unsigned char)entry->d_name[0])) continue;
    char path[512], target[PATH_MAX];
    snprintf(path, sizeof path, "/proc/%s/cwd", entry->d_name);
    ssize_t got = readlink(path, target, sizeof target - 1);
    if (got < 0) continue;
    target[got] = 0;
    if (strncmp(target, directory, length) != 0 || (target[length] != 0 && target[length] != '/')) continue;
    snprintf(path, sizeof path, "/proc/%s/fd", entry->d_name);
    DIR *descriptors = opendir(path);
    if (!descriptors) continue;
    struct dirent *descriptor;
    int watches = 0;
    while (!watches && (descriptor = readdir(descriptors))) {
      char link[1024];
      snprintf(link, sizeof link, "%s/%s", path, descriptor->d_name);
      got = readlink(link, target, sizeof target - 1);
      if (got < 0) continue;
      target[got] = 0;
      watches = strstr(target, "inotify") != NULL && strncmp(target, "anon_inode", 10) == 0;
    }
    closedir(descriptors);
    if (watches) {
      if (count < room) pids[count] = (pid_t)atoi(entry->d_name);
      count++;
    }
  }
  closedir(processes);
  return count;
}
