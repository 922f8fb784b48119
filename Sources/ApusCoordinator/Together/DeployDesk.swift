import ApusLoop

@LoopActor
final class DeployDesk {
  func awaits(_ session: String) -> Bool { false }
}
