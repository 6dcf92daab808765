//! Pages one after the other: what each takes when nobody else asks.

use cdds_benches::Failure;
use cdds_core::domain::execution::Status;
use cdds_core::ports::catalog::query::JobColumn;

use crate::client::Connection;
use crate::figures::{Figures, now};
use crate::process::Server;

/// Returns the addresses of the page of jobs by each filter and each order, and those of other lists.
fn addresses() -> Vec<String> {
    let filters = [
        "source=source-3",
        "type=type-4",
        "source=source-3&type=type-4",
        "frequency=daily",
        "frequency=hourly",
        "state=active",
        "state=suspended",
        "created_from=2024-01-01",
        "created_to=2024-01-01",
        "latest_started_from=2024-01-01",
        "latest_started_to=2024-01-01",
        "next_starts_from=2024-01-01",
        "next_starts_to=2024-01-01",
        "search=house",
        "search=omega",
        "search=late",
        "search=zq",
        "search=nowhere",
        "search=77",
        "search=berlin&latest_status=failed&source=source-3",
    ];
    let sorts = JobColumn::ALL
        .iter()
        .flat_map(|column| ["", ":desc"].map(|by| format!("sort={}{by}", column.as_str())));
    let statuses = Status::ALL.iter().map(|status| status.as_str()).chain(["yet_to_run"]);
    let statuses = statuses.map(|status| format!("latest_status={status}"));
    let by_title = filters.iter().map(|filter| format!("{filter}&sort=title"));
    let queries =
        filters.iter().map(|filter| (*filter).to_owned()).chain(by_title).chain(sorts).chain(statuses);
    let others = ["/jobs", "/history", "/artifacts", "/audit", "/api/v1/jobs", "/api/v1/executions"];
    others.map(str::to_owned).into_iter().chain(queries.map(|query| format!("/jobs?{query}"))).collect()
}

/// Asks for each page some times, and tells how long the answers took, and how long they kept a processor busy on
/// average, which is the same on a machine that others use.
pub(crate) async fn measure(
    server: &Server,
    connection: &mut Connection,
    rounds: u32,
) -> Result<(), Failure> {
    println!("\n{:<76} {:>8} {:>8} {:>8}", "one client", "p50 ms", "most ms", "busy ms");
    for address in addresses() {
        // Statements are prepared, and what is read is in memory.
        connection.get(&address).await?;
        let busy = server.busy()?;
        let mut figures = Figures::default();
        for _ in 0..rounds {
            let begun = now();
            connection.get(&address).await?;
            figures.add("", begun.elapsed());
        }
        let busy = (server.busy()? - busy).as_secs_f64() * 1_000.0 / f64::from(rounds);
        let (median, _, most) = figures.of("");
        println!("{address:<76} {median:>8.1} {most:>8.1} {busy:>8.1}");
    }
    Ok(())
}
