// swift-tools-version: 6.1
import PackageDescription

/// Every module carries the product's name; arrows between rooms point down only (ARCHITECTURE.md).
/// `Tests/HouseTests` reads this file and fails when a room imports what its row here does not name.
let strict: [SwiftSetting] = [.swiftLanguageMode(.v6)]

let package = Package(
  name: "apus",
  products: [
    .executable(name: "apus", targets: ["apus"]),
    .executable(name: "apus-claude", targets: ["apus-claude"]),
    .library(name: "ApusClient", targets: ["ApusClient"]),
    .executable(name: "apusd", targets: ["apusd"]),
    .executable(name: "apus-keeper", targets: ["apus-keeper"]),
  ],
  targets: [
    .systemLibrary(name: "CSQLite", providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite3"])]),
    .systemLibrary(
      name: "CHTTP",
      providers: [
        .apt(["libmicrohttpd-dev", "libgnutls28-dev", "zlib1g-dev"]), .brew(["libmicrohttpd", "gnutls", "zlib"]),
      ]),
    .target(name: "CSystem"),
    // libvterm itself goes into what is linked: the keeper's kind of linking knows no shared libraries.
    .target(
      name: "CTerminal",
      linkerSettings: [
        .unsafeFlags(["-Xlinker", "-l:libvterm.a"], .when(platforms: [.linux])),
        .linkedLibrary("vterm", .when(platforms: [.macOS])),
      ]),

    .target(name: "ApusFrames", swiftSettings: strict),
    // Drawing goes through every byte an agent writes: unoptimised, tests of a hundred megabytes would take minutes.
    .target(
      name: "ApusTerminal", dependencies: ["ApusFrames", "CTerminal", "CSystem"],
      swiftSettings: strict + [.unsafeFlags(["-O"], .when(configuration: .debug))]),
    .target(name: "ApusKeeper", dependencies: ["ApusFrames", "CSystem"], swiftSettings: strict),

    // Rules are simulated through millions of accidents in every run of the tests.
    .target(
      name: "ApusCore", swiftSettings: strict + [.unsafeFlags(["-O"], .when(configuration: .debug))]),
    .target(name: "ApusWire", dependencies: ["ApusCore", "ApusFrames"], swiftSettings: strict),
    .target(name: "ApusLoop", dependencies: ["CSystem"], swiftSettings: strict),
    .target(
      name: "ApusLink", dependencies: ["ApusCore", "ApusWire", "ApusFrames", "ApusLoop", "CSystem"],
      swiftSettings: strict),
    .target(
      name: "ApusClient", dependencies: ["ApusCore", "ApusWire", "ApusLoop", "ApusLink", "CSystem"],
      swiftSettings: strict),
    .target(name: "ApusGit", dependencies: ["ApusCore", "CSystem"], swiftSettings: strict),
    // Files are compared by their bytes: unoptimised, a large tree would take minutes.
    .target(
      name: "ApusDev", dependencies: ["ApusCore", "ApusWire", "ApusLoop", "ApusLink", "ApusGit", "CSystem"],
      swiftSettings: strict + [.unsafeFlags(["-O"], .when(configuration: .debug))]),
    .target(name: "ApusAgents", dependencies: ["ApusCore", "CSystem"], swiftSettings: strict),
    .target(name: "ApusStoreSQLite", dependencies: ["ApusCore", "CSQLite"], swiftSettings: strict),
    .target(
      name: "ApusCoordinator",
      dependencies: ["ApusCore", "ApusWire", "ApusFrames", "ApusLoop", "ApusLink", "ApusGit", "ApusAgents", "CSystem"],
      swiftSettings: strict),
    .target(
      name: "ApusServer",
      dependencies: [
        "ApusCore", "ApusWire", "ApusFrames", "ApusLoop", "ApusLink", "ApusCoordinator", "ApusTerminal", "CSystem",
        "CHTTP",
      ],
      swiftSettings: strict),
    .target(
      name: "ApusCLI",
      dependencies: [
        "ApusCore", "ApusWire", "ApusFrames", "ApusLoop", "ApusLink", "ApusAgents", "ApusTerminal", "ApusDev",
        "CSystem",
      ],
      swiftSettings: strict),

    .executableTarget(
      name: "apus", dependencies: ["ApusCLI"], swiftSettings: strict,
      linkerSettings: [.unsafeFlags(["-static-executable"], .when(configuration: .release))]),
    .executableTarget(
      name: "apus-claude", dependencies: ["ApusCLI"], swiftSettings: strict,
      linkerSettings: [.unsafeFlags(["-static-executable"], .when(configuration: .release))]),
    .executableTarget(
      name: "apusd",
      dependencies: [
        "ApusCore", "ApusWire", "ApusLoop", "ApusLink", "ApusStoreSQLite", "ApusCoordinator", "ApusServer", "CSystem",
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "apus-keeper", dependencies: ["ApusKeeper", "ApusTerminal"], swiftSettings: strict,
      linkerSettings: [.unsafeFlags(["-static-executable"])]),
    // What `Examples/swift-client` makes a package of, compiled and run with the tests.
    .executableTarget(
      name: "example-client", dependencies: ["ApusClient"], path: "Examples/swift-client/Sources/swift-client",
      swiftSettings: strict),

    // What tests share. Test targets must not depend on the programs: the keeper's static linking would become theirs;
    // `swift build --build-tests` builds the programs beside them. Throw-away homes, the stub, running programs.
    .target(
      name: "ApusTesting", dependencies: ["ApusCore", "ApusFrames", "ApusWire", "ApusLink", "CSystem"],
      path: "Tests/ApusTesting", swiftSettings: strict),
    .testTarget(
      name: "ApusEndToEndTests",
      dependencies: [
        "ApusTesting", "ApusTestKit", "ApusCore", "ApusWire", "ApusLink", "ApusFrames", "ApusAgents", "CSystem",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "ApusAttachTests",
      dependencies: ["ApusTesting", "ApusCore", "ApusWire", "ApusLink", "ApusFrames", "CSystem"],
      swiftSettings: strict),
    .testTarget(
      name: "ApusStreamTests",
      dependencies: ["ApusTesting", "ApusTestKit", "ApusCore", "ApusWire", "ApusLink", "ApusFrames", "CSystem"],
      exclude: ["clients"], swiftSettings: strict),
    .testTarget(
      name: "ApusPlaceTests",
      dependencies: ["ApusTesting", "ApusTestKit", "ApusCore", "ApusWire", "ApusLink", "ApusGit", "CSystem"],
      swiftSettings: strict),
    .testTarget(
      name: "ApusTogetherTests",
      dependencies: ["ApusTesting", "ApusTestKit", "ApusCore", "ApusWire", "ApusLink", "CSystem"],
      exclude: ["mcp-client.py"], swiftSettings: strict),
    .testTarget(
      name: "ApusServerTests",
      dependencies: [
        "ApusServer", "ApusCoordinator", "ApusTesting", "ApusTestKit", "ApusCore", "ApusWire", "ApusLink", "CSystem",
      ], exclude: ["schemathesis.toml", "terminal-client.py", "webhook-receiver.py", "tls-client.py"],
      swiftSettings: strict),
    .testTarget(
      name: "ApusPageTests", dependencies: ["ApusTesting", "ApusCore", "ApusWire"], exclude: ["pages"],
      swiftSettings: strict),
    .testTarget(
      name: "ApusClientTests",
      dependencies: [
        "ApusClient", "ApusTesting", "ApusCore", "ApusWire", "ApusLink", "ApusLoop", "CSystem",
      ], swiftSettings: strict),
    .testTarget(
      name: "ApusDevTests",
      dependencies: [
        "ApusTesting", "ApusTestKit", "ApusCore", "ApusWire", "ApusLoop", "ApusLink", "ApusDev", "CSystem",
      ], exclude: ["servers"], swiftSettings: strict),
    // A world of accidents for the rule of locks: every test of ten million events counts.
    .target(
      name: "ApusSimulation", dependencies: ["ApusCore"], path: "Tests/ApusSimulation",
      swiftSettings: strict + [.unsafeFlags(["-O"], .when(configuration: .debug))]),
    .target(name: "ApusTestKit", dependencies: ["CSystem"], path: "Tests/ApusTestKit", swiftSettings: strict),
    .testTarget(
      name: "ApusFramesTests", dependencies: ["ApusFrames", "ApusTestKit"], swiftSettings: strict),
    .testTarget(
      name: "ApusTerminalTests", dependencies: ["ApusTerminal", "ApusTestKit"], exclude: ["record", "replay"],
      swiftSettings: strict),
    // What the rules are held against, a million times: written another way, and optimised as the rules are.
    .target(
      name: "ApusTestModels", dependencies: ["ApusCore", "ApusTestKit"], path: "Tests/ApusTestModels",
      swiftSettings: strict + [.unsafeFlags(["-O"], .when(configuration: .debug))]),
    .testTarget(
      name: "ApusCoreTests", dependencies: ["ApusCore", "ApusSimulation", "ApusTestModels", "ApusTestKit"],
      swiftSettings: strict),
    .testTarget(
      name: "ApusAgentsTests", dependencies: ["ApusAgents", "ApusCore", "CSystem", "ApusTestKit"],
      exclude: ["Fixtures"], swiftSettings: strict),
    .testTarget(
      name: "ApusKeeperTests", dependencies: ["ApusKeeper", "ApusFrames", "CSystem", "ApusTestKit"],
      swiftSettings: strict),
    .testTarget(
      name: "ApusCLITests", dependencies: ["ApusCLI", "ApusCore", "ApusWire", "ApusTestKit"], swiftSettings: strict),
    .testTarget(name: "HouseTests", swiftSettings: strict),
  ]
)
