//! `cdds serve`, asked by curl as browsers and programs ask.

mod at_random;
mod attack;
mod downloads;
mod examples;
mod journeys;
pub(crate) mod running;
mod streams;
mod twice;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;

use self::running::Running;
use crate::support::{Place, string, text};

const FORM: &str = "name=ada&password=correct+horse";

/// Hashes a password as an operator does.
fn hash(place: &Place) -> String {
    let mut command = place.cdds(&["user", "hash"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"correct horse\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    text(&output.stdout).trim_end().to_owned()
}

/// Adds lines to the table `[serve]`, and others behind everything.
fn configure(place: &Place, serve: &str, more: &str) {
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    let config = match serve {
        "" => config,
        serve => config.replace("behind_proxy = false\n", &format!("{serve}\n")),
    };
    std::fs::write(place.path("cdds.toml"), config + more).unwrap();
}

fn user(name: &str, role: &str, hash: &str) -> String {
    format!("\n[[user]]\nname = \"{name}\"\nrole = \"{role}\"\nhash = \"{hash}\"\n")
}

fn with_ada() -> Place {
    let place = Place::new();
    configure(&place, "", &user("ada", "operator", &hash(&place)));
    place
}

#[test]
fn a_user_signs_in_by_the_form_and_out_again() {
    let place = with_ada();
    let server = Running::start(&place, &[]);
    let asked = server.get("jobs");
    assert_eq!((asked.status, asked.header("location")), (303, "./login?to=jobs"));
    let wrong = server.ask("login", &["-d", "name=ada&password=guess"]);
    assert_eq!((wrong.status, wrong.header("set-cookie")), (422, ""));

    let done = server.ask("login", &["-d", FORM, "-c", "jar"]);
    assert_eq!((done.status, done.header("location")), (303, "./jobs"));
    let page = server.ask("jobs", &["-b", "jar"]);
    assert!(page.status == 200 && page.body.contains("ada"), "{}", page.body);
    assert_eq!(server.ask("logout", &["-b", "jar", "-X", "POST"]).status, 303);
    assert_eq!(server.ask("jobs", &["-b", "jar"]).status, 303);
}

#[test]
fn guessing_and_other_sites_are_refused() {
    let place = with_ada();
    let server = Running::start(&place, &[]);
    let forged = server.ask("login", &["-d", FORM, "-H", "Sec-Fetch-Site: cross-site"]);
    assert_eq!((forged.status, forged.header("set-cookie")), (403, ""));
    let forged = server.ask("login", &["-d", FORM, "-H", "Origin: https://evil.example"]);
    assert_eq!((forged.status, forged.header("set-cookie")), (403, ""));
    let host = server.ask("login", &["-H", "Host: evil.example"]);
    assert_eq!(host.status, 421, "{}", host.body);
    assert!(host.body.contains("serve.hosts"), "{}", host.body);
    assert_eq!(server.ask("healthz", &["-H", "Host: 10.0.0.7"]).status, 200);

    for _ in 0..5 {
        assert_eq!(server.ask("login", &["-d", "name=ada&password=guess"]).status, 422);
    }
    let wait = server.ask("login", &["-d", FORM]);
    assert_eq!(wait.status, 429);
    assert!((1..=60).contains(&wait.header("retry-after").parse::<u32>().unwrap()));
}

#[test]
fn without_users_a_link_signs_in_once() {
    let place = Place::new();
    let server = Running::start(&place, &[]);
    let words = server.line();
    let link = words.strip_prefix("Sign in once, within 15 minutes: ").unwrap();
    let page = link.strip_prefix(&server.address).unwrap();
    assert_eq!(server.ask(page, &["-c", "jar"]).status, 303);
    assert_eq!(server.ask("jobs", &["-b", "jar"]).status, 200);
    let again = server.get(page);
    assert_eq!((again.status, again.header("set-cookie")), (403, ""));
}

#[test]
fn the_demo_serves_what_it_exported() {
    let place = Place::new();
    let demo = place.cdds(&["demo", "demo", "--records", "300", "--serve", "--listen", "127.0.0.1:0"]);
    let mut server = Running::of(&place, demo);
    // Its story comes first.
    while !server.address.starts_with("http://") {
        server.address = server.line();
    }
    let words = server.line();
    let (_, page) = words.split_once(&server.address).unwrap();
    assert_eq!(server.ask(page, &["-c", "jar"]).status, 303);
    let jobs = server.ask("jobs", &["-b", "jar"]).body;
    assert!(jobs.contains("Interactions of the week"), "{jobs}");
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn a_token_is_taken_until_it_is_revoked() {
    let place = with_ada();
    let server = Running::start(&place, &[]);
    let token = place.done(&["token", "create", "--role", "viewer", "--name", "ci", "--expires", "90d"]);
    let token = token.trim_end();
    let bearer = format!("Authorization: Bearer {token}");
    let jobs = || server.ask("api/v1/jobs", &["-H", &bearer]).status;
    assert_eq!(jobs(), 200, "a token counts as soon as it was printed");
    let refused = server.ask("api/v1/jobs", &["-H", &bearer, "--json", "{}"]);
    assert!((400..=422).contains(&refused.status), "{}", refused.status);

    let listed = place.json(&["token", "list"]);
    assert_eq!((&listed[0]["name"], &listed[0]["role"]), (&"ci".into(), &"viewer".into()));
    let kept = std::fs::read_to_string(place.path("cdds.db.tokens")).unwrap();
    assert!(!kept.contains(token) && !listed.to_string().contains(token), "{kept}");
    let id = string(&listed[0]["id"]);
    assert_eq!(place.refused(&["token", "revoke", &id, "--owner", "other"]), (4, "not_found".to_owned()));
    place.done(&["token", "revoke", &id]);
    assert_eq!(jobs(), 401, "and no longer than until it was revoked");
    assert_eq!(place.refused(&["token", "revoke", &id]), (4, "not_found".to_owned()));
    let late = ["token", "create", "--role", "viewer", "--expires", "2020-01-01T00:00:00Z"];
    assert_eq!(place.refused(&late), (2, "usage".to_owned()));
}

#[test]
fn a_user_who_is_removed_is_signed_out() {
    let place = with_ada();
    let server = Running::start(&place, &[]);
    assert_eq!(server.ask("login", &["-d", FORM, "-c", "jar"]).status, 303);
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    // A file that cannot be read changes nothing.
    std::fs::write(place.path("cdds.toml"), format!("nonsense\n{config}")).unwrap();
    assert_eq!(server.ask("jobs", &["-b", "jar"]).status, 200);
    let (without, _) = config.split_once("\n[[user]]").unwrap();
    std::fs::write(place.path("cdds.toml"), without).unwrap();
    assert_eq!(server.ask("jobs", &["-b", "jar"]).status, 303);
    assert_eq!(server.ask("login", &["-d", FORM]).status, 422);
}

#[test]
fn other_machines_need_tls_or_a_proxy() {
    let place = with_ada();
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let refused = place.refused(&["serve", "--listen", listen]);
        assert_eq!(refused, (3, "insecure_address".to_owned()), "{listen}");
    }
    let request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9", "-subj", "/CN=cdds"];
    let files = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "tls.key", "-out", "tls.pem"];
    place.program("openssl", &request, &files);
    configure(&place, "tls_certificate = \"tls.pem\"\ntls_key = \"tls.key\"", "");
    let mut server = Running::start(&place, &["--listen", "0.0.0.0:0"]);
    server.address = server.address.replace("https://0.0.0.0:", "https://127.0.0.1:");
    let done = server.ask("login", &["--cacert", "tls.pem", "-d", FORM]);
    assert_eq!(done.status, 303);
    assert!(done.header("set-cookie").contains("; Secure"), "{}", done.header("set-cookie"));

    std::fs::write(place.path("tls.key"), "nonsense").unwrap();
    assert_eq!(place.refused(&["serve", "--listen", "127.0.0.1:0"]), (2, "invalid_config".to_owned()));
}

#[test]
fn behind_a_proxy_the_address_it_adds_counts_and_counts_need_a_token() {
    let place = with_ada();
    configure(&place, "behind_proxy = true", "");
    let server = Running::start(&place, &[]);
    let from = |address: &str, name: &str| {
        let forwarded = format!("X-Forwarded-For: 192.0.2.9, {address}");
        server.ask("login", &["-H", &forwarded, "-d", &format!("name={name}&password=x")]).status
    };
    for n in 0..20 {
        assert_eq!(from("192.0.2.1", &n.to_string()), 422, "{n}");
    }
    assert_eq!((from("192.0.2.1", "x"), from("192.0.2.2", "x")), (429, 422));
    assert_eq!(server.get("metrics").status, 401);
    assert_eq!(server.get("readyz").status, 200);
}

#[test]
fn monitoring_sees_counts_by_route_and_no_ids() {
    let place = Place::with_interactions(9);
    let server = Running::start(&place, &[]);
    let id = place.plaintext_job(&[]);
    assert_eq!(server.get("healthz").body, "alive\n");
    assert_eq!(server.get("readyz").body, "ready\n");
    assert_eq!(server.get(&format!("api/v1/jobs/{id}")).status, 401);
    let counted = "cdds_attempts_total{status=\"finished\"} 1\n";
    let mut metrics = server.get("metrics");
    while !metrics.body.contains(counted) {
        metrics = server.get("metrics");
    }
    assert_eq!(metrics.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    for line in [
        "cdds_http_requests_total{method=\"GET\",route=\"/api/v1/jobs/{id}\",status=\"401\"} 1\n",
        "cdds_http_request_duration_seconds_count{method=\"GET\",route=\"/healthz\"} 1\n",
        "cdds_executions_running 0\n",
        "cdds_executions_queued 0\n",
        "cdds_catalog_up 1\n",
        "cdds_workers{state=\"alive\"} 1\n",
        "cdds_workers{state=\"gone\"} 0\n",
        "cdds_workers_draining 0\n",
        "# UNIT cdds_worker_last_seen_timestamp_seconds seconds\n",
        "cdds_destinations{state=\"disabled\"} 0\n",
        "cdds_webhook_endpoints{state=\"failing\"} 0\n",
    ] {
        assert!(metrics.body.contains(line), "{line} is not in {}", metrics.body);
    }
    assert!(metrics.body.ends_with("# EOF\n") && !metrics.body.contains(&id), "{}", metrics.body);
    std::fs::rename(place.path("artifacts"), place.path("away")).unwrap();
    let unready = server.get("readyz");
    assert_eq!((unready.status, &*unready.body), (503, "not ready: the artifact store cannot be reached\n"));
}

#[test]
fn the_log_tells_who_asked_for_what_and_no_secret() {
    let place = with_ada();
    let mut server = Running::start(&place, &["-v"]);
    assert_eq!(server.ask("login?once=querysecret", &["-d", FORM, "-c", "jar"]).status, 303);
    assert_eq!(server.ask("jobs?search=querysecret", &["-b", "jar"]).status, 200);
    let jar = std::fs::read_to_string(place.path("jar")).unwrap();
    let cookie = jar.split_whitespace().next_back().unwrap();
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    let line = log.lines().find(|line| line.contains("route=\"/jobs\"")).unwrap();
    for part in ["method=GET", "status=200", "ms=", "principal=\"ada\""] {
        assert!(line.contains(part), "{line}");
    }
    for secret in ["querysecret", "horse", cookie, "argon2id"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[test]
fn a_stop_waits_for_what_was_begun_and_takes_nothing_new() {
    let place = with_ada();
    let mut server = Running::start(&place, &[]);
    let host = server.host();
    let mut begun = TcpStream::connect(&host).unwrap();
    let head = format!(
        "POST /login HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\nConnection: close\r\n\r\nname=",
        FORM.len()
    );
    begun.write_all(head.as_bytes()).unwrap();
    // It has been read once another connection, which was opened later, is answered.
    assert_eq!(server.get("healthz").status, 200);
    server.terminate();
    while TcpStream::connect(&host).is_ok() {}
    assert!(server.runs());
    begun.write_all(FORM.strip_prefix("name=").unwrap().as_bytes()).unwrap();
    let mut answer = String::new();
    begun.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 303 "), "{answer}");
    let (code, log) = server.ended();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("stopping: "), "{log}");
}

#[test]
fn a_stop_waits_for_a_download() {
    let place = Place::with_interactions(2_000);
    // More than the buffers of two sockets hold, even when it is compressed.
    place.sqlite("update interactions set note = hex(randomblob(12000))");
    place.plaintext_job(&[]);
    place.done(&["run", "--until-idle"]);
    let token = place.done(&["token", "create", "--role", "operator"]);
    let bearer = format!("Authorization: Bearer {}", token.trim_end());
    let mut server = Running::start(&place, &[]);
    let listed = server.ask("api/v1/artifacts", &["-H", &bearer]).body;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let file = listed["items"].as_array().unwrap().iter().max_by_key(|file| file["size"].as_u64()).unwrap();
    let (id, size) = (string(&file["id"]), file["size"].as_u64().unwrap());
    assert!(size > 20_000_000, "{size}");

    let host = server.host();
    let mut download = TcpStream::connect(&host).unwrap();
    let head = format!(
        "GET /api/v1/artifacts/{id}/content HTTP/1.1\r\nHost: {host}\r\n{bearer}\r\nConnection: close\r\n\r\n"
    );
    download.write_all(head.as_bytes()).unwrap();
    let mut begun = vec![0; 1000];
    download.read_exact(&mut begun).unwrap();
    server.terminate();
    while TcpStream::connect(&host).is_ok() {}
    assert!(server.runs());
    download.read_to_end(&mut begun).unwrap();
    let head = begun.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    assert!(begun.starts_with(b"HTTP/1.1 200 "));
    assert_eq!((begun.len() - head - 4) as u64, size);
    let (code, log) = server.ended();
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn mistakes_of_the_configuration_are_told_with_their_line_and_without_the_hash() {
    let place = Place::new();
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    for (lines, why) in [
        ("[[user]]\nname = \"a\"\nrole = \"viewer\"\nhash = \"secret\"", "user a: hash: this is not a hash"),
        ("[[user]]\nname = \"a\"\nrole = \"boss\"\nhash = \"HASH\"", "user a: role: choose one of viewer"),
        ("[[user]]\nname = \"token:a\"\nrole = \"viewer\"\nhash = \"HASH\"", "those of tokens"),
        ("[[user]]\nnaem = \"a\"", "unknown key \"naem\", did you mean \"name\"?"),
    ] {
        let lines = lines.replace("HASH", &hash(&place));
        std::fs::write(place.path("cdds.toml"), format!("{config}\n{lines}\n")).unwrap();
        let output = place.cdds(&["serve", "--listen", "127.0.0.1:0"]).output().unwrap();
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(why) && told.contains(": line ") && !told.contains("secret"), "{told}");
        assert!(!told.contains("argon2id$v"), "{told}");
    }
    for (typed, why) in [
        ("listen = \"localhost\"", "serve.listen: "),
        ("hosts = [\"https://x\"]", "serve.hosts: "),
        ("tls_key = \"x\"", "serve.tls_key: it needs serve.tls_certificate"),
    ] {
        std::fs::write(place.path("cdds.toml"), format!("[serve]\n{typed}\n")).unwrap();
        let output = place.cdds(&["serve"]).output().unwrap();
        assert!(text(&output.stderr).contains(why), "{}", text(&output.stderr));
    }
}
