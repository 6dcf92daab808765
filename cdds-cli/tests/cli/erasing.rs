//! Erasures of data subjects by the program itself: of a shop like Chinook, over SQLite and PostgreSQL (rules D3 to D7).

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;

use crate::erasing_kills::Killed;
use crate::handing_over::copied;
use crate::postgres_server::Server;
use crate::pty::Terminal;
use crate::support::{Place, string, text};

/// The identifiers of the person who asks, none of which is in any other text of these tests.
pub(crate) const PHONE: &str = "+49 30 7654321";
pub(crate) const EMAIL: &str = "ada.lovelace@example.com";
/// What must not be found: parts of the identifiers, in the spellings of records and of the request.
const PARTS: [&str; 5] = ["7654321", "30 765", "lovelace", "Lovelace", "LOVELACE"];

/// The types: customers are deleted, invoices kept by law but for the address, calls emptied, notes not erased.
const TYPES: &str = r#"
[[source.type]]
id = "customer"
table = "customers"
subject = ["email", { field = "phone", kind = "phone" }]
erase = "delete"
[[source.type]]
id = "invoice"
table = "invoices"
subject = [{ field = "billing_email", kind = "email" }]
erase = { keep = "kept for ten years by law" }
[[source.type]]
id = "call"
table = "calls"
subject = [{ field = "caller", kind = "phone" }, { field = "callee", kind = "phone" }]
erase = { empty = ["caller", "callee", "notes"] }
hold = "held"
[[source.type]]
id = "note"
table = "notes"
subject = ["email"]
"#;

/// The tables, with 200 people, one of whom asks, in words that both databases understand.
const TABLES: &str = "
    create table customers(id integer primary key, name text, email text, phone text);
    create table invoices(id integer primary key, billing_email text, total integer);
    create table calls(id integer primary key, caller text, callee text, notes text, held integer);
    create table notes(id integer primary key, email text, note text);
    insert into customers values (1, 'Ada', 'Ada.Lovelace@Example.com', '0049 (0)30 / 7654321');
    insert into customers values (2, 'Ada at work', 'office@example.com', '+49 30 765-4321');
    insert into invoices values (1, 'ada.lovelace@example.com', 100);
    insert into notes values (1, 'ADA.LOVELACE@EXAMPLE.COM', 'prefers letters');
    insert into calls values (1, '+49 30 7654321', '+49 40 1', 'called back', 0);
    insert into calls values (2, '+49 40 2', '004930 7654321', 'asked for a refund', 0);
    insert into calls values (900, '+49 40 3', '+49 40 4', 'about nobody here', 0);
";

/// More people, and calls between them: statements of the database.
fn others(numbers: &str) -> String {
    format!(
        "insert into customers select i, 'Customer ' || i, 'c' || i || '@example.com', '+4940' || (1000 + i) from {numbers};
         insert into invoices select i, 'c' || i || '@example.com', i from {numbers};
         insert into calls select i, '+4940' || (1000 + i), '+4940' || (1001 + i), 'call ' || i, 0 from {numbers};"
    )
}

/// A place whose shop is in SQLite.
pub(crate) fn shop() -> Place {
    let place = Place::new();
    configure(&place, "kind = \"sqlite\"\nurl = \"shop.db\"");
    let numbers =
        "(with recursive n(i) as (select 3 union all select i + 1 from n where i < 200) select i from n)";
    sql(&place, &format!("pragma journal_mode = wal; {TABLES} {}", others(numbers)));
    place.done(&["subject", "key", "2026"]);
    place
}

fn configure(place: &Place, source: &str) {
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    let config = config
        .replace("# [subjects]\n# key_file = \"subjects.keys\"", "[subjects]\nkey_file = \"subjects.keys\"");
    assert!(config.contains("\n[subjects]\n"), "{config}");
    let shop = format!("\n[[source]]\nid = \"shop\"\ntitle = \"Shop\"\n{source}\n{TYPES}");
    std::fs::write(place.path("cdds.toml"), config + &shop).unwrap();
}

pub(crate) fn sql(place: &Place, statements: &str) -> String {
    place.program("sqlite3", &["shop.db"], &[statements])
}

