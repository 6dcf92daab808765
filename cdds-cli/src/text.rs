//! Foreign text on a terminal: every character is visible, and the text takes as many columns as measured.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Replaces omitted text.
const ELLIPSIS: char = '…';

/// Characters that steer the terminal or are invisible, besides control characters: format characters (zero
/// width, bidi overrides, tags), separators of lines and paragraphs, fillers, variation selectors, private
/// use.
const HIDDEN: [(char, char); 25] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{13430}', '\u{13455}'),
    ('\u{16fe4}', '\u{16fe4}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
    ('\u{e000}', '\u{f8ff}'),
    ('\u{f0000}', '\u{ffffd}'),
    ('\u{100000}', '\u{10fffd}'),
    ('\u{10ffff}', '\u{10ffff}'),
];

/// Makes every character visible: characters that steer the terminal or are invisible are replaced (U+FFFD),
/// so that a title can neither look like another one nor reverse the text beside it. Joiners stay inside
/// emoji.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let (mut before, mut rest) = (None, text.chars());
    while let Some(c) = rest.next() {
        let kept = !is_hidden(c) || joins_symbols(c, before, rest.clone().next());
        shown.push(if kept { c } else { char::REPLACEMENT_CHARACTER });
        before = Some(c);
    }
    Cow::Owned(shown)
}

/// Escapes text for one line of stderr or of a log, without loss: characters that steer the terminal, end the
/// line or are invisible are written as in source code, `\n` or `\u{1b}`, so that a file of such a name can
/// be found.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    let (mut before, mut rest) = (None, text.chars());
    while let Some(c) = rest.next() {
        if is_hidden(c) && !joins_symbols(c, before, rest.clone().next()) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
        before = Some(c);
    }
    Cow::Owned(shown)
}

/// Returns equivalent JSON on one line, with hidden characters escaped in strings.
pub(crate) fn plain_json(json: &str) -> Cow<'_, str> {
    if !json.chars().any(is_hidden) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len() + 8);
    for c in json.chars() {
        if is_hidden(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

fn is_hidden(c: char) -> bool {
    !c.is_ascii() && HIDDEN.iter().any(|(first, last)| (*first..=*last).contains(&c)) || c.is_control()
}

/// Returns whether `c` is the joiner or selector of an emoji, where it can be nothing else.
fn joins_symbols(c: char, before: Option<char>, after: Option<char>) -> bool {
    const EMOJI_STYLE: char = '\u{fe0f}';
    let is_symbol = |c: char| !c.is_ascii() && !c.is_alphanumeric() && !c.is_whitespace() && !is_hidden(c);
    let follows_symbol = before.is_some_and(is_symbol);
    match c {
        EMOJI_STYLE => follows_symbol,
        '\u{200d}' => (follows_symbol || before == Some(EMOJI_STYLE)) && after.is_some_and(is_symbol),
        _ => false,
    }
}

/// Returns how many columns a terminal needs.
pub(crate) fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// Which part of a text is left out where it does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shorten {
    /// The end, of words.
    End,
    /// The middle, of file names, whose endings show their kind.
    Middle,
}

/// Shortens `text` to at most `columns`.
pub(crate) fn shortened(text: &str, columns: usize, shorten: Shorten) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let room = columns.saturating_sub(1);
    let tail = match shorten {
        Shorten::End => 0,
        Shorten::Middle => room / 2,
    };
    let mut shown = String::with_capacity(text.len());
    shown.push_str(beginning(text, room - tail).trim_end());
    if columns > 0 {
        shown.push(ELLIPSIS);
    }
    shown.push_str(end(text, tail));
    Cow::Owned(shown)
}

/// Fits `text` into exactly `columns`.
pub(crate) fn fitted(text: &str, columns: usize) -> String {
    let mut shown = shortened(text, columns, Shorten::End).into_owned();
    let missing = columns.saturating_sub(width(&shown));
    shown.extend(std::iter::repeat_n(' ', missing));
    shown
}

/// Returns as much of the beginning as fits, including marks and joined characters.
fn beginning(text: &str, columns: usize) -> &str {
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    let fit = ends.take_while(|end| width(&text[..*end]) <= columns).last();
    &text[..fit.unwrap_or(0)]
}

