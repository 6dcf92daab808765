//! The settings of the transaction that reads.
//!
//! They last until it ends, since a pooler hands the connection to others afterwards. Two reads of unchanged rows then
//! yield the same bytes in the same order (rule A6), whatever a role, a database or a server sets.

/// Statements that pin everything on which the text or the order of records depends, and every limit that would end a
/// read that its consumer keeps waiting.
pub(super) const PINS: &str = "\
    SET LOCAL TimeZone = 'UTC'; \
    SET LOCAL DateStyle = 'ISO, YMD'; \
    SET LOCAL IntervalStyle = 'postgres'; \
    SET LOCAL extra_float_digits = 1; \
    SET LOCAL bytea_output = 'hex'; \
    SET LOCAL quote_all_identifiers = off; \
    SET LOCAL search_path = 'public'; \
    SET LOCAL lc_monetary = 'C'; \
    SET LOCAL xmlbinary = 'base64'; \
    SET LOCAL row_security = on; \
    SET LOCAL synchronize_seqscans = off; \
    SET LOCAL max_parallel_workers_per_gather = 0; \
    SET LOCAL statement_timeout = 0; \
    SET LOCAL idle_in_transaction_session_timeout = 0; \
    SET LOCAL application_name = 'cdds read'; \
    SELECT pg_catalog.set_config(name, '0', true) FROM pg_catalog.pg_settings WHERE name = 'transaction_timeout'";

/// The name under which a session reads, in `pg_stat_activity`. Such a session writes nothing, so completeness does
/// not wait for it.
pub(super) const READER: &str = "cdds read";

/// Limits a statement whose answer is only worth a short wait.
pub(super) const SHORT: &str = "SET LOCAL statement_timeout = '500ms'; SET LOCAL lock_timeout = '100ms'";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readers_name_is_the_one_that_is_set() {
        assert!(PINS.contains(&format!("application_name = '{READER}'")));
    }
}
