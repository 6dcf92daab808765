//! Reading back: `verify`, `decrypt`, `join` and `extract`, on files alone (rule A9).

use crate::support::{Place, string, text};

/// Creates a sealed set of several parts in `out`. Returns the parts' paths in reading order.
pub(crate) fn sealed_set(place: &Place) -> Vec<String> {
    place.recipient("ops");
    let create = ["job", "create", "--title", "T", "--source", "contact-history", "--type", "interaction"];
    let more = ["--run", "once", "--recipient", "ops", "--split-size", "64KiB"];
    place.json(&[&create[..], &more[..]].concat());
    place.json(&["run", "--until-idle"]);
    let execution = string(&place.json(&["history", "list"])[0]["id"]);
    place.json(&["artifact", "download", "--execution", &execution, "--to", "out"]);
    std::fs::remove_file(place.path("cdds.toml")).unwrap();
    let mut parts: Vec<String> =
        place.files("out").into_iter().filter(|name| name.ends_with(".smime")).collect();
    parts.sort();
    assert!(parts.len() > 3, "{parts:?}");
    parts.into_iter().map(|name| format!("out/{name}")).collect()
}

fn manifest(place: &Place) -> String {
    let files = place.files("out");
    format!("out/{}", files.iter().find(|name| name.ends_with(".manifest.json")).unwrap())
}

fn change(place: &Place, file: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(place.path(file)).unwrap();
    change(&mut bytes);
    std::fs::write(place.path(file), bytes).unwrap();
}

#[test]
fn a9_a_whole_set_verifies_from_any_part_or_its_manifest() {
    let place = Place::with_interactions(9_000);
    let parts = sealed_set(&place);
    for file in [&parts[0], parts.last().unwrap(), &manifest(&place)] {
        let verdict = place.json(&["verify", file, "--key", "ops.key"]);
        assert_eq!(verdict[0]["ok"], true, "{verdict}");
        assert_eq!(verdict[0]["parts"].as_array().unwrap().len(), parts.len());
        assert!(verdict[0]["files"].as_u64().unwrap() > 0);
    }
    assert_eq!(place.json(&["verify", "--manifest", &manifest(&place)])[0]["files"], serde_json::Value::Null);
}

