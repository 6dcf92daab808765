//! Reads stored files so that a corrupt file never passes for a complete one.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};

use crate::domain::archive::artifact::Sha256Digest;
use crate::ports::sink::{Key, Sink, SinkError, SinkErrorKind};

/// The bytes of a stored file, compared with its published size and digest.
///
/// The chunk that completes the file is yielded only after the comparison. If the stored bytes differ from
/// the published ones, the stream ends with [`SinkErrorKind::Corrupt`] and has yielded fewer bytes than the
/// published size. A consumer that has announced the length, such as an HTTP response, then breaks off
/// instead of delivering a whole file that is corrupt.
///
/// A stream that has ended stays ended.
pub type Contents = BoxStream<'static, Result<Bytes, SinkError>>;

/// The published facts of a stored file.
#[derive(Debug, Clone)]
pub(super) struct Published {
    pub(super) key: Key,
    pub(super) bytes: u64,
    pub(super) sha256: Sha256Digest,
}

impl Published {
    /// Reads the file.
    pub(super) async fn read(self, sink: &Arc<dyn Sink>) -> Result<Contents, SinkError> {
        let stored = sink.read(&self.key, 0).await?;
        let reading = Reading { stored, hasher: Sha256::new(), seen: 0, published: self };
        let chunks = futures::stream::try_unfold(Some(reading), |reading| async {
            match reading {
                Some(reading) => reading.next().await,
                None => Ok(None),
            }
        });
        Ok(chunks.boxed())
    }
}

/// A file that is being read.
struct Reading {
    published: Published,
    stored: Contents,
    hasher: Sha256,
    seen: u64,
}

impl Reading {
    /// Returns the next chunk; the last one only when nothing follows it and the digest is right.
    async fn next(mut self) -> Result<Option<(Bytes, Option<Self>)>, SinkError> {
        // Empty chunks may also follow the chunk that completes the file.
        let mut last = Bytes::new();
        while let Some(chunk) = self.stored.try_next().await? {
            self.hasher.update(&chunk);
            self.seen += chunk.len() as u64;
            if chunk.is_empty() {
                continue;
            }
            if self.seen < self.published.bytes {
                return Ok(Some((chunk, Some(self))));
            }
            if self.seen > self.published.bytes {
                return Err(self.too_long());
            }
            last = chunk;
        }
        let digest = Sha256Digest(self.hasher.finalize().into());
        let Published { key, bytes, sha256 } = &self.published;
        if self.seen != *bytes || digest != *sha256 {
            let found = format!("{} bytes with digest {digest}", self.seen);
            return Err(corrupt(&format!(
                "{key} holds {found}, but {bytes} bytes with digest {sha256} were \
                                         published"
            )));
        }
        Ok((!last.is_empty()).then_some((last, None)))
    }

    fn too_long(&self) -> SinkError {
        let Published { key, bytes, .. } = &self.published;
        corrupt(&format!("{key} holds more than the {bytes} bytes that were published"))
    }
}

fn corrupt(found: &str) -> SinkError {
    let way_out = "the stored file was altered: restore it from a backup, or export it again";
    SinkError::new(SinkErrorKind::Corrupt, format!("{found}: {way_out}"))
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use futures::executor::block_on;
    use futures::stream;

    use super::*;
    use crate::ports::sink::{Prefix, Upload};

    /// A store whose only object is read in these chunks.
    #[derive(Debug)]
    struct Chunks(Vec<&'static [u8]>);

    #[async_trait]
    impl Sink for Chunks {
        async fn begin(&self, key: &Key) -> Result<Box<dyn Upload>, SinkError> {
            Err(SinkError::new(SinkErrorKind::Refused, key.as_str()))
        }
        async fn read(&self, _: &Key, _: u64) -> Result<Contents, SinkError> {
            Ok(stream::iter(self.0.clone()).map(|chunk| Ok(Bytes::from_static(chunk))).boxed())
        }
        async fn delete(&self, _: &Key) -> Result<(), SinkError> {
            Ok(())
        }
        async fn list(&self, _: &Prefix) -> Result<Vec<Key>, SinkError> {
            Ok(Vec::new())
        }
    }

    /// Returns the bytes that a reader gets of `published` when the store holds `stored`, and whether the
    /// stream ended well.
    fn read(published: &[u8], stored: &[&'static [u8]]) -> (Vec<u8>, Result<(), SinkErrorKind>) {
        let sink: Arc<dyn Sink> = Arc::new(Chunks(stored.to_vec()));
        let published = Published {
            key: Key::new("e/1/000001"),
            bytes: published.len() as u64,
            sha256: Sha256Digest(Sha256::digest(published).into()),
        };
        let mut got = Vec::new();
        let outcome = block_on(async {
            let mut contents = published.read(&sink).await?;
            while let Some(chunk) = contents.try_next().await? {
                assert!(!chunk.is_empty());
                got.extend_from_slice(&chunk);
            }
            Ok(())
        });
        (got, outcome.map_err(|error: SinkError| error.kind()))
    }

    #[test]
    fn what_was_published_is_read_in_whatever_chunks() {
        for (published, stored) in [
            (&b"abcdef"[..], &[&b"abcdef"[..]][..]),
            (b"abcdef", &[b"ab", b"cd", b"ef"]),
            (b"abcdef", &[b"", b"abc", b"", b"def", b""]),
            (b"", &[]),
            (b"", &[b"", b""]),
        ] {
            assert_eq!(read(published, stored), (published.to_vec(), Ok(())), "{stored:?}");
        }
    }

    #[test]
    fn a12_a_reader_never_gets_as_many_bytes_as_were_published_of_a_corrupt_file() {
        let altered: &[&[&'static [u8]]] = &[
            &[b"abcdeX"],
            &[b"Xbcdef"],
            &[b"Xb", b"cd", b"ef"],
            &[b"ab", b"cd", b"eX", b""],
            &[b"ab", b"cd"],
            &[b"abcde"],
            &[],
            &[b""],
            &[b"abcdefg"],
            &[b"abcdef", b"g"],
            &[b"ab", b"cd", b"ef", b"", b"g"],
            &[b"abcd", b"efgh"],
        ];
        for stored in altered {
            let (got, outcome) = read(b"abcdef", stored);
            assert_eq!(outcome, Err(SinkErrorKind::Corrupt), "{stored:?}");
            assert!(got.len() < 6, "{stored:?} gave {got:?}");
        }
        assert_eq!(read(b"", &[b"x"]), (Vec::new(), Err(SinkErrorKind::Corrupt)));
    }
}
