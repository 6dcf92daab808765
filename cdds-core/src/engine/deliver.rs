//! Delivers published sets to destinations (rules N1, N4 to N7), beside the exports.

mod carry;
