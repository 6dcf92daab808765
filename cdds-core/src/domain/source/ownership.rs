//! Rule J16: whose the records of a data type are.

/// Whose the records of a data type are (rule J16).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Ownership {
    /// The type does not say, so every owner who sees the source may export all records. A service with one owner
    /// needs no answer; one with several must give it.
    #[default]
    Unstated,
    /// Every owner who sees the source may export all records.
    Shared,
    /// The source returns and counts only the records of the request's owner. A record that names no owner
    /// belongs to nobody, and no read returns it.
    PerOwner,
}
