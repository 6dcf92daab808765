//! What the commands say of themselves.

use crate::support::{Place, text};

fn help(place: &Place, command: &[&str]) -> String {
    let output = place.cdds(&[command, &["--help"]].concat()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{command:?}");
    text(&output.stdout)
}

/// The commands that a help lists, with the line on each.
fn commands(help: &str) -> Vec<(String, String)> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    listed
        .take_while(|line| !line.is_empty())
        .map(|line| {
            let (name, words) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
            (name.to_owned(), words.trim().to_owned())
        })
        .filter(|(name, _)| name != "help")
        .collect()
}

#[test]
fn every_command_says_in_a_line_what_it_does() {
    let place = Place::new();
    let mut seen = 0;
    let mut look_at = vec![Vec::new()];
    while let Some(path) = look_at.pop() {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        for (name, words) in commands(&help(&place, &path)) {
            assert!(words.len() > 8 && words.starts_with(char::is_uppercase), "{path:?} {name}: {words:?}");
            seen += 1;
            look_at.push(path.iter().map(|name| (*name).to_owned()).chain([name]).collect());
        }
    }
    assert!(seen > 40, "{seen} commands");
}

#[test]
fn every_option_says_what_it_is_for() {
    let place = Place::new();
    for command in [
        &["job", "create"][..],
        &["job", "edit"],
        &["job", "list"],
        &["history", "list"],
        &["artifact", "list"],
        &["artifact", "delete"],
    ] {
        let help = help(&place, command);
        let lines: Vec<&str> = help.lines().collect();
        for pair in lines.windows(2).filter(|pair| pair[0].trim().starts_with("--")) {
            assert!(!pair[1].trim().is_empty() && !pair[1].trim().starts_with('-'), "{command:?}: {pair:?}");
        }
    }
}

#[test]
fn the_options_of_a_job_are_grouped() {
    let place = Place::new();
    let headings = [
        "What is exported:",
        "Schedule, all UTC:",
        "Archive:",
        "When things do not go by plan:",
        "Global options:",
    ];
    for command in [["job", "create"], ["job", "edit"], ["job", "clone"], ["history", "clone"]] {
        let help = help(&place, &command);
        let places: Vec<usize> = headings
            .iter()
            .map(|heading| help.find(heading).unwrap_or_else(|| panic!("{command:?} lacks {heading}")))
            .collect();
        assert!(places.is_sorted(), "{command:?}");
    }
    assert!(
        help(&place, &["job", "create"])
            .contains("[possible values: once, hourly, daily, weekly, monthly, cron]")
    );
}
