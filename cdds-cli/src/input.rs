//! Files and texts that people and other systems supply: configurations, job files, keys, passphrases,
//! manifests.
//!
//! They come from editors of every kind. Whatever is text may begin with a byte order mark, be in UTF-16 with
//! one, as a Windows shell writes it, and have line ends of Unix or of Windows.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use cdds_storage::archive::open_regular;
use zeroize::Zeroizing;

/// Longest file that is held in memory, bytes: the manifest of 65,000 parts has 20 MB.
const BYTES_MAX: u64 = 256 << 20;
/// Why bytes are no text, for people.
pub(crate) const NO_TEXT: &str = "is neither UTF-8 nor UTF-16 with a byte order mark: save it as UTF-8";

/// Reads a whole file. Refuses named pipes and devices, which may never end, except a pipe that a shell
/// opened for us, as in `--key <(…)`.
///
/// # Errors
/// Any error of opening or reading; [`io::ErrorKind::InvalidInput`] if it is no file, or too long.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = if is_opened_by_shell(path) { File::open(path)? } else { open_regular(path)? };
    let len = file.metadata()?.len().min(BYTES_MAX);
    // Reserves everything at once: growing would leave copies of a key behind.
    let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(0).saturating_add(1));
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is longer than 256 MiB: name another file",
        ));
    }
    Ok(bytes)
}

fn is_opened_by_shell(path: &Path) -> bool {
    path.starts_with("/dev/fd") || path.starts_with("/proc/self/fd") || path == Path::new("/dev/stdin")
}

/// Returns the text of a file without its byte order mark, or `None` if it is not text. It may be a
/// passphrase.
pub(crate) fn text(bytes: &[u8]) -> Option<Zeroizing<String>> {
    let utf16 = |units: &[u8], from: fn([u8; 2]) -> u16| {
        let (pairs, rest) = units.as_chunks::<2>();
        let mut text = Zeroizing::new(String::with_capacity(units.len().saturating_mul(2)));
        let decoded = char::decode_utf16(pairs.iter().map(|pair| from(*pair)));
        let whole = decoded.into_iter().try_for_each(|unit| unit.map(|unit| text.push(unit)));
        (rest.is_empty() && whole.is_ok()).then_some(text)
    };
    match bytes {
        [0xFF, 0xFE, units @ ..] => utf16(units, u16::from_le_bytes),
        [0xFE, 0xFF, units @ ..] => utf16(units, u16::from_be_bytes),
        _ => Some(Zeroizing::new(str::from_utf8(without_mark(bytes)).ok()?.to_owned())),
    }
}

/// Strips the byte order mark that some editors put before UTF-8.
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

/// Returns a passphrase: the first line of a text.
pub(crate) fn first_line(text: &str) -> &str {
    let line = text.split('\n').next().unwrap_or_default();
    line.strip_suffix('\r').unwrap_or(line)
}

/// Returns a passphrase: the value of a variable, without the byte order mark and the one line end that it
/// may have from a file.
pub(crate) fn without_line_end(text: &str) -> &str {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let line = text.strip_suffix('\n').unwrap_or(text);
    line.strip_suffix('\r').unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn text_comes_with_and_without_marks() {
        let told = "gr\u{fc}n \u{1F511}\r\n";
        for bytes in [
            told.into(),
            format!("\u{FEFF}{told}").into(),
            utf16(&format!("\u{FEFF}{told}"), u16::to_le_bytes),
            utf16(&format!("\u{FEFF}{told}"), u16::to_be_bytes),
        ] {
            assert_eq!(text(&bytes).unwrap().as_str(), told);
        }
        for bytes in [&b"\xFF"[..], b"gr\xFCn", b"\xFF\xFE\0", b"\xFF\xFE\0\xD8", b"\xFE\xFF\xD8\0\0a"] {
            assert!(text(bytes).is_none(), "{bytes:02X?}");
        }
    }

    #[test]
    fn a_passphrase_is_its_line_as_it_is() {
        for (contents, line) in [
            ("secret", "secret"),
            ("secret\n", "secret"),
            ("secret\r\nmore\n", "secret"),
            (" with  blanks \n", " with  blanks "),
            ("\n", ""),
            ("", ""),
        ] {
            assert_eq!(first_line(contents), line);
        }
        for (variable, line) in [
            ("secret", "secret"),
            ("\u{FEFF}secret\r\n", "secret"),
            ("secret\n", "secret"),
            ("secret\n\n", "secret\n"),
            (" two\nlines ", " two\nlines "),
            ("\n", ""),
        ] {
            assert_eq!(without_line_end(variable), line);
        }
    }

    #[test]
    fn no_text_outgrows_its_place() {
        let bytes = utf16("\u{FEFF}\u{20AC}\u{20AC}\u{20AC}", u16::to_le_bytes);
        let text = text(&bytes).unwrap();
        assert!(text.len() <= text.capacity() && text.capacity() == 12, "{}", text.capacity());
    }
}
