package struct Claim: Codable, Equatable, Sendable {
  package enum Source: String, Codable, Sendable { case edit, disk, asked, file }
  package var path: String
  package var session: String
  package var checkout: String
  package var isShared: Bool
  package var source: Source
  package var since: Moment
  package var lastEdit: Moment
  package var functions: [String]?
}
