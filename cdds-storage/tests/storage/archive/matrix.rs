//! Archives of every shape, and many random ones, through every reader. They take too long for each run of
//! the tests.
//!
//! `bash .ci/release ignored` runs them.

use bytes::Bytes;
use cdds_storage::archive::Level;

use super::java::Java;
use super::readers::{assert_readable, assert_readable_by_java};
use super::support::{Random, archive, files, succeed};

/// Part sizes: the smallest, round ones and odd ones.
const BOUNDS: [u64; 6] = [65_536, 65_537, 100_003, 1 << 20, 1_000_001, 3 << 20];

/// The number of random archives.
const RANDOM: u64 = 200;

#[test]
#[ignore = "takes minutes"]
fn matrix_of_shapes_and_readers() {
    let java = Java::compile();
    let mut read = 0;
    for (seed, bound) in (100..).zip(BOUNDS) {
        let part = usize::try_from(bound).unwrap();
        let shapes = [
            vec![],
            vec![0],
            vec![part / 2],
            vec![part - 100, 1],
            vec![part, part, part],
            vec![10, 4 * part + 1, 20, 3 * part],
            vec![5 * part, 0, 7, part - 46, 2 * part],
            vec![100; 500],
        ];
        for sizes in shapes {
            let files = files(seed, &sizes);
            for (level, bound) in
                [(Level::Store, Some(bound)), (Level::Best, Some(bound)), (Level::Fast, None)]
            {
                let archive = archive(level, bound, &files);
                assert_readable(&archive, &files);
                if !files.is_empty() {
                    assert_readable_by_java(&java, &archive, &files);
                }
                read += 1;
            }
        }
    }
    for parts in [1, 2, 99, 100, 150] {
        let sizes = match parts {
            1 => vec![60_000],
            2 => vec![65_400],
            _ => vec![20, (parts - 2) * 65_535 - 1_000],
        };
        let files = files(3, &sizes);
        let archive = archive(Level::Store, Some(65_536), &files);
        assert_eq!(archive.parts.len(), parts);
        assert_readable(&archive, &files);
        assert_readable_by_java(&java, &archive, &files);
        read += 1;
    }
    println!("{read} archives read by every reader");
}

#[test]
#[ignore = "takes minutes"]
fn matrix_of_many_entries() {
    let java = Java::compile();
    let entry =
        |index: u32| (format!("naïve-{}/{index:05}.json", index % 100), Bytes::from(index.to_string()));
    let files: Vec<_> = (0..70_000).map(entry).collect();
    for bound in [None, Some(1 << 20)] {
        let archive = archive(Level::Default, bound, &files);
        assert_readable(&archive, &files);
        assert_readable_by_java(&java, &archive, &files);
    }
}

#[test]
#[ignore = "takes minutes"]
fn matrix_of_random_archives() {
    let mut random = Random(4_711);
    let (mut parts, mut bytes) = (0, 0);
    for seed in 1..=RANDOM {
        // One entry is larger than the first part, so that the archive is split.
        let mut sizes = vec![150_000];
        sizes.extend((0..1 + random.below(8)).map(|_| match random.below(4) {
            0 => random.below(2_000) as usize,
            1 => (random.below(16) * 16_384) as usize,
            _ => random.below(700_000) as usize,
        }));
        let bound = 65_536 + if seed % 2 == 0 { 0 } else { random.below(65_536) };
        let files = files(seed, &sizes);
        let level = if seed % 3 == 0 { Level::Default } else { Level::Store };
        let archive = archive(level, Some(bound), &files);
        assert!(archive.parts.len() > 1, "seed {seed}");
        let folder = tempfile::tempdir().unwrap();
        archive.save(folder.path(), "x");
        println!("seed {seed}: {} parts of {bound}, entries of {sizes:?}", archive.parts.len());
        succeed(folder.path(), &["7zz", "t", "x.zip"]);
        succeed(folder.path(), &["zip", "-q", "-s", "0", "x.zip", "--out", "j.zip"]);
        succeed(folder.path(), &["unzip", "-tqq", "j.zip"]);
        parts += archive.parts.len();
        bytes += sizes.iter().sum::<usize>();
    }
    println!("{RANDOM} random archives, {parts} parts, {bytes} bytes");
}
