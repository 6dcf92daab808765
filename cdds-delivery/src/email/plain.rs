//! The part of a mail that is plain text.

use std::fmt::Write;

use super::letter::Letter;
use super::texts as said;

/// Writes the text, in lines that programs may wrap, without blank space at their ends.
pub(super) fn text(letter: &Letter) -> String {
    let mut text = format!("{}: {}\n\n{}\n", letter.headline, letter.title, letter.explanation);
    // Writing to a string succeeds.
    let mut line = |line: std::fmt::Arguments<'_>| {
        let _ = writeln!(text, "{line}");
    };
    line(format_args!(""));
    for (name, value) in &letter.facts {
        line(format_args!("{name}: {value}"));
    }
    if let Some((words, address)) = &letter.link {
        line(format_args!("\n{words}:\n{address}"));
    }
    if !letter.deliveries.is_empty() {
        line(format_args!("\n{}", said::DELIVERIES));
        for (place, state) in &letter.deliveries {
            line(format_args!("- {place}\n  {state}"));
        }
    }
    if !letter.files.is_empty() {
        line(format_args!("\n{}", said::FILES));
        for (name, size) in &letter.files {
            line(format_args!("- {name}, {size}"));
        }
        if let Some(more) = &letter.more_files {
            line(format_args!("- {more}"));
        }
    }
    if letter.has_files {
        line(format_args!("\n{}\n{}", said::OPENING, said::CHECK));
        if !letter.commands.is_empty() {
            line(format_args!("{}\n", said::DECRYPT));
            for command in &letter.commands {
                line(format_args!("  {command}"));
            }
        }
    }
    // The sign before a signature, which programs fold (RFC 3676 section 4.3).
    line(format_args!("\n-- \n{}", letter.why));
    text
}
