//! Mistakes on the command line and in the environment, in clap's words.

use std::io::{self, IsTerminal, Write};

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::CliError;
use crate::choice::{ColourChoice, typed};
use crate::text::escaped;

/// Options and the environment variables that set them.
const VARIABLES: [(&str, &str); 2] = [("--config", "CDDS_CONFIG"), ("--output", "CDDS_OUTPUT")];

impl CliError {
    /// The command line cannot be parsed. Keeps the reason, without the help that clap adds for terminals.
    pub(crate) fn misuse(error: &clap::Error) -> Self {
        if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            return Self::usage("a command is missing: `--help` lists them");
        }
        let text = error.to_string();
        let mut paragraphs = text.split("\n\n");
        let wrong = paragraphs.next().unwrap_or_default().trim_start_matches("error: ");
        let tips = paragraphs.filter(|paragraph| paragraph.trim_start().starts_with("tip: "));
        let lines = std::iter::once(wrong).chain(tips).flat_map(str::lines).map(str::trim);
        Self::usage(lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" "))
    }

    /// An environment variable that sets an option is wrong. Clap's message names the option, which nobody
    /// typed.
    pub(crate) fn of_environment(error: &clap::Error) -> Option<Self> {
        let context = |kind| match error.get(kind) {
            Some(ContextValue::String(text)) => Some(text.as_str()),
            _ => None,
        };
        let (option, value) = (context(ContextKind::InvalidArg)?, context(ContextKind::InvalidValue)?);
        let option = option.split(' ').next()?;
        let (_, variable) = VARIABLES.into_iter().find(|(known, _)| *known == option)?;
        if typed(option).is_some() || std::env::var(variable).ok().as_deref() != Some(value) {
            return None;
        }
        Some(Self::usage(match value {
            "" => format!("the variable {variable} is set but empty: give it a value, or unset it"),
            _ => format!(
                "the variable {variable} is set to {value:?}, which {option} does not accept: `--help` shows \
                 what it accepts"
            ),
        }))
    }
}

/// What other programs call an option of ours: with which of our commands, its name there, and here.
const OTHER_NAMES: [(&str, &str, &str); 5] = [
    ("run", "--once", "--until-idle"),
    ("job", "--once", "--run once"),
    ("", "--json", "--output json"),
    ("", "--format", "--output"),
    ("", "--dir", "--to"),
];

/// How many letters may differ for an option to be meant. `clap` also suggests what merely shares letters.
const LETTERS_MAX: usize = 2;

/// Suggests what was meant, and nothing else.
fn suggesting(mut error: clap::Error) -> clap::Error {
    if error.kind() != ErrorKind::UnknownArgument {
        return error;
    }
    let Some(ContextValue::String(unknown)) = error.get(ContextKind::InvalidArg) else { return error };
    let is_typed = |command: &str| command.is_empty() || std::env::args().skip(1).any(|word| word == command);
    let known = OTHER_NAMES.iter().find(|(command, name, _)| unknown == name && is_typed(command));
    let suggested = match error.get(ContextKind::SuggestedArg) {
        Some(ContextValue::String(suggested)) => Some(suggested.as_str()),
        _ => None,
    };
    let is_alike = |suggested: &str| {
        suggested.starts_with(unknown.as_str())
            || unknown.starts_with(suggested)
            || strsim::damerau_levenshtein(suggested, unknown) <= LETTERS_MAX
    };
    match (known, suggested) {
        (Some((.., name)), _) => {
            error.insert(ContextKind::SuggestedArg, ContextValue::String((*name).to_owned()));
            error.remove(ContextKind::Usage);
        }
        (None, Some(suggested)) if !is_alike(suggested) => {
            error.remove(ContextKind::SuggestedArg);
            // It names what was suggested.
            error.remove(ContextKind::Usage);
        }
        _ => {}
    }
    error
}

/// Truncates long user input before echoing it, and suggests what was meant.
pub(crate) fn shortened(error: clap::Error) -> clap::Error {
    const CHARS_MAX: usize = 60;
    let mut error = suggesting(error);
    let cut = |text: &str| {
        let shown = escaped(text);
        match shown.char_indices().nth(CHARS_MAX) {
            Some((end, _)) => Some(ContextValue::String(format!("{}…", &shown[..end]))),
            None => (shown != text).then(|| ContextValue::String(shown.into_owned())),
        }
    };
    let long: Vec<_> = error
        .context()
        .filter_map(|(kind, value)| match (kind, value) {
            (
                ContextKind::InvalidValue | ContextKind::InvalidArg | ContextKind::InvalidSubcommand,
                ContextValue::String(text),
            ) => Some((kind, cut(text)?)),
            _ => None,
        })
        .collect();
    for (kind, value) in long {
        error.insert(kind, value);
    }
    error
}

/// Prints clap's messages: help to stdout, errors to stderr.
///
/// They are coloured like everything else: clap itself would colour for a dumb terminal if the variable CI is
/// set, and does not know `--color`.
pub(crate) fn print_clap(said: &clap::Error) {
    let rendered = said.render();
    let print = |mut stream: Box<dyn Write>, terminal: bool| {
        let coloured = ColourChoice::asked_for().colours(terminal);
        // A closed pipe is not our failure.
        let _closed =
            if coloured { write!(stream, "{}", rendered.ansi()) } else { write!(stream, "{rendered}") };
    };
    if said.use_stderr() {
        print(Box::new(io::stderr()), io::stderr().is_terminal());
    } else {
        print(Box::new(io::stdout()), io::stdout().is_terminal());
    }
}
