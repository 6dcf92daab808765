use super::*;
use std::num::NonZeroU32;

use cdds_core::domain::id::Owner;
use cdds_core::domain::job::edit::OneTimeEdit;
use cdds_core::domain::source::Visibility;

/// The example of the command line's contract, as it is written there.
const CONTRACT: &str = r#"
[catalog]
url = "sqlite:cdds.db"
[store]
url = "file:artifacts"
[engine]
concurrency = 2
lease = "60s"
[retention]
days = 30

[[source]]
id = "contact-history"
title = "Contact History"
kind = "sqlite"
url = "contacts.db"
[[source.type]]
id = "interaction"
table = "interactions"
time = "started_at"
changed = "updated_at"
category = { name = "media types", column = "media_type", values = ["voice", "chat", "email"] }
subject = ["contact_id"]
settle_lag = "0s"

[[source]]
id = "info-mart"
title = "Info Mart"
unsupported = "Info Mart exports are not supported"
"#;

fn read(text: &str) -> Result<Config, String> {
    Config::read(text, Path::new("/srv/exports"))
}

#[test]
fn the_example_of_the_contract_is_understood() {
    let config = read(CONTRACT).unwrap();
    assert_eq!(config.catalog.file(), Some(Path::new("/srv/exports/cdds.db")));
    assert_eq!(config.store.folder(), Some(Path::new("/srv/exports/artifacts")));
    assert_eq!((config.concurrency.get(), config.lease), (2, Duration::from_secs(60)));
    assert_eq!(config.rules.retention.days(), 30);
    let titles: Vec<&str> = config.sources.iter().map(|source| source.title.as_str()).collect();
    assert_eq!(titles, ["Contact History", "Info Mart"]);
    assert!(
        matches!(&config.sources[1].kind, SourceKind::Unsupported { reason } if reason.contains("not supported"))
    );
}

#[test]
fn what_init_writes_is_the_default_and_so_is_nothing() {
    for text in [INITIAL, ""] {
        let config = read(text).unwrap();
        assert_eq!(config.catalog.file(), Some(Path::new("/srv/exports/cdds.db")));
        assert_eq!(config.store.folder(), Some(Path::new("/srv/exports/artifacts")));
        assert_eq!(config.level, Level::Default);
        assert_eq!((config.concurrency.get(), config.lease.as_secs()), (2, 60));
        assert_eq!(config.stall, Duration::from_secs(3_600));
        assert_eq!((config.rules.retention.days(), config.sources.len()), (30, 0));
        assert_eq!(config.record.days(), 400);
        assert_eq!(config.rules.one_time_edit, OneTimeEdit::UntilStarted);
        assert_eq!(config.rules.catch_up_limit, TimeDelta::days(7));
        assert_eq!((config.profile, config.signing), (Profile::Compat, None));
    }
}

#[test]
fn the_example_in_what_init_writes_can_be_uncommented() {
    let (defaults, example) = INITIAL.split_once("# A source of records").unwrap();
    let example: String = example
        .lines()
        .skip(2)
        .map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or(line)))
        .collect();
    assert_eq!(read(&format!("{defaults}{example}")).unwrap().sources.len(), 1);
}

#[test]
fn j10_e4_the_rules_for_all_jobs_can_be_set() {
    let config = read("[rules]\none_time_edit = \"never\"\ncatch_up_limit = \"0s\"\n").unwrap();
    assert_eq!(config.rules.one_time_edit, OneTimeEdit::Never);
    assert_eq!(config.rules.catch_up_limit, TimeDelta::zero());
}

#[test]
fn s1_profile_and_form_of_sealing_can_be_set() {
    for (typed, profile) in
        [("compat", Profile::Compat), ("oaep", Profile::Oaep), ("auth-gcm", Profile::AuthGcm)]
    {
        let config = read(&format!("[sealing]\nprofile = \"{typed}\"\n")).unwrap();
        assert_eq!(config.profile, profile);
    }
    assert_eq!(read("[sealing]\nform = \"mime\"\n").unwrap().form, Form::Mime);
    assert_eq!(read("").unwrap().form, Form::Binary);
}

#[test]
fn a5_a_key_and_its_certificate_sign() {
    let config = read("[signing]\nkey = \"k.pem\"\ncertificate = \"/etc/c.pem\"\n").unwrap();
    let (key, certificate) = (PathBuf::from("/srv/exports/k.pem"), PathBuf::from("/etc/c.pem"));
    assert_eq!(config.signing, Some(Signing { key, certificate }));
}

