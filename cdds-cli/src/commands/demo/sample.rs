//! Invented sample data of a contact centre. The same day and number give the same data.

use std::path::Path;

use chrono::{DateTime, Datelike, Days, SecondsFormat, TimeDelta, Utc, Weekday};
use fastrand::Rng;
use rusqlite::{Connection, Statement, params};

use crate::error::CliError;

const SCHEMA: &str = "
    create table contacts (
        id text primary key, created_at text not null, name text not null, phone text, email text,
        city text, language text, customer_since text, notes text);
    create table interactions (
        id integer primary key, started_at text not null, ended_at text, updated_at text not null,
        media_type text not null, direction text, queue text, agent text, contact_id text,
        duration_seconds integer, wait_seconds real, disposition text, subject text, summary text,
        satisfaction integer, recording text);
    create index interactions_started_at on interactions (started_at);";

const FIRST: [&str; 12] = [
    "Ada", "Grace", "Linus", "Radia", "Edsger", "Barbara", "Ken", "Margaret", "Alan", "Joan", "Niklaus",
    "Hedy",
];
const LAST: [&str; 12] = [
    "Okafor",
    "Lindqvist",
    "Moreau",
    "Tanaka",
    "Schmidt",
    "Rossi",
    "Novak",
    "García",
    "Haddad",
    "O'Neill",
    "Kowalska",
    "Ünal",
];
const CITIES: [&str; 8] = ["Berlin", "Lyon", "Osaka", "Lagos", "Kraków", "Porto", "İzmir", "Cork"];
const QUEUES: [&str; 5] = ["billing", "support", "sales", "returns", "retention"];
const DISPOSITIONS: [&str; 5] = ["resolved", "follow-up", "transferred", "abandoned", ""];
const TOPICS: [&str; 8] = [
    "invoice shows the wrong address",
    "delivery is late",
    "asks for a copy of the contract",
    "cannot sign in after the update",
    "wants to cancel; offered a pause",
    "praises the technician",
    "reports a duplicate charge",
    "needs help with the first setup",
];

/// How many records of each kind were made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counts {
    pub(super) interactions: u32,
    pub(super) contacts: u32,
}

/// Writes the database: interactions over the eight days up to `now`.
pub(super) fn write(path: &Path, interactions: u32, now: DateTime<Utc>) -> Result<Counts, CliError> {
    let counts = Counts { interactions, contacts: (interactions / 8).max(1) };
    fill(path, counts, now).map_err(|error| {
        CliError::failed("demo_failed", format!("cannot write the sample data {}: {error}", path.display()))
    })?;
    Ok(counts)
}

fn fill(path: &Path, counts: Counts, now: DateTime<Utc>) -> rusqlite::Result<()> {
    let mut connection = Connection::open(path)?;
    connection.execute_batch(SCHEMA)?;
    let transaction = connection.transaction()?;
    let mut rng = Rng::with_seed(u64::from(now.date_naive().num_days_from_ce().unsigned_abs()));
    let mut contact =
        transaction.prepare("insert into contacts values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?;
    for number in 1..=counts.contacts {
        insert_contact(&mut contact, &mut rng, number, now)?;
    }
    let mut interaction = transaction.prepare(
        "insert into interactions values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    )?;
    for number in 1..=counts.interactions {
        insert_interaction(&mut interaction, &mut rng, number, counts, now)?;
    }
    drop((contact, interaction));
    transaction.commit()
}

fn insert_contact(
    insert: &mut Statement<'_>,
    rng: &mut Rng,
    number: u32,
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    let (first, last) = (pick(rng, &FIRST), pick(rng, &LAST));
    let created = now - TimeDelta::minutes(rng.i64(1..60 * 24 * 400));
    insert.execute(params![
        format!("C{number:06}"),
        iso(created),
        format!("{first} {last}"),
        (rng.u8(..4) > 0).then(|| format!("+49 30 {:07}", rng.u32(..10_000_000))),
        (rng.u8(..3) > 0).then(|| format!("{}.{number}@example.org", first.to_lowercase())),
        pick(rng, &CITIES),
        pick(rng, &["de", "en", "fr", "ja", "tr", ""]),
        (rng.bool()).then(|| created.format("%Y-%m-%d").to_string()),
        "",
    ])?;
    Ok(())
}

fn insert_interaction(
    insert: &mut Statement<'_>,
    rng: &mut Rng,
    number: u32,
    counts: Counts,
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    let media = match rng.u8(..10) {
        0..6 => "voice",
        6..9 => "chat",
        _ => "email",
    };
    let started = moment(rng, now);
    let seconds = 20 + rng.i64(0..1_400);
    let ended = started + TimeDelta::seconds(seconds);
    let topic = pick(rng, &TOPICS);
    insert.execute(params![
        number,
        iso(started),
        iso(ended),
        iso(ended + TimeDelta::seconds(rng.i64(0..90))),
        media,
        pick(rng, &["inbound", "inbound", "inbound", "outbound"]),
        pick(rng, &QUEUES),
        format!("{} {}", pick(rng, &FIRST), pick(rng, &LAST)),
        (rng.u8(..10) > 0).then(|| format!("C{:06}", rng.u32(1..=counts.contacts))),
        seconds,
        f64::from(rng.u32(..6_000)) / 10.0,
        pick(rng, &DISPOSITIONS),
        (media == "email").then(|| format!("Re: {topic}")),
        format!("Customer {topic}."),
        (rng.u8(..3) == 0).then(|| rng.u8(1..=5)),
        (media == "voice").then(|| format!("rec-{:016x}.opus", rng.u64(..))),
    ])?;
    Ok(())
}

/// Returns an instant between 07:00 and 20:00, seldom at weekends, in the eight days before `now`.
fn moment(rng: &mut Rng, now: DateTime<Utc>) -> DateTime<Utc> {
    let midnight = now.date_naive().and_hms_opt(0, 0, 0).map_or(now, |midnight| midnight.and_utc());
    loop {
        let day = midnight.checked_sub_days(Days::new(rng.u64(1..=8))).unwrap_or(midnight);
        let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        if !weekend || rng.u8(..6) == 0 {
            return day + TimeDelta::milliseconds(rng.i64(7 * 3_600_000..20 * 3_600_000));
        }
    }
}

fn pick<'a>(rng: &mut Rng, choices: &[&'a str]) -> &'a str {
    rng.choice(choices).copied().unwrap_or_default()
}

fn iso(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Millis, true)
}
