//! A notifier of one's own: tells people what has ended, at least once, whatever fails on the way.
//!
//! ```text
//! $ cargo run -p cdds-examples --example notifier
//! the mail server is away: published, sent again later
//! mail: Calls published
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use cdds_core::domain::notice::Notice;
use cdds_core::domain::record::RecordBatchBuilder;
use cdds_core::domain::work::row::WorkFailure;
use cdds_core::service::outbox::Outbox;
use cdds_core::testing::{MemoryPorts, PreparedSource};
use cdds_core::{Engine, Jobs, NewJob, Owner, Place, Principal, Sources, Until};
use cdds_view::settings::SettingsForm;
use futures::executor::block_on;

/// Tells about everything that is due. A service runs this every few seconds, and several may do so at once.
async fn tell_people(
    outbox: &Outbox,
    jobs: &Jobs,
    mail: impl Fn(&str) -> Result<(), String>,
) -> Result<(), Box<dyn Error>> {
    for notice in outbox.take(20).await? {
        match mail(&words(jobs, &notice).await?) {
            // Nobody else is handed the notice any more.
            Ok(()) => outbox.confirm(&notice).await?,
            // It waits 30 seconds, then longer, and holds up no other.
            Err(why) => {
                println!("{why}: {}, sent again later", notice.kind);
                outbox.failed(&notice, WorkFailure::temporary(why)).await?
            }
        };
    }
    Ok(())
}

async fn words(jobs: &Jobs, notice: &Notice) -> Result<String, Box<dyn Error>> {
    let job = jobs.show(&Principal::host(notice.work.owner.clone()), notice.job_id).await?;
    Ok(format!("{} {}", job.job.settings.title, notice.kind))
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut batch = RecordBatchBuilder::new();
    batch.record(&Place::of(None, None)).finish();
    let calls = PreparedSource::of("calls", "call", vec![batch.take()])?;
    let memory = MemoryPorts::new("2026-03-01T10:00:00Z".parse()?, Sources::new().with(Arc::new(calls)));
    let jobs = Jobs::new(&memory.ports, Default::default());
    let json = r#"{"title": "Calls", "source": "calls", "type": "call", "run": "once", "plaintext": true}"#;
    let job = NewJob::try_from(serde_json::from_str::<SettingsForm>(json)?)?;
    let outbox = Outbox::new(&memory.ports);
    block_on(async {
        jobs.submit(&Principal::host(Owner::default()), job).await?;
        Engine::builder(&memory.ports).build().run(Until::Idle, std::future::pending()).await?;

        tell_people(&outbox, &jobs, |_| Err("the mail server is away".to_owned())).await?;
        memory.clock.advance(Duration::from_secs(60));
        let mail = |words: &str| {
            println!("mail: {words}");
            Ok(())
        };
        tell_people(&outbox, &jobs, mail).await
    })
}
