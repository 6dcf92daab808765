//! Calls into foreign code: sources, stores, sealers, observers. A panic in one of them ends the execution
//! that made the call, but neither the engine nor the engine's other executions, which would otherwise count
//! as crashed.
//!
//! The message of a panic is discarded, since it may quote a record. The program's own panic hook has already
//! seen it.
//!
//! Every `AssertUnwindSafe` of the engine is in this file. It is justified because state that a panic leaves
//! half done is dropped and never looked at again; only locks around plain values that are replaced whole
//! outlive the panic.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::FutureExt;
use futures::stream::{BoxStream, StreamExt};

use crate::domain::execution::failure::{Failure, FailureKind, Step};
use crate::ports::error::{PortError, PortErrorKind};

/// The foreign code has panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Panicked;

/// Runs foreign code and contains its panic.
pub(super) fn contained<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_told| Panicked)
}

/// Runs foreign code that waits, and contains its panic.
///
/// # Cancel safety
/// The same as that of `work`.
pub(super) async fn contained_async<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|_told| Panicked)
}

/// Calls a port. Its error or its panic becomes the failure of the step.
///
/// # Cancel safety
/// The same as that of `call`.
pub(super) async fn call<T, K>(
    step: Step,
    port: &'static str,
    call: impl Future<Output = Result<T, PortError<K>>>,
) -> Result<T, Failure>
where
    K: PortErrorKind + Into<FailureKind>,
{
    match contained_async(call).await {
        Ok(result) => result.map_err(|error| Failure::of(step, &error)),
        Err(Panicked) => Err(Failure::panicked(step, port)),
    }
}

/// Calls a port that answers without waiting.
pub(super) fn call_now<T>(step: Step, port: &'static str, call: impl FnOnce() -> T) -> Result<T, Failure> {
    contained(call).map_err(|Panicked| Failure::panicked(step, port))
}

/// Returns the items of a port's stream, which ends with the first error or panic.
pub(super) fn items<T, K>(
    step: Step,
    port: &'static str,
    stream: BoxStream<'static, Result<T, PortError<K>>>,
) -> BoxStream<'static, Result<T, Failure>>
where
    T: Send + 'static,
    K: PortErrorKind + Into<FailureKind>,
{
    let items = AssertUnwindSafe(stream).catch_unwind().map(move |item| match item {
        Ok(item) => item.map_err(|error| Failure::of(step, &error)),
        Err(_told) => Err(Failure::panicked(step, port)),
    });
    items.boxed()
}

#[cfg(test)]
mod tests {
    use std::panic::resume_unwind;

    use futures::executor::block_on;

    use super::*;
    use crate::ports::source::{SourceError, SourceErrorKind};

    #[test]
    fn a_panic_is_a_failure_that_quotes_nothing() {
        let panics = async { resume_unwind(Box::new("caller +49 30 1")) };
        let failure = block_on(call::<(), SourceErrorKind>(Step::Read, "source", panics)).unwrap_err();
        assert_eq!(
            (failure.step, failure.kind, failure.retryable),
            (Step::Read, FailureKind::Internal, false)
        );
        assert!(
            failure.message.contains("source") && !failure.message.contains("+49"),
            "{}",
            failure.message
        );
        let now = call_now(Step::Seal, "sealer", || -> u8 { resume_unwind(Box::new(7)) });
        assert_eq!(now.unwrap_err().step, Step::Seal);
    }

    #[test]
    fn what_comes_before_a_panic_comes_through() {
        let stream = futures::stream::iter(0..3).map(|number| match number {
            2 => resume_unwind(Box::new("planned")),
            number => Ok::<u8, SourceError>(number),
        });
        let read: Vec<_> = block_on(items(Step::Read, "source", stream.boxed()).collect());
        assert_eq!(read[..2], [Ok(0), Ok(1)]);
        assert_eq!(read[2].as_ref().unwrap_err().kind, FailureKind::Internal);
        assert_eq!(read.len(), 3);
    }
}
