import ApusKeeper

guard CommandLine.arguments.count == 2, !CommandLine.arguments[1].hasPrefix("-") else {
  keeperUsage()
}
keeperMain(directory: CommandLine.arguments[1])
