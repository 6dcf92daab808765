//! A loop of one's own, on smol: each execution is a task, and what has expired is deleted beside.
//!
//! ```text
//! $ cargo run -p cdds-examples --example own_loop
//! Some(Finished)
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::{error::Error, fs};

use cdds_core::{Engine, EngineError, Jobs, NewJob, Owner, Principal};
use cdds_storage::JsonLinesSource;
use cdds_view::settings::SettingsForm;
use futures::FutureExt;
use smol::{Timer, future::or};

async fn work(engine: &Engine) -> Result<(), EngineError> {
    loop {
        let tick = engine.tick().await?;
        if engine.is_idle(&tick) {
            return Ok(());
        }
        let wait = engine.wait_after(&tick);
        for execution in tick.executions {
            smol::spawn(execution).detach();
        }
        Timer::after(wait).await;
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("calls.jsonl");
    fs::write(&file, "{\"caller\": \"Ada\"}\n")?;
    let calls = JsonLinesSource::of("calls", "call", file.display().to_string())?;
    let ports = cdds_storage::local(folder.path())?.with_source(calls);
    let json = r#"{"title": "Calls", "source": "calls", "type": "call", "run": "once", "plaintext": true}"#;
    let job = NewJob::try_from(serde_json::from_str::<SettingsForm>(json)?)?;
    let jobs = Jobs::new(&ports, Default::default());
    let host = Principal::host(Owner::default());
    let engine = Engine::builder(&ports).build();
    smol::block_on(async {
        let job = jobs.submit(&host, job).await?;
        // Beside the loop: beats for what runs, and the removal of what has expired.
        or(work(&engine), engine.tend().map(Ok)).await?;
        engine.leave().await;
        let job = jobs.show(&host, job.job.id).await?;
        println!("{:?}", job.latest.map(|latest| latest.status));
        Ok(())
    })
}
