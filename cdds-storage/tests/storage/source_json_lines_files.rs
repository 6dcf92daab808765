//! The files that the JSON lines source reads, and its behaviour when they change during a read.
#![cfg(unix)] // links, and names that are bytes

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::id::{Owner, SourceId, TypeId};
use cdds_core::domain::record::instant::InstantFormat;
use cdds_core::domain::record::{RecordBatch, RejectedRecord};
use cdds_core::ports::source::{
    BadRecordMode, ReadRequest, RecordInstant, Source, SourceError, SourceErrorKind,
};
use cdds_storage::source::json_lines::UNFINISHED_MAX;
use cdds_storage::source::{JsonLinesConfig, JsonLinesSource, JsonLinesType};
use chrono::{DateTime, Utc};
use futures::executor::block_on;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use tempfile::TempDir;

type Batches = BoxStream<'static, Result<RecordBatch, SourceError>>;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn source(folder: &TempDir, pattern: &str) -> JsonLinesSource {
    let data_type = JsonLinesType::new(TypeId::new("t").unwrap(), None).with_time("at", InstantFormat::Any);
    JsonLinesSource::new(
        JsonLinesConfig::new(
            SourceId::new("files").unwrap(),
            "Files",
            folder.path().join(pattern).to_str().unwrap(),
        )
        .with_type(data_type),
    )
    .unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn everything() -> ReadRequest {
    ReadRequest::new(Owner::default(), TypeId::new("t").unwrap(), Window::until(at("9000-01-01T00:00:00Z")))
}

fn begin(source: &JsonLinesSource) -> Batches {
    block_on(source.read(everything())).unwrap()
}

fn lines(batches: &[RecordBatch]) -> String {
    batches.iter().map(|batch| String::from_utf8(batch.lines().to_vec()).unwrap()).collect()
}

fn end(batches: Batches) -> Result<String, SourceError> {
    block_on(batches.try_collect::<Vec<_>>()).map(|batches| lines(&batches))
}

fn read(source: &JsonLinesSource, request: ReadRequest) -> Result<String, SourceError> {
    block_on(source.read(request)).and_then(end)
}

fn all(folder: &TempDir, pattern: &str) -> Result<String, SourceError> {
    read(&source(folder, pattern), everything())
}

