import ApusCore
import ApusWire

// What doors have kept for them: who may come in, where they listen.

extension Coordinator {
  private static let tokenKey = "token:"
  private static let listenKey = "listen:"
  private static let webhookKey = "webhook:"

  package func loadTokens() throws -> [AccessToken] { try loadKept(Self.tokenKey) }

  package func keep(_ token: AccessToken) throws {
    try store.saveValue(Self.tokenKey + token.id, try JSONText.string(token))
    log.info("access token \(token.id): made, \(token.grant.scope.text)")
  }

  package func forgetToken(_ id: String) throws {
    try store.removeValue(Self.tokenKey + id)
    log.info("access token \(id): revoked")
  }

  package func loadWebhooks() throws -> [Webhook] { try loadKept(Self.webhookKey) }

  package func keep(_ webhook: Webhook) throws {
    try store.saveValue(Self.webhookKey + webhook.id, try JSONText.string(webhook))
  }

  package func forgetWebhook(_ id: String) throws { try store.removeValue(Self.webhookKey + id) }

  /// What it is to listen at whenever a daemon runs.
  package func loadListens() throws -> [ListenRequest] { try loadKept(Self.listenKey) }

  package func keep(_ request: ListenRequest, at address: String) throws {
    try store.saveValue(Self.listenKey + address, try JSONText.string(request))
  }

  package func forgetListen(_ address: String) throws { try store.removeValue(Self.listenKey + address) }

  package func runDirectory(session: String, run: Int) -> String { places.runDirectory(session: session, run: run) }

  package func loadFeed(after number: Int64, limit: Int) throws -> [NumberedEvent] {
    try store.loadFeed(after: number, limit: limit)
  }

  package var lastInFeed: Int64 { store.lastInFeed }

  private func loadKept<T: Decodable>(_ prefix: String) throws -> [T] {
    try store.loadValues(prefix: prefix).sorted { $0.key < $1.key }.compactMap { key, text in
      do { return try JSONText.decode(T.self, from: Array(text.utf8)) } catch {
        // A later version's, perhaps: left as it is, and nobody is let in for it.
        log.warning("\(key) cannot be read: \(error)")
        return nil
      }
    }
  }
}
