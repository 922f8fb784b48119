import ApusCore
import Foundation
import Testing

private func commands(_ line: String) -> [SimpleCommand] { ShellCommands(line).commands }

@Suite("guards of commands") struct GuardTests {
  @Test(arguments: [
    ("docker compose *", "docker compose up -d"), ("docker compose *", "docker compose"),
    ("docker compose *", "/usr/bin/docker compose up -d"), ("docker compose *", "docker --context x compose up"),
    ("docker compose *", "docker -D -H tcp://x compose -f y.yml up"),
    ("docker compose up *", "docker compose -f y up -d"),
    ("docker compose up *", "docker --config=c compose --profile p up"), ("vercel *", "vercel --prod"),
    ("vercel *", "cd x && sudo vercel"), ("npm run deploy", "npm run deploy"), ("npm run deploy*", "npm run deploy:eu"),
    ("npm * deploy", "npm run deploy"), ("./deploy.sh *", "./deploy.sh now"), ("git push *", "git -C x push origin"),
    ("git push *", "git -c a.b=c --no-pager push"), ("sudo *", "sudo ls"), ("make d?ploy", "make deploy"),
    ("*", "anything at all"), ("terraform apply *", "bash -c 'terraform apply -auto-approve'"),
    ("  docker\tcompose  * ", "docker compose ps"), ("docker --context x compose *", "docker --context x compose up"),
  ])
  func `a pattern matches what it is for`(_ pattern: String, _ line: String) {
    #expect(commands(line).contains { Guard(pattern: pattern, lock: "l").matches($0) }, "\(pattern): \(line)")
  }

  @Test(arguments: [
    ("docker compose *", "docker ps"), ("docker compose *", "docker composer up"),
    ("docker compose *", "echo docker compose"),
    ("docker compose *", "docker run compose x"), ("vercel *", "vercel-cli x"),
    ("npm run deploy", "npm run deploy now"),
    ("npm run deploy", "npm run"), ("npm run deploy", "npm --silent run deploy"), ("./deploy.sh *", "/x/deploy.sh"),
    ("/usr/bin/vercel *", "vercel"), ("git push *", "git commit -m 'git push x'"), ("", "ls"), ("", ""),
    ("docker compose *", "docker --context compose ps"), ("make d?ploy", "make dploy"),
  ])
  func `a pattern leaves others alone`(_ pattern: String, _ line: String) {
    #expect(!commands(line).contains { Guard(pattern: pattern, lock: "l").matches($0) }, "\(pattern): \(line)")
  }

  @Test func `a guard is read from a configuration with what it leaves out`() throws {
    let text = #"{"pattern": "vercel *", "lock": "deploy", "waitSeconds": 30}"#
    let read = try JSONDecoder().decode(Guard.self, from: Data(text.utf8))
    #expect(read == Guard(pattern: "vercel *", lock: "deploy", waitSeconds: 30))
  }

  @Test(arguments: [
    "git push --force", "git push -f origin main", "git push -uf", "git push -fu origin x",
    "git push --force-with-lease",
    "git push --force-with-lease=main:abc", "git push --force-if-includes", "git push origin +main",
    "git push origin +a:b", "git push --mirror", "git push --mirr", "git -C x push -f",
    "git -c a=b push origin HEAD --force",
    "cd x && GIT_SSH=y git push -f", "sudo git push -f", "bash -c 'git push -f'", "x || git push -qf",
    "/usr/bin/git push -f",
    "git push -o ci.skip -f", "git push origin -- +main", "git -c remote.origin.push=+main push",
    "git -c remote.origin.mirror=true push", "git --git-dir=x push -f", "$(git push -f)", "git --no-pager push '-f'",
    "git push --force-w", "timeout 60 git push --force",
  ])
  func `a force push is seen however it is written`(_ line: String) {
    #expect(commands(line).contains { GitGuards.forcePush($0) != nil }, "\(line)")
  }

  @Test(arguments: [
    "git push", "git push -u origin main", "git push origin --delete x", "git push origin :x", "git push --follow-tags",
    "git push -o force", "git push -of", "git push --push-option +x", "git fetch -f", "git fetch origin +a:b",
    "echo git push -f", "git commit -m 'git push -f'", "git push -- -f", "gitx push -f", "git log --grep=push -f",
    "git branch -f x", "git -c user.name=+x push", "git push --tags", "git", "git --version", "git -C push -f",
  ])
  func `a push that forces nothing is none`(_ line: String) {
    #expect(!commands(line).contains { GitGuards.forcePush($0) != nil }, "\(line)")
  }

  @Test(arguments: [
    ("git commit -m x", "commit", "."), ("git commit --amend", "commit", "."), ("git -C a commit", "commit", "a"),
    ("git -C a -C b commit", "commit", "a/b"), ("git -C /a commit", "commit", "/a"),
    ("cd a && git commit", "commit", "a"),
    ("cd a && git -C ../b commit", "commit", "a/../b"), ("git -c a.b=c commit", "commit", "."),
    ("git merge x", "merge", "."), ("git merge --no-ff x", "merge", "."), ("git merge --continue", "merge", "."),
    ("git cherry-pick a", "cherry-pick", "."), ("git revert a", "revert", "."), ("git am x", "am", "."),
    ("git pull", "pull", "."), ("git pull --rebase=false", "pull", "."), ("cd $X; git commit", "commit", nil),
    ("git -C $X commit", "commit", nil), ("git --git-dir=x commit", "commit", nil),
    ("GIT_DIR=x git commit", "commit", nil),
    ("git commit -m --dry-run", "commit", "."), ("git commit -am --dry-run", "commit", "."),
    ("git commit -- --dry-run", "commit", "."), ("git -C '' commit", "commit", "."),
    ("git --bare commit", "commit", "."),
  ])
  func `a commit is seen with its place`(_ line: String, _ verb: String, _ directory: String?) {
    let found = commands(line).compactMap { GitGuards.commit($0) }
    #expect(found == [GitGuards.Commit(verb: verb, directory: directory)], "\(line)")
  }

  @Test(arguments: [
    "git commit --dry-run", "git commit -h", "git merge --abort", "git merge --ff-only x", "git merge --squash x",
    "git cherry-pick -n a", "git revert --no-commit a", "git am --abort", "git pull --ff-only", "git pull --rebase",
    "git rebase main", "git status", "git log commit", "git stash", "git tag commit", "git", "git -C commit",
    "echo git commit", "git commit-graph write", "git checkout -b commit", "git help commit",
  ])
  func `what makes no commit is let go`(_ line: String) {
    #expect(commands(line).allSatisfy { GitGuards.commit($0) == nil }, "\(line)")
  }
}
