//! Typed durations: `60s`, `5m`.

use std::time::Duration;

/// Parses a whole number and `ms`, `s`, `m`, `h` or `d`.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(not_a_length(text)),
    };
    let number: u64 = number.parse().map_err(|_| not_a_length(text))?;
    number.checked_mul(millis).map(Duration::from_millis).ok_or_else(|| not_a_length(text))
}

fn not_a_length(text: &str) -> String {
    format!("{text:?} is not a length of time: write a number and ms, s, m, h or d, like 60s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_a_unit() {
        assert_eq!(parse("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse("2d"), Ok(Duration::from_secs(172_800)));
        for bad in ["", "60", "s", "-1s", "1.5s", "1w", "99999999999999999999s", "99999999999999999d"] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
