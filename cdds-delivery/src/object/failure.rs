//! What went wrong, as the port tells it.

use std::error::Error as StdError;

use cdds_core::ports::destination::{DestinationError, DestinationErrorKind as Kind};
use object_store::Error;

use super::answer::CallError;

/// Tells what failed: `action` is "write in/x.zip to s3://bucket".
pub(super) fn failed(action: &str, why: Error) -> DestinationError {
    if let Some(call) = call_error(&why) {
        let (told, remedy) = (call.told(), call.remedy());
        return DestinationError::new(call.kind(), format!("cannot {action}: {told}{remedy}"));
    }
    let kind = match &why {
        Error::NotFound { .. } => Kind::NotFound,
        Error::InvalidPath { .. }
        | Error::PermissionDenied { .. }
        | Error::Unauthenticated { .. }
        | Error::NotSupported { .. }
        | Error::NotImplemented { .. } => Kind::Refused,
        _ => Kind::Unavailable,
    };
    DestinationError::with_source(kind, format!("cannot {action}"), why)
}

/// Finds our own error below those of `object_store`, which hide each other in several layers.
pub(super) fn call_error(why: &Error) -> Option<&CallError> {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(why);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<CallError>() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}
