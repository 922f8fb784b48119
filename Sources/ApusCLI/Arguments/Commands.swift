/// Every command, in the order help shows them.
enum Commands {
  static var all: [any Command.Type] {
    [
      NewCommand.self, SendCommand.self, WaitCommand.self, ListCommand.self, ShowCommand.self, LogsCommand.self,
      EventsCommand.self, PermitCommand.self, InterruptCommand.self, StopCommand.self, ResumeCommand.self,
      CheckCommand.self, RenameCommand.self, TagCommand.self, ArchiveCommand.self, DoctorCommand.self, UpCommand.self,
      DownCommand.self, RestartCommand.self, DemoCommand.self, CompletionsCommand.self, HelpCommand.self,
      VersionCommand.self,
    ]
  }

  static func find(_ name: String) -> (any Command.Type)? { all.first { $0.about.name == name } }
}
