//! Deliveries to a real SSH server and mails through a real mail server, by the commands that people type.

#[allow(dead_code, reason = "the tests of the destinations use all of it")]
#[path = "../../../cdds-delivery/tests/remote/ftpd.rs"]
pub(crate) mod ftpd;
#[allow(dead_code, reason = "the tests of the destinations use all of it")]
#[path = "../../../cdds-delivery/tests/remote/process.rs"]
pub(crate) mod process;
#[allow(dead_code, reason = "the tests of the destinations use all of it")]
#[path = "../../../cdds-delivery/tests/remote/sshd.rs"]
pub(crate) mod sshd;
#[path = "../../../cdds-delivery/tests/remote/steps.rs"]
pub(crate) mod steps;
#[path = "../../../cdds-delivery/tests/remote/store_steps.rs"]
pub(crate) mod store_steps;
#[allow(dead_code, reason = "the tests of the destinations use all of it")]
#[path = "../../../cdds-delivery/tests/remote/stores.rs"]
pub(crate) mod stores;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use self::process::Server;
use crate::support::{NOON, Place, string, text};

/// A mail server that takes everything.
pub(crate) struct MailServer {
    port: u16,
    folder: TempDir,
    child: Child,
}

impl MailServer {
    /// Starts one with these answers to recipients, in turn.
    pub(crate) fn start(rcpt: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let told =
            json!({"folder": folder.path(), "tls": "none", "credentials": null, "rcpt": rcpt, "data": []});
        let mut python = Command::new("python3");
        python.env("PYTHONPATH", root.join("../target/tools/notify/python"));
        python.arg(root.join("../cdds-delivery/tests/notify/mail_server.py")).arg(told.to_string());
        let mut child = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap();
        Self { port, folder, child }
    }

    /// Returns the mails that were taken, as text.
    pub(crate) fn mails(&self) -> Vec<String> {
        let path = |number: usize| self.folder.path().join(format!("{number}.eml"));
        let taken = (1..).map(path).take_while(|path| path.exists());
        taken.map(|path| text(&std::fs::read(path).unwrap())).collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Appends to the configuration.
pub(crate) fn configure(place: &Place, more: &str) {
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    std::fs::write(place.path("cdds.toml"), config + more).unwrap();
}

/// Configures a server as the destination "partner", with a password that is in a file.
fn partner(place: &Place, server: &Server) {
    std::fs::write(place.path("password"), sshd::PASSWORD).unwrap();
    configure(
        place,
        &format!(
            "\n[[destination]]\nid = \"partner\"\nurl = \"sftp://cdds@127.0.0.1:{}/~/in\"\n\
             password_file = \"password\"\nallow_private = true\n",
            server.port
        ),
    );
}

pub(crate) fn mail(place: &Place, server: &MailServer) {
    configure(
        place,
        &format!(
            "\n[email]\nfrom = \"Exports <exports@example.org>\"\nserver = \"smtp://127.0.0.1:{}\"\n",
            server.port
        ),
    );
}

/// Returns the names of all files below a folder, sorted.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(below) = folders.pop() {
        for entry in std::fs::read_dir(folder.join(&below)).into_iter().flatten() {
            let (entry, path) = (entry.as_ref().unwrap(), below.join(entry.as_ref().unwrap().file_name()));
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(path),
                false => found.push(path.display().to_string()),
            }
        }
    }
    found.sort();
    found
}

fn only_execution(place: &Place, job: &str) -> Value {
    let listed = place.json(&["history", "list", "--job", job]);
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    listed[0].clone()
}

