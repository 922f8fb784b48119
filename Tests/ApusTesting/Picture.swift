import ApusCore
import ApusLink
import CSystem
import Glibc
import Testing

/// All that is seen of a terminal, and what it does with cursor, keys and mouse.
package struct Picture: Equatable, Sendable, CustomStringConvertible {
  /// With colours and attributes, as tmux writes them.
  package var lines: [String]
  /// Cursor, its visibility, alternate screen, mouse, title.
  package var facts: String

  package var description: String { facts + "\n" + lines.joined(separator: "\n") }

  /// A terminal as shells expect it: no alternate screen, no mouse, a cursor.
  package var isPlain: Bool { facts.contains("alternate=0 mouse=0000 shown=1") }
}

extension Pane {
  package func picture() async -> Picture {
    let facts =
      "alternate=#{alternate_on} mouse=#{mouse_any_flag}#{mouse_all_flag}#{mouse_button_flag}#{mouse_sgr_flag} "
      + "shown=#{cursor_flag} cursor=#{cursor_x},#{cursor_y} keypad=#{keypad_cursor_flag}#{keypad_flag} "
      + "insert=#{insert_flag} origin=#{origin_flag} wrap=#{wrap_flag} "
      + "region=#{scroll_region_upper},#{scroll_region_lower} size=#{pane_width}x#{pane_height} title=#{pane_title}"
    let seen = await tmux("display-message", "-p", facts, ";", "capture-pane", "-p", "-e").output
    let lines = seenLines(seen)
    return Picture(lines: Array(lines.dropFirst()), facts: lines.first ?? "")
  }

  /// Looks until the terminal is as shells expect it.
  package func isPlain(sourceLocation: SourceLocation = #_sourceLocation) async {
    var seen = await picture()
    _ = await eventually {
      seen = await picture()
      return seen.isPlain
    }
    #expect(seen.isPlain, "\(seen)", sourceLocation: sourceLocation)
  }

  /// Looks until it shows what `apus screen` says, the cursor included, and the title where the agent gave one.
  package func shows(
    _ name: String, of home: TestHome, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    var told = ""
    var seen = ""
    let isSame = await eventually(seconds: 20) {
      guard let screen = try? await home.json("screen", name) else { return false }
      let lines = (screen["lines"]?.array ?? []).compactMap(\.string).joined(separator: "\n")
      let title = screen["title"]?.string ?? ""
      told =
        "\(screen["column"]?.integer ?? -1),\(screen["row"]?.integer ?? -1) "
        + "\(screen["alternate"]?.bool == true ? 1 : 0)\(title.isEmpty ? "" : " " + title)\n"
        + seenLines(lines).joined(separator: "\n")
      let facts = "#{cursor_x},#{cursor_y} #{alternate_on}" + (title.isEmpty ? "" : " #{pane_title}")
      seen = seenLines(await tmux("display-message", "-p", facts, ";", "capture-pane", "-p").output)
        .joined(separator: "\n")
      return told == seen
    }
    #expect(isSame, "in the terminal:\n\(seen)\napus screen:\n\(told)", sourceLocation: sourceLocation)
  }

  /// What its shell runs in the foreground.
  package func job(sourceLocation: SourceLocation = #_sourceLocation) async throws -> ProcessMark {
    let shell = await process()
    var job: ProcessMark?
    _ = await eventually {
      let children = TestHome.text("/proc/\(shell)/task/\(shell)/children").split(separator: " ")
      job = children.last.flatMap { Int32($0) }.flatMap { Processes.mark(of: $0) }
      return job != nil
    }
    return try #require(job, "nothing runs in the terminal", sourceLocation: sourceLocation)
  }

  /// What the shell answers to a line, by way of a file: whatever the terminal shows. Nil when it does not answer.
  package func ask(_ line: String, _ home: TestHome) async -> String? {
    let path = home.root + "/tmp/answer-\(UInt32.random(in: 0...UInt32.max))"
    await enter("(\(line)) > \(path).new 2>&1; mv \(path).new \(path)")
    return await eventually(seconds: 10) { Disk.isThere(path) } ? TestHome.text(path) : nil
  }
}
