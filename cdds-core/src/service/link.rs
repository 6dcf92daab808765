//! Hands out links to stored files (rule C3).

use bytes::Bytes;
use futures::TryStreamExt;

use super::ServiceError;
use super::download::{Published, too_long};
use crate::domain::access::audit::{AuditRecord, Outcome};
use crate::domain::access::link::LinkLifetime;
use crate::domain::archive::artifact::Sha256Digest;
use crate::ports::Ports;
use crate::ports::sink::{LinkRequest, SignedLink};

/// A link by which a file is fetched from the store itself. The handing out is on record.
///
/// Nothing here sees the bytes: compare what was fetched with [`sha256`](Self::sha256).
#[derive(Debug, Clone)]
pub struct DownloadLink {
    link: SignedLink,
    bytes: u64,
    sha256: Sha256Digest,
    lifetime: LinkLifetime,
}

impl DownloadLink {
    /// Asks the store for a link to a file, sees that the file is there, and puts the handing out on record.
    pub(super) async fn hand_out(
        ports: &Ports,
        entry: AuditRecord,
        published: Published,
        lifetime: LinkLifetime,
    ) -> Result<Option<Self>, ServiceError> {
        let request = LinkRequest::new(&published.name, lifetime);
        let Some(link) = ports.sink.link(&published.key, &request).await? else { return Ok(None) };
        // Behind the end of a file there are no bytes, and of a missing one not even these.
        let mut behind = ports.sink.read(&published.key, published.bytes).await?;
        if behind.try_next().await?.is_some_and(|chunk: Bytes| !chunk.is_empty()) {
            return Err(too_long(&published).into());
        }
        ports.catalog.record(&entry.with_outcome(Outcome::Linked)).await?;
        let Published { bytes, sha256, .. } = published;
        Ok(Some(Self { link, bytes, sha256, lifetime }))
    }

    /// Returns the URL. It is a secret: whoever has it can fetch the file until it expires.
    pub fn expose(&self) -> &str {
        self.link.expose()
    }

    /// Returns the size of the file, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the published digest of the file.
    pub fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// Returns how long the link is valid.
    pub fn lifetime(&self) -> LinkLifetime {
        self.lifetime
    }
}
