//! What the file keeps of requests of data subjects (rule D6).

use std::path::Path;

use cdds_core::domain::access::PrincipalName;
use cdds_core::domain::id::{Owner, SubjectKeyId, SubjectRequestId};
use cdds_core::domain::subject::request::{Handover, ReceivedRequest, RequestKind, Scope, SubjectRequest};
use cdds_core::domain::subject::{HashedIdentifier, KeyedHash, SealedIdentifiers};
use cdds_core::ports::catalog::SubjectStore;
use cdds_storage::catalog::SqliteCatalog;
use chrono::DateTime;
use futures::executor::block_on;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Bytes that are found nowhere by chance, as many as a person of some identifiers has.
fn sealed(number: u32, blocks: u32) -> Vec<u8> {
    (0..blocks).flat_map(|block| Sha256::digest(format!("{number} {block}"))).collect()
}

fn request(number: u32) -> SubjectRequest {
    let key = SubjectKeyId::new("k1").unwrap();
    let digest = Sha256::digest(format!("hash {number}")).into();
    let hash = KeyedHash { key: key.clone(), digest };
    let asked = ReceivedRequest {
        id: SubjectRequestId(Uuid::from_u64_pair(u64::from(number.wrapping_mul(2_654_435_761)), 7)),
        owner: Owner::default(),
        kind: RequestKind::Both,
        scope: Scope::default(),
        identifiers: vec![HashedIdentifier { kind: "phone".parse().unwrap(), hash }],
        // From a few bytes to more than a page.
        sealed: SealedIdentifiers { key, bytes: sealed(number, 1 + number % 5 * 40) },
        handover: Some(Handover::Plaintext),
        due_at: None,
    };
    SubjectRequest::receive(asked, &PrincipalName::new("ada").unwrap(), DateTime::UNIX_EPOCH).unwrap()
}

/// Returns how many pieces of what is sealed are in the files of the catalog.
fn found(folder: &Path, numbers: &[u32]) -> usize {
    let mut contents = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            contents.extend(std::fs::read(entry.path()).unwrap());
        }
    }
    let pieces: std::collections::BTreeSet<[u8; 8]> = numbers
        .iter()
        .flat_map(|number| sealed(*number, 1 + number % 5 * 40))
        .collect::<Vec<u8>>()
        .as_chunks::<8>()
        .0
        .iter()
        .copied()
        .collect();
    contents.windows(8).filter(|window| pieces.contains(*window)).count()
}

#[test]
fn d6_nothing_that_was_sealed_is_in_the_files_once_the_requests_have_ended() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = SqliteCatalog::open(folder.path().join("cdds.db")).unwrap();
    let all: Vec<u32> = (0..150).collect();
    let by = PrincipalName::new("bob").unwrap();
    for number in &all {
        assert_eq!(block_on(catalog.insert_subject_request(&request(*number), &[])).unwrap(), None);
    }
    assert!(found(folder.path(), &all) > 1_000, "they are there while the requests are open");
    // In an order that lets rows move between pages.
    let mut ended: Vec<u32> = Vec::new();
    for number in all.iter().filter(|n| *n % 3 == 0).chain(all.iter().rev().filter(|n| *n % 3 != 0)) {
        let open = request(*number);
        let after = open.clone().withdraw(&by, DateTime::UNIX_EPOCH).unwrap();
        block_on(catalog.change_subject_request(&after, open.version, &[])).unwrap();
        ended.push(*number);
        if ended.len().is_multiple_of(30) {
            assert_eq!(found(folder.path(), &ended), 0, "{} have ended", ended.len());
        }
    }
    let wal = std::fs::metadata(folder.path().join("cdds.db-wal")).unwrap();
    assert_eq!(wal.len(), 0, "the log was emptied");
}
