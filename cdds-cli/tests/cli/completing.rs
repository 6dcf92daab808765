//! Completion as shells do it: bash, zsh and fish really run, and ask the program.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::{Place, string, text};

/// Runs a shell that finds the program.
fn shell(place: &Place, program: &str, script: &str) -> Output {
    let folder = Path::new(env!("CARGO_BIN_EXE_cdds")).parent().unwrap().display().to_string();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
    let mut command = Command::new(program);
    command.args(["-c", script]).current_dir(place.root()).env("PATH", path).env("HOME", place.root());
    let output = command.env_remove("CDDS_CONFIG").env_remove("CDDS_OUTPUT").output();
    let output = output.unwrap_or_else(|error| panic!("{program} has to be installed: {error}"));
    assert_eq!(text(&output.stderr), "", "{script}");
    output
}

/// Returns what bash offers for the last of these words.
pub(crate) fn in_bash(place: &Place, words: &[&str]) -> Vec<String> {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let last = words.len() - 1;
    let script = format!(
        "source <(cdds completions bash); COMP_WORDS=({}); COMP_CWORD={last}; COMP_TYPE=9; \
         _clap_complete_cdds cdds {} x; for word in \"${{COMPREPLY[@]}}\"; do printf '%s\\n' \"$word\"; done",
        quoted.join(" "),
        quoted[last]
    );
    let offered = text(&shell(place, "bash", &script).stdout);
    // Where an option may be typed as well, it is offered, too.
    let words = offered.lines().filter(|word| !word.starts_with("--") || words[last].starts_with('-'));
    words.map(str::to_owned).collect()
}

/// Returns what fish offers at the end of a line, with the meanings.
fn in_fish(place: &Place, line: &str) -> Vec<String> {
    let script = format!("cdds completions fish | source; complete -C '{line}'");
    text(&shell(place, "fish", &script).stdout).lines().map(str::to_owned).collect()
}

/// Returns what zsh offers for the last of these words, with the meanings.
pub(crate) fn in_zsh(place: &Place, words: &[&str]) -> Vec<String> {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    // The completion system is there only at a prompt: what it would be told is printed.
    let script = format!(
        "compdef() {{ :; }}; _describe() {{ print -rl -- \"${{(@P)3}}\"; }}; source <(cdds completions zsh); \
         words=({}); CURRENT={}; _clap_dynamic_completer_cdds",
        quoted.join(" "),
        words.len()
    );
    text(&shell(place, "zsh", &format!("emulate zsh; {script}")).stdout).lines().map(str::to_owned).collect()
}

#[test]
fn shells_complete_requests_fields_and_what_the_audit_knows() {
    let place = Place::with_interactions(30);
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    let keys = ("# [subjects]\n# key_file = \"subjects.keys\"", "[subjects]\nkey_file = \"subjects.keys\"");
    std::fs::write(place.path("cdds.toml"), config.replace(keys.0, keys.1)).unwrap();
    std::fs::write(place.path("events-1.jsonl"), "{\"caller\":\"secret\",\"cost\":1}\n").unwrap();
    place.done(&["subject", "key", "2026"]);
    let request =
        place.json(&["subject", "create", "--identifier", "email=ada@example.org", "--kind", "erasure"]);
    let request = string(&request["id"]);
    let job = place.plaintext_job(&["--title", "Voice"]);
    let bash = |words: &[&str]| in_bash(&place, &[&["cdds"], words].concat());
    let create = ["job", "create", "--source", "contact-history", "--type", "interaction"];
    let created = |words: &[&str]| bash(&[&create[..], words].concat());

    assert_eq!(bash(&["subject", "show", &request[..5]]), [request.as_str()]);
    assert_eq!(bash(&["subject", "verify", ""]), [request.as_str()]);
    assert_eq!(created(&["--field", "contact_id,s"]), ["contact_id,seconds", "contact_id,started_at"]);
    assert_eq!(created(&["--filter", "me"]), ["media_type="]);
    assert_eq!(bash(&["job", "edit", &job, "--field", "se"]), ["seconds"]);
    assert_eq!(bash(&["job", "edit", "Voice", "--filter", "no"]), ["note="]);
    let note = ["job", "create", "--source", "contact-history", "--type", "note", "--field", ""];
    assert_eq!(bash(&note), ["contact_id", "note"]);
    assert_eq!(bash(&["job", "create", "--source", "events", "--field", "c"]), ["caller", "cost"]);
    assert_eq!(bash(&["source", "fields", "contact-history", ""]), ["interaction", "note"]);
    assert_eq!(bash(&["source", "fields", "events", "--columns", "fie"]), ["field"]);
    assert_eq!(bash(&["subject", "list", "--columns", "sta"]), ["state"]);
    for (typed, expected) in [(&job[..6], job.as_str()), (&request[..6], &request), ("Voi", "Voice")] {
        assert_eq!(bash(&["audit", "--object", typed]), [expected], "{typed}");
    }

    let zsh = |words: &[&str]| in_zsh(&place, &[&["cdds"], words].concat());
    assert_eq!(zsh(&["subject", "show", &request[..5]]), [format!("{request}:erasure, received")]);
    let fields = ["--field", "contact_id,se"];
    assert_eq!(zsh(&[&create[..], &fields].concat()), ["contact_id,seconds:INTEGER"]);
    assert!(zsh(&["audit", "--obj"]).iter().any(|offered| offered.starts_with("--object:")));
}