#[test]
fn n1_n2_a_set_arrives_at_a_server_and_a_mail_tells_of_it() {
    let (server, mails) = (sshd::start(sshd::Options::default()), MailServer::start(&[]));
    let place = Place::with_interactions(50);
    partner(&place, &server);
    mail(&place, &mails);
    let job = place.plaintext_job(&[
        "--destination",
        "partner:{type}/{file}",
        "--receipt",
        "digest",
        "--notify",
        "mailto:ada@example.org",
    ]);
    let shown = place.json(&["job", "show", &job]);
    assert_eq!(
        shown["destinations"],
        json!([{"destination": "partner", "path": "{type}", "receipt": "digest"}])
    );
    assert_eq!(shown["notify"], json!(["mailto:ada@example.org"]));
    place.done(&["run", "--until-idle"]);

    let arrived = files(&server.folder.path().join("data/in"));
    assert_eq!(arrived.len(), 2, "{arrived:?}");
    assert!(arrived.iter().all(|file| file.starts_with("interaction/")), "{arrived:?}");
    let execution = only_execution(&place, &job);
    assert_eq!((&execution["status"], &execution["delivery"]), (&json!("finished"), &json!("delivered")));
    let shown = place.json(&["history", "show", &string(&execution["id"])]);
    let delivery = &shown["deliveries"][0];
    assert_eq!(
        [&delivery["destination"], &delivery["state"], &delivery["path"], &delivery["receipt"]],
        [&json!("partner"), &json!("delivered"), &json!("interaction"), &json!("digest")]
    );
    assert!(delivery["delivered_at"].is_string() && delivery["error"].is_null(), "{delivery}");
    let notice = &shown["notices"][0];
    assert_eq!(
        [&notice["target"], &notice["kind"], &notice["state"], &notice["attempts"]],
        [&json!("mailto:ada@example.org"), &json!("delivered"), &json!("sent"), &json!(1)]
    );
    assert!(notice["sent_at"].is_string(), "{notice}");
    let mails = mails.mails();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].contains("To: ada@example.org"), "{}", mails[0]);
    are_filtered(&place, &job);
    let table = place.done(&["history", "list"]);
    assert!(table.contains("DELIVERY") && table.contains("delivered"), "{table}");

    // What is taken away again.
    let edited = place.json(&["job", "clone", &job, "--destination", "none", "--notify", "none"]);
    assert_eq!((&edited["destinations"], &edited["notify"]), (&json!([]), &json!([])));
}