#[test]
fn a9_what_is_missing_short_or_altered_is_named() {
    let place = Place::with_interactions(9_000);
    let parts = sealed_set(&place);
    let broken = |what: &str, file: &str, name: &str| {
        let output = place.cdds(&["verify", file, "--output", "json"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{what}");
        let error: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
        assert_eq!(error["error"]["code"], "verification_failed", "{what}");
        let message = string(&error["error"]["message"]);
        assert!(message.contains(name), "{what}: {message}");
    };
    let victim = &parts[1];
    let name = victim.strip_prefix("out/").unwrap();
    let original = std::fs::read(place.path(victim)).unwrap();

    change(&place, victim, |bytes| bytes[20_000] ^= 1);
    broken("a flipped bit", &parts[0], name);
    change(&place, victim, |bytes| bytes.truncate(30_000));
    broken("a short part", &parts[0], name);
    std::fs::copy(place.path(&parts[2]), place.path(victim)).unwrap();
    broken("a swapped part", &parts[0], name);
    std::fs::remove_file(place.path(victim)).unwrap();
    broken("a missing part", &parts[0], name);
    broken("a missing part that is asked for", victim, name);
    std::fs::write(place.path(victim), original).unwrap();
    place.json(&["verify", &parts[0]]);

    // Commands that write compare the digests too, and leave nothing behind.
    change(&place, victim, |bytes| bytes[20_000] ^= 1);
    for args in [
        vec!["decrypt", &parts[0], "--key", "ops.key", "--to", "x"],
        vec!["join", &parts[0], "--key", "ops.key", "--to", "x.zip"],
        vec!["extract", &parts[0], "--key", "ops.key", "--to", "x"],
    ] {
        assert_eq!(place.refused(&args), (1, "verification_failed".to_owned()), "{args:?}");
    }
    assert!(!place.path("x").exists() && !place.path("x.zip").exists());
    change(&place, victim, |bytes| bytes[20_000] ^= 1);

    // Without the manifest and a key the contents cannot be checked, but damage to the envelope is still
    // found.
    std::fs::remove_file(place.path(&manifest(&place))).unwrap();
    assert_eq!(place.refused(&["verify", &parts[0]]), (1, "cannot_verify".to_owned()));
    place.json(&["verify", &parts[0], "--key", "ops.key"]);
    change(&place, victim, |bytes| bytes.truncate(30_000));
    broken("a short part without a manifest", &parts[0], name);
}

#[test]
fn a9_decrypt_join_and_extract_agree_and_never_overwrite() {
    let place = Place::with_interactions(9_000);
    let parts = sealed_set(&place);
    place.json(&["decrypt", &parts[1], "--key", "ops.key", "--to", "plain"]);
    assert_eq!(place.files("plain").len(), parts.len(), "any one part names the set");
    let mode = place.program("find", &["plain", "-type", "f"], &["-printf", "%m\\n"]);
    assert!(mode.lines().all(|mode| mode == "600"), "{mode}");
    let plain = format!("plain/{}", place.files("plain")[0]);

    place.json(&["join", &plain, "--to", "joined.zip"]);
    place.program("unzip", &["-tqq"], &["joined.zip"]);
    place.json(&["join", &parts[0], "--key", "ops.key", "--to", "joined-too.zip"]);
    place.program("cmp", &["joined.zip"], &["joined-too.zip"]);
    place.json(&["extract", &plain, "--to", "from-plain"]);
    place.json(&["extract", &manifest(&place), "--key", "ops.key", "--to", "from-sealed"]);
    place.program("diff", &["-r", "from-plain"], &["from-sealed"]);
    let mode = place.program("find", &["joined-too.zip", "from-sealed", "-type", "f"], &["-printf", "%m\\n"]);
    assert!(mode.lines().all(|mode| mode == "600"), "what was sealed is for its owner only: {mode}");
    assert_eq!(place.records("joined.zip").len(), 9_000);

    let again: [(&[&str], &str); 3] = [
        (&["decrypt", &parts[0], "--key", "ops.key", "--to", "plain"], &plain),
        (&["join", &parts[0], "--key", "ops.key", "--to", "joined.zip"], "joined.zip"),
        (&["extract", &parts[0], "--key", "ops.key", "--to", "from-plain"], "from-plain"),
    ];
    for (args, written) in again {
        let there = place.json(args)["already_there"].clone();
        assert!(there == true || there.as_u64() > Some(0), "{args:?}: what is there already counts as done");
        let victim = match written {
            "from-plain" => format!("from-plain/{}", place.files("from-plain")[0]),
            file => file.to_owned(),
        };
        // As long as before, and longer and shorter.
        let damages: [fn(&mut Vec<u8>); 3] =
            [|bytes| bytes[1_000] ^= 1, |bytes| bytes.push(0), |bytes| bytes.truncate(9)];
        for damage in damages {
            change(&place, &victim, damage);
            let before = std::fs::read(place.path(&victim)).unwrap();
            assert_eq!(place.refused(args), (3, "file_exists".to_owned()), "{args:?}");
            assert_eq!(std::fs::read(place.path(&victim)).unwrap(), before);
        }
        place.json(&[args, &["--force"]].concat());
        place.program("diff", &["-r", "from-plain"], &["from-sealed"]);
        place.program("cmp", &["joined.zip"], &["joined-too.zip"]);
    }
}

#[test]
fn an_altered_plain_set_is_not_joined_even_without_its_manifest() {
    let place = Place::with_interactions(9_000);
    place.plaintext_job(&["--split-size", "64KiB"]);
    place.json(&["run", "--until-idle"]);
    let execution = string(&place.json(&["history", "list"])[0]["id"]);
    place.json(&["artifact", "download", "--execution", &execution, "--to", "out"]);
    std::fs::remove_file(place.path(&manifest(&place))).unwrap();
    let part = format!("out/{}", place.files("out")[1]);
    change(&place, &part, |bytes| bytes[20_000] ^= 1);
    assert_eq!(place.refused(&["join", &part, "--to", "x.zip"]), (1, "damaged".to_owned()));
    assert!(!place.path("x.zip").exists());
}

#[test]
fn wrong_keys_and_wrong_files_are_told_apart_and_leave_nothing() {
    let place = Place::with_interactions(9_000);
    let parts = sealed_set(&place);
    place.program("openssl", &["genrsa", "-out", "other.key"], &["2048"]);
    std::fs::write(place.path("not.key"), "no key").unwrap();
    for (args, exit, code) in [
        (vec!["decrypt", &parts[0], "--key", "other.key", "--to", "x"], 1, "cannot_decrypt"),
        (vec!["extract", &parts[0], "--key", "other.key", "--to", "x"], 1, "cannot_decrypt"),
        (vec!["decrypt", &parts[0], "--key", "not.key", "--to", "x"], 1, "invalid_key"),
        (vec!["decrypt", &parts[0], "--key", "none.key", "--to", "x"], 4, "not_found"),
        (vec!["extract", &parts[0], "--to", "x"], 2, "usage"),
        (vec!["verify", "contacts.db"], 1, "not_a_part"),
        (vec!["verify", "out/nothing.zip"], 4, "not_found"),
        (vec!["verify"], 2, "usage"),
    ] {
        assert_eq!(place.refused(&args), (exit, code.to_owned()), "{args:?}");
    }
    let left = place.program("sh", &["-c", "find x -type f 2>/dev/null | wc -l"], &[]);
    assert_eq!(left.trim(), "0");
}

/// Seals an exported file as another program does, authenticated. Returns the sealed file.
fn sealed_by_openssl(place: &Place) -> String {
    let plain = place.files("plain").into_iter().find(|name| name.ends_with(".zip")).unwrap();
    let sealed = format!("gcm/{plain}.smime");
    std::fs::create_dir_all(place.path("gcm")).unwrap();
    let input = format!("plain/{plain}");
    let args =
        ["cms", "-encrypt", "-binary", "-aes-256-gcm", "-outform", "DER", "-in", &input, "-out", &sealed];
    place.program("openssl", &args, &["-recip", "ops.pem", "-keyopt", "rsa_padding_mode:oaep"]);
    sealed
}

#[test]
fn a9_what_fails_its_authentication_leaves_nothing() {
    let place = Place::with_interactions(3_000);
    place.recipient("ops");
    place.plaintext_job(&[]);
    place.json(&["run", "--until-idle"]);
    let execution = string(&place.json(&["history", "list"])[0]["id"]);
    place.json(&["artifact", "download", "--execution", &execution, "--to", "plain"]);
    let sealed = sealed_by_openssl(&place);

    place.json(&["verify", &sealed, "--key", "ops.key"]);
    place.json(&["decrypt", &sealed, "--key", "ops.key", "--to", "decrypted"]);
    place.json(&["extract", &sealed, "--key", "ops.key", "--to", "extracted"]);
    let name = &place.files("decrypted")[0];
    place.program("cmp", &[&format!("plain/{name}")], &[&format!("decrypted/{name}")]);

    // Only the tag is changed. Everything that it protects is in order, so only the tag can reveal it.
    change(&place, &sealed, |bytes| *bytes.last_mut().unwrap() ^= 1);
    for args in [
        ["decrypt", &sealed, "--key", "ops.key", "--to", "x"],
        ["extract", &sealed, "--key", "ops.key", "--to", "x"],
        ["join", &sealed, "--key", "ops.key", "--to", "x.zip"],
    ] {
        assert_eq!(place.refused(&args), (1, "cannot_decrypt".to_owned()), "{args:?}");
    }
    assert_eq!(
        place.refused(&["verify", &sealed, "--key", "ops.key"]),
        (1, "verification_failed".to_owned())
    );
    let left = place.program("sh", &["-c", "find x x.zip -type f 2>/dev/null | wc -l"], &[]);
    assert_eq!(left.trim(), "0");
}

#[test]
fn passphrases_come_from_a_file_a_variable_or_the_terminal() {
    let place = Place::with_interactions(3_000);
    let parts = sealed_set(&place);
    let part = &parts[0];
    place.program(
        "openssl",
        &["pkcs8", "-topk8", "-in", "ops.key"],
        &["-out", "enc.key", "-passout", "pass:s p"],
    );
    place.program(
        "openssl",
        &["pkcs12", "-export", "-in", "ops.pem", "-inkey", "ops.key"],
        &["-out", "ops.p12", "-passout", "pass:s p"],
    );
    std::fs::write(place.path("right"), "s p\nanother line\n").unwrap();
    std::fs::write(place.path("wrong"), "s\n").unwrap();
    for (index, key) in ["enc.key", "ops.p12"].into_iter().enumerate() {
        let to = |how: &str| format!("{how}{index}");
        place.json(&["decrypt", part, "--key", key, "--passphrase-file", "right", "--to", &to("file")]);
        let (variable, terminal) = (to("variable"), to("terminal"));
        let mut command = place.cdds(&[
            "decrypt",
            part,
            "--key",
            key,
            "--passphrase-env",
            "KEY_PASSPHRASE",
            "--to",
            &variable,
        ]);
        assert!(command.env("KEY_PASSPHRASE", "s p").status().unwrap().success());
        // The passphrase is typed once the question appears, on a terminal that echoes unless it is told not
        // to.
        let typed = format!(
            "> log; (until grep -q Passphrase log; do sleep 0.1; done; sleep 1; echo 's p'; \
             until grep -qE 'decrypted|error' log; do sleep 0.1; done) | \
             script -qefc '{} decrypt {part} --key {key} --to {terminal}' log",
            env!("CARGO_BIN_EXE_cdds")
        );
        place.program("sh", &["-c", &typed], &[]);
        let log = std::fs::read_to_string(place.path("log")).unwrap();
        assert!(log.contains(&format!("Passphrase of {key}: ")) && !log.contains("s p"), "{log}");
        for folder in [&variable, &terminal] {
            place.program("diff", &["-r", &to("file")], &[folder]);
        }

        let refused = |options: &[&str]| {
            place.refused(&[&["decrypt", part, "--key", key, "--to", "x"], options].concat())
        };
        assert_eq!(refused(&["--passphrase-file", "wrong"]), (1, "wrong_passphrase".to_owned()));
        assert_eq!(refused(&["--passphrase-file", "none"]), (4, "not_found".to_owned()));
        assert_eq!(refused(&["--passphrase-env", "NO_SUCH_VARIABLE"]), (2, "usage".to_owned()));
        assert_eq!(refused(&["--passphrase", "s p"]), (2, "usage".to_owned()));
        assert_eq!(refused(&[]), (2, "usage".to_owned()));
    }
    let output = place.cdds(&["extract", part, "--key", "enc.key", "--to", "x"]).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    for option in ["--passphrase-file", "--passphrase-env", "enc.key"] {
        assert!(message.contains(option), "{message}");
    }
    for args in [
        vec!["verify", part, "--key", "enc.key", "--passphrase-file", "right"],
        vec!["extract", part, "--key", "enc.key", "--passphrase-file", "right", "--to", "records"],
        vec!["join", part, "--key", "enc.key", "--passphrase-file", "right", "--to", "whole.zip"],
    ] {
        place.json(&args);
    }
    assert!(!place.path("x").exists());
}

#[test]
fn a9_a_part_that_nobody_published_is_told_and_never_opened() {
    let place = Place::with_interactions(9_000);
    let parts = sealed_set(&place);
    let (last_volume, manifest) = (&parts[parts.len() - 2], manifest(&place));
    let next = format!(".z{:02}.", parts.len());
    let added = last_volume.replace(&format!(".z{:02}.", parts.len() - 1), &next);
    std::fs::copy(place.path(last_volume), place.path(&added)).unwrap();
    for file in [&manifest, &parts[0], &added] {
        assert_eq!(place.refused(&["verify", file]), (1, "verification_failed".to_owned()), "{file}");
        for command in ["decrypt", "extract"] {
            let opened = place.refused(&[command, file, "--key", "ops.key", "--to", "opened"]);
            assert_eq!(opened, (1, "verification_failed".to_owned()), "{command} {file}");
        }
        let joined = place.refused(&["join", file, "--key", "ops.key", "--to", "joined.zip"]);
        assert_eq!(joined, (1, "verification_failed".to_owned()), "{file}");
    }
    assert!(!place.path("opened").exists() && !place.path("joined.zip").exists());
}

#[test]
fn a9_the_manifest_of_another_set_vouches_for_nothing() {
    let place = Place::with_interactions(9_000);
    let parts = sealed_set(&place);
    let (manifest, other) = (manifest(&place), "out/export-00000000-0000-4000-8000-000000000000");
    std::fs::copy(place.path(&manifest), place.path(&format!("{other}.manifest.json"))).unwrap();
    std::fs::copy(place.path(parts.last().unwrap()), place.path(&format!("{other}.zip.smime"))).unwrap();
    for file in [format!("{other}.zip.smime"), format!("{other}.zip"), format!("{other}.manifest.json")] {
        assert_eq!(place.refused(&["verify", &file]), (1, "damaged".to_owned()), "{file}");
        let opened = place.refused(&["decrypt", &file, "--key", "ops.key", "--to", "opened"]);
        assert_eq!(opened, (1, "damaged".to_owned()), "{file}");
    }
}

#[test]
fn a9_what_was_decrypted_beside_the_parts_stands_for_itself() {
    let place = Place::with_interactions(9_000);
    let parts = sealed_set(&place);
    let decrypted = place.json(&["decrypt", &parts[0], "--key", "ops.key", "--to", "out"]);
    assert_eq!((&decrypted["digests_compared"], &decrypted["authenticated"]), (&true.into(), &false.into()));
    let plain = parts[0].strip_suffix(".smime").unwrap();
    assert_eq!(place.json(&["verify", plain])[0]["manifest"], serde_json::Value::Null);
    assert_eq!(
        place.json(&["verify", &parts[0]])[0]["ok"],
        true,
        "plain files are not parts of the sealed set"
    );
    place.json(&["extract", plain, "--to", "records"]);
}

#[test]
fn parts_that_nothing_has_checked_are_decrypted_with_a_warning() {
    let place = Place::with_interactions(9_000);
    let parts = sealed_set(&place);
    let decrypt = |to: &str| {
        let output = place.cdds(&["decrypt", &parts[0], "--key", "ops.key", "--to", to]).output().unwrap();
        assert!(output.status.success());
        text(&output.stderr)
    };
    assert_eq!(decrypt("checked"), "");
    std::fs::remove_file(place.path(&manifest(&place))).unwrap();
    assert!(decrypt("unchecked").contains("there is no manifest"));
}

#[test]
fn join_and_extract_warn_of_what_nothing_has_checked_as_decrypt_does() {
    let place = Place::with_interactions(9_000);
    let parts = sealed_set(&place);
    let told = |command: &str, to: &str| {
        let args = [command, &parts[0], "--key", "ops.key", "--to", to];
        let output = place.cdds(&args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        let again = place.cdds(&args).args(["--force", "--output", "json"]).output().unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
        (text(&output.stderr), answer["digests_compared"].as_bool().unwrap())
    };
    for (command, to) in [("join", "checked.zip"), ("extract", "checked")] {
        assert_eq!(told(command, to), (String::new(), true), "{command}");
    }
    std::fs::remove_file(place.path(&manifest(&place))).unwrap();
    for (command, to) in [("join", "unchecked.zip"), ("extract", "unchecked")] {
        let (warning, compared) = told(command, to);
        assert!(warning.contains("there is no manifest") && !compared, "{command}: {warning}");
    }
}

#[test]
fn passphrases_come_from_editors_and_secret_stores_of_every_kind() {
    let place = Place::with_interactions(3_000);
    let parts = sealed_set(&place);
    let pkcs12 = ["pkcs12", "-export", "-in", "ops.pem", "-inkey", "ops.key"];
    place.program("openssl", &pkcs12, &["-out", "ops.p12", "-passout", "pass:gr\u{fc}n"]);
    place.program("openssl", &pkcs12, &["-out", "empty.p12", "-passout", "pass:"]);
    let utf16: Vec<u8> = "\u{FEFF}gr\u{fc}n\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (index, file) in
        ["\u{FEFF}gr\u{fc}n\r\n".into(), "\u{FEFF}gr\u{fc}n".into(), "gr\u{fc}n\n".into(), utf16]
            .iter()
            .enumerate()
    {
        let file: &Vec<u8> = file;
        std::fs::write(place.path("passphrase"), file).unwrap();
        let verdict =
            place.json(&["verify", &parts[0], "--key", "ops.p12", "--passphrase-file", "passphrase"]);
        assert_eq!(verdict[0]["ok"], true, "{index}");
    }
    for value in ["gr\u{fc}n", "gr\u{fc}n\n", "gr\u{fc}n\r\n", "\u{FEFF}gr\u{fc}n\n"] {
        let mut verify =
            place.cdds(&["verify", &parts[0], "--key", "ops.p12", "--passphrase-env", "PASSPHRASE"]);
        assert!(verify.env("PASSPHRASE", value).output().unwrap().status.success(), "{value:?}");
    }
    std::fs::write(place.path("passphrase"), b"gr\xFCn").unwrap();
    let latin1 = ["verify", &parts[0], "--key", "ops.p12", "--passphrase-file", "passphrase"];
    let output = place.cdds(&latin1).output().unwrap();
    assert!(text(&output.stderr).contains("save it as UTF-8"), "{output:?}");
    // An empty passphrase is not asked for, and one that a shell passes on is read.
    place.json(&["verify", &parts[0], "--key", "empty.p12"]);
    let shell = format!(
        "{} verify {} --key <(cat ops.p12) --passphrase-file <(printf 'gr\u{fc}n\\n')",
        env!("CARGO_BIN_EXE_cdds"),
        parts[0]
    );
    place.program("bash", &["-c", &shell], &[]);
}

#[test]
fn what_is_no_file_is_named_and_nobody_waits_for_it() {
    let place = Place::with_interactions(9_000);
    let parts = sealed_set(&place);
    let manifest = manifest(&place);
    place.program("mkfifo", &["pipe", "out/x.zip"], &[]);
    let refused = |args: &[&str], exit: i32| {
        let output = place.cdds(args).output().unwrap();
        let told = text(&output.stderr);
        assert!(told.contains("a named pipe (FIFO), not a file"), "{args:?}: {told}");
        assert_eq!(output.status.code(), Some(exit), "{args:?}: {told}");
    };
    refused(&["verify", &parts[0], "--key", "pipe"], 1);
    refused(&["decrypt", &parts[0], "--key", "ops.key", "--signer", "pipe", "--to", "x"], 1);
    refused(&["recipient", "add", "other", "pipe", "--config", "pipe"], 2);
    refused(&["verify", "out/x.zip"], 2);
    std::fs::rename(place.path(&parts[1]), place.path("aside")).unwrap();
    place.program("mkfifo", &[&parts[1]], &[]);
    refused(&["verify", &parts[0]], 1);
    refused(&["decrypt", &parts[0], "--key", "ops.key", "--to", "x"], 1);
    std::fs::remove_file(place.path(&parts[1])).unwrap();
    std::fs::rename(place.path("aside"), place.path(&parts[1])).unwrap();
    std::fs::remove_file(place.path(&manifest)).unwrap();
    place.program("mkfifo", &[&manifest], &[]);
    refused(&["decrypt", &parts[0], "--key", "ops.key", "--to", "x"], 1);
    assert!(!place.path("x").exists());
}

#[test]
fn a_manifest_that_an_editor_has_marked_is_read() {
    let place = Place::with_interactions(9_000);
    let parts = sealed_set(&place);
    change(&place, &manifest(&place), |json| drop(json.splice(..0, *b"\xEF\xBB\xBF")));
    assert_eq!(place.json(&["verify", &parts[0]])[0]["ok"], true);
}

#[test]
fn the_memory_of_verify_does_not_grow_with_the_names_in_an_archive() {
    let place = Place::new();
    // 30,000 empty entries with names of 4,000 bytes each: 240 MB, half of which are names.
    let script = r#"
import resource, struct, subprocess, sys
name = lambda i: b'%08d' % i + b'/' + b'n' * 3991
fields = struct.pack('<HHHHIIIHH', 0, 0, 0, 33, 0, 0, 0, 4000, 0)
with open('names.zip', 'wb') as out:
    for i in range(30000): out.write(b'PK' + struct.pack('<H', 20) + fields + name(i))
    start = out.tell()
    for i in range(30000):
        at = i * 4030
        out.write(b'PK' + struct.pack('<HH', 20, 20) + fields + struct.pack('<HHHII', 0, 0, 0, 0, at) + name(i))
    size = out.tell() - start
    out.write(b'PK' + struct.pack('<HHHHIIH', 0, 0, 30000, 30000, size, start, 0))
done = subprocess.run([sys.argv[1], 'verify', 'names.zip'], capture_output=True, text=True)
assert done.returncode == 0 and '30,000 record files' in done.stdout, done
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"#;
    let kib = place.program("python3", &["-c", script, env!("CARGO_BIN_EXE_cdds")], &[]);
    let kib: u64 = kib.trim().parse().unwrap();
    assert!(kib < 60_000, "{kib} KiB");
}
