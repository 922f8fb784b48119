import ApusCLI
import Glibc

// What agents call at every step comes before all else: nothing of the command line is made for it.
if CommandLine.argc == 2, let word = CommandLine.unsafeArgv[1], strcmp(word, "hook") == 0 { exit(HookClient.run()) }
exit(CommandLineTool.run(Array(CommandLine.arguments.dropFirst())))