/// Asserts that each filter selects the only notice or destination, and that another value of it selects none.
fn are_filtered(place: &Place, job: &str) {
    let nobody = "00000000-0000-0000-0000-000000000000";
    for (list, filter, its, other) in [
        ("notice", "--job", job, nobody),
        ("notice", "--kind", "delivered", "failed"),
        ("notice", "--state", "sent", "failed"),
        ("notice", "--subscriber", "mailto:ada@example.org", "mailto:bob@example.org"),
        ("notice", "--from", "2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z"),
        ("notice", "--to", "2100-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
        ("destination", "--state", "working", "failing"),
        ("destination", "--kind", "sftp", "s3"),
    ] {
        let count = |value| place.json(&[list, "list", filter, value]).as_array().unwrap().len();
        assert_eq!((count(its), count(other)), (1, 0), "{list} {filter}");
    }
}

#[test]
fn n1_a_set_is_written_into_a_folder_that_exists() {
    let place = Place::with_interactions(50);
    configure(&place, "\n[[destination]]\nid = \"share\"\nurl = \"file:share\"\n");
    let job = place.plaintext_job(&["--destination", "share:{source}"]);
    place.done(&["run", "--until-idle"]);
    assert_eq!(
        only_execution(&place, &job)["delivery"],
        "pending",
        "a folder that is missing may be mounted later"
    );
    std::fs::create_dir(place.path("share")).unwrap();
    let id = string(&only_execution(&place, &job)["id"]);
    place.json(&["history", "redeliver", &id, "--destination", "share"]);
    place.done(&["run", "--until-idle"]);
    assert_eq!(only_execution(&place, &job)["delivery"], "delivered");
    let arrived = files(&place.path("share"));
    assert!(
        arrived.len() == 2 && arrived.iter().all(|file| file.starts_with("contact-history/")),
        "{arrived:?}"
    );
}

#[test]
fn n9_the_password_of_an_ftp_server_is_in_no_log() {
    let server = ftpd::pyftpdlib();
    let place = Place::with_interactions(50);
    std::fs::write(place.path("password"), ftpd::PASSWORD).unwrap();
    std::fs::write(place.path("roots.pem"), &server.roots).unwrap();
    configure(
        &place,
        &format!(
            "\n[[destination]]\nid = \"partner\"\nurl = \"ftp://cdds@127.0.0.1:{}/in\"\ntls = \"explicit\"\n\
             password_file = \"password\"\nauthorities = \"roots.pem\"\nrename = false\nallow_private = true\n",
            server.server.port
        ),
    );
    let job = place.plaintext_job(&["--destination", "partner"]);
    for command in [&["destination", "check", "partner", "-vv"][..], &["run", "--until-idle", "-vv"]] {
        let output = place.cdds(command).env("RUST_LOG", "trace").output().unwrap();
        let told = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{told}");
        assert!(!told.contains(ftpd::PASSWORD), "{told}");
    }
    assert_eq!(only_execution(&place, &job)["delivery"], "delivered");
}

#[test]
fn n5_a_set_that_cannot_be_delivered_is_told_and_delivered_later() {
    let server = sshd::start(sshd::Options::default());
    let place = Place::with_interactions(50);
    partner(&place, &server);
    std::fs::write(place.path("password"), "wrong").unwrap();
    let run_at = |now: &str| place.cdds(&["run", "--until-idle", "--now", now]).output().unwrap();
    let job = string(&place.job_at(NOON, &["--run", "once", "--destination", "partner"])["id"]);
    let first = run_at("2020-01-01T12:00:05Z");
    assert!(first.status.success(), "{}", text(&first.stderr));
    assert!(text(&first.stdout).contains("1 to be delivered later"), "{}", text(&first.stdout));
    let execution = only_execution(&place, &job);
    assert_eq!((&execution["status"], &execution["delivery"]), (&json!("finished"), &json!("pending")));
    let monitored = ["check", "--job", &job, "--within", "26h", "--now", "2020-01-01T13:00:00Z"];
    let output = place.cdds(&monitored).output().unwrap();
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("waits to be delivered to partner: attempt 1 failed"), "{told}");

    // Three days are over: nobody tries it again by itself.
    let now = "2020-01-05T12:00:00Z";
    let last = run_at(now);
    let told = text(&last.stderr);
    assert_eq!(last.status.code(), Some(1), "{told}");
    assert!(told.contains("1 delivery was given up") && told.contains("history redeliver"), "{told}");
    assert_eq!(only_execution(&place, &job)["delivery"], "failed");
    let id = string(&execution["id"]);
    let shown = place.json(&["history", "show", &id]);
    let error = string(&shown["deliveries"][0]["error"]);
    assert!(error.contains("does not let the user cdds in") && !error.contains("wrong"), "{error}");
    let (code, told) = place.refused(&["destination", "check", "partner", "--now", now]);
    assert_eq!((code, told.as_str()), (1, "destination_failed"));
    let examined = text(&place.cdds(&["doctor", "--now", now]).output().unwrap().stdout);
    assert!(
        examined.contains("failed   destination partner: it fails since 2020-01-01T12:00:"),
        "{examined}"
    );
    assert!(examined.contains("1 delivery was given up"), "{examined}");

    std::fs::write(place.path("password"), sshd::PASSWORD).unwrap();
    let check = place.at(now, &["destination", "check", "partner"]);
    assert_eq!((&check["works"], &check["identity"]), (&json!(true), &json!(sshd::fingerprint(&server))));
    assert_eq!(check["pinned"], check["identity"]);
    let steps: Vec<_> = check["steps"].as_array().unwrap().iter().map(|step| string(&step["step"])).collect();
    assert_eq!(steps, ["connect", "write", "size", "rename", "read_back", "remove"]);
    let again = place.at(now, &["history", "redeliver", &id]);
    assert_eq!(again[0]["state"], "pending");
    assert!(run_at("2020-01-05T12:00:05Z").status.success());
    assert_eq!(only_execution(&place, &job)["delivery"], "delivered");
    place.at("2020-01-05T13:00:00Z", &["check", "--job", &job, "--within", "5d"]);
    let late = ["check", "--job", &job, "--within", "3d", "--now", "2020-01-05T13:00:00Z"];
    assert_eq!(place.refused(&late), (1, "no_success".to_owned()));
    assert_eq!(files(&server.folder.path().join("data/in")).len(), 2);
}

