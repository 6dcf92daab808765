//! A loop of one's own, on smol: each execution is a task, and what has expired is deleted beside.
//!
//! ```text
//! $ cargo run -p cdds-examples --example own_loop
//! ended: 1
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::{error::Error, fs, future::pending, sync::Arc};

use cdds_core::engine::EngineError;
use cdds_core::{Engine, Jobs, NewJob, Owner, Principal};
use cdds_storage::{JsonLinesConfig, JsonLinesSource, JsonLinesType};
use cdds_view::settings::SettingsForm;
use futures::stream::{FuturesUnordered, StreamExt};
use smol::{Timer, future::or};

async fn work(engine: &Engine) -> Result<u32, EngineError> {
    let (mut running, mut ended) = (FuturesUnordered::new(), 0);
    loop {
        let mut tick = engine.tick().await?;
        running.extend(tick.executions.drain(..).map(smol::spawn));
        if running.is_empty() && engine.is_idle(&tick) {
            return Ok(ended);
        }
        let end = async { if running.next().await.is_some() { 1 } else { pending().await } };
        let pause = async { Timer::after(engine.wait_after(&tick)).await };
        ended += or(end, async {
            pause.await;
            0
        })
        .await;
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("calls.jsonl");
    fs::write(&file, "{\"caller\": \"Ada\"}\n")?;
    let calls = JsonLinesConfig::new("calls".parse()?, "Calls", file.display().to_string())
        .with_type(JsonLinesType::new("call".parse()?, None));
    let ports = cdds_storage::local(folder.path())?.with_source(Arc::new(JsonLinesSource::new(calls)?));
    let json = r#"{"title": "Calls", "source": "calls", "type": "call", "run": "once", "plaintext": true}"#;
    let job = NewJob::try_from(serde_json::from_str::<SettingsForm>(json)?)?;
    let engine = Engine::builder(&ports).build();
    smol::block_on(async {
        Jobs::new(&ports, Default::default()).submit(&Principal::host(Owner::default()), job).await?;
        let ended = or(work(&engine), async {
            engine.tend().await;
            Ok(0)
        })
        .await?;
        engine.leave_house().await;
        println!("ended: {ended}");
        Ok(())
    })
}
