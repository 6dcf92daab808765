//! A folder of this machine, or one that is mounted, on Unix.
//!
//! Whoever collects the files may also write into the folder. So no link is followed below it: it could lead a delivery
//! anywhere on this machine.

mod place;
mod session;

use std::path::PathBuf;

use async_trait::async_trait;
use blocking::unblock;
use cdds_core::domain::id::DestinationId;
use cdds_core::domain::source::Visibility;
use cdds_core::ports::destination::{
    Connection, Destination, DestinationDescription, DestinationError, DestinationErrorKind as Kind,
    DestinationKind, ServerIdentity,
};
use rustix::fs::fstat;
use rustix::io::Errno;

use self::place::Place;
use self::session::{FolderSession, kind};

/// A folder of this machine, or one that is mounted.
///
/// The folder must exist, since one that is missing may just not be mounted. Folders below it are created. Files and
/// their names are synced to disk before they are reported as arrived.
///
/// ```
/// use cdds_core::domain::id::DestinationId;
/// use cdds_delivery::folder::FolderDestination;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let id = DestinationId::new("partner")?;
/// let partner = FolderDestination::new(id, "/mnt/partner/inbound").with_mount("/mnt/partner");
/// # let _ = partner;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct FolderDestination {
    description: DestinationDescription,
    folder: PathBuf,
    mount: Option<PathBuf>,
}

impl FolderDestination {
    /// Describes a folder, by its absolute path. Links on the way to the folder itself are followed.
    pub fn new(id: DestinationId, folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        let address = folder.display().to_string();
        let description = DestinationDescription::new(id, DestinationKind::Folder, address.clone(), address);
        Self { description, folder, mount: None }
    }

    /// Names the mount point in whose file system the folder must lie. Without it, nothing tells a mount that is
    /// missing if the folder also exists underneath.
    ///
    /// A second view of the same file system (`mount --bind`) does not count as a mount.
    #[must_use]
    pub fn with_mount(self, mount: impl Into<PathBuf>) -> Self {
        Self { mount: Some(mount.into()), ..self }
    }

    /// Replaces the name shown to people, which is the path otherwise.
    #[must_use]
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.description.title = title.into();
        self
    }

    /// Replaces the owners who see it.
    #[must_use]
    pub fn with_visibility(mut self, visibility: Visibility) -> Self {
        self.description.visibility = visibility;
        self
    }

    /// Opens the folder. Blocks.
    fn open(&self) -> Result<Place, DestinationError> {
        let folder = self.folder.display();
        if !self.folder.is_absolute() {
            let context = format!("{folder} is a relative path: name the folder by its absolute one");
            return Err(DestinationError::new(Kind::Refused, context));
        }
        let unusable = |context: String, why: Errno| {
            let kind = if why == Errno::NOENT { Kind::Unavailable } else { kind(why) };
            DestinationError::with_source(kind, context, std::io::Error::from(why))
        };
        let place = Place::open(&self.folder).map_err(|why| {
            unusable(format!("the folder {folder} cannot be opened: create it, mount it, or allow it"), why)
        })?;
        let Some(mount) = &self.mount else { return Ok(place) };
        let is_mounted = || {
            let device = fstat(&Place::open(mount)?)?.st_dev;
            let above = fstat(&Place::open(&mount.join(".."))?)?.st_dev;
            Ok(device != above && device == fstat(&place)?.st_dev)
        };
        match is_mounted() {
            Ok(true) => Ok(place),
            Ok(false) => {
                let context =
                    format!("{folder} is not in a file system mounted at {}: mount it", mount.display());
                Err(DestinationError::new(Kind::Unavailable, context))
            }
            Err(why) => {
                Err(unusable(format!("the mount point {} cannot be looked at", mount.display()), why))
            }
        }
    }
}

#[async_trait]
impl Destination for FolderDestination {
    fn describe(&self) -> &DestinationDescription {
        &self.description
    }

    async fn connect(&self, _: Option<&ServerIdentity>) -> Result<Connection, DestinationError> {
        let destination = self.clone();
        let place = unblock(move || destination.open()).await?;
        Ok(Connection { session: Box::new(FolderSession::new(place)), identity: None })
    }
}
