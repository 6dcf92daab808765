//! Buckets of S3, Google Cloud Storage and Azure Blob Storage.
//!
//! Files appear under their final names once they are whole ([`Naming::Whole`]). One that is larger than 8 MiB is sent
//! in parts of that size, four of which are on their way at a time by default. An upload that fails or is given up is
//! ended at the service, so that none of its parts remain there; only those of a process that was killed do. Give the
//! bucket a rule that ends unfinished uploads after some days. (Azure does so by itself after a week, and offers
//! nothing else.)
//!
//! With the feature `store`, the same buckets also hold a service's own parts (`BucketStore`).
//!
//! [`Naming::Whole`]: cdds_core::ports::destination::Naming::Whole

mod answer;
mod azure;
mod common;
mod endpoint;
mod failure;
mod gcs;
mod http;
mod s3;
mod session;
#[cfg(feature = "store")]
mod store;
mod upload;
mod wire;

pub use self::azure::AzureDestination;
pub use self::gcs::GcsDestination;
pub use self::s3::S3Destination;
#[cfg(feature = "store")]
#[cfg_attr(docsrs, doc(cfg(feature = "store")))]
pub use self::store::BucketStore;
