import ApusCLI
import Glibc

exit(CommandLineTool.claude(Array(CommandLine.arguments.dropFirst())))
