//! The check of each clause.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};

use super::Clause;
use crate::ports::sink::{Key, Prefix, RangeRead, Sink, SinkError, SinkErrorKind, Upload};
use crate::testing::conformance::{content, same};

/// The largest chunk that [`Sink::read`] may yield.
const CHUNK_BYTES_MAX: usize = 8 * MIB;
const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// More than a store holds back before it stores the first bytes of an upload.
const STORED_BYTES: usize = 20 * MIB;

/// More keys than one answer of a store lists: buckets list 1,000 at a time.
const MANY_KEYS: usize = 1_010;

type Outcome = Result<(), String>;

/// A store under test: two handles that stay open, and the way to a third.
pub(super) struct Store<'a> {
    one: Arc<dyn Sink>,
    other: Arc<dyn Sink>,
    open: &'a Open<'a>,
}

/// Opens another handle on the store.
pub(super) type Open<'a> = dyn Fn() -> Arc<dyn Sink> + Send + Sync + 'a;

/// Returns how a failed call is reported.
pub(super) fn said(what: &str) -> impl FnOnce(SinkError) -> String {
    move |error| format!("{what} failed: {:?}: {error}", error.kind())
}

/// Reads a range to its end.
async fn collect(mut read: RangeRead) -> Result<Vec<u8>, String> {
    let mut found = Vec::new();
    while let Some(chunk) = read.chunks.next().await {
        found.extend_from_slice(&chunk.map_err(said("reading a range"))?);
    }
    Ok(found)
}

fn key(name: &str) -> Key {
    Key::new(format!("conformance/{name}"))
}

impl<'a> Store<'a> {
    pub(super) fn new(one: Arc<dyn Sink>, other: Arc<dyn Sink>, open: &'a Open<'a>) -> Self {
        Self { one, other, open }
    }

