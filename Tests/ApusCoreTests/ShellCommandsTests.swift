import ApusCore
import ApusTestKit
import Testing

/// The words of each command, joined by blanks, with its directory where that is not the line's own.
private func read(_ line: String) -> [String] {
  ShellCommands(line).commands.map { command in
    let words = command.words.map { $0.isEmpty ? "''" : $0 }.joined(separator: " ")
    return command.directory == "." ? words : "\(command.directory ?? "?"): \(words)"
  }
}

@Suite("the commands of a shell's line") struct ShellCommandsTests {
  @Test(arguments: [
    ("", []),
    ("ls", ["ls"]),
    ("  ls   -l  ", ["ls -l"]),
    ("a && b || c; d & e | f |& g\nh", ["a", "b", "c", "d", "e", "f", "g", "h"]),
    ("a&&b||c;d&e|f", ["a", "b", "c", "d", "e", "f"]),
    ("a # b; c\nd#e", ["a", "d#e"]),
    ("a \\\n b", ["a b"]),
    ("'a b' \"c d\" e\\ f", ["a b c d e f"]),
    (#"g"i"t 'pu'sh \-f"#, ["git push -f"]),
    (#"$'g\x69t' $'p\165sh' $'\u002df'"#, ["git push -f"]),
    (#"echo "a \"b\" \$c \d""#, [#"echo a "b" $c \d"#]),
    ("echo ''", ["echo ''"]),
    ("echo $A ${B} ${C:-d}e", ["echo $A ${B} $…e"]),
    ("A=1 B+='2 3' c d=4", ["c d=4"]),
    ("A=1", []),
    ("A='1' B=\"2\" C[0]=3 d", ["d"]),
    ("'A=1' b", ["A=1 b"]),
    ("A\\=1", ["A=1"]),
    ("env 'A=1' b", ["env A=1 b", "b"]),
    ("A=(x 'y z' $(w)) b", ["w", "b"]),
    ("(a; (b)) && { c; }", ["a", "b", "c"]),
    ("echo $(a $(b) \"$(c)\") `d \\`e\\``", ["b", "c", "a $… $…", "e", "d $…", "echo $… $…"]),
    ("echo \"x $(a; b 'c)') y\"", ["a", "b c)", "echo x $… y"]),
    ("diff <(a b) >(c)", ["a b", "c", "diff $… $…"]),
    ("echo $((1 + $(a) * (2)))", ["a", "echo $…"]),
    ("((x << 2)); b", ["b"]),
    ("echo $((a); b)", ["a", "b", "echo $…"]),
    ("if a; then b; elif c; then d; else e; fi", ["a", "b", "c", "d", "e"]),
    ("while a\ndo b\ndone < f; c", ["a", "b", "c"]),
    ("until ! a; do b; done", ["a", "b"]),
    ("for x in a b $(c); do d $x; done", ["c", "d $x"]),
    ("for ((i=0; i<3; i++)); do a; done", ["a"]),
    ("for x; do a; done", ["a"]),
    ("case $x in a|b) c;; (d) e ;& *) f; esac; g", ["c", "e", "f", "g"]),
    ("case x in\n  # z\n  'a b')\n    c\n    ;;\nesac\nd", ["c", "d"]),
    ("f() { a; }; f", ["?: a", "f"]),
    ("function f { a; }\nfunction g() (\n b\n)\nc", ["?: a", "?: b", "c"]),
    ("[[ -f a && $b =~ ^(c|d)$ ]] && e", ["e"]),
    ("[ -f a ] && b", ["[ -f a ]", "b"]),
    ("time -p a; ! b", ["a", "b"]),
    ("a > f 2>&1 < g >> h &> i <> j >| k 3>&- b", ["a b"]),
    ("> f a; a 2> 'x y' b", ["a", "a b"]),
    ("a &>> f; b &", ["a", "b"]),
    ("a <<< \"b; c\" d", ["a d"]),
    ("cat <<EOF && b\nc; d\nEOF\ne", ["cat", "b", "e"]),
    ("cat <<'E F' <<-G\n$(c)\nE F\n\td\n\tG\ne", ["cat", "e"]),
    ("cat <<EOF\n$(c) `d` \\$(e)\nEOF", ["cat", "c", "d"]),
    ("bash <<EOF\ngit push -f\nEOF\nb", ["bash", "git push -f", "b"]),
    ("sh -s <<< 'a; b'", ["sh -s", "a", "b"]),
    ("git commit -m \"$(cat <<'EOF'\na; b's\n\nEOF\n)\" && c", ["cat", "git commit -m $…", "c"]),
    ("(cat <<A; b)\nx\nA\nc", ["cat", "b", "c"]),
    ("ls !(a|b) @(c).d", ["ls !$… @$….d"]),
    ("a;; b", ["a", "b"]),
    ("echo if then", ["echo if then"]),
    ("'if' a", ["if a"]),
    ("ä 'ö ü'", ["ä ö ü"]),
  ])
  func `a line is split into what it runs`(_ line: String, _ commands: [String]) {
    #expect(read(line) == commands, "\(line)")
    #expect(ShellCommands(line).isComplete, "\(line)")
  }

  @Test(arguments: [
    ("sudo -u me -E A=1 b c", "b c"), ("env -i -u X A=1 b", "b"), ("env A=1 B=2 b -c", "b -c"), ("nohup b &", "b"),
    ("exec -a n b", "b"), ("command b", "b"), ("builtin b", "b"), ("timeout -k 5 --signal=KILL 10m b", "b"),
    ("nice -n 5 b", "b"), ("nice -5 b", "b"), ("/usr/bin/env b", "b"), ("x | xargs -0 -I {} -n1 b {}", "b {}"),
    ("bash -c 'b c'", "b c"), ("sh -lc \"b c\" x", "b c"), ("bash -o pipefail -ec 'b'", "b"), ("eval b 'c d'", "b c d"),
    ("eval \"b \\\"c d\\\"\"", "b c d"), ("stdbuf -oL b", "b"), ("find . -name x -exec b {} \\;", "b {}"),
    ("watch -n 2 'b c'", "b c"), ("env -S 'b c' d", "b c d"), ("trap 'b' EXIT", "b"), ("flock -w 3 /f b", "b"),
    ("flock /f -c 'b c'", "b c"), ("sudo -- bash -c 'timeout 5 b'", "b"), ("/usr/bin/time -f %e b", "b"),
    ("su me -c 'b'", "b"), ("setsid -f b", "b"), ("sudo env A=1 nohup nice b", "b"), ("time sudo b", "b"),
    ("zsh -c \"bash -c 'eval \\\"b c\\\"'\"", "b c"),
  ])
  func `a program behind others is found`(_ line: String, _ inner: String) {
    #expect(read(line).last == inner, "\(line)")
    #expect(ShellCommands(line).isComplete, "\(line)")
  }

  @Test(arguments: ["command -v b", "bash script.sh b", "sudo", "env", "bash -c", "timeout 5", "xargs", "find . -exec"])
  func `a program that runs no other is alone`(_ line: String) {
    #expect(ShellCommands(line).commands.count == 1, "\(line)")
  }

  @Test(arguments: [
    ("cd a && b", "a: b"), ("cd a; cd b; c", "a/b: c"), ("cd /x/; b", "/x: b"), ("cd ~/x && b", "~/x: b"),
    ("cd ..; b", "..: b"), ("cd a && cd .. && b", "a/..: b"), ("cd .; b", "b"), ("cd -P -- a; b", "a: b"),
    ("cd 'a b'; c", "a b: c"), ("cd; b", "?: b"), ("cd -; b", "?: b"), ("cd $X; b", "?: b"), ("cd a*; b", "?: b"),
    ("cd \"$(x)\"; b", "?: b"), ("cd $X; cd a; b", "?: b"), ("cd $X; cd /a; b", "/a: b"), ("pushd a; b", "a: b"),
    ("pushd a; popd; b", "?: b"), ("(cd a; x); b", "b"), ("(cd a; b)", "a: b"), ("x $(cd a; y); b", "b"),
    ("{ cd a; }; b", "a: b"), ("cd a | x; b", "b"), ("x | cd a; b", "b"), ("cd a & b", "b"),
    ("cd a || exit 1; b", "a: b"), ("cd a || b", "b"), ("cd a || cd c; b", "?: b"),
    ("if x; then cd a; fi; b", "?: b"), ("if cd a; then b; fi", "a: b"), ("if cd a; then x; else b; fi", "b"),
    ("if x; then cd a; else cd c; fi; b", "?: b"), ("while x; do cd a; done; b", "?: b"),
    ("while x; do y; done; b", "b"), ("for i in 1; do (cd a); done; b", "b"),
    ("case x in y) cd a;; z) b;; esac", "b"), ("case x in y) cd a;; esac; b", "?: b"), ("f() { cd a; }; b", "b"),
    ("sudo cd a; b", "b"), ("command cd a; b", "a: b"), ("builtin cd a; b", "a: b"), ("bash -c 'cd a; b'", "a: b"),
    ("bash -c 'cd a'; b", "b"), ("cd a; bash -c 'b'", "a: b"), ("env -C a b", "a: b"), ("GIT_DIR=x b", "?: b"),
    ("eval 'cd a; b'", "a: b"),
  ])
  func `directories are followed where they are known`(_ line: String, _ last: String) {
    #expect(read(line).last == last, "\(line)")
  }

  @Test(arguments: [
    "echo 'a", "echo \"a", "echo $(a", "(a", "echo `a", "echo ${a", "if a; then b", "a)", "cat <<EOF\nx", "echo $'a",
    "A=(a", "[[ a", "fi",
  ])
  func `a line that is not closed says so`(_ line: String) {
    #expect(!ShellCommands(line).isComplete, "\(line)")
  }

  @Test(arguments: ["echo '", "(", "$(", "`", "{ if x; then (", "cat <<E\n$(", "bash -c '", "case x in a) "])
  func `what can be seen of an open line is seen`(_ opening: String) {
    let line = opening.hasSuffix("'") || opening == "`" ? "a; \(opening)" : opening + "a"
    #expect(read(line).contains { $0.split(separator: " ").last == "a" }, "\(line)")
  }

  @Test(arguments: [
    "(", "$(", "`", "\"$(", "${", "$((", "((", "{ ", "if ", "case x in ", "sudo ", "eval ", "bash -c '", "<<E\n",
    "<<E ",
    "f() ", "<(", "a=(", "'", "\"", "\\", "for ", "find -exec ", "[[ ", "cd a;", "a|", "a;", "x ", "$'\\x", "\"${",
    "\"`", "!(", "env -S ", "#", ";;", "cd a||",
  ])
  func `a megabyte of one thing is read in bounded time`(_ piece: String) async throws {
    let took = try await aside { () -> Duration in
      let line = String(repeating: piece, count: 1_000_000 / piece.utf8.count)
      return cpuTime { _ = ShellCommands(line) }
    }
    #expect(took < .seconds(10), "\(piece)")
  }

  @Test func `garbage of any kind is read to an end`() {
    var random = Seeded(7)
    let pieces = [
      "(", ")", "$(", "`", "\"", "'", "${", "}", "{ ", "$((", "))", "<<E", "<<-'E'", "\nE\n", "\n", ";", ";;", "&",
      "&&",
      "|", "||", ">", "<", "<(", ">&", " ", " ", " ", "a", "b", "git push -f", "cd ", "sudo ", "bash -c ", "eval ",
      "if ",
      "then ", "fi ", "case x in ", "esac ", "for ", "do ", "done ", "[[ ", "]] ", "f() ", "A=", "A=(", "\\", "#", "$",
      "$'", "\\x", "*", "!", "function ", "xargs ", "find . -exec ", "\u{0}", "ä", "env -S ", "time ", "-c ",
    ]
    var found = 0
    for _ in 0..<20_000 {
      let line = (0..<random.below(40)).map { _ in random.pick(pieces) }.joined()
      let commands = ShellCommands(line)
      found += commands.commands.count
      for command in commands.commands where command.words.isEmpty { Issue.record("no words in \(line)") }
    }
    for _ in 0..<5_000 {
      let line = String(decoding: random.bytes(random.below(200)), as: UTF8.self)
      found += ShellCommands(line).commands.count
    }
    #expect(found > 50_000)
  }
}
