import ApusCore

/// The objects answers are made of. `Tests/ApusServerTests` holds each against what is really encoded.
enum Components {
  static let all: KeyValuePairs<String, Schema> = [
    "Problem": .object(
      [
        "type": .text, "title": .text, "status": .whole, "detail": .text,
        "code": .choice(ErrorCode.allCases.map(\.rawValue)).saying("what happened, for programs; it never changes"),
        "hint": .text.orNull.saying("what to do next"),
      ], "What went wrong (RFC 9457)."),
    "Failure": .object(["code": .text, "summary": .text], sometimes: ["hint": .text]),
    "Session": session,
    "Tokens": .object(["input": .whole, "output": .whole]),
    "PermissionRequest": .object(
      ["id": .text, "tool": .text, "input": .any],
      sometimes: [
        "reason": .text,
        "always": .object(
          ["words": .list(.text), "form": .any], "what the agent offers to have allowed from then on as well"),
      ],
      "What an agent asks before it does it: exactly what would be done."),
    "Verdict": .object(
      [
        "resumable": .flag, "reason": .choice(Verdict.Reason.allCases.map(\.rawValue)).orNull,
        "warnings": .list(.choice(Verdict.Warning.allCases.map(\.rawValue))), "path": .text.orNull,
        "bytes": .whole.orNull, "workingDirectory": .text.orNull, "expiresInDays": .whole.orNull,
        "liveElsewhere": Schema.object(["pid": .whole, "program": .text]).orNull,
      ], "Whether a session can be resumed, from the file system alone."),
    "Utterance": .object(
      ["role": .choice(["user", "assistant", "tool", "system"]), "text": .text],
      sometimes: ["id": .text, "tool": .text, "isError": .flag], "One contribution to a conversation."),
    "Event": .object(
      ["n": .whole, "at": .text, "session": .text, "run": .whole, "type": .text, "detail": .any],
      "One thing that happened to a session, numbered within it for good."),
    "Diff": .object(
      [
        "session": .text, "commit": .text,
        "files": .list(.object(["path": .text], sometimes: ["added": .whole, "removed": .whole])), "patch": .text,
        "cut": .flag.saying("whether the patch is longer than what is shown of it"),
      ], sometimes: ["base": .text], "What a session changed, committed or not."),
    "BranchReply": .object(
      ["session": .text, "branch": .text, "base": .text, "steps": .list(.text)],
      sometimes: [
        "commit": .text, "url": .text, "tests": .object(["passed": .flag, "seconds": .number, "tree": .text]),
      ], "What was done, a line each."),
    "RunProcesses": .object([
      "id": .text, "name": .text, "run": .whole,
      "processes": .list(
        .object([
          "pid": .whole, "parent": .whole, "start": .whole, "startedAt": .text, "age": .number, "role": .text,
          "state": .text, "command": .text, "memory": .whole.orNull, "cpu": .number, "listening": .list(.whole),
          "depth": .whole,
        ])),
    ]),
    "Compared": .object(
      [
        "name": .text, "commits": .whole, "files": .list(.text), "added": .whole, "removed": .whole, "seconds": .number,
        "tokens": .named("Tokens"), "cost": .number, "conflicts": .list(.text),
      ], sometimes: ["branch": .text, "testsPassed": .flag, "testSeconds": .number]),
    "Rescue": .object(
      [
        "id": .text, "ref": .text, "commit": .text, "kind": .text, "name": .text, "at": .text, "age": .number,
        "repository": .text,
      ], sometimes: ["branch": .text]),
    "Recovered": .object([
      "id": .text, "name": .text, "happened": .any, "at": .text, "age": .number, "verdict": .named("Verdict"),
      "how": .text, "outcome": .choice(["planned", "resumed", "queued", "failed", "not_started"]),
      "problem": Schema.named("Failure").orNull,
    ]),
    "Screen": .object([
      "rows": .whole, "columns": .whole, "title": .text, "alternate": .flag, "row": .whole, "column": .whole,
      "lines": .list(.text),
    ]),
    "Removal": .object(
      [
        "session": .text, "ports": .map(.whole), "removed": .flag,
        "against": .list(.object(["obstacle": .text, "what": .text])),
      ], sometimes: ["worktree": .text, "branch": .text, "rescue": .text],
      "What was removed, or what stands against it; `rescue` brings it back."),
    "Owner": .object(["id": .text, "name": .text, "isSession": .flag], "Who holds or waits."),
    "Lock": .object(
      [
        "name": .text, "scope": .text.saying("the repository; empty: everywhere"),
        "state": .choice(["free", "held", "draining"]), "holds": .whole,
        "queue": .list(
          .object(
            ["ticket": .text, "owner": .named("Owner"), "since": .text, "age": .number], sometimes: ["note": .text])),
      ],
      sometimes: [
        "holder": .named("Owner"), "token": .whole.saying("grows when the lock changes hands; older ones are refused"),
        "note": .text, "since": .text, "age": .number, "proof": .text, "proofAge": .number, "onDeath": .text,
        "evidence": .text,
      ]),
    "LockReply": .object(
      [
        "ticket": .text, "granted": .flag, "names": .list(.text), "tokens": .map(.whole), "owner": .named("Owner"),
      ],
      sometimes: [
        "place": .whole, "waitsFor": .text, "holder": .named("Owner"), "holderSince": .text, "holderNote": .text,
      ]),
    "Claim": .object(
      [
        "path": .text, "session": .text, "id": .text, "since": .text, "age": .number, "lastEdit": .text,
        "source": .text, "shared": .flag, "checkout": .text,
      ], sometimes: ["functions": .list(.text), "meeting": .text]),
    "Notice": .object(
      ["kind": .text, "text": .text, "at": .text, "age": .number, "read": .flag], sometimes: ["from": .text]),
    "Port": .object(
      ["port": .whole],
      sometimes: [
        "variable": .text, "session": .text, "since": .text, "age": .number, "pid": .whole, "program": .text,
      ]),
    "Hold": .object([
      "reason": .choice(Hold.Reason.allCases.map(\.rawValue)), "id": .text, "name": .text, "since": .number,
    ]),
    "Server": server,
    "Conflicts": .object([
      "pairs": .whole,
      "conflicts": .list(.object(["between": .list(.text), "files": .list(.text), "withBase": .flag])),
    ]),
    "WorkLogEntry": .object(
      ["title": .text, "files": .list(.text), "line": .whole],
      sometimes: [
        "branch": .text, "component": .text, "started": .text, "status": .text, "issue": .text, "eta": .text,
      ]),
    "Finding": .object(["level": .choice(["fine", "note", "problem"]), "what": .text], sometimes: ["mend": .text]),
    "Status": .object([
      "version": .text, "pid": .whole, "home": .text, "startedAt": .text, "sessions": .whole, "live": .whole,
    ]),
    "Webhook": .object(
      [
        "id": .text, "url": .text, "types": .list(.text), "createdAt": .text, "position": .whole,
        "state": .choice(["working", "failing", "gone"]), "failures": .whole,
      ], sometimes: ["session": .text, "problem": .text, "secret": .text.saying("said once, when it is made")]),
    "Token": .object(
      ["id": .text, "scope": .text, "secrets": .flag, "browser": .flag, "createdAt": .text],
      sometimes: ["token": .text.saying("said once, when it is made"), "owner": .text]),
  ]

