//! From complete files to stored parts: reading, packing and storing run at the same time, and the slowest of
//! them holds up the others.

use std::future::poll_fn;

use futures::StreamExt;
use futures::channel::mpsc;
use futures::future::try_join;

use super::pack::PackPipeline;
use super::read::Files;
use super::store::{PartFinisher, PartWriter, StoredPart};
use super::subjects::Named;
use crate::domain::execution::failure::Failure;
use crate::ports::packager::PartIndex;

/// The stored parts, once everything has been read.
pub(super) struct Transferred {
    pub(super) index: PartIndex,
    pub(super) parts: Vec<StoredPart>,
    /// The number of records of each read, in the order of the settings.
    pub(super) records: Vec<u64>,
    /// Whom they name, if that can be told.
    pub(super) named: Option<Named>,
}

/// Moves every record into parts (rule A6: the outcome depends on the records alone). Between the source and
/// the store are at most `parallelism + 2` files, one of them already compressed; the source waits while they
/// are. A part's durability is awaited only once the next part is written.
pub(super) async fn transfer(
    files: Files<'_>,
    pipeline: PackPipeline,
    (writer, finisher): (PartWriter<'_>, PartFinisher<'_>),
) -> Result<Transferred, Failure> {
    let writing = write(files, pipeline, writer);
    // `write` owns the writer and drops it when it returns, which ends the finisher.
    let ((index, (records, named)), parts) = try_join(writing, finisher.run()).await?;
    Ok(Transferred { index, parts, records, named })
}

async fn write(
    mut files: Files<'_>,
    mut pipeline: PackPipeline,
    mut writer: PartWriter<'_>,
) -> Result<(PartIndex, (Vec<u64>, Option<Named>)), Failure> {
    // The channel holds one more than its size, and the receiver holds another: the store may fall behind by
    // one compressed file before a worker has nothing to do.
    let (mut sender, mut packed) = mpsc::channel(pipeline.parallelism().get());
    let reading = async {
        // Wait for room first, so that no file is read ahead of it. This fails only when writing has failed.
        while poll_fn(|context| sender.poll_ready(context)).await.is_ok() {
            pipeline.permit(|contents| files.give_back(contents)).await;
            let Some(file) = files.next().await? else { break };
            // Fails only if writing has failed, and that error is the one to report.
            let _failed = sender.start_send(pipeline.push(file));
        }
        // Ends `packed`, and with it the writing.
        drop(sender);
        Ok::<(), Failure>(())
    };
    let writing = async {
        while let Some(commands) = packed.next().await {
            writer.apply(commands.await?).await?;
        }
        Ok::<(), Failure>(())
    };
    try_join(reading, writing).await?;
    // Only now has every file been laid out: `writing` has awaited each of them.
    let (index, commands) = pipeline.finish().await?;
    writer.apply(commands).await?;
    Ok((index, files.into_ended()))
}
