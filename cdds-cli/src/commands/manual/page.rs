//! One manual page.

use std::io;

use clap::{Arg, ArgAction, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use crate::error::CliError;

/// When the wording of the pages was last looked at.
const DATE: &str = "2026-11-30";
const SECTION: &str = "1";
/// What `clap_mangen` writes between an option's help and its values, which readers warn of.
const GAP: &str = "\n.br\n\n.br\n";

/// A page and its name.
#[derive(Debug)]
pub(super) struct Page {
    file_name: String,
    text: String,
}

impl Page {
    /// Writes the page of a command that was built.
    pub(super) fn of(command: &Command) -> Result<Self, CliError> {
        let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
        let program = concat!("cdds ", env!("CARGO_PKG_VERSION"));
        let man = Man::new(command.clone()).title(&name).section(SECTION).date(DATE).source(program);
        let man = man.manual("Scheduled, encrypted, verifiable downloads");
        let mut text = Vec::new();
        let render = |text: &mut Vec<u8>| -> io::Result<()> {
            man.render_title(text)?;
            man.render_name_section(text)?;
            synopsis(command).to_writer(text)?;
            man.render_description_section(text)?;
            man.render_options_section(text)?;
            if command.has_subcommands() {
                man.render_subcommands_section(text)?;
            }
            notes(command).to_writer(text)
        };
        render(&mut text)
            .map_err(|error| CliError::failed("output_failed", format!("cannot write the page: {error}")))?;
        let text = plain(&String::from_utf8_lossy(&text));
        Ok(Self { file_name: format!("{name}.{SECTION}"), text })
    }

    pub(super) fn file_name(&self) -> &str {
        &self.file_name
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// Returns a page as every reader understands it: with one prologue, without gaps that are made twice, in ASCII.
fn plain(text: &str) -> String {
    let prologue: Vec<&str> = text.lines().take_while(|line| !line.starts_with(".TH")).collect();
    let prologue = format!("{}\n", prologue.join("\n"));
    let rest = text.replace(&prologue, "").replace(GAP, "\n.sp\n");
    let mut plain = prologue;
    for character in rest.chars() {
        match character {
            '\0'..='\x7f' => plain.push(character),
            '…' => plain.push_str("..."),
            // groff_char(7)
            other => plain.push_str(&format!("\\[u{:04X}]", u32::from(other))),
        }
    }
    plain
}

/// How the command is typed: its own options with the names of their values, then what it takes.
fn synopsis(command: &Command) -> Roff {
    let mut line = vec![bold(command.get_bin_name().unwrap_or_else(|| command.get_name()))];
    let options = command.get_arguments().filter(|arg| !arg.is_positional() && !arg.is_hide_set());
    let own = options.filter(|arg| !arg.is_global_set());
    for option in own.filter(|arg| !matches!(arg.get_action(), ArgAction::Help | ArgAction::Version)) {
        line.push(roman(" "));
        line.extend(bracketed(option, typed(option)));
    }
    line.extend([roman(" ["), italic("global options"), roman("]")]);
    for positional in command.get_positionals().filter(|arg| !arg.is_hide_set()) {
        line.push(roman(" "));
        line.extend(bracketed(positional, vec![italic(values(positional))]));
    }
    if command.has_subcommands() {
        line.extend([roman(" "), italic("command")]);
    }
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]).text(line);
    roff
}

/// Returns an option as it is typed, like `-n N` or `--to DIR`.
fn typed(option: &Arg) -> Vec<Inline> {
    let long = option.get_long().map(|long| format!("--{long}"));
    let mut typed: Vec<Inline> =
        long.or_else(|| option.get_short().map(|short| format!("-{short}"))).map(bold).into_iter().collect();
    if option.get_action().takes_values() {
        let separator = if option.is_require_equals_set() { "=" } else { " " };
        let is_optional = option.get_num_args().is_some_and(|range| range.min_values() == 0);
        let (open, close) = if is_optional { ("[", "]") } else { ("", "") };
        typed.extend([roman(format!("{open}{separator}")), italic(values(option)), roman(close)]);
    }
    typed
}

fn values(arg: &Arg) -> String {
    match arg.get_value_names() {
        Some(names) => names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        None => arg.get_id().as_str().to_uppercase(),
    }
}

/// Puts what may be left out in brackets, and dots after what may be repeated.
fn bracketed(arg: &Arg, typed: Vec<Inline>) -> Vec<Inline> {
    let (open, close) = if arg.is_required_set() { ("", "") } else { ("[", "]") };
    let is_list = arg.get_num_args().is_some_and(|range| range.max_values() > 1);
    let repeats = is_list || matches!(arg.get_action(), ArgAction::Append | ArgAction::Count);
    let dots = if repeats { "..." } else { "" };
    [vec![roman(open)], typed, vec![roman(format!("{close}{dots}"))]].concat()
}

/// Writes what is said below the help: remarks, and examples as they are typed.
fn notes(command: &Command) -> Roff {
    let mut roff = Roff::new();
    let said = command.get_after_long_help().or_else(|| command.get_after_help());
    let said = said.map(ToString::to_string).unwrap_or_default();
    let (remarks, examples) = match said.split_once("Examples:\n") {
        Some((remarks, examples)) => (remarks.trim_end(), examples),
        None => (said.trim_end(), ""),
    };
    if !remarks.is_empty() {
        roff.control("SH", ["NOTES"]);
        for (index, paragraph) in remarks.split("\n\n").enumerate() {
            if index > 0 {
                roff.control("PP", []);
            }
            let is_literal = paragraph.lines().all(|line| line.starts_with("  "));
            if is_literal { literal(&mut roff, paragraph) } else { filled(&mut roff, paragraph) }
        }
    }
    if !examples.is_empty() {
        roff.control("SH", ["EXAMPLES"]);
        literal(&mut roff, examples);
    }
    roff
}

fn filled(roff: &mut Roff, paragraph: &str) {
    for (index, line) in paragraph.lines().enumerate() {
        if index > 0 {
            roff.control("br", []);
        }
        roff.text([roman(line)]);
    }
}

fn literal(roff: &mut Roff, lines: &str) {
    roff.control("nf", []);
    for line in lines.lines() {
        roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
    }
    roff.control("fi", []);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args;

    fn page(path: &[&str]) -> String {
        let mut command = args::command();
        command.build();
        let command = path.iter().fold(&command, |command, word| command.find_subcommand(word).unwrap());
        Page::of(command).unwrap().text
    }

    #[test]
    fn the_synopsis_names_values_and_what_may_be_left_out() {
        let text = page(&["decrypt"]);
        let synopsis = text.split(".SH ").find(|section| section.starts_with("SYNOPSIS")).unwrap();
        for expected in [
            r"\fBcdds decrypt\fR \fB\-\-key\fR \fIFILE\fR ",
            r"[\fB\-\-signer\fR \fICERT\fR]",
            r"[\fB\-\-force\fR]",
            r" \fIFILE\fR...",
            r"[\fIglobal options\fR]",
        ] {
            assert!(synopsis.contains(expected), "{expected} is not in {synopsis}");
        }
        assert!(!synopsis.contains("no\\-progress"), "{synopsis}");
    }

    #[test]
    fn every_page_is_ascii_and_has_one_prologue() {
        let text = page(&["run"]);
        assert!(text.is_ascii() && text.contains("slot=..."), "{text}");
        assert_eq!(text.matches(".ie ").count(), 1);
        assert!(!text.contains(GAP), "{text}");
    }
}
