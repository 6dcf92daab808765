//! The short help, `-h`: a line for each option of the command itself. `--help` has everything.

use std::collections::BTreeMap;

use clap::{Arg, Command};
use unicode_width::UnicodeWidthStr;

/// The columns in which a line has to fit.
const COLUMNS: usize = 80;
/// Up to this many columns, what is longer than its line stays beside an option; behind longer ones, `clap` sets
/// [`APART`] columns apart, or else puts the description on a line of its own.
const WIDE: usize = 20;
const APART: usize = 12;
/// The place of an option's letter.
const LETTER: usize = 4;
/// The indentation of a list of commands, and the gap behind their names.
const AROUND_NAME: usize = 4;

/// Returns the same command line for its short help alone.
pub(crate) fn short(command: Command) -> Command {
    let said = command.get_after_help().map(|said| format!("{said}\n")).unwrap_or_default();
    // How wide an option is, is known once it is built.
    let mut built = command.clone();
    built.build();
    with_short_lines(command, &built).after_help(format!("{said}{GLOBAL}"))
}

const GLOBAL: &str = "Global options: see `cdds --help`";

fn with_short_lines(mut command: Command, built: &Command) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let longest = names.iter().map(String::len).max().unwrap_or(0);
    for name in names {
        let Some(built) = built.find_subcommand(&name) else { continue };
        command = command.mut_subcommand(&name, |sub| {
            let about =
                sub.get_about().map(|about| clause(&about.to_string(), COLUMNS - longest - AROUND_NAME));
            let sub = with_short_lines(sub, built).after_help(GLOBAL);
            match about {
                Some(about) => sub.about(about),
                None => sub,
            }
        });
    }
    let mut widths: BTreeMap<Option<String>, usize> = BTreeMap::new();
    for arg in built.get_arguments().filter(|arg| !arg.is_global_set()) {
        let widest = widths.entry(section(arg)).or_default();
        let letter = if arg.is_positional() { 0 } else { LETTER };
        *widest = (*widest).max(arg.to_string().width() + letter);
    }
    command.mut_args(|arg| {
        if arg.is_global_set() {
            return arg.hide(true);
        }
        let widest = widths.get(&section(&arg)).copied().unwrap_or_default();
        let apart = if widest > WIDE { APART } else { AROUND_NAME };
        one_line(arg, COLUMNS.saturating_sub(widest + apart))
    })
}

fn section(arg: &Arg) -> Option<String> {
    arg.get_help_heading().map(str::to_owned)
}

/// Cuts the help of an option to one line, with the values that it can have if they fit on it.
fn one_line(arg: Arg, room: usize) -> Arg {
    let Some(help) = arg.get_help().map(|help| clause(&help.to_string(), room)) else { return arg };
    let values: Vec<String> =
        arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    let with_values = format!("{help} [{}]", values.join(", "));
    let help = if values.is_empty() || with_values.width() > room { help } else { with_values };
    let takes_values = arg.get_action().takes_values();
    let arg = arg.help(help).hide_default_value(takes_values).hide_env(takes_values);
    arg.hide_possible_values(takes_values)
}

/// Returns the beginning of a sentence that fits: as many whole clauses as possible, or else words and an ellipsis.
fn clause(text: &str, room: usize) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    let ends = |marks: &[&str]| {
        let found = marks.iter().flat_map(|mark| text.match_indices(*mark)).map(|(at, _)| at);
        found.filter(|at| text[..*at].width() + 2 <= room).max()
    };
    if let Some(end) = ends(&["; ", ". ", " [", " ("]) {
        return text[..end].to_owned();
    }
    let end = ends(&[", "]).filter(|end| text[..*end].width() >= room / 2).or_else(|| ends(&[" "]));
    let words = end.map_or("", |end| text[..end].trim_end_matches([',', ':']));
    format!("{words} …")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_clauses_are_kept_and_what_is_cut_is_seen() {
        let told = "Which records, by their instant: all, rolling:1w; or a span [default: all]";
        assert_eq!(clause(told, 100), told);
        assert_eq!(clause(told, 62), "Which records, by their instant: all, rolling:1w; or a span");
        assert_eq!(clause(told, 52), "Which records, by their instant: all, rolling:1w");
        assert_eq!(clause(told, 36), "Which records, by their instant …");
        assert!(clause(told, 1).width() <= 2);
    }
}
