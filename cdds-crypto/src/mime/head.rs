//! The headers of an S/MIME message: recognises one and finds the encoding of its body.

/// The encoding of a message's body (RFC 2045 section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Base64,
    /// Raw bytes: not safe for every mail server, but fine for files.
    Binary,
}

/// Counts the meaningless bytes before the headers: a byte order mark, blank lines, and the line with which a
/// mailbox file begins each message (RFC 4155).
pub(super) fn blank_bytes(text: &[u8]) -> usize {
    let marked = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let begun = marked.trim_ascii_start();
    let first_line = begun.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_mailbox = begun.starts_with(b"From ") && first_line.ends_with(b"\n");
    let blank = text.len().saturating_sub(begun.len());
    if is_mailbox { blank.saturating_add(first_line.len()) } else { blank }
}

/// Returns the end of the blank line after the headers, searching from `from`. Lines end as on Unix or on
/// Windows.
pub(super) fn end_of_headers(text: &[u8], from: usize) -> Option<usize> {
    let lines = text.get(from..)?;
    let ends = lines.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(index, _)| index + 1);
    ends.map(|end| from + end).find_map(|end| match text.get(end..)? {
        [b'\n', ..] => Some(end + 1),
        [b'\r', b'\n', ..] => Some(end + 2),
        _ => None,
    })
}

/// Returns the encoding of a sealed message's body; `None` if this is not a sealed message or its body is
/// encoded as text.
///
/// RFC 8551 section 3.2.1. `x-pkcs7-mime` is the name from before the registration, and section 3.9 asks
/// readers to go by the file name where a gateway has set a generic type.
pub(super) fn encoding(head: &[u8]) -> Option<Encoding> {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase().replace("\r\n", "\n");
    // RFC 5322 section 2.2.3: a line that begins with a blank continues the previous one.
    let head = head.replace("\n ", " ").replace("\n\t", " ");
    let header = |name: &str| {
        let value = head.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'));
        value.unwrap_or_default().trim()
    };
    let kind = header("content-type");
    let named = || {
        kind.starts_with("application/octet-stream")
            && [kind, header("content-disposition")].iter().any(|value| value.contains(".p7m"))
    };
    let is_sealed =
        kind.starts_with("application/pkcs7-mime") || kind.starts_with("application/x-pkcs7-mime") || named();
    // RFC 2045 section 5.1: a comment may follow.
    let encoding =
        header("content-transfer-encoding").split(['(', ';', ' ', '\t']).next().unwrap_or_default();
    match encoding {
        "base64" if is_sealed => Some(Encoding::Base64),
        "binary" if is_sealed => Some(Encoding::Binary),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "Content-Type: application/pkcs7-mime; smime-type=enveloped-data";

    #[test]
    fn headers_are_read_in_any_order_case_and_folding() {
        for (head, encoding_of) in [
            (format!("{TYPE}\nContent-Transfer-Encoding: base64\n\n"), Some(Encoding::Base64)),
            (format!("CONTENT-TRANSFER-ENCODING:BASE64\r\n{TYPE}\r\n\r\n"), Some(Encoding::Base64)),
            (format!("{TYPE}\nContent-Transfer-Encoding:\n\tBase64 (as usual)\n\n"), Some(Encoding::Base64)),
            (format!("{TYPE}\nContent-Transfer-Encoding: binary\n\n"), Some(Encoding::Binary)),
            (format!("{TYPE}\nContent-Transfer-Encoding: quoted-printable\n\n"), None),
            (format!("{TYPE}\n\n"), None),
            ("Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n".to_owned(), None),
            (
                "Content-Type: application/octet-stream;\n name=smime.p7m\nContent-Transfer-Encoding: base64\n\n"
                    .to_owned(),
                Some(Encoding::Base64),
            ),
            ("Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n".to_owned(), None),
        ] {
            assert_eq!(encoding(head.as_bytes()), encoding_of, "{head}");
        }
    }

    #[test]
    fn the_end_of_headers_is_found_however_they_come() {
        for (text, end) in [("a: b\n\nx", 6), ("a: b\r\n\r\nx", 8), ("a: b\n\r\nx", 7), ("a: b\r\n\nx", 7)] {
            assert_eq!(end_of_headers(text.as_bytes(), 0), Some(end), "{text:?}");
            // The bytes arrive one at a time; no byte is searched twice.
            let mut searched = 0;
            let found = (0..=text.len()).find_map(|read| {
                let found = end_of_headers(&text.as_bytes()[..read], searched);
                searched = read.saturating_sub(2);
                found
            });
            assert_eq!(found, Some(end), "{text:?}");
        }
        assert_eq!(end_of_headers(b"a: b\nc: d\n", 0), None);
    }

    #[test]
    fn what_stands_before_headers_is_passed_over() {
        for (text, blank) in [
            ("a: b", 0),
            ("\u{FEFF}a: b", 3),
            ("\r\n\na: b", 3),
            ("From x Sat Nov 28\na: b", 18),
            ("From: x\n", 0),
            ("From x", 0),
        ] {
            assert_eq!(blank_bytes(text.as_bytes()), blank, "{text:?}");
        }
    }
}