/// A configuration with a mistake in the last line.
const TWO_TYPES: &str = "[[source]]
id = \"a\"
unsupported = \"no\"
[[source]]
id = \"b\"
kind = \"json-lines\"
url = \"x\"
[[source.type]]
id = \"t\"
[[source.type]]
id = \"u\"
settle_lag = \"1s\"
granularity = \"soon\"
";

#[test]
fn e14_the_record_outlives_the_artifacts() {
    for (typed, days) in [("days = 30", 400), ("days = 3650", 3_680), ("days = 40\nrecord_days = 70", 70)] {
        assert_eq!(read(&format!("[retention]\n{typed}\n")).unwrap().record.days(), days, "{typed}");
    }
}

#[test]
fn mistakes_are_named_with_the_way_out() {
    for (text, told) in [
        ("[engine]\nconcurency = 3\n", "line 2: unknown key \"concurency\", did you mean \"concurrency\"?"),
        ("[catalogue]\n", "line 1: unknown key \"catalogue\", did you mean \"catalog\"?"),
        ("[engine]\nlease = \"soon\"\n", "line 2: engine.lease: "),
        ("\nengine.concurrency = 1\n\nengine.lease = \"1s\"\n", "line 4: engine.lease: use 3s or more"),
        ("[engine]\nstall = \"5s\"\n", "line 2: engine.stall: use 1m or more"),
        ("[engine]\nconcurrency = 0\n", "line 2: 0 is not possible here: write a whole number from 1"),
        ("\ncatalog = 5\n", "line 2: a whole number does not belong here: write a table"),
        ("[sealing]\nprofile = \"auth_gcm\"\n", "did you mean \"auth-gcm\"?"),
        (
            "[[source]]\nid = \"a\"\nkind = \"sqlite\"\nurl = \"x\"\n",
            "line 1: source \"a\": declare at least one [[source.type]]",
        ),
        ("[engine]\nconcurrency = \"two\"\n", "line 2"),
        ("[retention]\ndays = 0\n", "line 2: retention.days"),
        ("[retention]\n\n", "line 1: the key \"days\" is missing"),
        (
            "[retention]\ndays = 40\nrecord_days = 69\n",
            "line 3: retention.record_days: the record cannot be kept",
        ),
        (
            "[rules]\none_time_edit = \"always\"\n",
            "line 2: \"always\" is not possible here: write one of until_started, never",
        ),
        ("[rules]\ncatch_up_limit = \"3651d\"\n", "rules.catch_up_limit"),
        ("[rules]\ncatch_up_limit = \"10ms\"\n", "rules.catch_up_limit"),
        ("[rules]\ncatch_up_limits = \"7d\"\n", "did you mean \"catch_up_limit\"?"),
        ("[catalog]\nurl = \"postgres://u:secret@h/d\"\n", "catalog.url"),
        ("[store]\nurl = \"ftp://bucket\"\n", "store.url"),
        ("[store]\nurl = \"s3://u:p@bucket\"\n", "line 2: store.url"),
        ("[store]\nurl = \"file:a\"\nregion = \"x\"\n", "line 3: store.region"),
        (
            "[sealing]\nprofile = \"gcm\"\n",
            "line 2: \"gcm\" is not possible here: write one of compat, oaep, auth-gcm",
        ),
        ("[signing]\nkey = \"k.pem\"\n", "the key \"certificate\" is missing: add it"),
        ("[[source]]\n", "line 1: the key \"id\" is missing"),
        (
            "[[source]]\nid = \"a\"\nunsupported = \"no\"\n[[source]]\nid = \"a\"\nunsupported = \"no\"\n",
            "line 4: source \"a\": it is declared twice",
        ),
        ("[[source]]\nid = \"a\"\n\nkind = \"mysql\"\nurl = \"x\"\n", "line 4: source \"a\": kind: "),
        ("[[source]]\nid = \"a\"\nkind = \"sqlite\"\n", "line 1: source \"a\": say where its records are"),
        (TWO_TYPES, "line 13: source \"b\": type \"u\": granularity: "),
        ("[[source]]\nid = \"a: b\"\nunsupported = \"no\"\n", "line 1: source"),
        (
            "[[source]]\nid = \"a\"\nkind = \"sqlite\"\nurl = \"x\"\n[[source.type]]\nid = \"t\"\ntabel = \"t\"\n",
            "line 7: unknown key \"tabel\", did you mean \"table\"?",
        ),
        (
            "[[source]]\nid = \"a\"\n[[source.type]]\nid = 5\n",
            "line 4: a whole number does not belong here: write text in quotes",
        ),
        ("[engine\n", "line 1"),
        (
            "[engine]\nlease = \"9s\"\nlease = \"secret\"\n",
            "line 3: duplicate key: the key \"lease\" appears twice",
        ),
        ("[engine]\nlease = \"9s\"\n[engine]\n", "line 3: duplicate key: the key \"engine\" appears twice"),
        ("[store]\nurl = \"file:~/x\"\n", "store.url: ~ is not understood here"),
        ("[catalog]\nurl = \"sqlite:~/x\"\n", "line 2: catalog.url: ~ is not"),
        ("[signing]\nkey = \"~/k.pem\"\ncertificate = \"c\"\n", "line 2: signing.key: ~ is not"),
        ("[signing]\nkey = \"k\"\ncertificate = \"~a/c\"\n", "line 3: signing.certificate: ~ is not"),
        (
            "[[source]]\nid = \"a\"\nkind = \"sqlite\"\nurl = \"sqlite:~/x\"\n[[source.type]]\nid = \"t\"\ntable = \"t\"\n",
            "line 4: source \"a\": url: ~ is not",
        ),
        (
            "[[source]]\nid = \"a\"\nkind = \"json-lines\"\nurl = \"~/x\"\n[[source.type]]\nid = \"t\"\n",
            "line 4: source \"a\": url: ~ is not",
        ),
        (
            "[[source]]\nid = \"a\"\nkind = \"json-lines\"\nurl = \"x\"\n[[source.type]]\nid = \"t\"\npath = \"~/*\"\n",
            "line 7: source \"a\": type \"t\": path: ~ is not",
        ),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(told), "{text:?} gave {error:?}");
        assert!(!error.contains("secret"), "{error:?}");
    }
}

