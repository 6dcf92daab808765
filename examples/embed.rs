//! Embed cdds in a service: compose the ports, submit a job for a recipient, run what is due, download.
//!
//! `cargo run -p cdds-examples --example embed -- CERTIFICATE.pem` seals for that certificate; without one
//! the export is plain.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use cdds_core::domain::record::instant::InstantFormat;
use cdds_core::ports::catalog::query::ExecutionQuery;
use cdds_core::{
    Artifacts, Engine, Event, Frequency, History, JobRules, JobSettings, Jobs, Observer, Owner, Ports,
    Principal, PrincipalName, Protection, RecipientName, RecipientNames, Recipients, Role, SourceId, Start,
    Title, TypeId, Until,
};
use cdds_crypto::SmimeCertificates;
use cdds_storage::{
    JsonLinesConfig, JsonLinesSource, JsonLinesType, ObjectSink, SqliteCatalog, ThreadPool, ZipPackager,
};
use futures::executor::block_on;

/// Puts the service together; each part can be replaced by another implementation of its port.
fn compose(folder: &Path) -> Result<Ports, Box<dyn Error>> {
    let calls = JsonLinesConfig::new(
        SourceId::new("calls")?,
        "Call records",
        folder.join("calls.jsonl").display().to_string(),
    )
    .with_type(JsonLinesType::new(TypeId::new("call")?, None).with_time("at", InstantFormat::Any));
    Ok(Ports::new(
        Arc::new(SqliteCatalog::open(folder.join("cdds.db"))?),
        Arc::new(ObjectSink::local(folder.join("artifacts"))?),
        Arc::new(ZipPackager::default()),
        Arc::new(ThreadPool::new(None)?),
    )
    .with_source(JsonLinesSource::new(calls)?)
    .with_certificates(Arc::new(SmimeCertificates::new())))
}

/// Prints what happens; a service would count or log it, or push it to its user interface.
#[derive(Debug)]
struct Console;

impl Observer for Console {
    fn notice(&self, event: &Event<'_>) {
        match event {
            Event::Started { execution } => println!("started {}", execution.id),
            Event::Progressed { progress, .. } => println!("{} records", progress.records),
            Event::Ended { execution } => println!("{}", execution.status().as_str()),
            _ => {}
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let mut calls = fs::File::create(folder.path().join("calls.jsonl"))?;
    for minute in 0..60 {
        writeln!(
            calls,
            r#"{{"at":"2026-03-01T10:{minute:02}:00Z","caller":"+49 30 {minute:04}","notes":""}}"#
        )?;
    }
    fs::create_dir(folder.path().join("artifacts"))?;
    let ports = compose(folder.path())?;
    // A service would take the name and the role from its own sign-in.
    let ada = Principal::new(PrincipalName::new("ada")?, Owner::default(), Role::Administrator);

    let protection = match std::env::args().nth(1) {
        None => Protection::Plaintext,
        Some(certificate) => {
            let name = RecipientName::new("operations")?;
            block_on(Recipients::new(&ports).add(&ada, name.clone(), &fs::read(certificate)?))?;
            Protection::Sealed(RecipientNames::new([name])?)
        }
    };
    let settings = JobSettings::new(
        Title::new("All calls")?,
        SourceId::new("calls")?,
        TypeId::new("call")?,
        Frequency::Once(Start::Immediately),
        protection,
    );
    block_on(Jobs::new(&ports, JobRules::default()).submit(&ada, settings))?;

    // A service would run `Until::Stopped`, on a thread or a task of its own.
    let engine = Engine::builder(&ports).observer(Arc::new(Console)).build();
    block_on(engine.run(Until::Idle, futures::future::pending()))?;

    let history = block_on(History::new(&ports).list(&ada, &ExecutionQuery::default()))?;
    let artifacts = Artifacts::new(&ports);
    for overview in history.items {
        let set = block_on(artifacts.set(&ada, overview.execution.id))?;
        for artifact in set.artifacts {
            // The download is on record from its first byte, and verified before its last.
            let bytes = block_on(async {
                let mut download = artifacts.download(&ada, artifact.id, 0).await?;
                let mut bytes = 0;
                while let Some(chunk) = download.next().await? {
                    bytes += chunk.len();
                }
                Ok::<_, Box<dyn Error>>(bytes)
            })?;
            println!("{}: {bytes} bytes, verified", artifact.name);
        }
    }
    Ok(())
}
