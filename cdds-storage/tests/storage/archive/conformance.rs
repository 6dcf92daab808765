//! The contract of the packager, kept by the split ZIP.

use std::error::Error;
use std::io::Read as _;
use std::sync::Arc;

use bytes::Bytes;
use cdds_core::ports::packager::Packager;
use cdds_core::testing::conformance::packager::{PackagerFixture, check};
use cdds_storage::archive::stream::ArchiveStream;
use cdds_storage::archive::{Level, ZipPackager};

use super::support::Archive;

struct Zip(Level);

impl PackagerFixture for Zip {
    fn packager(&self) -> Arc<dyn Packager> {
        Arc::new(ZipPackager::new(self.0))
    }

    fn open(&self, parts: &[Bytes]) -> Result<Vec<(String, Bytes)>, Box<dyn Error>> {
        let archive = Archive { parts: parts.iter().map(|part| vec![part.clone()]).collect(), entries: 0 };
        let (parts, mut found) = (archive.parts(), Vec::new());
        let mut stream = ArchiveStream::open(&parts)?;
        while let Some(mut entry) = stream.next_entry()? {
            let (path, mut contents) = (entry.path().to_owned(), Vec::new());
            entry.read_to_end(&mut contents)?;
            found.push((path, Bytes::from(contents)));
        }
        Ok(found)
    }
}

#[test]
fn a4_a6_zip_archives_keep_the_contract_of_the_packager() {
    for level in [Level::Default, Level::Store] {
        check(&Zip(level)).assert();
    }
}
