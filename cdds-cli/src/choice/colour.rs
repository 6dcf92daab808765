//! Whether output is coloured.

use std::ffi::OsStr;

use clap::ValueEnum;

/// Whether output is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColourChoice {
    /// On a terminal; never if NO_COLOR is set or TERM is dumb, always if CLICOLOR_FORCE is set
    Auto,
    /// Whatever the output goes to
    Always,
    /// Not at all
    Never,
}

impl ColourChoice {
    /// Returns the choice of a command line that clap could not parse, or did not need to.
    pub(crate) fn asked_for() -> Self {
        super::typed("--color").and_then(|choice| Self::from_str(&choice, false).ok()).unwrap_or(Self::Auto)
    }

    /// Returns whether a stream is coloured, given whether it is a `terminal`.
    pub(crate) fn colours(self, terminal: bool) -> bool {
        self.decide(terminal, |name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    /// <https://no-color.org>, <https://bixense.com/clicolors>: an option takes precedence over the
    /// environment, and NO_COLOR over CLICOLOR_FORCE.
    fn decide<S: AsRef<OsStr>>(self, terminal: bool, variable: impl Fn(&str) -> Option<S>) -> bool {
        let is = |name: &str, what: &str| variable(name).is_some_and(|value| value.as_ref() == what);
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto if variable("NO_COLOR").is_some() => false,
            Self::Auto if variable("CLICOLOR_FORCE").is_some() && !is("CLICOLOR_FORCE", "0") => true,
            Self::Auto => terminal && !is("TERM", "dumb"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_counts_most_and_then_the_environment() {
        use ColourChoice::{Always, Auto, Never};
        for (choice, terminal, environment, expected) in [
            (Auto, true, &[][..], true),
            (Auto, false, &[], false),
            (Auto, true, &[("NO_COLOR", "1")], false),
            (Auto, true, &[("TERM", "dumb")], false),
            (Auto, true, &[("TERM", "xterm")], true),
            (Auto, false, &[("CLICOLOR_FORCE", "1")], true),
            (Auto, false, &[("CLICOLOR_FORCE", "0")], false),
            (Auto, false, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
            (Always, false, &[("NO_COLOR", "1"), ("TERM", "dumb")], true),
            (Never, true, &[("CLICOLOR_FORCE", "1")], false),
        ] {
            let variable =
                |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
            assert_eq!(choice.decide(terminal, variable), expected, "{choice:?} {terminal} {environment:?}");
        }
    }
}
