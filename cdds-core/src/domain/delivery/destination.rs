//! Rule N1: what a destination is, as people and jobs see it.

use std::fmt;

use crate::domain::id::DestinationId;
use crate::domain::source::Visibility;

/// The description of a destination. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DestinationDescription {
    /// The name by which jobs call it.
    pub id: DestinationId,
    /// The name shown to people.
    pub title: String,
    /// Its kind.
    pub kind: DestinationKind,
    /// Where it is, for people: `sftp://partner.example:22/inbound`. Holds neither password nor key.
    pub address: String,
    /// How a file gets its final name.
    pub naming: Naming,
    /// Whether others can read along on the way. A plaintext set is not sent then (rule N5).
    pub transport: Transport,
    /// The owners who see it and may deliver to it.
    pub visibility: Visibility,
}

impl DestinationDescription {
    /// Describes a destination whose connection is encrypted or local, that all owners see, and in which files are
    /// renamed once they are whole.
    pub fn new(
        id: DestinationId,
        kind: DestinationKind,
        title: impl Into<String>,
        address: impl Into<String>,
    ) -> Self {
        Self {
            id,
            title: title.into(),
            kind,
            address: address.into(),
            naming: kind.naming(),
            transport: Transport::Protected,
            visibility: Visibility::default(),
        }
    }

    /// Replaces how a file gets its final name.
    #[must_use]
    pub fn with_naming(self, naming: Naming) -> Self {
        Self { naming, ..self }
    }

    /// Says whether others can read along.
    #[must_use]
    pub fn with_transport(self, transport: Transport) -> Self {
        Self { transport, ..self }
    }

    /// Replaces the owners who see it.
    #[must_use]
    pub fn with_visibility(self, visibility: Visibility) -> Self {
        Self { visibility, ..self }
    }
}

/// The kinds of destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DestinationKind {
    /// A folder of this machine, or one that is mounted.
    Folder,
    /// A bucket of Amazon S3 or a service that speaks its protocol.
    S3,
    /// A bucket of Google Cloud Storage.
    Gcs,
    /// A container of Azure Blob Storage.
    Azure,
    /// A folder of an SSH server.
    Sftp,
    /// A folder of an FTP server without encryption.
    Ftp,
    /// A folder of an FTP server over TLS.
    Ftps,
    /// Anything else.
    Other,
}

impl DestinationKind {
    /// Every kind.
    pub const ALL: [Self; 8] =
        [Self::Folder, Self::S3, Self::Gcs, Self::Azure, Self::Sftp, Self::Ftp, Self::Ftps, Self::Other];

    /// Returns the name as it is stored and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Folder => "folder",
            Self::S3 => "s3",
            Self::Gcs => "gcs",
            Self::Azure => "azure",
            Self::Sftp => "sftp",
            Self::Ftp => "ftp",
            Self::Ftps => "ftps",
            Self::Other => "other",
        }
    }

    /// Returns the kind with this name, or `None` if there is no such kind.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Returns how files usually get their final names at this kind of destination.
    pub const fn naming(self) -> Naming {
        match self {
            Self::S3 | Self::Gcs | Self::Azure => Naming::Whole,
            Self::Folder | Self::Sftp | Self::Ftp | Self::Ftps | Self::Other => Naming::Rename,
        }
    }
}

impl fmt::Display for DestinationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a file gets its final name (rule N1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Naming {
    /// It is written under a temporary name in the same folder, checked and then renamed.
    Rename,
    /// It is written under its final name, under which it appears only when it is whole, as in object stores.
    Whole,
    /// It is written under its final name at once, because the server cannot rename. Nothing but the manifest, which
    /// comes last, then says that a set is complete.
    ///
    /// A worker asks for its claim before each call that creates or removes. If it stands still after that question for
    /// longer than its lease, no server fences off the call, which may cut or remove a file that another worker has
    /// delivered. That worker looks at all files once more before it writes the manifest, and the late one writes the
    /// same bytes again. What remains: if the late one goes on after the manifest and dies before it has written its
    /// file to the end, the file stays cut, and if the call was to remove an old manifest, the new one is gone. Asking
    /// for the delivery again sends everything. Prefer servers that rename.
    Direct,
}

impl Naming {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Rename, Self::Whole, Self::Direct];

    /// Returns the name as it is stored and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rename => "rename",
            Self::Whole => "whole",
            Self::Direct => "direct",
        }
    }
}

impl fmt::Display for Naming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether the way to a destination is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// The connection is encrypted and the other side authenticated, or nothing leaves this machine.
    Protected,
    /// Others can read along, as over plain FTP or HTTP.
    Open,
}

/// How a destination proves who it is: for instance the fingerprint of an SSH host key, `SHA256:…`. It is pinned when
/// it is first seen, and shown to people (rule N3).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerIdentity(String);

impl ServerIdentity {
    /// Creates an identity from its printed form.
    pub fn new(identity: impl Into<String>) -> Self {
        Self(identity.into())
    }

    /// Returns it as it is printed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_as_they_are_printed() {
        let read = DestinationKind::ALL.map(|kind| DestinationKind::parse(kind.as_str()));
        assert_eq!(read, DestinationKind::ALL.map(Some));
        assert_eq!(DestinationKind::parse("SFTP"), None);
    }

    #[test]
    fn n1_files_of_object_stores_appear_whole_and_others_are_renamed() {
        assert_eq!(DestinationKind::S3.naming(), Naming::Whole);
        assert_eq!(DestinationKind::Sftp.naming(), Naming::Rename);
    }
}
