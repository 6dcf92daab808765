//! Rules A1, A6: cuts depend on the sequence of records alone.

use std::collections::BTreeMap;

use cdds_core::domain::archive::cut::{CutFile, CutLimits, FileCutter};
use cdds_core::domain::id::TypeId;
use cdds_core::domain::record::{Place, RecordBatch, RecordBatchBuilder};
use proptest::prelude::*;

/// The unit in which memory is counted.
const CHUNK_BYTES: usize = 4 << 10;

fn place(folder: u8) -> Place {
    Place::Folder(format!("folder-{folder}").into())
}

fn batches(records: &[(u8, usize)], per_batch: usize) -> Vec<RecordBatch> {
    records
        .chunks(per_batch)
        .map(|chunk| {
            let mut batch = RecordBatchBuilder::new();
            for (folder, length) in chunk {
                let line = format!("{{\"k\":\"{}\"}}", "x".repeat(*length));
                batch.raw_line(&place(*folder), line.as_bytes()).unwrap();
            }
            batch.take()
        })
        .collect()
}

fn cut(records: &[(u8, usize)], per_batch: usize, limits: CutLimits) -> Vec<CutFile> {
    let mut cutter = FileCutter::new(TypeId::new("call").unwrap(), limits);
    let mut files = Vec::new();
    for batch in batches(records, per_batch) {
        cutter.push(&batch, &mut files);
    }
    files.extend(std::iter::from_fn(|| cutter.finish()));
    files
}

#[test]
fn a1_files_are_numbered_per_folder_and_bounded() {
    let limits = CutLimits { file_bytes_max: 40, open_bytes_max: 1 << 20 };
    let files = cut(&[(1, 10), (1, 10), (1, 10), (2, 100), (1, 1)], 2, limits);
    let shape: Vec<(&str, usize)> = files
        .iter()
        .map(|file| (file.path.as_str(), file.contents.iter().filter(|b| **b == b'\n').count()))
        .collect();
    assert_eq!(
        shape,
        [("folder-1/call-00001.json", 2), ("folder-1/call-00002.json", 2), ("folder-2/call-00001.json", 1),]
    );
}

#[test]
fn a1_folders_that_differ_in_case_alone_stay_two_everywhere() {
    let mut cutter = FileCutter::new(TypeId::new("call").unwrap(), CutLimits::default());
    let mut batch = RecordBatchBuilder::new();
    let names = ["Sales", "sales", "SALES", "Sales", "caf\u{e9}", "cafe\u{301}"];
    for (index, name) in names.iter().enumerate() {
        let line = format!("{{\"n\":{index}}}");
        batch.raw_line(&Place::Folder((*name).into()), line.as_bytes()).unwrap();
    }
    cutter.push(&batch.take(), &mut Vec::new());
    let files: Vec<(String, usize)> = std::iter::from_fn(|| cutter.finish())
        .map(|file| (file.path, file.contents.iter().filter(|b| **b == b'\n').count()))
        .collect();
    let shape: Vec<(&str, usize)> = files.iter().map(|(path, lines)| (path.as_str(), *lines)).collect();
    assert_eq!(
        shape,
        [
            ("SALES~f6075f134e6971c4/call-00001.json", 1),
            ("Sales/call-00001.json", 2),
            ("cafe\u{301}~81ef060bcd98adc7/call-00001.json", 1),
            ("caf\u{e9}/call-00001.json", 1),
            ("sales~e04eb29020eaa961/call-00001.json", 1),
        ]
    );
}

#[test]
fn a6_the_largest_open_file_is_closed_when_the_budget_is_full_and_ties_go_by_path() {
    let limits = CutLimits { file_bytes_max: 1_000, open_bytes_max: 3 * CHUNK_BYTES };
    // Each folder holds one chunk. The fourth takes the sum past three, and all are equally large.
    let files = cut(&[(3, 10), (2, 10), (1, 10), (4, 10)], 1, limits);
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "folder-1/call-00001.json",
            "folder-2/call-00001.json",
            "folder-3/call-00001.json",
            "folder-4/call-00001.json"
        ]
    );
}

/// The rule as it is written, without an index. Returns the sizes and paths of the files in the order of
/// closing.
fn by_the_book(records: &[(u8, usize)], limits: CutLimits) -> Vec<(String, usize)> {
    let mut open: BTreeMap<u8, usize> = BTreeMap::new();
    let mut closed = Vec::new();
    for (folder, length) in records {
        let line = length + "{\"k\":\"\"}\n".len() - if *length == 0 { "\"k\":\"\"".len() } else { 0 };
        if open.get(folder).is_some_and(|bytes| bytes + line > limits.file_bytes_max) {
            closed.push((*folder, open.remove(folder).unwrap()));
        }
        *open.entry(*folder).or_default() += line;
        while open.values().map(|bytes| bytes.next_multiple_of(CHUNK_BYTES)).sum::<usize>()
            > limits.open_bytes_max
        {
            let largest = *open.values().max().unwrap();
            let first = *open.iter().find(|(_, bytes)| **bytes == largest).unwrap().0;
            closed.push((first, open.remove(&first).unwrap()));
        }
    }
    closed.extend(open);
    closed.into_iter().map(|(folder, bytes)| (format!("folder-{folder}"), bytes)).collect()
}

proptest! {
    #[test]
    fn a6_files_are_closed_by_the_book(
        // Lines of 3,000 bytes fill a file to its last byte. Budgets of whole chunks are used up exactly.
        records in prop::collection::vec((0_u8..8, prop_oneof![0_usize..5_000, Just(2_991)]), 0..200),
        budget in prop_oneof![5_000_usize..60_000, (2_usize..8).prop_map(|chunks| chunks * CHUNK_BYTES)],
    ) {
        let limits = CutLimits { file_bytes_max: 15_000, open_bytes_max: budget };
        let found: Vec<(String, usize)> = cut(&records, 9, limits)
            .into_iter()
            .map(|file| (file.path.split('/').next().unwrap().to_owned(), file.contents.len()))
            .collect();
        prop_assert_eq!(found, by_the_book(&records, limits));
    }

    #[test]
    fn a6_cuts_do_not_depend_on_batches_and_lose_nothing(
        records in prop::collection::vec((0_u8..6, 0_usize..300), 0..200),
        one in 1_usize..50,
        other in 1_usize..50,
    ) {
        let limits = CutLimits { file_bytes_max: 500, open_bytes_max: 3 * CHUNK_BYTES };
        let files = cut(&records, one, limits);
        prop_assert_eq!(&files, &cut(&records, other, limits));

        let mut by_folder: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut paths = std::collections::BTreeSet::new();
        for file in &files {
            let folder = file.path.split('/').next().unwrap().to_owned();
            prop_assert!(paths.insert(file.path.clone()), "{} twice", file.path);
            let one_record = file.contents.iter().filter(|b| **b == b'\n').count() == 1;
            prop_assert!(file.contents.len() <= limits.file_bytes_max || one_record);
            by_folder.entry(folder).or_default().extend_from_slice(&file.contents);
        }
        let mut expected: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for batch in batches(&records, 7) {
            for record in batch.iter() {
                let Place::Folder(folder) = record.place else { unreachable!() };
                expected.entry(folder.to_string()).or_default().extend_from_slice(record.line);
            }
        }
        prop_assert_eq!(by_folder, expected);
    }
}
