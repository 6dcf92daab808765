//! Converts errors of stores and file systems to the port's errors.

use std::error::Error as StdError;
use std::io;

use cdds_core::ports::sink::{SinkError, SinkErrorKind};

/// Converts an error of the store; adds the attempted operation, the object and the place.
pub(super) fn store_error(doing: &str, key: &str, place: &str, error: object_store::Error) -> SinkError {
    let kind = kind_of(&error);
    SinkError::with_source(kind, context(doing, key, place, kind), error)
}

/// Converts an error of the file system in the same way.
pub(super) fn io_error(doing: &str, key: &str, place: &str, error: io::Error) -> SinkError {
    let kind = kind_of_io(&error);
    SinkError::with_source(kind, context(doing, key, place, kind), error)
}

fn context(doing: &str, key: &str, place: &str, kind: SinkErrorKind) -> String {
    let way_out = match kind {
        SinkErrorKind::Full => ": no space is left there; free some",
        SinkErrorKind::Refused => {
            ": access was refused; check the permissions, and that the store is \
                                   writable"
        }
        SinkErrorKind::NotFound => ": it does not exist",
        _ => "",
    };
    format!("cannot {doing} {key} in {place}{way_out}")
}

fn kind_of(error: &object_store::Error) -> SinkErrorKind {
    use object_store::Error;
    match error {
        Error::NotFound { .. } => SinkErrorKind::NotFound,
        Error::PermissionDenied { .. }
        | Error::Unauthenticated { .. }
        | Error::InvalidPath { .. }
        | Error::NotSupported { .. }
        | Error::NotImplemented { .. } => SinkErrorKind::Refused,
        // The local store wraps the operating system's error.
        _ => io_cause(error).map_or(SinkErrorKind::Unavailable, kind_of_io),
    }
}

fn io_cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a io::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io);
        }
        cause = error.source();
    }
    None
}

fn kind_of_io(error: &io::Error) -> SinkErrorKind {
    use io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => SinkErrorKind::NotFound,
        // ENOSPC and EDQUOT.
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => SinkErrorKind::Full,
        // EACCES and EPERM, EROFS.
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => SinkErrorKind::Refused,
        _ => SinkErrorKind::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_found_through_the_store() {
        for (io, kind) in [
            (io::ErrorKind::StorageFull, SinkErrorKind::Full),
            (io::ErrorKind::QuotaExceeded, SinkErrorKind::Full),
            (io::ErrorKind::PermissionDenied, SinkErrorKind::Refused),
            (io::ErrorKind::ReadOnlyFilesystem, SinkErrorKind::Refused),
            (io::ErrorKind::NotFound, SinkErrorKind::NotFound),
            (io::ErrorKind::TimedOut, SinkErrorKind::Unavailable),
        ] {
            let inner =
                object_store::Error::Generic { store: "inner", source: Box::new(io::Error::from(io)) };
            let error = object_store::Error::Generic { store: "outer", source: Box::new(inner) };
            assert_eq!(kind_of(&error), kind, "{io}");
        }
    }

    #[test]
    fn errors_name_object_place_and_way_out() {
        let error = io_error("store", "e/1/000001", "/srv/artifacts", io::ErrorKind::StorageFull.into());
        assert_eq!(
            error.to_string(),
            "cannot store e/1/000001 in /srv/artifacts: no space is left there; free some"
        );
    }
}
