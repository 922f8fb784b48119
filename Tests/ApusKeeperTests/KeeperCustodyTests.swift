import ApusFrames
import ApusTestKit
import CSystem
import Glibc
import Testing

@testable import ApusKeeper

@Suite("what a keeper owns and what owns it") struct KeeperCustodyTests {
  @Test func `a keeper is nobody's child and has a session of its own`() throws {
    let run = try Kept("cat")
    let parent = try #require(ProcessID.parent(of: run.card.keeper))
    #expect(parent != getpid() && parent != run.launcher)
    // Init, or a subreaper among those above us.
    var above: [Int32] = [1]
    var at = getpid()
    while at > 1, let next = ProcessID.parent(of: at) {
      at = next
      above.append(at)
    }
    #expect(above.contains(parent))
    #expect(getsid(run.card.keeper) == run.card.keeper)
    #expect(getsid(run.card.agent) == run.card.agent)
    #expect(ProcessID.parent(of: run.card.agent) == run.card.keeper)
  }

  @Test func `the card names both processes for certain`() throws {
    let run = try Kept("cat")
    #expect(ProcessID(pid: run.card.keeper) == run.keeper)
    #expect(ProcessID(pid: run.card.agent) == run.agent)
    let welcome = try Attached(run.socket).hello()
    #expect(welcome.agentStart == run.card.agentStart)
  }

  @Test func `the agent gets what the order says and nothing else`() throws {
    let run = try Kept(
      program: "/bin/sh",
      arguments: [
        "agent", "-c",
        "env | grep -v ^_= | sort; pwd; echo \"$0\" \"$1\"; grep -E 'Sig(Blk|Ign)' /proc/self/status; ls /proc/self/fd",
        "zero", "two words\nand a line",
      ], environment: ["B=x=y z", "EMPTY="], working: "/usr")
    let told = try run.finish()
    // glibc's posix_spawn ignores its own signals 32 and 33 in every child; elsewhere they are not.
    #expect(
      told.text.replacing("SigIgn:\t0000000000000000", with: "SigIgn:\t0000000180000000") == """
        B=x=y z
        EMPTY=
        PATH=/usr/local/bin:/usr/bin:/bin
        PWD=/usr
        /usr
        zero two words
        and a line
        SigBlk:\t0000000000000000
        SigIgn:\t0000000180000000
        0
        1
        2
        3

        """)
  }

  @Test func `children that went their own way and heed nothing are gone at the end`() throws {
    let run = try Kept(
      """
      stay='trap "" TERM HUP INT; echo child $$; exec tail -f /dev/null'
      setsid sh -c "$stay" &
      (setsid sh -c "$stay" &)
      (nohup sh -c "$stay" &)
      setsid sh -c "setsid sh -c '$stay' & $stay" &
      read go
      exit 5
      """)
    let attached = try run.attach()
    let text = try attached.read { all in String(decoding: all, as: UTF8.self).split(separator: "\n").count >= 5 }
    let pids = String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap { Int32($0.dropFirst(6)) }
    #expect(pids.count == 5)
    let children = try pids.map { try #require(ProcessID(pid: $0)) }
    #expect(children.filter(\.isAlive).count == 5)
    try attached.send(.input(number: 1, bytes: Array("go\n".utf8)))
    let told = try attached.followToEnd()
    #expect(told.ending == .exit(5))
    // At the moment the ending is told, nothing is left.
    #expect(children.filter(\.isAlive).isEmpty)
    try attached.send(.acknowledgeEnding)
    try run.keeper.waitForEnd()
  }

  @Test func `what forks as fast as it can is gone at the end too`() throws {
    let place = try TemporaryDirectory()
    let run = try Kept(
      """
      cat > f.sh <<'X'
      trap '' TERM
      [ "$1" -gt 0 ] || exec tail -f /dev/null
      sh f.sh $(($1 - 1)) & setsid sh f.sh $(($1 - 1)) &
      wait
      X
      sh f.sh 4 & echo started; exit 0
      """, working: place.path)
    let told = try run.attach().followToEnd()
    #expect(told.ending == .exit(0))
    #expect(Tree(root: run.card.keeper).isEmpty)
  }

  @Test func `a daemon or keeper of ours that was started inside is left alone with all below it`() throws {
    let run = try Kept(
      """
      APUS_ROLE=daemon setsid sh -c 'echo ours $$; tail -f /dev/null > /dev/null & echo below $!; wait' &
      read go
      """)
    let attached = try run.attach()
    let text = try attached.read { String(decoding: $0, as: UTF8.self).split(separator: "\n").count >= 2 }
    let pids = String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap {
      Int32($0.split(separator: " ")[1])
    }
    let ours = try pids.map { try #require(ProcessID(pid: $0)) }
    defer { for process in ours { process.signal(SIGKILL) } }
    try attached.send(.input(number: 1, bytes: Array("go\n".utf8)))
    // It still holds the agent's output open: the ending does not wait for it.
    #expect(try run.finish().ending == .exit(0))
    #expect(ours.filter(\.isAlive).count == 2)
  }

  @Test func `a second keeper for the same run does not begin and harms nothing`() throws {
    let run = try Kept("cat")
    let again = try Kept.launch(directory: run.directory)
    #expect(again.said.hasPrefix("the keeper's socket: "))
    let elsewhere = Kept.order(socket: run.directory + "/other", program: "/bin/true", arguments: ["true"])
    let other = try Kept.launch(elsewhere, in: run.directory)
    #expect(other.said.hasPrefix("the recording: "))
    #expect(access(run.directory + "/other", F_OK) != 0)
    let attached = try run.attach()
    try attached.send(.input(number: 1, bytes: Array("fine\n".utf8)))
    #expect(try attached.read(to: "fine\n") == "fine\n")
  }

  @Test func `a launch order that cannot be read is said so`() throws {
    let place = try TemporaryDirectory()
    #expect(try Kept.launch(directory: place.path).said.hasPrefix("the launch order cannot be read"))
    try place.write(RunFile.launch, [1, 2, 3])
    #expect(try Kept.launch(directory: place.path).said.hasPrefix("the launch order cannot be read"))
  }

  @Test func `called by hand it says what it is for`() throws {
    let program = try Built.program("apus-keeper")
    #expect(try Child.run(program, []) == 2)
    #expect(try Child.run(program, ["--help"]) == 2)
    #expect(try Child.run(program, ["a", "b"]) == 2)
  }
}
