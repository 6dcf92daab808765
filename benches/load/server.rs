//! The server under load, a process of its own: its memory and its threads are those of the service alone.

use std::io::Read as _;
use std::path::Path;

use cdds_benches::{Failure, administrator, json_lines, ports, write_contacts};
use cdds_console::access::{Visitor, by_request};
use cdds_console::{Services, router};
use cdds_core::Engine;
use cdds_core::engine::Until;
use cdds_core::service::jobs::JobRules;
use futures::executor::block_on;
use tokio::net::TcpListener;

/// Serves the catalog and the store of a folder to everybody, with an engine beside it, until its standard input
/// ends. Prints the address first.
pub(crate) fn serve(folder: &Path, megabytes: u64) -> Result<(), Failure> {
    let input = folder.join("contacts.jsonl");
    if !input.exists() {
        write_contacts(&input, megabytes * 1_000_000)?;
    }
    let ports = ports(folder, json_lines(&input)?)?;
    let engine = Engine::builder(&ports).build();
    let console =
        router(Services::new(&ports, JobRules::default()), by_request(|_| Ok(Visitor::new(administrator()))));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    println!("{}", listener.local_addr()?);
    runtime.spawn(async { axum::serve(listener, console.into_make_service()).await });
    std::thread::spawn(move || block_on(engine.run(Until::Stopped, std::future::pending())));
    // Whoever began it is gone when this ends.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    std::process::exit(0)
}
