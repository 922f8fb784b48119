import ApusCore
import ApusWire

/// Locks as a person reads them.
enum LockOutput {
  static func list(_ bytes: [UInt8], _ context: Context) throws(Failure) -> Int32 {
    let output = context.output
    if context.isJSON {
      output.line(bytes)
      return 0
    }
    let locks: [LockObject] = try context.decode(bytes)
    if locks.isEmpty {
      output.write("No lock is held.\n")
      return 0
    }
    let names = max(4, locks.map { Width.of($0.name) }.max() ?? 4)
    let holders = min(28, max(6, locks.map { Width.of(holder($0)) }.max() ?? 6))
    output.write(
      output.styled(
        Width.fit("LOCK", names) + "  " + Width.fit("HOLDER", holders)
          + "  SINCE   WHY                 LAST SIGN OF LIFE",
        .dim) + "\n")
    for lock in locks {
      let since = lock.age.map { MomentText.age($0) } ?? "–"
      let proof = lock.proof.map { "\($0), \(MomentText.age(lock.proofAge ?? 0)) ago" } ?? lock.evidence ?? ""
      let line =
        Width.fit(lock.name, names) + "  " + Width.fit(holder(lock), holders) + "  " + Width.fit(since, 6) + "  "
        + Width.fit(lock.note ?? "–", 18) + "  " + proof
      output.write(Width.cut(line, output.columns) + "\n")
      for (place, waiting) in lock.queue.enumerated() {
        let text =
          "  \(LockWords.place(place + 1)): \(waiting.owner.id) \(waiting.owner.name), \(MomentText.age(waiting.age))"
        output.write(output.styled(Width.cut(text, output.columns), .dim) + "\n")
      }
    }
    return 0
  }

  private static func holder(_ lock: LockObject) -> String {
    guard let holder = lock.holder else { return "–" }
    let name = holder.isSession ? "\(holder.id) \(holder.name)" : holder.name
    return lock.state == "draining" ? name + " (died)" : name
  }

  static func show(_ bytes: [UInt8], _ context: Context) throws(Failure) -> Int32 {
    let output = context.output
    let locks: [LockObject] = try context.decode(bytes)
    guard let lock = locks.first else { return 0 }
    if context.isJSON {
      output.json(lock)
      return 0
    }
    output.write("\(output.styled(lock.name, .bold))  \(lock.state)\(lock.scope.isEmpty ? ", everywhere" : "")\n")
    func row(_ name: String, _ value: String?) {
      if let value, !value.isEmpty { output.write("  \(Width.fit(name, 10)) \(value)\n") }
    }
    row("holder", lock.holder.map { "\($0.name) (\($0.id))" })
    row("since", lock.since.map { "\($0), \(MomentText.age(lock.age ?? 0)) ago" })
    row("why", lock.note)
    row("token", lock.token.map { String($0) })
    row("proof", lock.proof.map { "\($0), \(MomentText.age(lock.proofAge ?? 0)) ago" })
    row("at death", lock.holder == nil ? nil : lock.onDeath)
    row("died", lock.evidence)
    if lock.holds > 1 { row("taken", "\(lock.holds) times by the same holder") }
    for (place, waiting) in lock.queue.enumerated() {
      let note = waiting.note.map { " (\($0))" } ?? ""
      row(
        LockWords.place(place + 1),
        "\(waiting.owner.name) (\(waiting.owner.id)), for \(MomentText.age(waiting.age))\(note)")
    }
    row("place", lock.scope)
    return 0
  }

  static func history(_ bytes: [UInt8], _ context: Context) throws(Failure) -> Int32 {
    let output = context.output
    if context.isJSON {
      output.line(bytes)
      return 0
    }
    let stories: [LockStoryObject] = try context.decode(bytes)
    if stories.isEmpty { output.write("Nothing was locked here yet.\n") }
    for story in stories {
      let note = story.note.map { " (\($0))" } ?? ""
      let line =
        "\(story.since.prefix(10)) \(story.since.dropFirst(11).prefix(8))  \(Width.fit(story.name, 12))  "
        + "\(story.holder.name)\(note), \(MomentText.age(story.seconds)): \(story.ending)"
      output.write(Width.cut(line, max(80, output.columns)) + "\n")
    }
    return 0
  }
}
