#pragma once
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <string.h>
#include <zlib.h>

/// Nothing is unescaped behind our back: a path is taken apart before its escapes are read.
static inline size_t apus_http_leave_escapes(void *context, struct MHD_Connection *connection, char *text) {
  (void)context;
  (void)connection;
  return strlen(text);
}

/// What a server is told when it starts. `certificate` and `key` are PEM text, or null for one without TLS.
struct apus_http_settings {
  int listener;
  MHD_AccessHandlerCallback handler;
  MHD_RequestCompletedCallback completed;
  void *context;
  unsigned int connections, idle_seconds;
  size_t connection_bytes;
  const char *certificate, *key;
};

/// Serves a listening socket on a thread of its own. MHD_start_daemon takes a list of options, which Swift cannot say.
static inline struct MHD_Daemon *apus_http_start(const struct apus_http_settings *settings) {
  unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE;
  struct MHD_OptionItem tls[] = {
    {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)settings->certificate},
    {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)settings->key},
    {MHD_OPTION_END, 0, NULL},
  };
  struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
  if (settings->certificate) flags |= MHD_USE_TLS;
  return MHD_start_daemon(
    flags, 0, NULL, NULL, settings->handler, settings->context,
    MHD_OPTION_LISTEN_SOCKET, settings->listener,
    MHD_OPTION_NOTIFY_COMPLETED, settings->completed, settings->context,
    MHD_OPTION_UNESCAPE_CALLBACK, apus_http_leave_escapes, NULL,
    MHD_OPTION_STRICT_FOR_CLIENT, 1,
    MHD_OPTION_CONNECTION_LIMIT, settings->connections,
    MHD_OPTION_CONNECTION_TIMEOUT, settings->idle_seconds,
    MHD_OPTION_CONNECTION_MEMORY_LIMIT, settings->connection_bytes,
    MHD_OPTION_ARRAY, settings->certificate ? tls : none,
    MHD_OPTION_END);
}

/// The socket of a connection.
static inline int apus_http_socket(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *found = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return found ? found->connect_fd : -1;
}

/// Ends a connection that was upgraded. MHD_upgrade_action takes more where there is more to say.
static inline void apus_http_upgrade_close(struct MHD_UpgradeResponseHandle *handle) {
  MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
}

/// A response that becomes another protocol. Which one is said by its headers.
static inline struct MHD_Response *apus_http_upgrade(MHD_UpgradeHandler handler, void *context) {
  return MHD_create_response_for_upgrade(handler, context);
}

static inline int apus_sha256(const void *bytes, size_t count, void *digest) {
  return gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, count, digest);
}
static inline int apus_sha1(const void *bytes, size_t count, void *digest) {
  return gnutls_hash_fast(GNUTLS_DIG_SHA1, bytes, count, digest);
}
static inline int apus_hmac_sha256(const void *key, size_t key_count, const void *bytes, size_t count, void *digest) {
  return gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, key_count, bytes, count, digest);
}
/// Bytes nobody can foresee.
static inline int apus_random_key(void *bytes, size_t count) { return gnutls_rnd(GNUTLS_RND_KEY, bytes, count); }
