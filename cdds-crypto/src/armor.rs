//! Reads PEM (RFC 7468) as people paste it: with a byte order mark, Windows line endings, text before,
//! between and after the blocks, indentation, or as UTF-16 from a Windows shell, with or without its mark.

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use crate::ber::SEQUENCE;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
const PRIVATE_KEY: &str = "PRIVATE KEY";
/// Longest accepted label; the usual ones are half as long.
const LABEL_BYTES_MAX: usize = 64;

/// One `-----BEGIN …-----` block. It may be a private key: no Clone, no Debug, wiped when dropped.
pub(crate) struct Block {
    /// The label, such as `CERTIFICATE`.
    pub(crate) label: String,
    /// The decoded contents.
    pub(crate) der: Zeroizing<Vec<u8>>,
    /// Whether RFC 1421 headers say that the contents are encrypted.
    pub(crate) encrypted: bool,
}

impl Block {
    /// Whether this is a PKCS#12 file, as GnuTLS writes it.
    pub(crate) fn is_pkcs12(&self) -> bool {
        matches!(self.label.as_str(), "PKCS12" | "PFX")
    }

    /// Whether the block is a private key of any kind.
    pub(crate) fn is_private_key(&self) -> bool {
        self.label.ends_with(PRIVATE_KEY)
    }
}

/// Returns the blocks of a PEM text in order, or an empty list if the input is not PEM.
///
/// # Errors
/// Describes, as a clause for people, a block that has no end or is not base64. The clause quotes nothing but
/// labels, since the rest of the text may be a private key.
pub(crate) fn blocks(input: &[u8]) -> Result<Vec<Block>, String> {
    let Some(text) = text(input) else { return Ok(Vec::new()) };
    let mut blocks = Vec::new();
    let mut incomplete = None;
    let mut rest: &str = &text;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let Some((label, body)) = after.split_once(DASHES).filter(|(label, _)| is_label(label)) else {
            // People paste PEM into letters, where this marker may be plain text; half a private key is still
            // worth an error.
            let line = after.lines().next().unwrap_or_default();
            incomplete = incomplete.max(Some(line.contains(PRIVATE_KEY)));
            rest = after;
            continue;
        };
        let end = format!("{END}{label}{DASHES}");
        let Some((body, after)) = body.split_once(end.as_str()) else {
            return Err(format!("its last line, '{end}', is missing: copy the whole block"));
        };
        blocks.push(decode(label, body)?);
        rest = after;
    }
    match incomplete {
        Some(is_private_key) if is_private_key || blocks.is_empty() => {
            Err("its first line, '-----BEGIN …-----', is not complete: copy the whole block".to_owned())
        }
        _ => Ok(blocks),
    }
}

/// RFC 7468 section 3 allows more characters, but nobody uses them. Text between the dashes of damaged
/// markers is not a label.
fn is_label(text: &str) -> bool {
    let usual = |byte: u8| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b' ' | b'#' | b'-');
    text.len() <= LABEL_BYTES_MAX && text.bytes().all(usual)
}

fn decode(label: &str, body: &str) -> Result<Block, String> {
    // RFC 1421 headers (`Proc-Type: 4,ENCRYPTED`, `DEK-Info: …`) end with an empty line.
    let headers: usize = body.lines().take_while(|line| line.contains(':') || line.trim().is_empty()).count();
    let encrypted = body.lines().take(headers).any(|line| line.contains("ENCRYPTED"));
    let mut base64 = Zeroizing::new(Vec::with_capacity(body.len()));
    let lines = body.lines().skip(headers);
    base64.extend(lines.flat_map(str::bytes).filter(|byte| !byte.is_ascii_whitespace()));

    let mut der = Zeroizing::new(vec![0; base64.len()]);
    let decoded = Base64::decode(base64.as_slice(), der.as_mut_slice()).map(<[u8]>::len);
    let Ok(len) = decoded else {
        return Err(format!("the block '{BEGIN}{label}{DASHES}' is not valid base64: copy it again"));
    };
    der.truncate(len);
    Ok(Block { label: label.to_owned(), der, encrypted })
}

/// Decodes base64 without the BEGIN and END lines, provided that it is DER: forms and secret stores pass
/// files on like this.
pub(crate) fn bare_base64(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let mut base64 = Zeroizing::new(Vec::with_capacity(text.len()));
    base64.extend(text.iter().filter(|byte| !byte.is_ascii_whitespace()));
    let mut der = Zeroizing::new(vec![0; base64.len()]);
    let len = Base64::decode(base64.as_slice(), &mut der).ok()?.len();
    der.truncate(len);
    Some(der).filter(|der| matches!(***der, [SEQUENCE, 0x80..=0xFF, ..]))
}