/// Returns so much text that a reader is still busy when its first batches are taken.
fn much() -> String {
    (0..60_000).map(|n| format!("{{\"n\":{n},\"pad\":\"{n:060}\"}}\n")).collect()
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn r1_a_file_with_several_names_is_read_once() {
    for how in ["link", "hard link", "folder", "loop", "link that sorts first", "folder that sorts first"] {
        let folder = folder(&[("in/m/2.jsonl", "{\"n\":2}\n"), ("in/m/1.jsonl", "{\"n\":1}\nbad\n")]);
        let to = folder.path().join("in");
        match how {
            "link" => symlink("1.jsonl", to.join("m/current.jsonl")).unwrap(),
            "link that sorts first" => symlink("2.jsonl", to.join("m/0.jsonl")).unwrap(),
            "hard link" => fs::hard_link(to.join("m/1.jsonl"), to.join("m/current.jsonl")).unwrap(),
            "folder" => symlink("m", to.join("n")).unwrap(),
            "folder that sorts first" => symlink("m", to.join("a")).unwrap(),
            _ => symlink("..", to.join("m/up")).unwrap(),
        }
        let request = everything().with_bad_records(BadRecordMode::Report);
        let found = block_on(async {
            let batches = source(&folder, "in/**/*.jsonl").read(request).await.unwrap();
            batches.try_collect::<Vec<_>>().await.unwrap()
        });
        assert_eq!(lines(&found), "{\"n\":1}\n{\"n\":2}\n", "{how}");
        let bad: Vec<_> =
            found.iter().flat_map(RecordBatch::rejected).map(RejectedRecord::position).collect();
        assert_eq!(bad, ["1.jsonl line 2"], "{how}");
    }
}

#[test]
fn w4_folders_that_link_to_each_other_end() {
    let folder = folder(&[("in/a/x.jsonl", "{\"n\":1}\n"), ("elsewhere/y.jsonl", "{\"n\":2}\n")]);
    for name in ["b", "c", "d", "e", "f", "g", "h"] {
        let own = folder.path().join("in").join(name);
        fs::create_dir(&own).unwrap();
        symlink("..", own.join("up")).unwrap();
        symlink(folder.path().join("in/a"), own.join("a")).unwrap();
        symlink(folder.path().join("elsewhere"), own.join("else")).unwrap();
    }
    assert_eq!(all(&folder, "in/**/*.jsonl").unwrap(), "{\"n\":1}\n{\"n\":2}\n");
    assert_eq!(all(&folder, "in/*/*/*.jsonl").unwrap().len(), 16, "both by a link only");
}

#[test]
fn r2_what_a_pattern_cannot_look_at_is_an_error_that_names_it() {
    for (what, pattern, kind) in [
        ("gone.jsonl", "in/*.jsonl", SourceErrorKind::Unavailable),
        ("gone.jsonl", "in/**/*.jsonl", SourceErrorKind::Unavailable),
        ("gone.jsonl", "in/gone.jsonl", SourceErrorKind::Unavailable),
        ("volume", "in/*/x.jsonl", SourceErrorKind::Unavailable),
        ("volume", "in/**/x.jsonl", SourceErrorKind::Unavailable),
        ("volume", "in/volume/*.jsonl", SourceErrorKind::Unavailable),
        ("itself", "in/**/x.jsonl", SourceErrorKind::Unavailable),
        ("socket.jsonl", "in/*.jsonl", SourceErrorKind::Invalid),
        ("socket.jsonl", "in/socket.jsonl", SourceErrorKind::Invalid),
    ] {
        let folder = folder(&[("in/x.jsonl", "{\"n\":1}\n"), ("in/a/x.jsonl", "{\"n\":2}\n")]);
        let path = folder.path().join("in").join(what);
        let _listens = match what {
            "socket.jsonl" => Some(UnixListener::bind(&path).unwrap()),
            "itself" => symlink("itself", &path).map(|()| None).unwrap(),
            _ => symlink("/nonexistent/volume", &path).map(|()| None).unwrap(),
        };
        let error = all(&folder, pattern).unwrap_err();
        assert_eq!(error.kind(), kind, "{pattern}: {}", error.report());
        assert!(error.to_string().contains(path.to_str().unwrap()), "{pattern}: {}", error.report());
        assert!(block_on(source(&folder, pattern).estimate(&everything())).is_err(), "{pattern}");
    }
    let folder = folder(&[("in/x.jsonl", "{\"n\":1}\n")]);
    symlink("/nonexistent", folder.path().join("in/other.txt")).unwrap();
    assert_eq!(all(&folder, "in/*.jsonl").unwrap(), "{\"n\":1}\n", "what does not match is not looked at");
    let error = all(&folder, "in").unwrap_err();
    assert!(error.to_string().ends_with("/in/*.jsonl"), "{error}");
}

/// Permissions do not stop root, but a name that is too long stops everybody.
#[test]
fn a_folder_that_cannot_be_entered_is_an_error() {
    let folder = folder(&[("in/a/x.jsonl", "{\"n\":1}\n")]);
    let long = "x".repeat(300);
    let error = all(&folder, &format!("in/*/{long}")).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Unavailable);
    assert!(error.to_string().contains(&format!("in/a/{long} cannot be inspected")), "{error}");
}

#[test]
fn r2_names_that_are_not_utf8_are_read_and_told_escaped() {
    let folder = folder(&[("in/a.jsonl", "{\"n\":1}\n")]);
    let name = OsStr::from_bytes(b"b\xff\n.jsonl");
    if fs::write(folder.path().join("in").join(name), "{\"n\":2}\nbad").is_err() {
        return; // A file system that has no such names, as that of macOS.
    }
    for pattern in ["in/*.jsonl", "in/b??.jsonl", "in/[!x]*", "**/*.jsonl", "in/**"] {
        let error = all(&folder, pattern).unwrap_err();
        assert_eq!(error.kind(), SourceErrorKind::BadRecord, "{pattern}");
        assert!(error.to_string().contains(r"line 2 of b\xff\n.jsonl cannot be read"), "{error}");
    }
}

#[test]
fn r3_hidden_files_match_a_literal_dot_only() {
    let folder = folder(&[
        ("in/1.jsonl", "{\"n\":1}\n"),
        ("in/.2.jsonl", "{\"n\":2}\n"),
        ("in/._1.jsonl", "\0\u{5}\u{16}\u{7}"),
        ("in/.jsonl", "{\"n\":3}\n"),
        ("in/.git/4.jsonl", "{\"n\":4}\n"),
    ]);
    for pattern in
        ["in/*.jsonl", "in/*", "in/**", "**/*.jsonl", "in/[!x]*.jsonl", "*/?.jsonl", "in/*[.]jsonl"]
    {
        assert_eq!(all(&folder, pattern).unwrap(), "{\"n\":1}\n", "{pattern}");
    }
    for pattern in ["in/?2.jsonl", "in/[.]2.jsonl", "in/[!x]2.jsonl", "in/*/4.jsonl", "in/**/4.jsonl"] {
        assert_eq!(all(&folder, pattern).unwrap_err().kind(), SourceErrorKind::Missing, "{pattern}");
    }
    assert_eq!(all(&folder, "in/.[0-9]*").unwrap(), "{\"n\":2}\n");
    assert_eq!(all(&folder, "in/.j*").unwrap(), "{\"n\":3}\n");
    assert_eq!(all(&folder, "in/.git/*.jsonl").unwrap(), "{\"n\":4}\n");
    assert_eq!(all(&folder, "in/.g*/*.jsonl").unwrap(), "{\"n\":4}\n");
}

