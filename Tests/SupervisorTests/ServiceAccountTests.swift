import Glibc
import Linux
import Testing

@testable import Supervisor

@Suite("Service account")
struct ServiceAccountTests {
    private func configuration(user: String = "bulkhead-no-such-user", first: Int = 0, slots: Int = 4) throws
        -> Configuration
    {
        var configuration = try ConfigurationTestSupport.load()
        configuration.serviceUser = user
        configuration.uidRangeFirst = first
        configuration.uidRangeCount = first == 0 ? 0 : 4 * slots
        configuration.slots = slots
        return configuration
    }

    /// An account of this host that is not root's.
    private func someAccount() throws -> (name: String, uid: UInt32, gid: UInt32) {
        for line in (readText("/etc/passwd") ?? "").split(separator: "\n") {
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count > 3, let uid = UInt32(fields[2]), let gid = UInt32(fields[3]), uid > 0, gid > 0 else {
                continue
            }
            return (String(fields[0]), uid, gid)
        }
        return try #require(nil, "this host has no account but root")
    }

    @Test("Who is not root stays who he is, and his jobs have no range", arguments: [1, 1000, 65534] as [UInt32])
    func unprivileged(user: UInt32) throws {
        for first in [0, 200_000] {
            let account = ServiceAccount.find(try configuration(user: "root", first: first), user: user)
            #expect(account == ServiceAccount(uid: user, gid: getegid(), firstJobUID: nil))
        }
    }

    @Test("Root becomes the service user that the host has")
    func serviceUser() throws {
        let (name, uid, gid) = try someAccount()
        let account = ServiceAccount.find(try configuration(user: name, first: 200_000), user: 0)
        #expect(account == ServiceAccount(uid: uid, gid: gid, firstJobUID: 200_000))
    }

    @Test("Without that user root becomes an id that nothing else uses, never root")
    func reserved() throws {
        for user in ["bulkhead-no-such-user", "root", ""] {
            let account = ServiceAccount.find(try configuration(user: user), user: 0)
            #expect(account.uid == ServiceAccount.reservedUID, "\(user)")
            #expect(account.gid == ServiceAccount.reservedUID, "\(user)")
            #expect(account.firstJobUID != nil, "\(user)")
        }
    }

    @Test("A configured range counts before every other")
    func configuredRange() throws {
        for first in [1000, 200_000, 4_294_967_200] {
            #expect(ServiceAccount.find(try configuration(first: first), user: 0).firstJobUID == UInt32(first))
        }
    }

    @Test("Without any range the reserved one is used")
    func reservedRange() throws {
        #expect(ServiceAccount.find(try configuration(), user: 0).firstJobUID == ServiceAccount.reservedFirstJobUID)
    }

    @Test("The reserved ids do not overlap, are no system's or user's, and hold the largest number of slots")
    func reservedIDs() {
        let jobs = ServiceAccount.reservedFirstJobUID..<(ServiceAccount.reservedFirstJobUID + 4 * 1024)
        #expect(!jobs.contains(ServiceAccount.reservedUID))
        // What systemd leaves free: 0x70000000 to 0x7fffffff.
        #expect(ServiceAccount.reservedUID >= 1_879_048_192)
        #expect(jobs.upperBound <= 2_147_483_647)
    }

    @Test("A refusal to start reads as it was written")
    func startupError() {
        #expect("\(StartupError("what; do this"))" == "what; do this")
    }
}
