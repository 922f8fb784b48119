import ApusLoop

@LoopActor
final class SessionsFileDesk {
  func write(scopes: Set<String>) {}
}
