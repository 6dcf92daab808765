//! What stderr shows besides errors: progress and the log, without one writing into the other.

use std::io::{self, IsTerminal, Write};

use indicatif::{MultiProgress, ProgressDrawTarget};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::args::Global;
use crate::choice::{EventForm, Format};
use crate::text::escaped;

/// How progress is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    /// Bars with percentage, rate and remaining time: a person watches.
    Bars,
    /// A line per event: a log is kept. `progress` is whether steps on the way are events.
    Lines {
        /// How events are written.
        form: EventForm,
        /// Whether to tell about the steps between start and end.
        progress: bool,
    },
    /// Nothing: stderr is kept for errors.
    Nothing,
}

/// The terminal for everything but results.
#[derive(Debug, Clone)]
pub(crate) struct Console {
    telling: Telling,
    quiet: bool,
    /// Whether steps on the way are reported.
    steps: bool,
    colour: bool,
    bars: MultiProgress,
}

impl Console {
    /// Decides how progress is reported, and starts the log.
    pub(crate) fn start(global: &Global) -> Self {
        let terminal = io::stderr().is_terminal();
        // A terminal that cannot move its cursor gets lines.
        let redraws = terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let telling = match global.output {
            _ if global.quiet => Telling::Nothing,
            _ if redraws && !global.no_progress => Telling::Bars,
            // Scripts find nothing but the error on stderr, unless they ask for the log.
            Format::Json if !terminal => Telling::Nothing,
            _ => Telling::Lines { form: EventForm::Logfmt, progress: !global.no_progress },
        };
        let target = match telling {
            Telling::Bars => ProgressDrawTarget::stderr(),
            _ => ProgressDrawTarget::hidden(),
        };
        let colour = global.color.colours(terminal);
        let bars = MultiProgress::with_draw_target(target);
        let console = Self { telling, quiet: global.quiet, steps: !global.no_progress, colour, bars };
        console.start_log(level(global, terminal));
        console
    }

    /// Switches to a line in this form per event, wherever stderr goes; `-q` takes precedence.
    pub(crate) fn telling_events(&self, form: EventForm) -> Self {
        let telling =
            if self.quiet { Telling::Nothing } else { Telling::Lines { form, progress: self.steps } };
        Self { telling, ..self.clone() }
    }

    pub(crate) fn telling(&self) -> Telling {
        self.telling
    }

    /// Returns whether words are coloured.
    pub(crate) fn colour(&self) -> bool {
        self.colour
    }

    /// Returns the bars, which share the terminal.
    pub(crate) fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    /// Writes a line to stderr, above the bars.
    fn line(&self, line: &str) {
        // A closed stderr is ignored: nobody reads it.
        let _told = self.bars.suspend(|| writeln!(io::stderr().lock(), "{line}"));
    }

    /// Writes a line for a person or a log, but nothing where stderr is kept for errors.
    pub(crate) fn note(&self, line: &str) {
        if self.telling != Telling::Nothing {
            self.line(line);
        }
    }

    /// Takes what is traced, and nothing that is logged by the crate `log`, for which tracing-subscriber would need a
    /// feature: suppaftp logs all commands there, with the passwords of servers.
    fn start_log(&self, level: LevelFilter) {
        tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .with_target(false)
            .with_writer(AboveBars(self.bars.clone()))
            .init();
    }
}

fn level(global: &Global, terminal: bool) -> LevelFilter {
    match global.verbose {
        0 if global.quiet || (global.output == Format::Json && !terminal) => LevelFilter::ERROR,
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    }
}

/// Writes log lines to stderr while the bars stand aside.
#[derive(Debug, Clone)]
struct AboveBars(MultiProgress);

impl Write for AboveBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().lock().write_all(one_line(bytes).as_bytes()))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for AboveBars {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Escapes a log event, which is written in one go and may contain names from outside.
fn one_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let (line, end) = text.strip_suffix('\n').map_or((&*text, ""), |line| (line, "\n"));
    format!("{}{end}", escaped(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_the_log_is_one_line() {
        assert_eq!(
            one_line(b"WARN cannot read a\nINFO b\x1b[2J: no\n"),
            "WARN cannot read a\\nINFO b\\u{1b}[2J: no\n"
        );
        assert_eq!(one_line("INFO Wöchentlich".as_bytes()), "INFO Wöchentlich");
    }
}
