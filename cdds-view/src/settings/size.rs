//! Sizes as people type them.

use cdds_core::domain::archive::split_size::SplitSize;

/// Parses a number of MB (= 2^20 bytes, rule A4), or a number with a unit: `1024`, `64KiB`, `100 MB`, `1GiB`.
/// Returns the bytes.
pub fn parse_split_bytes(text: &str) -> Option<u64> {
    parse_size(text, 20)
}

/// Parses a number of bytes, or a number with a unit.
pub fn parse_bytes(text: &str) -> Option<u64> {
    parse_size(text, 0)
}

/// Parses a number that counts 2^`shift` bytes unless it has a unit. Units are powers of two, however they
/// are spelled. A value beyond 64 bits saturates, and the rule refuses it.
fn parse_size(text: &str, shift: u32) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" => shift,
        "b" => 0,
        "kib" | "kb" => 10,
        "mib" | "mb" => 20,
        "gib" | "gb" => 30,
        _ => return None,
    };
    (!number.is_empty()).then(|| number.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(1 << shift))
}

/// Spells a size in the largest unit that is exact: `64KiB`, `1GiB`, `65537B`.
pub fn spell_split_size(size: SplitSize) -> String {
    let bytes = size.bytes();
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = units.into_iter().find(|(unit, _)| bytes.is_multiple_of(*unit));
    unit.map_or_else(|| format!("{bytes}B"), |(unit, name)| format!("{}{name}", bytes / unit))
}
