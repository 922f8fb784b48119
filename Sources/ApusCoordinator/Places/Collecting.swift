import ApusCore
import ApusGit
import ApusLoop
import ApusWire
import CSystem

// What age allows to go: planned, shown, and, once approved, looked at again and removed.

extension Coordinator {
  /// The plan; with `approved`, what became of those of it.
  package func garbage(_ request: GarbageRequest) async throws -> [GarbageObject] {
    let days = try request.days ?? settings.number(.keepDays)
    let plan = try await plan(olderThan: days * 86_400)
    guard let approved = request.approved else { return plan.map(\.object) }
    var done: [GarbageObject] = []
    for id in approved {
      guard let item = plan.first(where: { $0.object.id == id }) else {
        var gone = GarbageObject(id: id, kind: "unknown", what: id, why: "it is not in the plan any more")
        gone.result = "kept"
        done.append(gone)
        continue
      }
      var object = item.object
      do {
        try await item.perform()
        object.result = "removed"
      } catch { object.result = "kept: " + ((error as? Failure)?.summary ?? "\(error)") }
      log.info("gc: \(object.kind) \(object.what): \(object.result ?? "")")
      done.append(object)
    }
    figures.forgetDisk()
    return done
  }

  private struct Item {
    var object: GarbageObject
    var perform: () async throws -> Void
  }

  private func plan(olderThan seconds: Double) async throws -> [Item] {
    let limit = now - seconds
    var items: [Item] = []
    for session in sessions.values.sorted(by: { ($0.lastActive, $0.id) < ($1.lastActive, $1.id) }) {
      if session.state == .archived, let at = session.archivedAt, at < limit, live[session.id] == nil {
        let directory = places.runs + "/" + session.id
        guard Files.isThere(directory) else { continue }
        let bytes = await Offload.run { Int(apus_tree_bytes(directory)) }
        let object = GarbageObject(
          id: "runs-\(session.id)", kind: "runs", what: "recordings of \(session.name)",
          why: "archived \(MomentText.age(now - at)) ago", bytes: max(0, bytes))
        items.append(
          Item(object: object) { [self] in
            guard sessions[session.id]?.state == .archived, live[session.id] == nil else {
              throw Failure(.sessionLive, "\(session.name) is back")
            }
            await Offload.run { Files.removeTree(directory) }
          })
      }
      guard let place = session.place, place.worktree != nil, let at = place.mergedAt, at < limit,
        session.state != .archived, !session.state.isLive, session.lastActive < limit
      else { continue }
      let object = GarbageObject(
        id: "place-\(session.id)", kind: "place", what: "worktree and branch of \(session.name)",
        why: "merged \(MomentText.age(now - at)) ago")
      items.append(
        Item(object: object) { [self] in
          _ = try await remove(RemoveRequest(session: session.id, overruled: [], plansOnly: false))
        })
    }
    return items + (await oldRescues(limit))
  }

  private func oldRescues(_ limit: Moment) async -> [Item] {
    var items: [Item] = []
    var repositories: [String: Repository] = [:]
    for place in sessions.values.compactMap(\.place) {
      repositories[place.repository] = Repository(common: place.repository, checkout: place.checkout)
    }
    let environment = self.environment
    for repository in repositories.values.sorted(by: { $0.common < $1.common }) where Files.isThere(repository.common) {
      let entries = try? await Offload.trying { () throws(Failure) in
        try Rescue.list(try Git(environment: environment), repository)
      }
      for entry in entries ?? [] where entry.at < limit {
        let object = GarbageObject(
          id: entry.id, kind: "rescue", what: entry.ref, why: "kept for \(MomentText.age(now - entry.at))")
        items.append(
          Item(object: object) { [self] in
            try await desk.inTurn(repository) { () throws(Failure) in
              try Refs.delete(try Git(environment: environment), repository, entry.ref, at: entry.commit)
            }
          })
      }
    }
    return items
  }

  // MARK: places, for shells

  package func place(_ request: SessionRequest) throws -> PlaceObject {
    let session = try require(request.session)
    var variables = session.place?.variables ?? [:]
    variables["APUS_SESSION"] = session.name
    return PlaceObject(
      name: session.name, directory: session.directory, variables: variables,
      environment: session.spec.environment.merging(variables) { $1 })
  }
}