#[test]
fn e2_a_source_may_limit_its_executions() {
    let limited = |max: &str| {
        format!(
            "{}\n",
            CONTRACT.replace("kind = \"sqlite\"", &format!("kind = \"sqlite\"\nmax_concurrent = {max}"))
        )
    };
    let config = read(&limited("3")).unwrap();
    assert!(
        matches!(&config.sources[0].kind, SourceKind::Sqlite(config) if config.max_concurrent == NonZeroU32::new(3))
    );
    assert!(
        matches!(&read(CONTRACT).unwrap().sources[0].kind, SourceKind::Sqlite(config) if config.max_concurrent.is_none())
    );
    let error = read(&limited("0")).unwrap_err();
    assert!(error.contains("line 16") && error.contains("a whole number from 1"), "{error}");
    let unsupported = CONTRACT.replace("unsupported =", "max_concurrent = 1\nunsupported =");
    assert!(read(&unsupported).unwrap_err().contains("max_concurrent"));
}

#[test]
fn j16_a_source_may_be_shown_to_some_owners_only() {
    let shown_to = |owners: &str| {
        CONTRACT.replace("kind = \"sqlite\"", &format!("kind = \"sqlite\"\nowners = {owners}"))
    };
    let visibility = |text: &str| match &read(text).unwrap().sources[0].kind {
        SourceKind::Sqlite(config) => config.visibility.clone(),
        other => panic!("{other:?}"),
    };
    let owner = |name: &str| Owner::new(name).unwrap();
    assert_eq!(visibility(CONTRACT), Visibility::AllOwners);
    assert_eq!(
        visibility(&shown_to(r#"["north", "south"]"#)),
        Visibility::owners([owner("north"), owner("south")])
    );
    for (owners, told) in [("[]", "name at least one"), (r#"["a/b"]"#, "owners")] {
        let error = read(&shown_to(owners)).unwrap_err();
        assert!(error.contains(told), "{error}");
    }
    let unsupported = CONTRACT.replace("unsupported =", "owners = [\"north\"]\nunsupported =");
    assert!(read(&unsupported).unwrap_err().contains("no owners"));
}
