//! Counts, sizes and shares.

/// Units of sizes; each is 2^10 of the one before.
const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// `1,234`
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 file`, `1,234 files`: a count and what is counted, whose plural ends in `s`.
pub fn counted(number: u64, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `512 B`, `5.00 MiB`: a size in bytes, rounded.
pub fn bytes(bytes: u64) -> String {
    let mut size = bytes as f64;
    let mut units = None;
    for unit in UNITS {
        if size < 1_024.0 {
            break;
        }
        size /= 1_024.0;
        units = Some(unit);
    }
    units.map_or_else(|| format!("{bytes} B"), |unit| format!("{size:.2} {unit}"))
}

/// `42 %`
pub fn share(percent: u8) -> String {
    format!("{percent} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        for (number, said) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), said);
        }
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!((counted(1, "file"), counted(0, "file")), ("1 file".to_owned(), "0 files".to_owned()));
    }

    #[test]
    fn sizes_have_two_places() {
        for (size, said) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1.00 KiB"),
            (1_500, "1.46 KiB"),
            (5 << 20, "5.00 MiB"),
            ((1 << 20) - 1, "1024.00 KiB"),
            (1_500_000_000_000, "1.36 TiB"),
            (u64::MAX, "16.00 EiB"),
        ] {
            assert_eq!(bytes(size), said);
        }
        assert_eq!(share(42), "42 %");
    }
}