/// Returns as much of the end as fits, without a leading mark that belongs to the omitted text.
fn end(text: &str, columns: usize) -> &str {
    let starts = text.char_indices().rev().filter(|(_, c)| c.width().is_some_and(|width| width > 0));
    let fit = starts.map(|(at, _)| at).take_while(|start| width(&text[*start..]) <= columns).last();
    &text[fit.unwrap_or(text.len())..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(printable("Wöchentlich 📞"), "Wöchentlich 📞");
        assert_eq!(printable("a\u{1b}[2Jb\n"), "a\u{fffd}[2Jb\u{fffd}");
    }

    #[test]
    fn nothing_is_lost_on_a_line_of_a_log() {
        assert_eq!(escaped("Wöchentlich 📞 \\n"), "Wöchentlich 📞 \\n");
        assert_eq!(escaped("a\u{1b}[2Jb\nerror: c\u{202e}"), "a\\u{1b}[2Jb\\nerror: c\\u{202e}");
        let json = serde_json::to_string("a\u{1b}\n\u{9b}\u{202e}\u{e0041}").unwrap();
        let plain = plain_json(&json);
        assert!(!plain.chars().any(is_hidden), "{plain}");
        assert_eq!(serde_json::from_str::<String>(&plain).unwrap(), "a\u{1b}\n\u{9b}\u{202e}\u{e0041}");
    }

    #[test]
    fn what_is_invisible_or_turns_the_text_around_is_shown() {
        for (title, shown) in [
            ("pay\u{200b}roll", "pay\u{fffd}roll"),
            ("invoice\u{202e}gpj.exe", "invoice\u{fffd}gpj.exe"),
            ("a\u{2066}b\u{2069}", "a\u{fffd}b\u{fffd}"),
            ("pay\u{200d}roll", "pay\u{fffd}roll"),
            ("a\u{fe0f}", "a\u{fffd}"),
            ("\u{3164}", "\u{fffd}"),
            ("a\u{e0041}", "a\u{fffd}"),
        ] {
            assert_eq!(printable(title), shown, "{title:?}");
        }
        for whole in
            ["👩\u{200d}💻 desk", "❤\u{fe0f}\u{200d}🔥", "日本語 العربية עברית", "e\u{301}", "a\u{a0}b"]
        {
            assert_eq!(printable(whole), whole);
        }
    }

    #[test]
    fn every_format_character_is_hidden() {
        // Unicode's general categories Cf, Zl and Zp, without the marks of Arabic and Kaithi that show.
        const FORMAT: &str = "ad 61c 70f 180e 200b-200f 2028-202e 2060-2064 2066-206f feff fff9-fffb 13430-13438 \
                              1bca0-1bca3 1d173-1d17a e0001 e0020-e007f";
        let mut seen = 0;
        for range in FORMAT.split_whitespace() {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let [first, last] = [first, last].map(|end| u32::from_str_radix(end, 16).unwrap());
            for c in (first..=last).map(|code| char::from_u32(code).unwrap()) {
                assert!(is_hidden(c), "U+{:04X}", u32::from(c));
                seen += 1;
            }
        }
        assert_eq!(seen, 153);
        assert!(!('!'..='~').any(is_hidden));
    }

    #[test]
    fn shortened_text_takes_the_columns_that_it_is_given() {
        for (text, columns, shown) in [
            ("Voice of the week", 17, "Voice of the week"),
            ("Voice of the week", 9, "Voice of…"),
            ("Voice of the week", 7, "Voice…"),
            ("日本語のタイトル", 7, "日本語…"),
            ("日本語のタイトル", 6, "日本…"),
            ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
            ("x", 0, ""),
        ] {
            let short = shortened(text, columns, Shorten::End);
            assert_eq!(short, shown);
            assert!(width(&short) <= columns);
        }
        assert_eq!(shortened("export-0123456789.zip.smime", 16, Shorten::Middle), "export-0…p.smime");
        assert_eq!(fitted("日本語", 7), "日本語 ");
        assert_eq!(fitted("abc", 2), "a…");
    }
}