#[test]
fn n3_a_destination_is_disabled_pinned_and_enabled_by_hand() {
    let server = sshd::start(sshd::Options::default());
    let place = Place::with_interactions(50);
    partner(&place, &server);
    let listed = place.json(&["destination", "list"]);
    assert_eq!((&listed[0]["id"], &listed[0]["state"]), (&json!("partner"), &json!("unused")));
    let disabled = place.json(&["destination", "disable", "partner"]);
    assert_eq!((&disabled["state"], &disabled["disabled_reason"]), (&json!("disabled"), &json!("person")));
    let job = place.plaintext_job(&["--destination", "partner"]);
    place.done(&["run", "--until-idle"]);
    assert_eq!(only_execution(&place, &job)["delivery"], "pending");
    place.json(&["destination", "enable", "partner"]);
    let other = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert_eq!(place.json(&["destination", "pin", "partner", other])["pinned"], other);
    let output = place.cdds(&["destination", "check", "partner"]).output().unwrap();
    let told = text(&output.stderr);
    assert!(told.contains(other) && told.contains(&sshd::fingerprint(&server)), "{told}");
    assert_eq!(output.status.code(), Some(1));
    let freed = place.json(&["destination", "pin", "partner", "none"]);
    assert_eq!(freed["pinned"], Value::Null);
    place.json(&["destination", "check", "partner"]);
    let (code, told) = place.refused(&["destination", "show", "nowhere"]);
    assert_eq!((code, told.as_str()), (4, "not_found"));
}

#[test]
fn n2_a_test_message_says_whether_it_was_taken() {
    let mails = MailServer::start(&["550 nobody of that name"]);
    let place = Place::new();
    mail(&place, &mails);
    let output = place.cdds(&["notice", "test", "mailto:bob@example.org"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("nobody of that name"), "{}", text(&output.stderr));
    assert!(mails.mails().is_empty());
    let sent = place.json(&["notice", "test", "mailto:ada@example.org"]);
    assert_eq!((&sent["sent"], &sent["target"]), (&json!(true), &json!("mailto:ada@example.org")));
    assert_eq!(mails.mails().len(), 1);
    let (code, told) = place.refused(&["notice", "test", "webhook:nobody"]);
    assert_eq!((code, told.as_str()), (3, "invalid_subscribers"));
    assert_eq!(place.json(&["notice", "list"]), json!([]));
}

/// The lines of docs/DELIVER.md, typed into one shell, with a server of this machine in place of the partner's.
#[test]
fn the_lines_of_the_page_deliver_a_set() {
    const PAGE: &str = include_str!("../../../docs/DELIVER.md");
    const URL: &str = "url = \"sftp://exports@sftp.example.com/in\"\n";
    let server = sshd::start(sshd::Options::default());
    let blocks: Vec<&str> =
        PAGE.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 6 && blocks.concat().contains(URL), "{}", blocks.len());
    let here = format!("url = \"sftp://cdds@127.0.0.1:{}/~/in\"\nallow_private = true\n", server.port);
    // The partner adds the key to those of its user.
    let added = format!("cp partner.key.pub {}\n", server.folder.path().join("user.key.pub").display());
    let lines: String = blocks
        .iter()
        .map(|block| match block.contains("ssh-keygen") {
            true => format!("{block}{added}"),
            false => block.replace(URL, &here),
        })
        .collect();
    let folder = TempDir::new().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_cdds")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("bash");
    shell.args(["-euo", "pipefail", "-c", &lines]).current_dir(&folder).env("PATH", path);
    let output = shell.env_remove("CDDS_CONFIG").env_remove("CDDS_OUTPUT").output().unwrap();
    let (printed, told) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{printed}\n{told}");
    assert!(printed.contains(&sshd::fingerprint(&server)), "{printed}");
    assert!(printed.contains("partner: delivered at "), "{printed}");
    let arrived = files(&server.folder.path().join("data/in"));
    assert!(arrived.iter().any(|file| file.ends_with("manifest.json")), "{arrived:?}");
}