#[test]
fn shells_complete_commands_options_and_what_there_is() {
    let place = Place::with_interactions(30);
    place.recipient("ops");
    let job = place.plaintext_job(&["--title", "Voice of the week"]);
    place.json(&["run", "--until-idle"]);
    let execution = string(&place.json(&["history", "list"])[0]["id"]);
    let artifact = string(&place.json(&["artifact", "list"])[0]["id"]);
    let bash = |words: &[&str]| in_bash(&place, &[&["cdds"], words].concat());

    assert!(bash(&["hist"]).contains(&"history".to_owned()));
    assert!(bash(&["job", "create", "--dry"]).contains(&"--dry-run".to_owned()));
    assert!(bash(&["history", "list", "--status", "fin"]).contains(&"finished".to_owned()));
    assert_eq!(bash(&["job", "show", ""]), [job.as_str(), "Voice\\ of\\ the\\ week"]);
    assert_eq!(bash(&["job", "show", &job[..5]]), [job.as_str()]);
    assert_eq!(bash(&["job", "show", "Voice\\ o"]), ["Voice\\ of\\ the\\ week"]);
    assert_eq!(bash(&["history", "list", "--job", "Vo"]), ["Voice\\ of\\ the\\ week"]);
    assert_eq!(bash(&["history", "show", &execution[..4]]), [execution.as_str()]);
    assert_eq!(bash(&["artifact", "download", "--to", "x", ""]), [artifact.as_str()]);
    assert_eq!(bash(&["job", "create", "--recipient", "o"]), ["ops"]);
    assert_eq!(bash(&["job", "create", "--source", "c"]), ["contact-history"]);
    assert_eq!(
        bash(&["job", "create", "--source", "contact-history", "--type", "interaction,n"]),
        ["interaction,note"]
    );
    assert_eq!(bash(&["job", "create", "--source", "events", "--type", ""]), ["event"]);
    assert_eq!(bash(&["job", "list", "--columns", "title,next_"]), ["title,next_starts"]);
    assert!(bash(&["history", "list", "--sort", "s"]).contains(&"slot".to_owned()));
    assert_eq!(bash(&["job", "show", "no such"]), Vec::<String>::new());
    // Another owner has no jobs, and another folder another configuration.
    assert_eq!(bash(&["--owner", "acme", "job", "show", ""]), Vec::<String>::new());
    std::fs::create_dir(place.path("below")).unwrap();
    assert_eq!(bash(&["--config", "none.toml", "job", "show", ""]), Vec::<String>::new());

    let fish = |line: &str| in_fish(&place, line);
    assert!(fish("cdds job show ").contains(&format!("{job}\tVoice of the week")));
    assert!(
        fish("cdds history show ")[0].starts_with(&format!("{execution}\tVoice of the week, finished, "))
    );
    assert_eq!(fish("cdds recipient remove o"), ["ops"]);
}

#[test]
fn completing_leaves_no_trace_and_says_nothing_of_what_fails() {
    let place = Place::new();
    let listed = || place.program("sh", &["-c", "find . | sort"], &[]);
    for name in ["cdds.db", "artifacts/.cdds-store"] {
        std::fs::remove_file(place.path(name)).unwrap();
    }
    std::fs::remove_dir(place.path("artifacts")).unwrap();
    let before = listed();
    for words in [["job", "show", ""], ["recipient", "remove", ""], ["workers", "show", ""]] {
        assert_eq!(in_bash(&place, &[&["cdds"], &words[..]].concat()), Vec::<String>::new(), "{words:?}");
    }
    assert_eq!(listed(), before, "no catalog is created");
    for (name, text) in [("cdds.db", "not a database at all, but text"), ("cdds.toml", "[catalog")] {
        std::fs::write(place.path(name), text).unwrap();
        assert_eq!(in_bash(&place, &["cdds", "job", "show", ""]), Vec::<String>::new(), "{name}");
        assert!(in_bash(&place, &["cdds", "job", "sho"]).contains(&"show".to_owned()), "{name}");
    }
    // The variable of another program is no question.
    let output = place.cdds(&["--version"]).env("COMPLETE", "bash").output().unwrap();
    assert!(text(&output.stdout).starts_with("cdds "));
    let output = place.cdds(&["--", "cdds", ""]).env("CDDS_COMPLETE", "no-shell").output().unwrap();
    assert_eq!((text(&output.stdout), text(&output.stderr)), (String::new(), String::new()));
    assert!(!output.status.success());
}
