import ApusAgents
import ApusCore
import ApusTestKit
import Foundation

/// A configuration directory of Claude Code and working directories, made up for one test.
struct Transcripts {
  let place: TemporaryDirectory
  let index = TranscriptIndex()
  static let id = "11111111-1111-4111-8111-111111111111"

  init() throws {
    place = try TemporaryDirectory()
    try makeDirectory("p")
    try makeDirectory("c/projects")
  }

  var configuration: String { place.path + "/c" }
  var working: String { place.path + "/p" }
  /// The project directory of the working directory.
  var own: String { "c/projects/" + ClaudePlaces.slug(realPath: working) }
  var ownFile: String { own + "/" + Self.id + ".jsonl" }

  func makeDirectory(_ name: String) throws {
    try FileManager.default.createDirectory(atPath: place.path + "/" + name, withIntermediateDirectories: true)
  }

  /// Sets when a file or directory was last changed, in seconds before now.
  func age(_ name: String, seconds: Double) throws {
    let date = Date(timeIntervalSinceNow: -seconds)
    try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: place.path + "/" + name)
  }

  func evidence(
    directory: String? = nil, prompted: Bool = true, bytesSeen: Int = 0, ours: Set<ProcessMark> = [], id: String = id
  ) -> ConversationEvidence {
    index.evidence(
      TranscriptIndex.Query(
        conversationID: id, directory: directory ?? working, configuration: configuration, prompted: prompted,
        bytesSeen: bytesSeen, ours: ours), in: index.survey(configuration: configuration))
  }

  func verdict() -> Verdict { Verdict.decide(evidence(), now: Date().timeIntervalSince1970) }

  /// A sound conversation of so many turns, line by line.
  static func lines(turns: Int = 3) -> [String] {
    var lines = [
      #"{"type":"queue-operation","operation":"enqueue","sessionId":"\#(id)"}"#,
      #"{"type":"attachment","uuid":"a0","parentUuid":null,"attachment":{"type":"date","uuid":"not mine","parentUuid":"nor this"}}"#,
    ]
    var parent = "a0"
    for turn in 0..<turns {
      lines.append(
        #"{"parentUuid":"\#(parent)","isSidechain":false,"type":"user","message":{"role":"user","content":"say: \"\\\\{[\#(turn)"},"uuid":"u\#(turn)"}"#
      )
      lines.append(
        #"{"parentUuid":"u\#(turn)","type":"assistant","message":{"content":[{"type":"text","text":"é😀 }]\\"}]},"uuid":"s\#(turn)"}"#
      )
      parent = "s\(turn)"
    }
    return lines + [#"{"type":"last-prompt","lastPrompt":"x","leafUuid":"\#(parent)"}"#]
  }

  static func text(_ lines: [String]) -> String { lines.map { $0 + "\n" }.joined() }
}
