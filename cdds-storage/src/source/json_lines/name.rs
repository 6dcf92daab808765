//! File names in messages.

use std::fmt::Write;
use std::path::Path;

/// Returns a path in printable form: bytes that are not UTF-8, and characters that control a terminal or
/// break a line, are escaped as in Rust.
pub(super) fn told(path: &Path) -> String {
    let mut told = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() {
                told.extend(c.escape_default());
            } else {
                told.push(c);
            }
        }
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(told, "\\x{byte:02x}");
        }
    }
    told
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn names_are_told_on_one_line_of_text() {
        for (name, expected) in [
            (&b"logs/a b.jsonl"[..], "logs/a b.jsonl"),
            ("é\u{1F600}".as_bytes(), "é\u{1F600}"),
            (b"a\xff\xe4.jsonl", r"a\xff\xe4.jsonl"),
            (b"a\nb\x1b[31m", r"a\nb\u{1b}[31m"),
        ] {
            assert_eq!(told(Path::new(OsStr::from_bytes(name))), expected);
        }
    }
}
