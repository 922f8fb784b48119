/// Every command, in the order help shows them.
enum Commands {
  static var all: [any Command.Type] {
    [
      NewCommand.self, SendCommand.self, WaitCommand.self, ListCommand.self, ShowCommand.self, LogsCommand.self,
      EventsCommand.self, AttachCommand.self, ScreenCommand.self, TypeCommand.self, SizeCommand.self,
      ClaudeCommand.self, PermitCommand.self, InterruptCommand.self, StopCommand.self, ResumeCommand.self,
      InitCommand.self, ShellCommand.self, EnvCommand.self, PathCommand.self, PortsCommand.self, RemoveCommand.self,
      UndoCommand.self, RescueCommand.self, GcCommand.self, SyncCommand.self, MergeCommand.self, PrCommand.self,
      DiffCommand.self, ConflictsCommand.self, CompareCommand.self, KeepCommand.self, MoveCommitsCommand.self,
      FindCommand.self,
      WorkLogCommand.self, LockCommand.self, ClaimCommand.self, TellCommand.self, InboxCommand.self, DeployCommand.self,
      DevCommand.self, OpenCommand.self, ServeCommand.self, TokenCommand.self, McpCommand.self, PluginCommand.self,
      PsCommand.self, TopCommand.self, PruneCommand.self, CheckCommand.self, RenameCommand.self, TagCommand.self,
      ArchiveCommand.self, RecoverCommand.self, AdoptCommand.self, DoctorCommand.self, UpCommand.self,
      DownCommand.self, RestartCommand.self, DemoCommand.self, CompletionsCommand.self, HelpCommand.self,
      VersionCommand.self, HookCommand.self,
    ]
  }

  static func find(_ name: String) -> (any Command.Type)? { all.first { $0.about.name == name } }
}
