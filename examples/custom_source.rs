//! A custom data source: a ticket system whose API returns its records in pages.
//!
//! `cargo run -p cdds-examples --example custom_source`

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::record::selection::{CategoryDimension, CategorySelection};
use cdds_core::{
    DataType, Estimate, Owner, Place, ReadRequest, RecordBatch, RecordBatchBuilder, RecordStream, Source,
    SourceDescription, SourceError, SourceErrorKind, SourceId, TypeId,
};
use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt;
use futures::stream::{self, StreamExt};

/// The system whose records are to be downloaded.
#[derive(Debug)]
struct TicketApi {
    tickets: Vec<Ticket>,
}

#[derive(Debug, Clone)]
struct Ticket {
    number: u64,
    queue: &'static str,
    opened_at: DateTime<Utc>,
    updated_at: Option<DateTime<Utc>>,
    summary: String,
    assignee: Option<String>,
}

impl TicketApi {
    const PAGE: usize = 100;

    /// What a client of a real system would fetch over the network.
    async fn page(&self, page: usize) -> Result<&[Ticket], std::io::Error> {
        Ok(self.tickets.chunks(Self::PAGE).nth(page).unwrap_or_default())
    }
}

/// The adapter: one trait with three methods to write.
#[derive(Debug)]
struct Tickets {
    description: SourceDescription,
    api: Arc<TicketApi>,
}

impl Tickets {
    fn new(api: TicketApi) -> Result<Self, Box<dyn Error>> {
        let queues = CategoryDimension {
            name: "queues".to_owned(),
            values: vec!["sales".to_owned(), "support".to_owned()],
        };
        let ticket = DataType::new(TypeId::new("ticket")?)
            .with_category(queues)
            .with_event_instant()
            .with_change_instant()
            .with_fields(["number", "queue", "opened_at", "summary", "assignee"]);
        let description =
            SourceDescription::new(SourceId::new("tickets")?, "Ticket system").with_type(ticket);
        Ok(Self { description, api: Arc::new(api) })
    }
}

#[async_trait]
impl Source for Tickets {
    fn describe(&self) -> &SourceDescription {
        &self.description
    }

    /// For progress and remaining time; `None` would do.
    async fn estimate(&self, _request: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
        Ok(Some(Estimate { records: self.api.tickets.len() as u64 }))
    }

    /// One batch per page; the next page is fetched when the engine asks for it. The request's fields and
    /// filters are left to the engine.
    async fn read(&self, request: ReadRequest) -> Result<RecordStream, SourceError> {
        let state = (Arc::clone(&self.api), request, 0);
        let batches = stream::try_unfold(state, |(api, request, page)| async move {
            let tickets = api.page(page).await.map_err(|error| {
                let context = format!("cannot fetch page {page} of the tickets");
                SourceError::with_source(SourceErrorKind::Unavailable, context, error)
            })?;
            if tickets.is_empty() {
                return Ok(None);
            }
            let batch = batch(tickets, &request);
            Ok(Some((batch, (api, request, page + 1))))
        });
        Ok(batches.boxed())
    }
}

fn batch(tickets: &[Ticket], request: &ReadRequest) -> RecordBatch {
    let mut batch = RecordBatchBuilder::new();
    let wanted = tickets.iter().filter(|ticket| {
        request.wants(Some(ticket.opened_at), ticket.updated_at)
            && request.categories.includes(Some(ticket.queue))
    });
    for ticket in wanted {
        let place = Place::of(Some(ticket.queue.into()), Some(ticket.opened_at));
        let mut record = batch.record(&place);
        record
            .unsigned("number", ticket.number)
            .text("queue", ticket.queue)
            .instant("opened_at", ticket.opened_at)
            .text("summary", &ticket.summary)
            // An empty value omits its key.
            .text("assignee", ticket.assignee.as_deref().unwrap_or_default());
        record.finish();
    }
    batch.take()
}

fn main() -> Result<(), Box<dyn Error>> {
    let noon: DateTime<Utc> = "2026-03-01T12:00:00Z".parse()?;
    let tickets = (0..250).map(|number| Ticket {
        number,
        queue: if number % 3 == 0 { "sales" } else { "support" },
        opened_at: noon + TimeDelta::minutes(i64::try_from(number).unwrap_or(0)),
        updated_at: (number % 2 == 0).then_some(noon + TimeDelta::days(1)),
        summary: format!("Ticket {number}"),
        assignee: (number % 2 == 0).then(|| "Ada".to_owned()),
    });
    let source = Tickets::new(TicketApi { tickets: tickets.collect() })?;

    let request = ReadRequest::new(
        Owner::default(),
        TypeId::new("ticket")?,
        Window::between(noon, noon + TimeDelta::hours(1)),
    )
    .with_categories(CategorySelection::only(
        ["sales".to_owned()],
        source.description.types[0].category.as_ref(),
    )?);
    let batches: Vec<RecordBatch> =
        futures::executor::block_on(async { source.read(request).await?.try_collect().await })?;
    for record in batches.iter().flat_map(RecordBatch::iter) {
        print!("{}", String::from_utf8_lossy(record.line));
    }
    let records: usize = batches.iter().map(RecordBatch::records).sum();
    println!("{records} sales tickets of the first hour");
    Ok(())
}