    /// Returns the check of a clause, or `None` if it needs a store of its own.
    pub(super) fn checked(&self, clause: Clause) -> Option<BoxFuture<'_, Outcome>> {
        Some(match clause {
            Clause::HiddenUntilFinished => self.hidden().boxed(),
            Clause::Whole => self.whole().boxed(),
            Clause::SeenByEveryHandle => self.seen().boxed(),
            Clause::SizeReported => self.sizes().boxed(),
            Clause::ReadsFrom => self.offsets().boxed(),
            Clause::NothingPastTheEnd => self.past_the_end().boxed(),
            Clause::RangeExact => self.ranges().boxed(),
            Clause::VersionOfBytes => self.versions().boxed(),
            Clause::BoundedChunks => self.chunks().boxed(),
            Clause::MissingIsNotFound => self.missing().boxed(),
            Clause::ListComplete => self.listed().boxed(),
            Clause::PrefixIsFolder => self.folders().boxed(),
            Clause::DeleteIdempotent => self.deleted_twice().boxed(),
            Clause::DeleteRemoves => self.deleted().boxed(),
            Clause::DeleteExact => self.neighbours().boxed(),
            Clause::DeleteEndsUploads => self.ended().boxed(),
            Clause::AbortLeavesNothing => self.aborted().boxed(),
            Clause::DropLeavesNothing => self.dropped().boxed(),
            Clause::UploadsApart => self.apart().boxed(),
            Clause::FullIsSaid => return None,
        })
    }

    /// Removes what an earlier check left.
    pub(super) async fn clear(&self) -> Outcome {
        let found = self.one.list(&Prefix::new("conformance")).await.map_err(said("listing"))?;
        for key in found.iter().filter(|key| key.as_str().starts_with("conformance/")) {
            let _reported_by_its_own_clause = self.one.delete(key).await;
        }
        Ok(())
    }

    async fn hidden(&self) -> Outcome {
        for bytes in [1, STORED_BYTES] {
            let key = key("hidden/000001");
            let mut upload = self.one.begin(&key).await.map_err(said("beginning an upload"))?;
            self.is_missing(&key, "an upload that has begun").await?;
            upload.write(content(bytes, 1)).await.map_err(said("writing"))?;
            self.is_missing(&key, &format!("an upload of {bytes} bytes that is not finished")).await?;
            upload.finish().await.map_err(said("finishing"))?;
            self.one.delete(&key).await.map_err(said("deleting"))?;
        }
        Ok(())
    }

    async fn whole(&self) -> Outcome {
        let bounds = [4 * KIB, 64 * KIB, 256 * KIB, MIB, 5 * MIB, 8 * MIB];
        let around = bounds.into_iter().flat_map(|bytes| [bytes - 1, bytes, bytes + 1]);
        for bytes in [0, 1, 2, 100].into_iter().chain(around).chain([21 * MIB + 7]) {
            let expected = content(bytes, 2);
            // Uneven writes that straddle the bounds of parts; large ones; the whole at once.
            let steps: &[usize] = match bytes {
                0..=100 => &[1, 7, 100],
                101..=65_537 => &[1_000, 65_536, 100_000],
                65_538..MIB => &[300_007],
                _ if bytes % KIB == 0 => &[700_001, MIB, 16 * MIB],
                _ => &[700_001, 32 * MIB],
            };
            for step in steps {
                self.put_in(&key("whole/000001"), &expected, *step).await?;
                let found = self.get(&*self.one, &key("whole/000001"), 0).await?;
                same(&found, &expected, &format!("{bytes} bytes in writes of {step}"))?;
                self.one.delete(&key("whole/000001")).await.map_err(said("deleting"))?;
            }
        }
        let key = key("whole/000002");
        let mut upload = self.one.begin(&key).await.map_err(said("beginning an upload"))?;
        for write in ["", "a", "", "bc", ""] {
            upload.write(Bytes::from_static(write.as_bytes())).await.map_err(said("writing"))?;
        }
        upload.finish().await.map_err(said("finishing"))?;
        same(&self.get(&*self.one, &key, 0).await?, b"abc", "writes of which some are empty")
    }

    async fn seen(&self) -> Outcome {
        let (key, expected) = (key("seen/000001"), content(9_000, 3));
        self.put(&key, &expected).await?;
        for (handle, which) in [(self.other.clone(), "a second handle"), ((self.open)(), "a new handle")] {
            same(&self.get(&*handle, &key, 0).await?, &expected, &format!("an object read through {which}"))?;
            if !self.keys(&*handle, "conformance/seen").await?.contains(&key) {
                return Err(format!("{which} does not list a finished object"));
            }
        }
        Ok(())
    }

    async fn sizes(&self) -> Outcome {
        for bytes in [0, 1, 70_000, 9 * MIB + 1] {
            let reported = self.put_in(&key("size/000001"), &content(bytes, 4), 700_001).await?;
            if reported != bytes as u64 {
                return Err(format!("an object of {bytes} bytes was reported with {reported}"));
            }
            self.one.delete(&key("size/000001")).await.map_err(said("deleting"))?;
        }
        Ok(())
    }

    async fn offsets(&self) -> Outcome {
        let (key, expected) = (key("offset/000001"), content(3 * MIB + 5, 5));
        self.put(&key, &expected).await?;
        let end = expected.len();
        for from in [0, 1, 4_096, 64 * KIB - 1, 64 * KIB, MIB - 1, MIB, MIB + 1, 3 * MIB, end - 1] {
            let found = self.get(&*self.one, &key, from as u64).await?;
            same(&found, &expected[from..], &format!("the object of {end} bytes from byte {from}"))?;
        }
        Ok(())
    }

    async fn past_the_end(&self) -> Outcome {
        for bytes in [0, 1, 5, MIB] {
            let key = key(&format!("end/{bytes}"));
            self.put(&key, &content(bytes, 6)).await?;
            let end = bytes as u64;
            for from in [end, end + 1, end + 1_000, 1 << 40, u64::MAX] {
                let found = self.get(&*self.one, &key, from).await?;
                same(&found, b"", &format!("an object of {bytes} bytes from byte {from}"))?;
            }
        }
        Ok(())
    }

    async fn ranges(&self) -> Outcome {
        let (key, expected) = (key("range/000001"), content(3 * MIB + 5, 14));
        self.put(&key, &expected).await?;
        let end = expected.len();
        for range in [0..0, 0..1, 1..2, 4_095..64 * KIB + 1, MIB..MIB, MIB - 1..3 * MIB, end - 1..end, 0..end]
        {
            let found = collect(self.range(&key, range.start as u64..range.end as u64).await?).await?;
            same(&found, &expected[range.clone()], &format!("the range {range:?} of {end} bytes"))?;
        }
        let bytes = end as u64;
        for range in [bytes - 1..bytes + 1, 0..u64::MAX, bytes..bytes + 1, bytes + 9..1 << 40] {
            let found = collect(self.range(&key, range.clone()).await?).await?;
            let from = end.min(usize::try_from(range.start).unwrap_or(end));
            same(&found, &expected[from..], &format!("the range {range:?} of {end} bytes"))?;
        }
        self.one.delete(&key).await.map_err(said("deleting"))?;
        for range in [0..0, 0..1, 5..9] {
            match self.one.read_range(&key, range.clone()).await {
                Err(error) if error.kind() == SinkErrorKind::NotFound => {}
                Err(error) => {
                    return Err(format!("a missing object is answered with {:?} in {range:?}", error.kind()));
                }
                Ok(_) => return Err(format!("the range {range:?} of a missing object can be read")),
            }
        }
        Ok(())
    }

    async fn versions(&self) -> Outcome {
        // Of one size, since an attacker would see to that.
        let (one, two) = (content(2 * MIB, 15), content(2 * MIB, 16));
        for deleted in [true, false] {
            let key = key(&format!("version/{deleted}"));
            self.put(&key, &one).await?;
            let before = self.range(&key, 0..u64::MAX).await?;
            if deleted {
                self.other.delete(&key).await.map_err(said("deleting"))?;
            }
            self.put(&key, &two).await?;
            let after = self.range(&key, 0..0).await?;
            if before.version.is_some() && before.version == after.version {
                return Err(format!("two contents have the version {:?}", before.version));
            }
            let is_told = before.version.is_some();
            // An error is an honest answer.
            if let Ok(found) = collect(before).await
                && is_told
            {
                same(&found, &one, "an object that was replaced after it was opened")?;
            }
            same(&collect(self.range(&key, 0..2 * MIB as u64).await?).await?, &two, "its replacement")?;
        }
        Ok(())
    }

    async fn range(&self, key: &Key, range: Range<u64>) -> Result<RangeRead, String> {
        self.one.read_range(key, range.clone()).await.map_err(said(&format!("reading {key} in {range:?}")))
    }

    async fn chunks(&self) -> Outcome {
        let key = key("chunks/000001");
        self.put(&key, &content(STORED_BYTES, 7)).await?;
        let mut chunks = self.one.read(&key, 0).await.map_err(said("reading"))?;
        while let Some(chunk) = chunks.next().await {
            let bytes = chunk.map_err(said("reading"))?.len();
            if bytes > CHUNK_BYTES_MAX {
                return Err(format!("a chunk of {bytes} bytes, more than {CHUNK_BYTES_MAX}"));
            }
        }
        Ok(())
    }

    async fn missing(&self) -> Outcome {
        self.is_missing(&key("missing/000001"), "an object that never was").await?;
        self.put(&key("missing/a/000001"), b"x").await?;
        self.is_missing(&key("missing/a"), "the folder of an object").await?;
        self.is_missing(&key("missing/a/00000"), "the beginning of an object's key").await?;
        self.one.delete(&key("missing/a/000001")).await.map_err(said("deleting"))?;
        self.is_missing(&key("missing/a/000001"), "an object that was deleted").await
    }

    async fn listed(&self) -> Outcome {
        let mut expected = Vec::new();
        for name in ["000001", "manifest", "a/000001", "a/b/000001", "a-b/000001"] {
            expected.push(key(&format!("list/1/{name}")));
            self.put(&expected[expected.len() - 1], b"x").await?;
        }
        self.lists("conformance/list/1", &expected).await?;
        self.lists("conformance/list", &expected).await?;
        let all = self.keys(&*self.one, "").await?;
        if let Some(lost) = expected.iter().find(|key| !all.contains(key)) {
            return Err(format!("the list of the whole store lacks {lost}"));
        }
        self.lists("conformance/none/here", &[]).await?;
        let mut many = Vec::new();
        for number in 0..MANY_KEYS {
            many.push(key(&format!("many/{number:06}")));
            self.put(&many[number], b"").await?;
        }
        self.lists("conformance/many", &many).await
    }

    async fn folders(&self) -> Outcome {
        let within = [key("folder/1/000001")];
        for name in ["1/000001", "10/000001", "1-0/000001", "2/1/000001", "1.000001"] {
            self.put(&key(&format!("folder/{name}")), b"x").await?;
        }
        self.put(&Key::new("conformance-2/folder/1/000001"), b"x").await?;
        let outcome = match self.lists("conformance/folder/1", &within).await {
            Ok(()) => self.lists("conformance/folder/1/000001", &[]).await,
            broken => broken,
        };
        self.one.delete(&Key::new("conformance-2/folder/1/000001")).await.map_err(said("deleting"))?;
        outcome?;
        self.lists("conformance/folder/1/00", &[]).await
    }

    async fn deleted_twice(&self) -> Outcome {
        self.put(&key("twice/000001"), b"x").await?;
        for (name, what) in [
            ("twice/000001", "deleting an object"),
            ("twice/000001", "deleting it once more"),
            ("twice/000001", "deleting it a third time"),
            ("twice/never/was", "deleting what never was"),
        ] {
            self.one.delete(&key(name)).await.map_err(said(what))?;
        }
        self.other.delete(&key("twice/000001")).await.map_err(said("deleting through another handle"))
    }

    async fn deleted(&self) -> Outcome {
        for bytes in [0, 1, 9 * MIB] {
            let key = key("delete/000001");
            self.put(&key, &content(bytes, 8)).await?;
            self.one.delete(&key).await.map_err(said("deleting"))?;
            self.is_missing(&key, "a deleted object").await?;
            self.lists("conformance/delete", &[]).await?;
        }
        Ok(())
    }

    async fn neighbours(&self) -> Outcome {
        let kept = ["exact/0000010", "exact/00000", "exact/a/000001", "exact/a/b/000001", "exact-2/000001"];
        for name in kept.iter().chain(&["exact/000001"]) {
            self.put(&key(name), name.as_bytes()).await?;
        }
        for gone in ["exact/000001", "exact/a", "exact", "exact/00000/below"] {
            // A folder is no object: a store may refuse it, but not delete its objects.
            let _refused = self.one.delete(&key(gone)).await;
            for name in kept {
                let found = self.get(&*self.one, &key(name), 0).await;
                let found = found.map_err(|error| format!("after deleting {gone}: {error}"))?;
                same(&found, name.as_bytes(), &format!("{name} after deleting {gone}"))?;
            }
        }
        Ok(())
    }

    async fn ended(&self) -> Outcome {
        let key = key("ended/000001");
        let mut upload = self.one.begin(&key).await.map_err(said("beginning an upload"))?;
        upload.write(content(STORED_BYTES, 9)).await.map_err(said("writing"))?;
        self.other.delete(&key).await.map_err(said("deleting an unfinished upload"))?;
        let finished = upload.finish().await;
        let gone = self.is_missing(&key, "an upload that was deleted and then finished").await;
        if finished.is_ok() {
            return Err("an upload could be finished although its key was deleted".to_owned());
        }
        gone?;
        self.one.delete(&key).await.map_err(said("deleting"))?;
        self.lists("conformance/ended", &[]).await
    }

    async fn aborted(&self) -> Outcome {
        for bytes in [None, Some(0), Some(1), Some(STORED_BYTES)] {
            let key = key("abort/000001");
            let mut upload = self.one.begin(&key).await.map_err(said("beginning an upload"))?;
            if let Some(bytes) = bytes {
                upload.write(content(bytes, 10)).await.map_err(said("writing"))?;
            }
            upload.abort().await.map_err(said("aborting"))?;
            self.is_missing(&key, "an aborted upload").await?;
            self.lists("conformance/abort", &[]).await?;
        }
        Ok(())
    }

    async fn dropped(&self) -> Outcome {
        for bytes in [0, 1, STORED_BYTES] {
            let key = key("drop/000001");
            let mut upload = self.one.begin(&key).await.map_err(said("beginning an upload"))?;
            upload.write(content(bytes, 11)).await.map_err(said("writing"))?;
            drop(upload);
            self.is_missing(&key, "a dropped upload").await?;
            self.one.delete(&key).await.map_err(said("deleting a dropped upload"))?;
            self.lists("conformance/drop", &[]).await?;
            self.is_missing(&key, "a dropped upload that was deleted").await?;
        }
        Ok(())
    }

    async fn apart(&self) -> Outcome {
        let (one, two) = (content(9 * MIB + 1, 12), content(6 * MIB + 3, 13));
        let (key_one, key_two) = (key("apart/000001"), key("apart/000002"));
        self.interleave([&key_one, &key_two], [&one, &two]).await?;
        same(&self.get(&*self.one, &key_one, 0).await?, &one, "one of two uploads at a time")?;
        same(&self.get(&*self.one, &key_two, 0).await?, &two, "the other of two uploads at a time")?;

        let both = key("apart/000003");
        let (first, second) = self.interleave([&both, &both], [&one, &two]).await?;
        let found = self.get(&*self.one, &both, 0).await?;
        if !(first && found == one || second && found == two) {
            return Err("two uploads of one key made an object that is neither".to_owned());
        }

        let kept = key("apart/000004");
        let mut late = self.other.begin(&kept).await.map_err(said("beginning an upload"))?;
        late.write(two.clone()).await.map_err(said("writing"))?;
        self.put(&kept, &one).await?;
        late.abort().await.map_err(said("aborting"))?;
        let found = self.get(&*self.one, &kept, 0).await;
        let found = found.map_err(|error| format!("after another upload of the key was aborted: {error}"))?;
        same(&found, &one, "an object whose key had another upload, which was aborted")
    }

    /// Writes two objects alternately, and returns which of the uploads could be finished.
    async fn interleave(&self, keys: [&Key; 2], contents: [&Bytes; 2]) -> Result<(bool, bool), String> {
        let mut one = self.one.begin(keys[0]).await.map_err(said("beginning an upload"))?;
        let mut two = self.other.begin(keys[1]).await.map_err(said("beginning an upload"))?;
        let steps = contents[0].chunks(700_001).zip(contents[1].chunks(500_003));
        let (mut done_one, mut done_two) = (0, 0);
        for (a, b) in steps {
            one.write(Bytes::copy_from_slice(a)).await.map_err(said("writing"))?;
            two.write(Bytes::copy_from_slice(b)).await.map_err(said("writing"))?;
            (done_one, done_two) = (done_one + a.len(), done_two + b.len());
        }
        one.write(contents[0].slice(done_one..)).await.map_err(said("writing"))?;
        two.write(contents[1].slice(done_two..)).await.map_err(said("writing"))?;
        let one = one.finish().await.is_ok();
        Ok((one, two.finish().await.is_ok()))
    }

    async fn put(&self, key: &Key, bytes: &[u8]) -> Outcome {
        self.put_in(key, bytes, 4 * MIB).await.map(drop)
    }

    /// Stores an object in writes of `step` bytes, and returns the size that the store reports.
    async fn put_in(&self, key: &Key, bytes: &[u8], step: usize) -> Result<u64, String> {
        let mut upload: Box<dyn Upload> = self.one.begin(key).await.map_err(said("beginning an upload"))?;
        for write in bytes.chunks(step) {
            upload.write(Bytes::copy_from_slice(write)).await.map_err(said("writing"))?;
        }
        Ok(upload.finish().await.map_err(said("finishing an upload"))?.bytes)
    }

    async fn get(&self, sink: &dyn Sink, key: &Key, from: u64) -> Result<Bytes, String> {
        let mut chunks = sink.read(key, from).await.map_err(said(&format!("reading {key} from {from}")))?;
        let mut found = Vec::new();
        while let Some(chunk) = chunks.next().await {
            found.extend_from_slice(&chunk.map_err(said(&format!("reading {key} from {from}")))?);
        }
        Ok(Bytes::from(found))
    }

    async fn keys(&self, sink: &dyn Sink, prefix: &str) -> Result<Vec<Key>, String> {
        sink.list(&Prefix::new(prefix)).await.map_err(said("listing"))
    }

    /// Checks that both handles list these keys under the prefix, each once.
    async fn lists(&self, prefix: &str, expected: &[Key]) -> Outcome {
        for handle in [&self.one, &self.other] {
            let mut found = self.keys(&**handle, prefix).await?;
            found.sort();
            let mut expected = expected.to_vec();
            expected.sort();
            if found != expected {
                let other = found.iter().find(|key| !expected.contains(key));
                let lost = expected.iter().find(|key| !found.contains(key));
                return Err(format!(
                    "{prefix:?} lists {} keys instead of {}; first too many: {other:?}, first lost: {lost:?}",
                    found.len(),
                    expected.len(),
                ));
            }
        }
        Ok(())
    }

    /// Checks that no handle can read the object.
    fn is_missing<'b>(&'b self, key: &'b Key, what: &'b str) -> BoxFuture<'b, Outcome>
    where
        'a: 'b,
    {
        let handles = [self.one.clone(), self.other.clone()];
        async move {
            for handle in handles {
                match handle.read(key, 0).await.map(drop) {
                    Err(error) if error.kind() == SinkErrorKind::NotFound => {}
                    Err(error) => {
                        return Err(format!("{what} is answered with {:?}, not NotFound", error.kind()));
                    }
                    Ok(()) => return Err(format!("{what} can be read")),
                }
            }
            Ok(())
        }
        .boxed()
    }
}
