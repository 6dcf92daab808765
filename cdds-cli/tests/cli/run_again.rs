//! Commands on files, watched on a terminal, stopped, killed, and run again.

use crate::offline::sealed_set;
use crate::pty::Terminal;
use crate::support::{Place, failure, text};

/// Enough records that a set takes a moment to read, on a quick machine, too.
const MANY: u32 = 400_000;
/// As a killed process leaves a file on a file system without nameless ones.
const HALF: &str = ".cdds-aB3dE9.part";

/// A command with what it does last, as its bar says, and the folder into which it writes.
type Commanded<'a> = (Vec<&'a str>, &'a str, &'a str);

fn commands(part: &str) -> [Commanded<'_>; 3] {
    let with_key =
        |args: &[&'static str]| [&[args[0], part, "--key", "ops.key", "--to"], &args[1..]].concat();
    [
        (with_key(&["decrypt", "plain"]), "decrypting", "plain"),
        (with_key(&["join", "whole/set.zip"]), "joining", "whole"),
        (with_key(&["extract", "records"]), "extracting", "records"),
    ]
}

/// Leaves half a file beside one that the command writes.
fn leave_half(place: &Place, folder: &str) {
    let written = place.files(folder).into_iter().next().unwrap();
    let beside = place.path(folder).join(written).with_file_name(HALF);
    std::fs::write(beside, "half of a file").unwrap();
}

/// Returns every file below a folder, hidden ones too, with its digest.
fn digests(place: &Place, folder: &str) -> String {
    let script = format!("cd {folder} && find . -type f | sort | xargs -r sha256sum");
    place.program("sh", &["-c", &script], &[])
}

#[test]
fn a9_what_was_killed_or_stopped_in_the_middle_is_run_again_and_leaves_nothing_else() {
    let place = Place::with_interactions(MANY);
    let parts = sealed_set(&place);
    for (args, doing, folder) in commands(&parts[0]) {
        place.done(&args);
        let whole = digests(&place, folder);
        let clear = || {
            std::fs::remove_dir_all(place.path(folder)).unwrap();
            std::fs::create_dir(place.path(folder)).unwrap();
        };
        // One that was quicker is started anew.
        let killed = || {
            clear();
            let mut terminal = Terminal::start(&place, &args, 100, &[]);
            terminal.wait_for(&[doing]);
            terminal.kill()
        };
        while !killed() {}
        place.done(&args);
        assert!(digests(&place, folder) == whole, "{args:?}");
        leave_half(&place, folder);
        place.done(&args);
        assert!(digests(&place, folder) == whole, "{args:?}");

        let stopped = || {
            clear();
            let mut terminal = Terminal::start(&place, &args, 100, &[]);
            terminal.wait_for(&[doing]);
            place.program("kill", &["-INT"], &[&terminal.id()]);
            let ended = terminal.end();
            if ended.code == 1 {
                assert!(ended.screen.contains("error: stopped before it was done: run it again"));
                assert!(!ended.screen.contains(" %"), "the bar is gone: {}", ended.screen);
            }
            ended.code == 1
        };
        while !stopped() {}
        assert!(!digests(&place, folder).contains(".cdds-"), "{args:?}");
        place.done(&args);
        assert!(digests(&place, folder) == whole, "{args:?}");
    }
}

#[test]
fn a9_what_is_there_counts_as_done_and_what_is_missing_is_written() {
    let place = Place::with_interactions(20_000);
    let parts = sealed_set(&place);
    for (args, _, folder) in commands(&parts[0]) {
        place.done(&args);
        let whole = digests(&place, folder);
        let files = place.files(folder);
        std::fs::remove_file(place.path(folder).join(&files[0])).unwrap();
        let again = place.json(&args);
        let kept = again["already_there"].as_u64().unwrap_or(0);
        assert_eq!(kept, files.len() as u64 - 1, "{args:?}: {again}");
        assert!(digests(&place, folder) == whole);
        if kept > 0 {
            assert!(place.done(&args).contains(&format!("; {} already there", files.len())));
        }
        // A file that is not the same: nothing is written, not even what is missing.
        if folder == "plain" {
            std::fs::remove_file(place.path(folder).join(&files[0])).unwrap();
            std::fs::write(place.path(folder).join(files.last().unwrap()), "another").unwrap();
            let output = place.cdds(&args).args(["--output", "json"]).output().unwrap();
            assert_eq!(failure(&output), (3, "file_exists".to_owned()));
            assert_eq!(place.files(folder).len(), files.len() - 1);
        }
    }
}

#[test]
fn commands_on_files_show_a_bar_that_fits_on_a_terminal_and_nothing_elsewhere() {
    let place = Place::with_interactions(MANY);
    let parts = sealed_set(&place);
    let verify = (vec!["verify", &parts[0], "--key", "ops.key"], "checking", "");
    for (args, doing, _) in commands(&parts[0]).into_iter().chain([verify]) {
        for columns in [20, 60, 140] {
            let mut terminal = Terminal::start(&place, &args, columns, &[]);
            let expected = if columns < 60 { " %" } else { doing };
            let shown = terminal.wait_for(&[expected]);
            assert_eq!(shown.lines().count(), 1, "one line at {columns} columns: {shown}");
            let ended = terminal.end();
            assert_eq!(ended.code, 0, "{}", ended.screen);
            assert!(!ended.screen.contains(" %"), "the bar is gone: {}", ended.screen);
        }
        let mut terminal = Terminal::start(&place, &args, 140, &[]);
        let figures = terminal.wait_for(&[" %", " left, ", "/s, ", " of "]);
        assert!(figures.contains('['), "{figures}");
        terminal.end();
        for option in ["-q", "--no-progress"] {
            let ended = Terminal::start(&place, &[&args[..], &[option]].concat(), 140, &[]).end();
            assert!(!ended.raw.contains('\u{1b}') && !ended.raw.contains(" %"), "{option}: {:?}", ended.raw);
        }
        let output = place.cdds(&args).output().unwrap();
        assert_eq!(text(&output.stderr), "", "{args:?}");
    }
}
