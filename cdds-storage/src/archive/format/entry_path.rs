//! APPNOTE 4.4.17: paths of entries, and which of them are safe to write and to extract (rule A9).

/// Longest path in bytes: common systems accept it, and the header still fits in any part.
pub(in crate::archive) const BYTES_MAX: usize = 4096;

/// Checks the path of a file; the error says what is wrong with it.
///
/// A legal path is relative and `/`-separated. It has no component with a special meaning on some system
/// (empty, `.`, `..`, a drive letter), no backslash and no control character.
pub(in crate::archive) fn check(path: &str) -> Result<(), String> {
    if path.is_empty() {
        return Err("it is empty".to_owned());
    }
    if path.len() > BYTES_MAX {
        return Err(format!("it is longer than {BYTES_MAX} bytes"));
    }
    if path.starts_with('/') {
        return Err("it is absolute".to_owned());
    }
    if path.contains('\\') {
        return Err("it contains a backslash, which some systems take for a folder separator".to_owned());
    }
    if path.chars().any(char::is_control) {
        return Err("it contains a control character".to_owned());
    }
    for component in path.split('/') {
        match component.as_bytes() {
            b"" => return Err("it has an empty component".to_owned()),
            b"." | b".." => return Err(format!("it has the component {component:?}")),
            [letter, b':', ..] if letter.is_ascii_alphabetic() => {
                return Err("it has a drive letter".to_owned());
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a9_paths_that_lead_elsewhere_are_refused() {
        let long = "x".repeat(BYTES_MAX + 1);
        let bad = [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a/..",
            "./a",
            "a//b",
            "a/",
            "C:/x",
            "c:x",
            "a/D:",
            "a\\..\\b",
            "a\0b",
            "a\nb",
            &long,
        ];
        for path in bad {
            assert!(check(path).is_err(), "{path:?}");
        }
        for path in [
            "a.json",
            "Interaction/voice/2024-01-01/Interaction-00001.json",
            "é/日本.json",
            "..a/b..",
            "ab:c",
        ] {
            assert_eq!(check(path), Ok(()), "{path:?}");
        }
    }
}
