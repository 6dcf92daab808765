//! Destinations and notifiers of [`cdds_core`]: the places to which sets are delivered, and the ways in which people and
//! programs are told (rules N1 to N9).
//!
//! | feature | what it adds |
//! |---|---|
//! | `folder` | [`folder`]: a folder of this machine, on Unix |
//! | `object` | [`object`]: buckets of S3, Google Cloud Storage and Azure |
//! | `store` | `object::BucketStore`: the same buckets for a service's own parts |
//! | `sftp` | [`sftp`]: a folder of an SSH server |
//! | `ftp` | [`ftp`]: a folder of an FTP server, plain or over TLS |
//! | `email` | [`email`]: e-mail by SMTP |
//! | `webhook` | [`webhook`]: requests by the Standard Webhooks specification |
//!
//! None is on by default. The adapters decide nothing: the engine says what is written, under which names, when it is
//! renamed, and what is tried again.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(all(feature = "folder", unix))]
pub mod folder;
#[cfg(feature = "ftp")]
pub mod ftp;
#[cfg(feature = "object")]
pub mod object;
#[cfg(any(feature = "folder", feature = "object", feature = "sftp", feature = "ftp"))]
mod reply;
pub mod secret;
#[cfg(feature = "sftp")]
pub mod sftp;

#[cfg(feature = "email")]
pub mod email;
#[cfg(any(feature = "email", feature = "webhook"))]
pub mod links;
#[cfg(feature = "webhook")]
pub mod webhook;

#[cfg(any(feature = "object", feature = "sftp", feature = "ftp", feature = "email", feature = "webhook"))]
pub mod net;