  private static let session = Schema.object(
    [
      "id": .text, "name": .text, "conversationID": .text, "owner": .text.orNull, "tags": .list(.text),
      "directory": .text, "agent": .text, "agentVersion": .text.orNull, "model": .text.orNull,
      "permissionMode": .text, "run": .whole, "terminal": .flag,
      "state": .choice(SessionState.allCases.map(\.rawValue)),
      "activity": .choice(["working", "idle", "needs-you", "unknown"]), "activitySource": .text,
      "activityAge": .number, "needs": .list(.named("PermissionRequest")), "needsWhat": .text.orNull,
      "queue": Schema.object(["place": .whole, "reason": .text]).orNull, "source": .text, "doing": .text.orNull,
      "ending": Schema.object([:], sometimes: ["exit": .whole, "signal": .whole]).orNull, "verdict": .named("Verdict"),
      "problem": Schema.named("Failure").orNull, "pid": .whole.orNull, "keeperPID": .whole.orNull,
      "createdAt": .text, "lastActive": .text, "lastActiveAge": .number, "cost": .number,
      "tokens": .named("Tokens"), "persists": .flag, "interrupted": .flag, "forkedFrom": .text.orNull,
      "memory": .whole.orNull, "cpu": .number.orNull, "listening": Schema.list(.whole).orNull, "disk": .whole.orNull,
      "component": .text.orNull, "kind": .text.orNull, "profile": .text.orNull, "branch": .text.orNull,
      "base": .text.orNull, "ahead": .whole.orNull, "behind": .whole.orNull, "dirty": .flag.orNull,
      "worktree": .text.orNull,
      "repository": Schema.text.orNull.saying("its main checkout"), "ports": .map(.whole),
      "conflicts": Schema.list(.text).orNull,
      "outside": .list(.text), "merged": .text.orNull, "locks": .list(.text), "waitsFor": .text.orNull,
    ], sometimes: ["result": .text.saying("what the turn answered that was waited for"), "notes": .list(.text)])

  private static let server = Schema.object(
    [
      "id": .text, "name": .text, "command": .text, "directory": .text, "watches": .list(.text),
      "health": .choice(DevHealth.allCases.map(\.rawValue)), "reload": .flag, "change": .whole, "loaded": .whole,
      "pending": .whole, "holds": .list(.named("Hold")), "owner": .whole, "files": .whole, "reloads": .whole,
      "since": .text, "age": .number, "lines": .list(.text), "log": .text, "background": .flag,
    ],
    sometimes: [
      "session": .text, "reloadWhy": .text, "port": .whole, "pid": .whole, "problem": .text, "last": .any,
      "lastWords": .text,
    ])
}