#[test]
fn r4_what_is_appended_during_a_read_belongs_to_the_next() {
    let much = much();
    let folder = folder(&[("a.jsonl", &much), ("b.jsonl", "{\"n\":1}\n{\"n\":2")]);
    let batches = begin(&source(&folder, "*.jsonl"));
    append(&folder.path().join("a.jsonl"), "{\"n\":\"later\"}\n");
    append(&folder.path().join("b.jsonl"), "2}\n{\"n\":\"later\"}\n");
    fs::write(folder.path().join("c.jsonl"), "{\"n\":\"later\"}\n").unwrap();
    assert_eq!(end(batches).unwrap(), format!("{much}{{\"n\":1}}\n{{\"n\":22}}\n"), "but a line is whole");
}

#[test]
fn r4_w4_files_that_are_rotated_cut_off_or_exchanged_end_the_read_as_interrupted() {
    let much = much();
    for how in [
        "renamed",
        "rotated",
        "removed",
        "cut off",
        "emptied",
        "copied and written anew",
        "replaced",
        "replaced later",
        "renamed later",
    ] {
        let folder = folder(&[("app.1.jsonl", &much), ("app.jsonl", &much), ("app.2.jsonl", "{\"n\":0}\n")]);
        let [first, second, last] =
            ["app.1.jsonl", "app.2.jsonl", "app.jsonl"].map(|name| folder.path().join(name));
        let batches = begin(&source(&folder, "*.jsonl"));
        match how {
            "renamed" => fs::rename(&first, folder.path().join("app.3.jsonl")).unwrap(),
            "renamed later" => fs::rename(&last, folder.path().join("elsewhere")).unwrap(),
            "rotated" => {
                fs::rename(&first, &second).unwrap();
                fs::rename(&last, &first).unwrap();
                fs::write(&last, "{\"n\":\"later\"}\n").unwrap();
            }
            "removed" => fs::remove_file(&last).unwrap(),
            "cut off" => OpenOptions::new().write(true).open(&last).unwrap().set_len(100_000).unwrap(),
            "emptied" => drop(File::create(&first).unwrap()),
            "copied and written anew" => {
                fs::copy(&last, folder.path().join("app.0.jsonl")).unwrap();
                fs::write(&last, much.replace("\"pad\"", "\"longer\"")).unwrap();
            }
            "replaced" | "replaced later" => {
                let path = if how == "replaced" { &first } else { &last };
                fs::write(folder.path().join("new"), &much).unwrap();
                fs::rename(folder.path().join("new"), path).unwrap();
            }
            other => panic!("{other}"),
        }
        let error = end(batches).unwrap_err();
        assert_eq!(error.kind(), SourceErrorKind::Interrupted, "{how}: {}", error.report());
        assert!(error.is_retryable());
        assert!(error.to_string().contains("app."), "{how}: {error}");
    }
}

#[test]
fn a_bad_line_of_a_file_that_was_written_anew_is_not_its_own() {
    let much = much();
    let folder = folder(&[("a.jsonl", &much)]);
    let path = folder.path().join("a.jsonl");
    let batches = begin(&source(&folder, "*.jsonl"));
    fs::write(&path, "no JSON\n".repeat(much.len() / 8 + 1)).unwrap();
    assert_eq!(end(batches).unwrap_err().kind(), SourceErrorKind::Interrupted);
}

#[test]
fn files_that_were_read_may_go() {
    let folder = folder(&[("a.jsonl", "{\"n\":1}\n"), ("b.jsonl", &much())]);
    let mut batches = begin(&source(&folder, "*.jsonl"));
    let first = block_on(batches.next()).unwrap().unwrap();
    assert!(first.lines().starts_with(b"{\"n\":1}\n"));
    fs::rename(folder.path().join("a.jsonl"), folder.path().join("done")).unwrap();
    assert!(end(batches).is_ok());
}

#[test]
fn a_file_that_is_missing_for_a_moment_is_waited_for() {
    let folder = folder(&[("rotated", "{\"n\":1}\n")]);
    let source = source(&folder, "app.jsonl");
    let (from, to) = (folder.path().join("rotated"), folder.path().join("app.jsonl"));
    let rotation = std::thread::spawn(move || {
        // The read tries five times, a tenth of a second apart.
        std::thread::park_timeout(Duration::from_millis(50));
        fs::rename(from, to).unwrap();
    });
    assert_eq!(read(&source, everything()).unwrap(), "{\"n\":1}\n");
    rotation.join().unwrap();
}

