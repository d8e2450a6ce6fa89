// swift-tools-version: 6.2
import PackageDescription

let ours: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "bulkhead-benchmarks",
    // The protocol's own types: a message that changes is a compile error here instead of a stalled measurement.
    dependencies: [.package(name: "bulkhead", path: "../")],
    targets: [
        .target(name: "CBenchmarks", cSettings: [.treatAllWarnings(as: .error), .define("_GNU_SOURCE")]),
        .executableTarget(
            name: "bulkhead-benchmarks", dependencies: ["CBenchmarks", .product(name: "IPC", package: "bulkhead")],
            swiftSettings: ours),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c17
)
