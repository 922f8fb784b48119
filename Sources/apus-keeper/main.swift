import ApusKeeper
import ApusTerminal
import Glibc

let words = CommandLine.arguments
if words.count == 4, words[1] == "--screen", let offset = UInt64(words[3]) {
  exit(ScreenDrawing.run(directory: words[2], offset: offset))
}
if words.count >= 4, words[1] == "--guard", let milliseconds = Int64(words[2]) {
  guardMain(milliseconds: milliseconds, commandAt: 3)
}
guard words.count == 2, !words[1].hasPrefix("-") else {
  keeperUsage()
}
keeperMain(directory: words[1])