/// Returns the input as text, whatever its encoding; `None` if it is binary.
fn text(input: &[u8]) -> Option<Zeroizing<String>> {
    // Reserve three bytes per character up front: a growing buffer would leave copies of a key behind.
    let mut text = Zeroizing::new(String::with_capacity(input.len().saturating_mul(3)));
    let mut put_utf16 = |from: fn([u8; 2]) -> u16| {
        let units = input.chunks_exact(2).filter_map(|pair| Some(from(pair.try_into().ok()?)));
        text.extend(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
    };
    match input {
        [0xFF, 0xFE, ..] | [1..=0x7F, 0, ..] => put_utf16(u16::from_le_bytes),
        [0xFE, 0xFF, ..] | [0, 1..=0x7F, ..] => put_utf16(u16::from_be_bytes),
        // A SEQUENCE with a long length is DER, which may contain any text. No text begins like this.
        [0x30, 0x80..=0xFF, ..] => return None,
        // Text around the blocks may be in any 8-bit character set.
        _ => {
            for chunk in input.utf8_chunks() {
                text.push_str(chunk.valid());
                text.extend((!chunk.invalid().is_empty()).then_some(char::REPLACEMENT_CHARACTER));
            }
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = "-----BEGIN THING-----\nAAEC\nAwQ=\n-----END THING-----\n";

    #[test]
    fn pasted_forms_give_the_same_block() {
        let utf16: Vec<u8> = format!("\u{FEFF}{PEM}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        let bare: Vec<u8> = PEM.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let forms: [Vec<u8>; 9] = [
            PEM.into(),
            format!("\u{FEFF}{PEM}").into(),
            PEM.replace('\n', "\r\n").into(),
            format!("Bag Attributes\n  friendlyName: x\n{PEM}\nRegards,\nAnna").into(),
            PEM.replace('\n', "\n    ").into(),
            PEM.replace('\n', " ").into(),
            utf16,
            PEM.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            bare,
        ];
        for form in forms {
            let blocks = blocks(&form).unwrap();
            assert_eq!(blocks.len(), 1, "{form:?}");
            assert_eq!((blocks[0].label.as_str(), blocks[0].der.as_slice()), ("THING", &[0, 1, 2, 3, 4][..]));
        }
        let latin1 = [b"Gr\xFC\xDFe\n", PEM.as_bytes(), PEM.as_bytes()].concat();
        assert_eq!(blocks(&latin1).unwrap().len(), 2);
    }

    #[test]
    fn no_text_outgrows_its_place() {
        let utf16 = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_be_bytes).collect() };
        let inputs = [
            PEM.into(),
            vec![0xFC; 100],
            utf16("\u{FEFF}\u{20AC}\u{1F511}"),
            vec![0xFE, 0xFF, 0xD8, 0, 0xD8, 0],
        ];
        for input in inputs {
            let text = text(&input).unwrap();
            assert_eq!(text.capacity(), 3 * input.len(), "{text:?}");
        }
    }

    #[test]
    fn what_is_damaged_is_said() {
        let why = |text: &str| blocks(text.as_bytes()).err().unwrap();
        assert!(why("-----BEGIN THING-----\nAAEC").contains("-----END THING-----"));
        assert!(why("-----BEGIN THING").contains("first line"));
        assert!(why(&PEM.replace("AAEC", "A*EC")).contains("base64"));
        assert!(blocks(b"\x30\x82-----BEGIN ").unwrap().is_empty());
        assert_eq!(blocks(format!("0 s:CN=x\n{PEM}").as_bytes()).unwrap().len(), 1);
        assert!(blocks(b"hello").unwrap().is_empty());
    }

    #[test]
    fn a_letter_around_a_block_may_begin_like_one() {
        for letter in ["-----BEGIN my letter\n", "-----BEGIN ", "-----BEGIN my letter-----\n"] {
            for text in [format!("{letter}\n{PEM}"), format!("{PEM}{letter}")] {
                assert_eq!(blocks(text.as_bytes()).unwrap().len(), 1, "{text}");
            }
        }
        let half = format!("-----BEGIN PRIVATE KEY----\nAAEC\n-----END PRIVATE KEY-----\n{PEM}");
        assert!(blocks(half.as_bytes()).err().unwrap().contains("first line"));
    }

    #[test]
    fn legacy_encryption_headers_are_seen() {
        let pem = PEM.replace("AAEC", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAEC");
        let blocks = blocks(pem.as_bytes()).unwrap();
        assert!(blocks[0].encrypted);
        assert_eq!(blocks[0].der.as_slice(), [0, 1, 2, 3, 4]);
    }
}
