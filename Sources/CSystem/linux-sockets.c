#define _GNU_SOURCE
#include "CSystem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

// ---- sockets ----

static int unix_address(const char *path, struct sockaddr_un *address) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  if (strlen(path) >= sizeof address->sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(address->sun_path, path);
  return 0;
}

int apus_unix_listen(const char *path, int backlog) {
  struct sockaddr_un address;
  if (unix_address(path, &address) != 0) return -1;
  int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return -1;
  mode_t before = umask(0177);
  int bound = bind(descriptor, (struct sockaddr *)&address, sizeof address);
  int failure = errno;
  umask(before);
  if (bound != 0 || listen(descriptor, backlog) != 0) {
    if (bound == 0) failure = errno;
    close(descriptor);
    errno = failure;
    return -1;
  }
  return descriptor;
}

static int unix_connect(const char *path, int flags) {
  struct sockaddr_un address;
  if (unix_address(path, &address) != 0) return -1;
  int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  if (descriptor < 0) return -1;
  if (connect(descriptor, (struct sockaddr *)&address, sizeof address) != 0) {
    int failure = errno;
    close(descriptor);
    errno = failure;
    return -1;
  }
  return descriptor;
}

int apus_unix_connect(const char *path, int nonblocking) {
  int descriptor = unix_connect(path, 0);
  if (descriptor >= 0 && nonblocking) apus_set_nonblocking(descriptor, 1);
  return descriptor;
}

int apus_unix_connect_at_once(const char *path) { return unix_connect(path, SOCK_NONBLOCK); }

int apus_unix_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }

int apus_peer_user(int descriptor, uid_t *user) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return -1;
  *user = peer.uid;
  return 0;
}

int apus_tcp_listen(const char *text, int *port, int backlog) {
  union {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
  } address;
  memset(&address, 0, sizeof address);
  socklen_t length;
  if (inet_pton(AF_INET, text, &address.four.sin_addr) == 1) {
    address.four.sin_family = AF_INET;
    address.four.sin_port = htons((uint16_t)*port);
    length = sizeof address.four;
  } else if (inet_pton(AF_INET6, text, &address.six.sin6_addr) == 1) {
    address.six.sin6_family = AF_INET6;
    address.six.sin6_port = htons((uint16_t)*port);
    length = sizeof address.six;
  } else {
    errno = EINVAL;
    return -1;
  }
  int descriptor = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return -1;
  int on = 1;
  // A daemon that follows another has its port at once; two at a time never have one.
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.any.sa_family == AF_INET6) setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (bind(descriptor, &address.any, length) != 0 || listen(descriptor, backlog) != 0 ||
      getsockname(descriptor, &address.any, &length) != 0) {
    int failure = errno;
    close(descriptor);
    errno = failure;
    return -1;
  }
  *port = ntohs(address.any.sa_family == AF_INET ? address.four.sin_port : address.six.sin6_port);
  return descriptor;
}

int apus_duplicate(int descriptor) { return fcntl(descriptor, F_DUPFD_CLOEXEC, 3); }

long apus_raise_descriptors(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  rlim_t wanted = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
  if (limit.rlim_cur < wanted) {
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return (long)before;
  }
  return limit.rlim_cur < 65536 ? (long)limit.rlim_cur : 65536;
}
