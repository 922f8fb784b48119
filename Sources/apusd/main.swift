runDaemon()
