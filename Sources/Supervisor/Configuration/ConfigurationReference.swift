/// The reference of all settings, made from the table that the decoder uses.
public enum ConfigurationReference {
    /// The line before the table in `docs/configuration.md`.
    public static let beginMarker = "<!-- begin: generated from the table of settings -->"
    /// The line after it.
    public static let endMarker = "<!-- end: generated from the table of settings -->"

    /// A Markdown table with a row for each setting; it ends with a line feed.
    public static func markdown() -> String {
        var text = "| setting | variable | type | default | meaning |\n|---|---|---|---|---|\n"
        for setting in ConfigurationSetting.all {
            let cells = [
                "`\(setting.key)`", "`\(setting.environmentName)`", setting.reference, fallback(setting),
                setting.summary,
            ]
            text += "| \(cells.joined(separator: " | ")) |\n"
        }
        return text
    }

    private static func fallback(_ setting: ConfigurationSetting) -> String {
        switch setting.fallback {
        case .fixed(""): "empty"
        case .fixed(let text): "`\(text)`"
        case .computed(let described, _): described
        }
    }
}
