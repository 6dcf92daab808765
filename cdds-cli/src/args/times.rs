//! What a `WHEN` may be: said below the help of every command that takes one.

use clap::{Arg, Command};

/// The options by which a command looks ahead: there, `7d` is in seven days.
const AHEAD: [(&str, &str); 8] = [
    ("job list", "next-starts-from"),
    ("job list", "next-starts-to"),
    ("artifact list", "expires-from"),
    ("artifact list", "expires-to"),
    ("retention preview", "until"),
    ("subject create", "due"),
    ("subject extend", "until"),
    ("token create", "expires"),
];

/// Whether an option takes an instant as [`moment`](super::moment) parses it.
fn takes_one(arg: &Arg) -> bool {
    arg.get_value_names().is_some_and(|names| names.iter().any(|name| name.as_str() == "WHEN"))
}

/// Returns what a `WHEN` of this command may be, if it takes one.
pub(super) fn of(command: &Command, path: &str) -> Option<String> {
    let options: Vec<&str> =
        command.get_arguments().filter(|arg| takes_one(arg)).filter_map(Arg::get_long).collect();
    let looks_ahead = |option: &&str| AHEAD.contains(&(path, *option));
    let (ahead, back): (Vec<&str>, Vec<&str>) = options.iter().partition(|option| looks_ahead(option));
    let relative = match (back.is_empty(), ahead.is_empty()) {
        (true, true) => return None,
        (false, true) => "7d is 7 days ago, +7d in 7 days".to_owned(),
        (true, false) => "7d is in 7 days".to_owned(),
        (false, false) => {
            let named: Vec<String> = ahead.iter().map(|option| format!("--{option}")).collect();
            format!("7d is 7 days ago, and for {} in 7 days, as +7d is for all", named.join(" and "))
        }
    };
    Some(format!(
        "WHEN is an instant like 2026-01-31T02:00:00Z or 2026-01-31T03:00:00+01:00; a day like 2026-01-31, today, yesterday \
         or tomorrow, from its first instant in UTC on; now; or a length of time in m, h, d or w: {relative}."
    ))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::super::{Cli, Moment};
    use super::*;

    /// Returns every command with its path.
    fn all(command: &Command, path: &str) -> Vec<(String, Command)> {
        let below = command
            .get_subcommands()
            .flat_map(|sub| all(sub, format!("{path} {}", sub.get_name()).trim_start()));
        std::iter::once((path.to_owned(), command.clone())).chain(below).collect()
    }

    /// Parses what is typed after one option of a command, without the others that it needs.
    fn parsed(command: &Command, option: &str, typed: &str) -> Moment {
        let id = command.get_arguments().find(|arg| arg.get_long() == Some(option)).unwrap().get_id().clone();
        let lone = command.clone().mut_args(|arg| arg.required(false)).no_binary_name(true);
        let words = [format!("--{option}"), typed.to_owned()];
        let matches = lone.ignore_errors(true).try_get_matches_from(words).unwrap();
        *matches.get_one::<Moment>(id.as_str()).unwrap_or_else(|| panic!("--{option} {typed}"))
    }

    #[test]
    fn the_help_says_of_each_option_to_which_side_it_looks() {
        let mut seen = 0;
        for (path, command) in all(&Cli::command(), "") {
            let options = command.get_arguments().filter(|arg| takes_one(arg)).filter_map(Arg::get_long);
            for option in options {
                let is_ahead = matches!(parsed(&command, option, "7d"), Moment::In(_));
                assert_eq!(is_ahead, AHEAD.contains(&(&*path, option)), "{path} --{option}");
                assert!(matches!(parsed(&command, option, "+7d"), Moment::In(_)), "{path} --{option}");
                for form in
                    ["2026-01-31T03:00:00+01:00", "2026-01-31", "today", "tomorrow", "now", "5m", "2w"]
                {
                    parsed(&command, option, form);
                }
                seen += 1;
            }
            let told = of(&command, &path);
            assert_eq!(told.is_some(), command.get_arguments().any(takes_one), "{path}");
        }
        assert!(seen >= 20 && AHEAD.len() < seen, "{seen}");
    }
}
