//! A source over an HTTP API that returns its records in pages.
//!
//! ```text
//! $ cargo run -p cdds-examples --example paged_http_source
//! {"number":0,"queue":"sales","opened_at":"2026-03-01T12:00:00Z","summary":"Ticket 0","assignee":"Ada"}
//! {"number":3,"queue":"sales","opened_at":"2026-03-01T12:45:00Z","summary":"Ticket 3"}
//! 2 sales tickets of the first hour
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;

use async_trait::async_trait;
use cdds_core::blocking::Stop;
use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::record::selection::{CategoryDimension, CategorySelection};
use cdds_core::{
    DataType, ReadRequest, RecordStream, RuleViolation, Source, SourceDescription, SourceError,
    SourceErrorKind, read_blocking,
};
use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Ticket {
    number: u64,
    queue: Arc<str>,
    opened_at: DateTime<Utc>,
    summary: String,
    assignee: Option<String>,
}

/// What the API returns: some tickets, and where to go on.
#[derive(Debug, Serialize, Deserialize)]
struct Page {
    tickets: Vec<Ticket>,
    next: Option<u64>,
}

const QUEUES: [&str; 2] = ["sales", "support"];

#[derive(Debug)]
struct Tickets {
    description: SourceDescription,
    api: String,
}

impl Tickets {
    fn new(api: String) -> Result<Self, RuleViolation> {
        let values = QUEUES.map(str::to_owned).to_vec();
        let ticket = DataType::new("ticket".parse()?)
            .with_category(CategoryDimension { name: "queues".to_owned(), values })
            .with_event_instant()
            // The API shows a ticket up to a minute after the instant that it gets.
            .with_settle_lag(TimeDelta::minutes(1));
        let description = SourceDescription::new("tickets".parse()?, "Ticket system").with_type(ticket);
        Ok(Self { description, api })
    }
}

#[async_trait]
impl Source for Tickets {
    fn describe(&self) -> &SourceDescription {
        &self.description
    }

    async fn read(&self, request: ReadRequest) -> Result<RecordStream, SourceError> {
        let api = self.api.clone();
        read_blocking("tickets", move |batches| {
            let mut from = Some(0);
            while let Some(number) = from {
                let page = fetch(&api, number)?;
                // What fails after the first page is the end of the stream, and not of the call.
                batches.opened()?;
                for ticket in &page.tickets {
                    let selected = request.categories.includes(Some(&ticket.queue));
                    if selected && request.wants(Some(ticket.opened_at), None) {
                        // A queue that is not declared is part of "all", and has no folder.
                        let queue = Some(&ticket.queue).filter(|queue| QUEUES.contains(&&***queue));
                        let place = request.place(queue.cloned(), Some(ticket.opened_at));
                        batches.builder().serialize(&place, ticket).map_err(|_| bad(ticket))?;
                    }
                    batches.record_read(size_of_val(ticket) as u64)?;
                }
                from = page.next;
            }
            Ok(())
        })
        .await
    }
}

/// Says where, and none of what.
fn bad(ticket: &Ticket) -> SourceError {
    SourceError::new(SourceErrorKind::BadRecord, format!("ticket {}", ticket.number))
}

/// Fetches a page. The kind of an error tells the engine whether another attempt may help.
fn fetch(api: &str, from: u64) -> Result<Page, Stop> {
    let kind = |error: &ureq::Error| match error {
        ureq::Error::StatusCode(404) => SourceErrorKind::Missing,
        ureq::Error::StatusCode(status @ 400..500) if *status != 429 => SourceErrorKind::Invalid,
        _ => SourceErrorKind::Unavailable,
    };
    let told =
        |error| SourceError::with_source(kind(&error), format!("cannot fetch tickets from {from}"), error);
    let mut answer = ureq::get(format!("{api}/tickets?from={from}")).call().map_err(told)?;
    Ok(answer.body_mut().read_json().map_err(told)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let source = Tickets::new(serve()?)?;
    let noon: DateTime<Utc> = "2026-03-01T12:00:00Z".parse()?;
    let sales = CategorySelection::only(["sales".to_owned()], source.description.types[0].category.as_ref())?;
    let request = ReadRequest::new(
        "default".parse()?,
        "ticket".parse()?,
        Window::between(noon, noon + TimeDelta::hours(1)),
    )
    .with_categories(sales);
    let read = async { source.read(request).await?.try_collect::<Vec<_>>().await };
    let mut count = 0;
    for batch in futures::executor::block_on(read)? {
        print!("{}", String::from_utf8_lossy(batch.lines()));
        count += batch.records();
    }
    println!("{count} sales tickets of the first hour");
    Ok(())
}

/// Answers requests like a ticket system with nine tickets, a quarter of an hour apart, four on a page. Returns its
/// address.
fn serve() -> Result<String, Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}", listener.local_addr()?);
    let noon: DateTime<Utc> = "2026-03-01T12:00:00Z".parse()?;
    let ticket = move |number: u64| Ticket {
        number,
        queue: if number.is_multiple_of(3) { "sales" } else { "support" }.into(),
        opened_at: noon + TimeDelta::minutes(15) * i32::try_from(number).unwrap_or(0),
        summary: format!("Ticket {number}"),
        assignee: number.is_multiple_of(2).then(|| "Ada".to_owned()),
    };
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut lines = BufReader::new(&client).lines().map_while(Result::ok);
            let asked = lines.next().unwrap_or_default();
            lines.take_while(|header| !header.is_empty()).for_each(drop);
            let digits: String = asked.chars().filter(char::is_ascii_digit).collect();
            // Of `GET /tickets?from=4 HTTP/1.1` the digits are 411.
            let from = digits.strip_suffix("11").and_then(|from| from.parse().ok()).unwrap_or(0);
            let next = (from + 4 < 9).then_some(from + 4);
            let page = Page { tickets: (from..next.unwrap_or(9)).map(ticket).collect(), next };
            let body = serde_json::to_string(&page).unwrap_or_default();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
            let _ = write!(client, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        }
    });
    Ok(address)
}
