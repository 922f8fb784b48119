// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "swift-client",
  // In a checkout of Apus; elsewhere say where yours is.
  dependencies: [.package(name: "apus", path: "../..")],
  targets: [
    .executableTarget(name: "swift-client", dependencies: [.product(name: "ApusClient", package: "apus")])
  ]
)