#[test]
fn r5_e10_a_line_that_is_being_written_is_no_bad_record_before_it_was_left_alone() {
    for (torn, bad_records) in [
        ("{\"n\":2,\"at\":\"2026-01-01", BadRecordMode::Fail),
        ("{\"n\":2,\"x\":tru", BadRecordMode::Report),
        ("{\"n\":2,\"at\":20", BadRecordMode::Report),
    ] {
        let folder = folder(&[("a.jsonl", &format!("{{\"n\":1}}\n{torn}")), ("b.jsonl", "{\"n\":3}\n")]);
        let source = source(&folder, "*.jsonl");
        let request = everything().with_bad_records(bad_records);
        let error = read(&source, request.clone()).unwrap_err();
        assert_eq!(error.kind(), SourceErrorKind::Interrupted, "{torn}");
        assert!(error.to_string().contains("line 2 of a.jsonl is still being written"), "{error}");
        let file = File::options().write(true).open(folder.path().join("a.jsonl")).unwrap();
        let written = file.metadata().unwrap().modified().unwrap();
        file.set_modified(written - UNFINISHED_MAX - Duration::from_secs(1)).unwrap();
        match bad_records {
            BadRecordMode::Report => assert_eq!(read(&source, request).unwrap(), "{\"n\":1}\n{\"n\":3}\n"),
            BadRecordMode::Fail => {
                assert_eq!(read(&source, request).unwrap_err().kind(), SourceErrorKind::BadRecord, "{torn}");
            }
        }
    }
    // A line that no further text could repair is bad at once, and a complete one is a record.
    let folder = folder(&[("a.jsonl", "{\"n\":1}}"), ("b.jsonl", "{\"n\":2}")]);
    assert_eq!(all(&folder, "a.jsonl").unwrap_err().kind(), SourceErrorKind::BadRecord);
    assert_eq!(all(&folder, "b.jsonl").unwrap(), "{\"n\":2}\n");
}

#[test]
fn w4_a_line_that_is_being_written_and_not_asked_for_is_passed_over() {
    let window = Window::between(at("2026-01-01T00:00:00Z"), at("2026-01-02T00:00:00Z"));
    for by in [RecordInstant::Event, RecordInstant::Change] {
        for (torn, passed_over) in [
            ("{\"n\":2,\"at\":\"2026-01-02\",\"x", true),
            ("{\"n\":2,\"at\":\"2025-12-31\",\"x", true),
            ("{\"at\":\"2026-01-01\",\"n\":2,\"x", false),
            ("{\"at\":1767312000", false), // It may have a digit more.
            ("{\"n\":2,\"x", false),
        ] {
            let folder = folder(&[("a.jsonl", torn)]);
            let read = read(&source(&folder, "a.jsonl"), everything().with_window(window).with_by(by));
            let kept = match by {
                RecordInstant::Event => SourceErrorKind::Interrupted,
                RecordInstant::Change => SourceErrorKind::Missing, // Left to the next run.
            };
            match read {
                Ok(records) => assert!(passed_over && records.is_empty(), "{torn}"),
                Err(error) => assert!(!passed_over && error.kind() == kept, "{torn}: {error}"),
            }
        }
    }
}

#[test]
fn the_rest_of_a_line_is_waited_for() {
    let folder = folder(&[("a.jsonl", "{\"n\":1}\n{\"n\":")]);
    let path = folder.path().join("a.jsonl");
    let source = source(&folder, "a.jsonl");
    let writer = std::thread::spawn(move || {
        for more in ["2", "2}\n", "{\"n\":\"later\"}\n"] {
            std::thread::park_timeout(Duration::from_millis(100));
            append(&path, more);
        }
    });
    assert_eq!(read(&source, everything()).unwrap(), "{\"n\":1}\n{\"n\":22}\n");
    writer.join().unwrap();
}

#[test]
fn utf16_is_named_for_what_it_is() {
    let text = "{\"n\":1}\n{\"n\":2}\n";
    for (order, mark) in [("le", true), ("be", true), ("le", false), ("be", false)] {
        let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
        let bytes: Vec<u8> = match order {
            "le" => units.flat_map(u16::to_le_bytes).collect(),
            _ => units.flat_map(u16::to_be_bytes).collect(),
        };
        let folder = folder(&[]);
        fs::write(folder.path().join("a.jsonl"), bytes).unwrap();
        for bad_records in [BadRecordMode::Fail, BadRecordMode::Report] {
            let error =
                read(&source(&folder, "a.jsonl"), everything().with_bad_records(bad_records)).unwrap_err();
            assert_eq!(error.kind(), SourceErrorKind::Invalid);
            assert!(error.to_string().contains("a.jsonl is UTF-16"), "{error}");
        }
    }
}
