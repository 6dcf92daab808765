//! Recognises files of other kinds under an archive's name, by their first bytes.

/// Returns the kind of file that begins like this, for people; `None` if it is unknown.
pub(super) fn kind(beginning: [u8; 4]) -> Option<&'static str> {
    Some(match beginning {
        [b'M', b'Z', ..] | [0x7F, b'E', b'L', b'F'] => "a program, as in a self-extracting archive",
        [b'#', b'!', ..] => "a script, as in a self-extracting archive",
        [b'7', b'z', 0xBC, 0xAF] => "a 7-Zip archive",
        [b'R', b'a', b'r', b'!'] => "a RAR archive",
        [0x1F, 0x8B, ..] => "a gzip file",
        [b'%', b'P', b'D', b'F'] => "a PDF document",
        [b'<', b'!' | b'h' | b'H' | b'?', ..] => "a web page",
        [b'{' | b'[', ..] => "JSON",
        [0x30, 0x80..=0x84, ..] => "a sealed file (.smime), a key or a certificate",
        _ => return None,
    })
}
