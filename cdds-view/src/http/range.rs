//! What a conditional or a range request asks for (RFC 9110, 13 and 14).

use std::ops::Range;

use http::header::{self, HeaderMap, HeaderName};

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The whole file.
    All,
    /// Some of its bytes, at least one.
    Range(Range<u64>),
    /// Bytes behind its end.
    BehindEnd { from: u64 },
    /// Nothing: the client has the file.
    Nothing,
}

/// Returns what a request asks for of a file with this entity tag and size.
pub(super) fn wanted(request: &HeaderMap, tag: &str, bytes: u64) -> Wanted {
    if matches_any(request, tag) {
        return Wanted::Nothing;
    }
    // A date is no tag, and a tag of another file means that there is nothing to go on with.
    let goes_on = text(request, header::IF_RANGE).is_none_or(|known| known == tag);
    let range = text(request, header::RANGE).filter(|_| goes_on);
    range.and_then(|range| parse(range, bytes)).unwrap_or(Wanted::All)
}

fn text(request: &HeaderMap, name: HeaderName) -> Option<&str> {
    request.get(name)?.to_str().ok().map(str::trim)
}

/// Whether the client has a file with this tag. Tags are compared weakly, as `If-None-Match` asks.
fn matches_any(request: &HeaderMap, tag: &str) -> bool {
    let lists = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|list| list.to_str().ok());
    let mut tags = lists.flat_map(|list| list.split(',')).map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// Returns what one range of bytes means; `None` if it is not one, and then the whole file is sent.
fn parse(range: &str, bytes: u64) -> Option<Wanted> {
    let (unit, range) = range.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let range = match (number(first)?, number(last)?) {
        (None, None) => return None,
        (Some(from), None) => from..bytes,
        (Some(from), Some(last)) if last < from => return None,
        (Some(from), Some(last)) => from..last.saturating_add(1).min(bytes),
        (None, Some(count)) => bytes.saturating_sub(count)..bytes,
    };
    Some(if range.is_empty() { Wanted::BehindEnd { from: range.start } } else { Wanted::Range(range) })
}

/// Reads digits; `Some(None)` if there are none. More than a file can have bytes are as good as the most.
fn number(digits: &str) -> Option<Option<u64>> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((!digits.is_empty()).then(|| digits.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"5f\"";

    fn asked(headers: &[(HeaderName, &str)]) -> Wanted {
        let mut request = HeaderMap::new();
        for (name, value) in headers {
            request.append(name, value.parse().unwrap());
        }
        wanted(&request, TAG, 10)
    }

    #[test]
    fn one_range_of_bytes_is_served() {
        for (range, expected) in [
            ("bytes=0-", Wanted::Range(0..10)),
            ("bytes=4-", Wanted::Range(4..10)),
            ("Bytes = 4-6", Wanted::Range(4..7)),
            ("bytes=4-4", Wanted::Range(4..5)),
            ("bytes=9-99999999999999999999999", Wanted::Range(9..10)),
            ("bytes=-3", Wanted::Range(7..10)),
            ("bytes=-30", Wanted::Range(0..10)),
            ("bytes=10-", Wanted::BehindEnd { from: 10 }),
            ("bytes=12-14", Wanted::BehindEnd { from: 12 }),
            ("bytes=-0", Wanted::BehindEnd { from: 10 }),
        ] {
            assert_eq!(asked(&[(header::RANGE, range)]), expected, "{range}");
        }
    }

    #[test]
    fn what_is_no_single_range_gets_the_whole_file() {
        for range in
            ["bytes=0-1,4-5", "bytes=6-4", "bytes=-", "bytes=a-b", "bytes=+1-", "lines=1-2", "bytes", ""]
        {
            assert_eq!(asked(&[(header::RANGE, range)]), Wanted::All, "{range}");
        }
    }

    #[test]
    fn a_range_counts_only_for_the_file_that_was_begun() {
        let range = (header::RANGE, "bytes=4-");
        assert_eq!(asked(&[range.clone(), (header::IF_RANGE, TAG)]), Wanted::Range(4..10));
        for other in ["\"60\"", "W/\"5f\"", "Sun, 29 Nov 2026 02:00:00 GMT"] {
            assert_eq!(asked(&[range.clone(), (header::IF_RANGE, other)]), Wanted::All, "{other}");
        }
    }

    #[test]
    fn a_known_file_is_not_sent_again() {
        for known in [TAG, "*", "W/\"5f\"", "\"1\", \"5f\""] {
            let range = (header::RANGE, "bytes=4-");
            assert_eq!(asked(&[(header::IF_NONE_MATCH, known), range]), Wanted::Nothing, "{known}");
        }
        let tags = [(header::IF_NONE_MATCH, "\"1\""), (header::IF_NONE_MATCH, TAG)];
        assert_eq!(asked(&tags), Wanted::Nothing);
        assert_eq!(asked(&[(header::IF_NONE_MATCH, "\"60\"")]), Wanted::All);
    }
}