/// Puts an erasure on record that somebody else has approved. Returns its id.
pub(crate) fn approved(place: &Place, scope: &[&str]) -> String {
    let id = verified(place, scope);
    place.done(&["subject", "approve", &id]);
    id
}

/// Puts an erasure on record that waits for its approval by this account. Returns its id.
fn verified(place: &Place, scope: &[&str]) -> String {
    let create = ["subject", "create", "--identifier", "-", "--kind", "erasure", "--output", "json"];
    let mut command = place.cdds(&[&create[..], scope].concat());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let identifiers = format!("phone={PHONE}\nemail={EMAIL}\n");
    child.stdin.take().unwrap().write_all(identifiers.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let id = string(&serde_json::from_slice::<Value>(&output.stdout).unwrap()["id"]);
    place.done(&["subject", "verify", &id, "--by", "the desk", "--how", "passport shown"]);
    // The account of these tests approves, so it must not be who asked.
    place.program("sqlite3", &["cdds.db"], &["update subject_request set received_by = 'clerk'"]);
    id
}

/// Returns outcome and number of records by type.
pub(crate) fn outcomes(erasures: &Value) -> BTreeMap<String, (String, u64, u64)> {
    let kept =
        |one: &Value| one["kept"].as_array().unwrap().iter().map(|k| k["records"].as_u64().unwrap()).sum();
    let outcome = |one: &Value| {
        let told = (string(&one["outcome"]), one["records"].as_u64().unwrap(), kept(one));
        (string(&one["type"]), told)
    };
    erasures.as_array().unwrap().iter().map(outcome).collect()
}

fn told(outcomes: &[(&str, &str, u64, u64)]) -> BTreeMap<String, (String, u64, u64)> {
    let one = |(of, outcome, erased, kept): &(&str, &str, u64, u64)| {
        ((*of).to_owned(), ((*outcome).to_owned(), *erased, *kept))
    };
    outcomes.iter().map(one).collect()
}

pub(crate) fn shown(place: &Place, id: &str) -> Value {
    place.json(&["subject", "show", id])
}

pub(crate) fn run(place: &Place) -> String {
    let output = place.cdds(&["run", "--until-idle", "--no-progress", "-v"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stderr)
}

/// Returns how many records are about the person, by type, as the source itself counts them.
fn about(preview: &Value) -> u64 {
    outcomes(preview).values().map(|(_, erased, kept)| erased + kept).sum()
}

/// Asserts that no file here, the source aside, holds anything of an identifier.
pub(crate) fn assert_nothing_in_the_clear(place: &Place) {
    for name in place.files(".").iter().filter(|name| !name.contains("shop.db") && !name.contains("shop.old"))
    {
        let bytes = std::fs::read(place.path(name)).unwrap();
        for part in PARTS {
            let is_there = bytes.windows(part.len()).any(|window| window == part.as_bytes());
            assert!(!is_there && !name.contains(part), "{part} is in {name}");
        }
    }
}

/// What was sealed, as the catalog keeps it.
fn sealed(place: &Place) -> Vec<u8> {
    let hex =
        place.program("sqlite3", &["-readonly", "cdds.db"], &["select hex(sealed) from subject_request"]);
    let digits = hex.trim().as_bytes();
    let pairs = digits.as_chunks::<2>().0.iter();
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Whether any file of the catalog holds what was sealed.
fn holds_sealed(place: &Place, sealed: &[u8]) -> bool {
    let files = place.files(".").into_iter().filter(|name| name.starts_with("cdds.db"));
    let mut contents = files.map(|name| std::fs::read(place.path(&name)).unwrap());
    contents.any(|bytes| bytes.windows(16).any(|window| window == &sealed[16..32]))
}

#[test]
fn d4_d6_d7_a_person_is_erased_stays_erased_after_a_restore_and_leaves_no_trace() {
    let place = shop();
    place.program("sqlite3", &["shop.db"], &["vacuum into 'shop.old'"]);
    let id = approved(&place, &["--source", "shop"]);
    let (sealed, log) = (sealed(&place), "run.log");
    assert!(sealed.len() > 60 && holds_sealed(&place, &sealed));
    assert_nothing_in_the_clear(&place);
    let preview = place.json(&["subject", "preview", &id]);
    let should = [
        ("customer", "done", 2, 0),
        ("invoice", "partial", 0, 1),
        ("call", "done", 2, 0),
        ("note", "unsupported", 0, 0),
    ];
    let mut would = told(&should);
    would.insert("note".to_owned(), ("unsupported".to_owned(), 0, 1));
    assert_eq!(outcomes(&preview), would, "what nobody erases is counted, too: {preview}");
    assert_eq!(sql(&place, "select count(*) from customers"), "200\n", "a dry run changes nothing");
    let table = place.done(&["subject", "preview", &id]);
    assert!(table.contains("kept for ten years by law") && table.contains("WOULD BE"), "{table}");
    assert!(!table.contains("done") && table.contains("not erased"), "nothing is done yet: {table}");

    std::fs::write(place.path(log), run(&place)).unwrap();
    let done = shown(&place, &id);
    assert_eq!(outcomes(&done["erasures"]), told(&should), "the dry run was right: {done}");
    assert_eq!((&done["state"], done["done_at"].is_string()), (&"done".into(), true));
    let left = sql(
        &place,
        "select count(*) from customers; select count(*) from calls; select count(*) from notes;
         select caller, callee, notes from calls where id in (1, 2, 900) order by id;",
    );
    assert_eq!(left, "198\n201\n1\n|+49 40 1|\n+49 40 2||\n+49 40 3|+49 40 4|about nobody here\n");
    assert!(!holds_sealed(&place, &sealed), "the catalog still holds what was sealed");
    assert_nothing_in_the_clear(&place);
    let ledger = format!("artifacts/subjects/{id}.json");
    let entry: Value = serde_json::from_slice(&std::fs::read(place.path(&ledger)).unwrap()).unwrap();
    assert_eq!((string(&entry["request"]), entry["identifiers"].as_array().unwrap().len()), (id.clone(), 2));
    let table = place.done(&["subject", "show", &id]);
    assert!(
        table.contains("shop/invoice: partial, 0 records, 1 stay (kept for ten years by law)"),
        "{table}"
    );
    assert!(table.contains("done, and records stay in shop/invoice, shop/note"), "{table}");
    assert_eq!(place.refused(&["subject", "run", &id]), (3, "subject_request_state".to_owned()));

    assert_eq!(copied(&place), BTreeMap::new(), "what is erased is in no copy");

    // An old copy of the source brings the person back.
    let restore = || {
        for name in ["shop.db-wal", "shop.db-shm"] {
            let _ = std::fs::remove_file(place.path(name));
        }
        std::fs::copy(place.path("shop.old"), place.path("shop.db")).unwrap();
    };
    restore();
    let back: Vec<usize> = copied(&place).values().map(Vec::len).collect();
    assert_eq!(back, [2, 2], "calls and customers");
    let dry = place.json(&["subject", "reapply", "--dry-run"]);
    assert_eq!(sql(&place, "select count(*) from customers"), "200\n");
    let again = place.json(&["subject", "reapply"]);
    assert_eq!(again["found"], dry["found"]);
    assert_eq!(outcomes(&again["found"]), told(&should), "{again}");
    assert_eq!(again["found"][0]["request"], id.as_str());
    assert_eq!(sql(&place, "select count(*) from customers"), "198\n");
    assert_eq!(copied(&place), BTreeMap::new(), "what is erased again is in no copy");
    let table = place.done(&["subject", "reapply"]);
    assert!(table.contains("not erased") && !table.contains("erased again"), "{table}");
    let second = place.json(&["subject", "reapply"]);
    assert_eq!(about(&second["found"]), 1, "the invoice stays, and nothing else is found: {second}");
    // So does one whose catalog was restored to a state before the request: the store's ledger knows.
    restore();
    place.program("sqlite3", &["cdds.db"], &["pragma foreign_keys = on; delete from subject_request"]);
    let again = place.json(&["subject", "reapply"]);
    assert_eq!(outcomes(&again["found"]), told(&should), "{again}");
    assert_nothing_in_the_clear(&place);
    // Without the key of its hashes, that is said.
    std::fs::remove_file(place.path("subjects.keys")).unwrap();
    place.done(&["subject", "key", "2027"]);
    let untold = place.cdds(&["subject", "reapply", "--output", "json"]).output().unwrap();
    assert_eq!(untold.status.code(), Some(1));
    let untold: Value = serde_json::from_slice(&untold.stdout).unwrap();
    assert!(string(&untold["unapplied"][0]["why"]).contains("2026"), "{untold}");
}

#[test]
fn d3_d4_who_approves_is_asked_with_counts_and_hears_what_is_not_reached() {
    let place = shop();
    let id = verified(&place, &["--source", "shop"]);
    let question =
        ["4 records about the person in 2 types would be erased, 2 would stay.", "for good? [y/N]"];
    for (answer, code, state) in [("n", 3, "verified"), ("y", 0, "running")] {
        let terminal = Terminal::start(&place, &["subject", "approve", &id], 120, &[]);
        terminal.type_line(answer);
        let ended = terminal.end();
        assert!(question.iter().all(|text| ended.screen.contains(text)), "{}", ended.screen);
        assert_eq!((ended.code, &shown(&place, &id)["state"]), (code, &state.into()), "{}", ended.screen);
        let told = ended.screen.contains("note: shop/note has no rule for erasures");
        assert_eq!(told, code == 0, "{}", ended.screen);
    }
    // Where nobody can be asked, it is told all the same.
    place.done(&["subject", "withdraw", &id]);
    let id = verified(&place, &["--source", "shop/call", "--source", "shop/note"]);
    let approved = place.cdds(&["subject", "approve", &id]).output().unwrap();
    assert!(approved.status.success() && text(&approved.stderr).contains("note: shop/note has no rule"));
    place.done(&["subject", "withdraw", &id]);
    let id = verified(&place, &["--source", "shop/note"]);
    assert_eq!(place.refused(&["subject", "approve", &id]), (3, "subject_request_state".to_owned()));
}

#[test]
fn d4_d5_holds_and_refusals_keep_a_request_open_and_what_failed_is_run_again_alone() {
    let place = shop();
    sql(
        &place,
        "update calls set held = 1 where id = 1; create table orders(customer integer references customers(id));
         insert into orders values (1);",
    );
    let id = approved(&place, &["--source", "shop/customer", "--source", "shop/call"]);
    let log = run(&place);
    assert!(log.contains("a foreign key of another table leads to one of the records"), "{log}");
    let open = shown(&place, &id);
    assert_eq!(open["state"], "running");
    assert_eq!(
        outcomes(&open["erasures"]),
        told(&[("customer", "failed", 0, 0), ("call", "on_hold", 1, 1)]),
        "{open}"
    );
    assert!(string(&open["erasures"][1]["failure"]).contains("erase that table's records first"), "{open}");
    assert_eq!(sql(&place, "select count(*) from customers"), "200\n", "all or nothing");
    assert_eq!(sql(&place, "select caller is null from calls where id in (1, 2) order by id"), "0\n0\n");
    // Somebody sees to the one, and the other is released.
    sql(&place, "delete from orders; update calls set held = 0");
    place.done(&["subject", "run", &id]);
    run(&place);
    let done = shown(&place, &id);
    assert_eq!(
        (&done["state"], outcomes(&done["erasures"])),
        (&"done".into(), told(&[("customer", "done", 2, 0), ("call", "done", 2, 0)]),)
    );
    let entries = place.json(&["audit", "--object", &id]);
    let actions: Vec<String> =
        entries.as_array().unwrap().iter().map(|entry| string(&entry["action"])).collect();
    assert!(actions.contains(&"run_subject_request".to_owned()), "{actions:?}");
}

#[test]
fn d6_a_request_whose_key_is_nowhere_waits_for_it_and_says_so() {
    let place = shop();
    let id = approved(&place, &["--source", "shop"]);
    let keys = std::fs::read(place.path("subjects.keys")).unwrap();
    std::fs::remove_file(place.path("subjects.keys")).unwrap();
    assert!(run(&place).contains("this one has no keys of data subjects"));
    place.done(&["subject", "key", "2027", "--lost"]);
    let log = run(&place);
    assert!(log.contains("does not have the key 2026 of data subjects"), "{log}");
    let waits = shown(&place, &id);
    assert_eq!((&waits["state"], &waits["missing_key"]), (&"running".into(), &"2026".into()));
    assert!(
        place.done(&["subject", "show", &id]).contains("the key 2026, which is not in subjects.key_file")
    );
    assert_eq!(place.refused(&["subject", "preview", &id]), (3, "subject_key_missing".to_owned()));
    std::fs::write(place.path("subjects.keys"), keys).unwrap();
    run(&place);
    assert_eq!(shown(&place, &id)["state"], "done");
}

#[test]
fn d4_d7_a_person_is_erased_from_postgresql_and_again_after_a_restore() {
    let server = Server::start(&[]);
    server.run("postgres", "CREATE DATABASE shop");
    let fill = || {
        server.run("shop", "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
        server.run("shop", &format!("{TABLES} {}", others("generate_series(3, 200) as n(i)")));
    };
    fill();
    let place = Place::new();
    let config = server.config("shop");
    let Some(tokio_postgres::config::Host::Unix(folder)) = config.get_hosts().first() else {
        panic!("{config:?}")
    };
    let url = format!("host={} user=postgres dbname=shop", folder.display());
    configure(&place, &format!("kind = \"postgres\"\nurl = \"{url}\""));
    place.done(&["subject", "key", "2026"]);
    let id = approved(&place, &["--source", "shop"]);
    let should = [
        ("customer", "done", 2, 0),
        ("invoice", "partial", 0, 1),
        ("call", "done", 2, 0),
        ("note", "unsupported", 0, 0),
    ];
    let mut would = told(&should);
    would.insert("note".to_owned(), ("unsupported".to_owned(), 0, 1));
    assert_eq!(outcomes(&place.json(&["subject", "preview", &id])), would);
    run(&place);
    let done = shown(&place, &id);
    assert_eq!((&done["state"], outcomes(&done["erasures"])), (&"done".into(), told(&should)));
    assert_eq!(copied(&place), BTreeMap::new(), "what is erased is in no copy");
    fill();
    assert_eq!(copied(&place).len(), 2, "it is back");
    assert_eq!(outcomes(&place.json(&["subject", "reapply"])["found"]), told(&should));
    assert_eq!(copied(&place), BTreeMap::new(), "what is erased again is in no copy");
    assert_eq!(about(&place.json(&["subject", "reapply"])["found"]), 1);
    assert_nothing_in_the_clear(&place);
}

#[test]
fn d5_workers_may_be_killed_at_any_moment_of_an_erasure() {
    let place = shop();
    // So many calls that an erasure takes a while.
    let numbers = "(with recursive n(i) as (select 1000 union all select i + 1 from n where i < 60000) select i from n)";
    sql(
        &place,
        &format!(
            "insert into calls select i, '0049 30 7654321', '+4940' || i, hex(randomblob(60)), 0 from {numbers};"
        ),
    );
    let id = approved(&place, &["--source", "shop/customer", "--source", "shop/call"]);
    let mut killed = Killed::new(&place, &id);
    let calls = "select count(*) from calls where caller is null or callee is null";
    let people = "select count(*) from customers";
    for kill in 0..8 {
        killed.kill(kill);
        // All or nothing, type by type.
        let (emptied, left) = (sql(&place, calls), sql(&place, people));
        assert!(["0\n", "59003\n"].contains(&emptied.as_str()), "kill {kill}: {emptied}");
        assert!(["200\n", "198\n"].contains(&left.as_str()), "kill {kill}: {left}");
    }
    let log = killed.end();
    let done = shown(&place, &id);
    assert_eq!(
        (&done["state"], outcomes(&done["erasures"])),
        (&"done".into(), told(&[("customer", "done", 2, 0), ("call", "done", 59_003, 0)]),),
        "{log}"
    );
    assert_nothing_in_the_clear(&place);
}
