//! Section W: windows of slots, by example, by law, and compared with calendars computed by hand.

mod laws;
mod rules;
