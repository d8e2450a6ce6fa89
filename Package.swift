// swift-tools-version: 6.2
import PackageDescription

// Warnings are errors on our own targets only: the flag is per target, so a dependency's warning never breaks a build.
let ours: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]
let oursC: [CSetting] = [.treatAllWarnings(as: .error), .define("_GNU_SOURCE")]

// The worker runs in the job's namespaces, where no shared library of the host can be assumed, and starts in 0.65x of
// bubblewrap's time when it is a static executable (1.02x when it is not): docs/design/0001-decisions.md.
let staticExecutable: [LinkerSetting] = [.unsafeFlags(["-static-executable"])]

let package = Package(
    name: "bulkhead",
    products: [
        .executable(name: "bulkhead-supervisor", targets: ["bulkhead-supervisor"]),
        .executable(name: "bulkhead-spawner", targets: ["bulkhead-spawner"]),
        .executable(name: "bulkhead-worker", targets: ["bulkhead-worker"]),
        .executable(name: "runnerctl", targets: ["runnerctl"]),
        .library(name: "IPC", targets: ["IPC"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .target(name: "CLinux", cSettings: oursC),
        .target(name: "CAccounts", cSettings: oursC),
        .systemLibrary(name: "CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
        .systemLibrary(name: "CCap", pkgConfig: "libcap", providers: [.apt(["libcap-dev"])]),
        .target(name: "Linux", dependencies: ["CLinux"], swiftSettings: ours),
        .target(name: "IPC", dependencies: ["Linux"], swiftSettings: ours),
        .target(name: "Sandbox", dependencies: ["Linux", "CSeccomp", "CCap"], swiftSettings: ours),
        .target(name: "Spawner", dependencies: ["IPC", "Linux"], swiftSettings: ours),
        .target(name: "Worker", dependencies: ["IPC", "Linux", "Sandbox"], swiftSettings: ours),
        .target(name: "Harnesses", dependencies: ["IPC"], swiftSettings: ours),
        .target(
            name: "JobStore", dependencies: [.product(name: "GRDB", package: "GRDB.swift")], swiftSettings: ours),
        .target(
            name: "Supervisor",
            dependencies: [
                "CAccounts", "IPC", "Linux", "JobStore", "Harnesses",
                .product(name: "Logging", package: "swift-log"), .product(name: "Yams", package: "Yams"),
            ], swiftSettings: ours),
        .executableTarget(
            name: "bulkhead-supervisor",
            dependencies: ["Supervisor", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: ours),
        .executableTarget(name: "bulkhead-spawner", dependencies: ["Spawner"], swiftSettings: ours),
        .executableTarget(
            name: "bulkhead-worker", dependencies: ["Worker"], swiftSettings: ours, linkerSettings: staticExecutable),
        .executableTarget(
            name: "runnerctl",
            dependencies: ["IPC", "Linux", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: ours),
        .testTarget(name: "LinuxTests", dependencies: ["CLinux", "Linux"], swiftSettings: ours),
        .testTarget(name: "IPCTests", dependencies: ["CLinux", "IPC", "Linux"], swiftSettings: ours),
        .testTarget(
            name: "SandboxTests", dependencies: ["CLinux", "Linux", "Sandbox"], exclude: ["Samples"],
            swiftSettings: ours),
        .testTarget(name: "SpawnerTests", dependencies: ["Linux", "Spawner"], swiftSettings: ours),
        .testTarget(name: "WorkerTests", dependencies: ["CLinux", "IPC", "Linux", "Worker"], swiftSettings: ours),
        .testTarget(
            name: "HarnessesTests", dependencies: ["Harnesses", "IPC"], exclude: ["Samples"], swiftSettings: ours),
        .testTarget(
            name: "JobStoreTests", dependencies: ["JobStore", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: ours),
        .testTarget(
            name: "SupervisorTests", dependencies: ["IPC", "Linux", "JobStore", "Harnesses", "Supervisor"],
            swiftSettings: ours),
        .testTarget(name: "runnerctlTests", dependencies: ["IPC", "Linux", "runnerctl"], swiftSettings: ours),
        // Runs the executables that `swift build` made. It must not depend on them: the worker's linker flags would reach
        // the test bundle and make that static.
        .testTarget(name: "EndToEndTests", dependencies: ["Linux"], swiftSettings: ours),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c17
)
