//! Rule F8a: a record whose values cannot be read, only their shape.

/// The longest text or number that is masked in full, in characters. Of a longer one the beginning is shown.
const CHARS_MAX: usize = 24;

/// Returns a record, one object of JSON as batches hold it, with its values masked (rule F8a).
///
/// Keys and the structure stay. In texts letters become `x` and digits `0`, and of a text with more than 24 characters
/// the first 24 are shown, followed by `…`. Numbers become zeros in the same way, and each truth value becomes `true`.
/// The result is for people: a shortened number is no JSON.
///
/// ```
/// use cdds_core::domain::record::mask::masked;
///
/// let record = br#"{"name":"Ada L.","born":1815,"tags":["a-1"],"known":false}"#;
/// assert_eq!(masked(record), r#"{"name":"xxx x.","born":0000,"tags":["x-0"],"known":true}"#);
/// ```
pub fn masked(record: &[u8]) -> String {
    let text = String::from_utf8_lossy(record);
    let mut output = String::with_capacity(text.len());
    let mut rest = text.trim_end();
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '"' => string(rest, &mut output),
            '-' | '0'..='9' => number(rest, &mut output),
            't' | 'f' => {
                output.push_str("true");
                rest.trim_start_matches(|c: char| c.is_ascii_alphabetic())
            }
            other => {
                output.push(other);
                &rest[other.len_utf8()..]
            }
        };
    }
    output
}

/// Masks a string unless it is a key, and returns what follows it.
fn string<'a>(text: &'a str, output: &mut String) -> &'a str {
    let (inside, rest) = split(&text[1..]);
    output.push('"');
    if rest.trim_start().starts_with(':') {
        output.push_str(inside);
    } else {
        let mut chars = inside.chars();
        for shown in 0.. {
            let Some(next) = chars.next() else { break };
            if shown == CHARS_MAX {
                output.push('…');
                break;
            }
            output.push(if next == '\\' { escaped(&mut chars) } else { shape(next) });
        }
    }
    output.push('"');
    rest
}

/// Splits a text behind the end of the string that it begins in.
fn split(text: &str) -> (&str, &str) {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if !is_escaped => return (&text[..at], &text[at + 1..]),
            b'\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    (text, "")
}

/// Reads the rest of an escape (RFC 8259, section 7), and returns what stands for it.
fn escaped(chars: &mut std::str::Chars<'_>) -> char {
    match chars.next() {
        Some('u') => {
            chars.by_ref().take(4).for_each(drop);
            'x'
        }
        _ => ' ',
    }
}

fn shape(c: char) -> char {
    match c {
        c if c.is_numeric() => '0',
        c if c.is_ascii() && !c.is_ascii_alphabetic() => c,
        _ => 'x',
    }
}

fn number<'a>(text: &'a str, output: &mut String) -> &'a str {
    let end =
        text.find(|c: char| !matches!(c, '-' | '+' | '.' | 'e' | 'E' | '0'..='9')).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    output.extend(number.chars().take(CHARS_MAX).map(|c| if c.is_ascii_digit() { '0' } else { c }));
    if number.len() > CHARS_MAX {
        output.push('…');
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f8a_keys_and_shape_stay_and_no_value_does() {
        for (record, expected) in [
            (r#"{"a":{"b c":["x@y.de",""],"\"k\"":null}}"#, r#"{"a":{"b c":["x@x.xx",""],"\"k\"":null}}"#),
            (r#"{"t":"2026-11-26T14:00:00Z"}"#, r#"{"t":"0000-00-00x00:00:00x"}"#),
            (r#"{"t":"Ärger: \"so\"\n\u00e9:"}"#, r#"{"t":"xxxxx:  xx  x:"}"#),
            (r#"{"n":-12.5e+10,"m":[1,23]}"#, r#"{"n":-00.0e+00,"m":[0,00]}"#),
            (r#"{"yes":true,"no":false}"#, r#"{"yes":true,"no":true}"#),
            (r#"{"emoji":"😀","end":"\\"}"#, r#"{"emoji":"x","end":" "}"#),
        ] {
            assert_eq!(masked(record.as_bytes()), expected);
        }
        let long = format!(r#"{{"t":"{}","n":{}}}"#, "a".repeat(25), "1".repeat(25));
        let shown = masked(long.as_bytes());
        assert_eq!(shown, format!(r#"{{"t":"{}…","n":{}…}}"#, "x".repeat(24), "0".repeat(24)));
    }

    #[test]
    fn f8a_what_is_no_json_is_masked_all_the_same() {
        for broken in [&b"{\"a\":\"secret"[..], b"\"secret\\", b"{\"a\":\"\xff1\"", b""] {
            let shown = masked(broken);
            assert!(!shown.contains("secret") && !shown.contains('1'), "{shown}");
        }
    }
}
