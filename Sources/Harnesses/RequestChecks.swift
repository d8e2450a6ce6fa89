/// The rules for fields of a request that reach a tool.
enum RequestChecks {
    static let permissionModes = ["acceptEdits", "bypassPermissions", "dontAsk", "default", "plan"]

    static func prompt(_ prompt: String?, harness: String) throws(HarnessError) -> [UInt8] {
        guard let prompt, prompt.unicodeScalars.contains(where: { !$0.properties.isWhitespace }) else {
            throw HarnessError(.prompt, "The \(harness) harness needs a prompt that says what to do, and got none.")
        }
        let bytes = Array(prompt.utf8)
        guard bytes.count <= HarnessLimits.promptBytes else {
            throw HarnessError(
                .prompt,
                "The prompt has \(bytes.count) bytes, and at most \(HarnessLimits.promptBytes) are accepted: "
                    + "put long material into a file of the repository and name it in the prompt.")
        }
        guard !bytes.contains(0) else {
            throw HarnessError(.prompt, "The prompt contains a NUL character: give it as plain text.")
        }
        return bytes
    }

    static func command(_ argv: [String]) throws(HarnessError) -> [String] {
        guard let first = argv.first, !first.isEmpty else {
            throw HarnessError(.argv, "The exec harness needs a command, and its first word is missing or empty.")
        }
        guard argv.count <= HarnessLimits.commandElements else {
            throw HarnessError(
                .argv,
                "The command has \(argv.count) words, and at most \(HarnessLimits.commandElements) are accepted: "
                    + "give a script's name instead.")
        }
        var bytes = 0
        for (index, element) in argv.enumerated() {
            guard !element.utf8.contains(0) else {
                throw HarnessError(.argv, "Word \(index + 1) of the command contains a NUL character: remove it.")
            }
            bytes += element.utf8.count + 1
        }
        guard bytes <= HarnessLimits.commandBytes else {
            throw HarnessError(
                .argv,
                "The command has \(bytes) bytes, and at most \(HarnessLimits.commandBytes) are accepted: "
                    + "give long input in a file.")
        }
        return argv
    }

    static func permissionMode(_ mode: String) throws(HarnessError) -> String {
        guard permissionModes.contains(where: { $0.utf8.elementsEqual(mode.utf8) }) else {
            throw HarnessError(
                .permissionMode,
                "There is no permission mode '\(BoundedText.line(mode, limit: 64))': "
                    + "use one of \(permissionModes.joined(separator: ", ")).")
        }
        return mode
    }

    static func model(_ model: String) throws(HarnessError) -> String {
        guard !model.isEmpty, model.utf8.count <= HarnessLimits.modelBytes, model.utf8.allSatisfy(isModelByte) else {
            throw HarnessError(
                .model,
                "'\(BoundedText.line(model, limit: 64))' cannot be a model's name: 1 to \(HarnessLimits.modelBytes) "
                    + "letters, digits and . _ : - [ ] / are accepted.")
        }
        return model
    }

    static func maxTurns(_ turns: Int) throws(HarnessError) -> Int {
        guard (1...HarnessLimits.maxTurns).contains(turns) else {
            throw HarnessError(
                .maxTurns, "A turn limit of \(turns) is not possible: give 1 to \(HarnessLimits.maxTurns), or none.")
        }
        return turns
    }

    private static func isModelByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"),
            UInt8(ascii: "-"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "/"):
            true
        default: false
        }
    }
}
