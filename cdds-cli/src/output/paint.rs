//! The colours of tones.

use cdds_view::Tone;

/// Paints `text` in this tone, in one of the sixteen colours that every terminal's theme makes readable.
pub(crate) fn paint(tone: Tone, text: &str) -> String {
    let code = match tone {
        Tone::Good => "32",
        Tone::Busy => "36",
        Tone::Doubtful => "33",
        Tone::Bad => "31",
        Tone::Quiet => "2",
        _ => return text.to_owned(),
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}
