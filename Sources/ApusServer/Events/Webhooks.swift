import ApusCoordinator
import ApusCore
import ApusLoop
import CSystem

/// Tells those who asked for it of events, by requests. Each goes at a pace of its own, and where it was is kept: nothing
/// is left out, also over the ends of daemons; what was not clearly taken is sent again.
@LoopActor
final class Webhooks {
  private static let batch = 100
  private static let most = 50

  private let brain: Coordinator
  private let feed: Feed
  private let log: Log
  private(set) var all: [String: Webhook] = [:]
  private var working: Set<String> = []

  init(_ brain: Coordinator, _ feed: Feed, _ log: Log) {
    self.brain = brain
    self.feed = feed
    self.log = log
  }

  func begin() throws {
    for webhook in try brain.loadWebhooks() { all[webhook.id] = webhook }
    feed.onEvents = { [unowned self] in wake() }
    wake()
  }

  func add(_ webhook: Webhook) throws {
    guard all.count < Self.most else {
      throw Failure(.limitReached, "there are \(Self.most) webhooks already", hint: "remove one that is not used")
    }
    try brain.keep(webhook)
    all[webhook.id] = webhook
    wake()
  }

  func remove(_ id: String) throws {
    guard all[id] != nil else {
      throw Failure(
        .webhookNotFound, "there is no webhook \(SessionName.excerpt(id))", hint: "`GET /v1/webhooks` lists them")
    }
    try brain.forgetWebhook(id)
    all[id] = nil
  }

  private func wake() { for id in all.keys { work(id) } }

  private func work(_ id: String) {
    guard all[id]?.isGone == false, working.insert(id).inserted else { return }
    LoopActor.begin { [weak self] in
      await self?.deliver(id)
    }
  }

  /// Until it is up to date, or fails: then it is tried again later.
  private func deliver(_ id: String) async {
    do {
      while let webhook = all[id], !webhook.isGone {
        let items = try feed.items(after: webhook.position)
        guard let last = items.last else { break }
        let wanted = items.prefix(Self.batch).filter { takes($0, webhook) }
        let position = items.count > Self.batch ? items[Self.batch - 1].number : last.number
        guard !wanted.isEmpty else {
          all[id]?.position = position
          // Many that are not wanted would else keep everybody waiting.
          await Task.yield()
          continue
        }
        let outcome = await send(wanted, webhook)
        guard var webhook = all[id] else { break }
        if case .answered(let status) = outcome, (200..<300).contains(status) {
          (webhook.position, webhook.failures, webhook.problem) = (position, 0, nil)
        } else {
          webhook.failures += 1
          webhook.problem = Self.words(outcome)
          webhook.isGone = outcome == .answered(410)
          log.warning("webhook \(id): \(webhook.problem ?? ""), \(webhook.failures) in a row")
        }
        try brain.keep(webhook)
        all[id] = webhook
        if webhook.failures > 0 { return later(id, Int(webhook.pause * 1000)) }
      }
      working.remove(id)
    } catch {
      log.error("webhook \(id): \(error)")
      later(id, 60_000)
    }
  }

  private func later(_ id: String, _ milliseconds: Int) {
    Timers.shared.after(milliseconds) { [weak self] in
      self?.working.remove(id)
      self?.work(id)
    }
  }

  private func takes(_ item: Feed.Item, _ webhook: Webhook) -> Bool {
    webhook.takes(type: item.type) && (webhook.session == nil || webhook.session == item.session)
      && webhook.grant.sees(owner: brain.owner(of: item.session))
  }

  private func send(_ items: [Feed.Item], _ webhook: Webhook) async -> Posted {
    let data = items.map { webhook.grant.seesSecrets ? $0.data : Secrets.hidden(in: $0.data) }
    let body = Array(#"{"events":["#.utf8) + data.joined(separator: [UInt8(ascii: ",")]) + Array("]}".utf8)
    let time = String(Int(apus_wall_seconds()))
    let signature = Digest.hmac(Array("\(time).".utf8) + body, key: webhook.secret)
    let inside = (try? brain.settings.flag(.webhooksInside)) ?? false
    return await brain.post(
      webhook.url, body,
      headers: [("Apus-Webhook", webhook.id), ("Apus-Signature", "t=\(time),v1=\(signature)")], inside: inside)
  }

  private static func words(_ outcome: Posted) -> String {
    switch outcome {
    case .answered(let status): "answered \(status)"
    case .failed(let why): why
    }
  }
}
