//! An observer that shows how far each export has come, and how long it still takes.
//!
//! ```text
//! $ cargo run -p cdds-examples --example progress
//! Calls: started
//! Calls: 25 %, 18 seconds left
//! Calls: 50 %, 9 seconds left
//! Calls: 75 %, 4 seconds left
//! Calls: 99 %, 0 seconds left
//! Calls: finished with 400 records
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use cdds_core::domain::record::RecordBatchBuilder;
use cdds_core::testing::{ManualClock, MemoryPorts};
use cdds_core::{
    DataType, Engine, Estimate, Event, ExecutionId, Jobs, NewJob, Observer, Owner, Place, Principal,
    ReadRequest, RecordStream, Source, SourceDescription, SourceError, Sources, Until,
};
use cdds_view::settings::SettingsForm;
use futures::stream::{self, StreamExt};
use smol::future::yield_now;

/// Events come on the thread that drives the engine, so an observer returns at once: it prints, counts, or puts
/// into a channel.
#[derive(Debug, Default)]
struct Shown {
    titles: Mutex<BTreeMap<ExecutionId, String>>,
}

impl Observer for Shown {
    fn notice(&self, event: &Event<'_>) {
        let mut titles = self.titles.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { execution } => {
                let title = execution.settings.title.to_string();
                println!("{title}: started");
                titles.insert(execution.id, title);
            }
            Event::Progressed { execution, progress } => {
                let title = titles.get(execution).map_or("", String::as_str);
                if let (Some(percent), Some(seconds)) = (progress.percent, progress.remaining_seconds) {
                    println!("{title}: {percent} %, {seconds} seconds left");
                }
            }
            // Also if it failed, was cancelled, or waits for another attempt.
            Event::Ended { execution } => {
                let (status, records) = (execution.status(), execution.progress.records);
                println!("{}: {} with {records} records", execution.settings.title, status.as_str());
                titles.remove(&execution.id);
            }
            _ => {}
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let memory = MemoryPorts::new("2026-03-01T10:00:00Z".parse()?, Sources::new());
    let description =
        SourceDescription::new("calls".parse()?, "Calls").with_type(DataType::new("call".parse()?));
    let source = Slow { description, clock: Arc::clone(&memory.clock) };
    let ports = memory.ports.clone().with_source(source);
    let json = r#"{"title": "Calls", "source": "calls", "type": "call", "run": "once", "plaintext": true}"#;
    let job = NewJob::try_from(serde_json::from_str::<SettingsForm>(json)?)?;
    let engine = Engine::builder(&ports).observer(Arc::new(Shown::default())).build();
    futures::executor::block_on(async {
        Jobs::new(&ports, Default::default()).submit(&Principal::host(Owner::default()), job).await?;
        engine.run(Until::Idle, std::future::pending()).await?;
        Ok(())
    })
}

/// A source whose batches of a hundred records take three seconds each, by a clock that is moved by hand.
#[derive(Debug)]
struct Slow {
    description: SourceDescription,
    clock: Arc<ManualClock>,
}

#[async_trait]
impl Source for Slow {
    fn describe(&self) -> &SourceDescription {
        &self.description
    }

    /// Progress has a share and a remaining time because of this.
    async fn estimate(&self, _: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
        Ok(Some(Estimate::Records(400)))
    }

    async fn read(&self, _: ReadRequest) -> Result<RecordStream, SourceError> {
        let batches =
            stream::iter(0..4).zip(stream::repeat(Arc::clone(&self.clock))).then(|(_, clock)| async move {
                clock.advance(Duration::from_secs(3));
                // What waits for the clock goes on.
                yield_now().await;
                let mut batch = RecordBatchBuilder::new();
                (0..100).for_each(|_| batch.record(&Place::of(None, None)).finish());
                Ok(batch.take())
            });
        Ok(batches.boxed())
    }
}
