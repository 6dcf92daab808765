//! Files and folders are created for their owner alone, whatever the umask.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use serde_json::{Value, json};

use crate::support::{Place, text};

/// Runs the program under a umask that restricts nothing.
fn with_open_umask(place: &Place, args: &[&str]) -> Output {
    let mut command = std::process::Command::new("sh");
    command.args(["-c", r#"umask 0; exec "$0" "$@""#, env!("CARGO_BIN_EXE_cdds")]).args(args);
    let output = command.env_remove("CDDS_CONFIG").current_dir(place.root()).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    output
}

/// Lists the files and folders below a folder, and the folder itself, that others can use.
fn loose(place: &Place, folder: &str) -> String {
    place.program("find", &[folder], &["-perm", "/077", "-printf", "%m %p\\n"])
}

#[test]
fn a10_others_cannot_use_what_is_written() {
    let place = Place::with_interactions(9_000);
    place.recipient("ops");
    with_open_umask(&place, &["init", "fresh"]);
    assert_eq!(loose(&place, "fresh"), "");

    fs::copy(place.path("cdds.toml"), place.path("fresh/cdds.toml")).unwrap();
    fs::copy(place.path("contacts.db"), place.path("fresh/contacts.db")).unwrap();
    let run = |args: &[&str]| with_open_umask(&place, &[&["--config", "fresh/cdds.toml"], args].concat());
    run(&["recipient", "add", "ops", "ops.pem"]);
    let job = ["job", "create", "--title", "T", "--source", "contact-history", "--type", "interaction"];
    run(&[&job[..], &["--run", "once", "--recipient", "ops", "--split-size", "64KiB"]].concat());
    run(&[&job[..], &["--run", "once", "--plaintext"]].concat());
    run(&["run", "--until-idle"]);
    let listed = run(&["history", "list", "--output", "json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    for (index, execution) in listed.as_array().unwrap().iter().enumerate() {
        let (id, to) = (execution["id"].as_str().unwrap(), format!("out/{index}"));
        run(&["artifact", "download", "--execution", id, "--to", &to]);
        let part = place.files(&to).into_iter().find(|name| name.contains(".zip")).unwrap();
        let (part, to) = (format!("{to}/{part}"), format!("records/{index}"));
        with_open_umask(&place, &["extract", &part, "--to", &to, "--key", "ops.key"]);
        with_open_umask(&place, &["join", &part, "--to", &format!("{to}/whole.zip"), "--key", "ops.key"]);
    }
    fs::remove_file(place.path("fresh/contacts.db")).unwrap();
    for folder in ["fresh", "out", "records"] {
        assert!(place.files(folder).len() > 2);
        assert_eq!(loose(&place, folder), "", "{folder}");
    }
}

#[test]
fn a10_a_folder_that_others_may_use_stays_as_it_is_and_doctor_tells() {
    let place = Place::with_interactions(30);
    let found = |place: &Place| {
        let output = place.cdds(&["doctor", "--output", "json"]).output().unwrap();
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        found.as_array().unwrap().iter().find(|finding| finding["check"] == "permissions").unwrap().clone()
    };
    assert_eq!(found(&place)["status"], "ok");
    let chmod = |name: &str, mode: u32| {
        fs::set_permissions(place.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    chmod("artifacts", 0o755);
    chmod("cdds.db", 0o644);
    place.plaintext_job(&[]);
    place.json(&["run", "--until-idle"]);
    let warning = found(&place);
    assert_eq!(warning["status"], "warning");
    let way_out = warning["way_out"].as_str().unwrap();
    assert!(way_out.contains("chmod go= ") && way_out.contains("chmod -R go= "), "{way_out}");
    let command = way_out.split('`').nth(1).unwrap();
    place.program("sh", &["-c", command], &[]);
    assert_eq!(found(&place)["status"], json!("ok"));
    let inside = loose(&place, "artifacts");
    assert_eq!(inside, "", "what was stored meanwhile is closed, too");
}
