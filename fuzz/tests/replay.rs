//! Replays every input of the corpora through the bodies of the fuzz targets.

use std::fs;
use std::path::Path;

fn replay(target: &str, check: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        check(&fs::read(&path).unwrap());
        count += 1;
    }
    assert!(count >= 10, "{} holds {count} inputs only", folder.display());
}

#[test]
fn archive_read() {
    replay("archive_read", cdds_fuzz::archive_read::check);
}

#[test]
fn archive_round_trip() {
    replay("archive_round_trip", cdds_fuzz::archive_round_trip::check);
}

#[test]
fn json_prune() {
    replay("json_prune", cdds_fuzz::json_prune::check);
}

#[test]
fn open() {
    replay("open", cdds_fuzz::open::check);
}

#[test]
fn certificate() {
    replay("certificate", cdds_fuzz::certificate::check);
}

#[test]
fn seal_round_trip() {
    replay("seal_round_trip", cdds_fuzz::seal_round_trip::check);
}
