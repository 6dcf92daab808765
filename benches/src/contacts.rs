//! Contact records that are as hard to compress as real ones: 1.6 KB, a fifth of it (19 %) in empty keys; the
//! rest becomes four times smaller by `zip -6`, 3.3 times by `zip -1`.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use fastrand::Rng;

/// Writes contact records until `bytes` are reached, the same ones each time. Returns their number.
///
/// # Errors
/// If the file cannot be written.
pub fn write_contacts(path: &Path, bytes: u64) -> io::Result<u64> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut contacts = Contacts::new();
    let (mut written, mut records) = (0, 0);
    while written < bytes {
        let line = contacts.next_line();
        file.write_all(line.as_bytes())?;
        written += line.len() as u64;
        records += 1;
    }
    file.flush()?;
    Ok(records)
}

/// An endless supply of records.
#[derive(Debug)]
pub struct Contacts {
    rng: Rng,
    words: Vec<String>,
    agents: Vec<u128>,
    queues: Vec<u128>,
    line: String,
    number: u64,
}

/// How many different words people use in their notes.
const WORDS: usize = 2_000;

const SYLLABLES: [&str; 32] = [
    "re", "in", "con", "de", "ta", "tion", "er", "ing", "ment", "al", "pro", "com", "ex", "ver", "ser",
    "vice", "ac", "count", "or", "der", "bil", "li", "ne", "pa", "ck", "age", "st", "at", "us", "ed", "ly",
    "un",
];

impl Contacts {
    /// Starts at the first record.
    pub fn new() -> Self {
        let mut rng = Rng::with_seed(7);
        let words = (0..WORDS)
            .map(|_| (0..rng.usize(1..5)).map(|_| SYLLABLES[rng.usize(..SYLLABLES.len())]).collect())
            .collect();
        let mut ids = |count: usize| (0..count).map(|_| rng.u128(..)).collect();
        let (agents, queues) = (ids(400), ids(40));
        Self { rng, words, agents, queues, line: String::new(), number: 0 }
    }

    /// Returns the next record and its newline.
    pub fn next_line(&mut self) -> &str {
        self.line.clear();
        self.number += 1;
        // Records come as they ended: day after day, a few hours out of order.
        let second = self.number.wrapping_mul(3) % (28 * 86_400) + self.rng.u64(..7_200);
        self.head(second);
        self.participants(second);
        self.tail();
        &self.line
    }

    fn head(&mut self, second: u64) {
        let media = self.choice(["voice", "voice", "chat", "email", "callback"]);
        let (id, division) = (uuid(self.rng.u128(..)), self.rng.u32(..12));
        let (started, ended) = (instant(second, &mut self.rng), instant(second + 420, &mut self.rng));
        let direction = self.choice(["inbound", "inbound", "inbound", "outbound"]);
        self.put(format_args!(
            "{{\"conversation_id\":\"{id}\",\"started_at\":\"{started}\",\"ended_at\":\"{ended}\",\
             \"media_type\":\"{media}\",\"direction\":\"{direction}\",\"external_tag\":null,\"division\":\"d{division}\",\
             \"recording\":null,\"knowledge\":{{\"articles\":[]}},"
        ));
    }

    fn participants(&mut self, second: u64) {
        let phone = self.rng.u64(4_915_000_000_000..4_917_999_999_999);
        let customer = uuid(self.rng.u128(..));
        self.put(format_args!(
            "\"participants\":[{{\"id\":\"{customer}\",\"purpose\":\"customer\",\
             \"ani\":\"tel:+{phone}\",\"user_id\":null,\"queue_id\":null,\"attributes\":{{}},\"wrap_up\":\"\",\
             \"flagged_reason\":\"\",\"segments\":["
        ));
        self.segments(second);
        let (queue, agent) = (self.queues[self.rng.usize(..40)], self.agents[self.rng.usize(..400)]);
        let id = uuid(self.rng.u128(..));
        let wrap_up = self.choice(["resolved", "call back", "transferred", "no answer", "sale", "complaint"]);
        self.put(format_args!(
            "]}},{{\"id\":\"{id}\",\"purpose\":\"agent\",\"ani\":\"\",\"user_id\":\"{}\",\"queue_id\":\"{}\",\
             \"attributes\":{{}},\"wrap_up\":\"{wrap_up}\",\"flagged_reason\":\"\",\"segments\":[",
            uuid(agent),
            uuid(queue),
        ));
        self.segments(second + 40);
        self.line.push_str("]}],");
    }

    fn segments(&mut self, second: u64) {
        let mut second = second;
        for index in 0..self.rng.u64(1..4) {
            let comma = if index > 0 { "," } else { "" };
            let kind = self.choice(["ivr", "alert", "interact", "hold"]);
            let started = instant(second, &mut self.rng);
            second += self.rng.u64(1..240);
            let ended = instant(second, &mut self.rng);
            self.put(format_args!(
                "{comma}{{\"type\":\"{kind}\",\"start\":\"{started}\",\"end\":\"{ended}\",\"conference\":false}}"
            ));
        }
    }

    fn tail(&mut self) {
        self.line.push_str("\"notes\":\"");
        for _ in 0..self.rng.u32(16..54) {
            // A few words are used far more often than the rest.
            let common = self.rng.usize(..WORDS);
            let commoner = self.rng.usize(..=common);
            let index = self.rng.usize(..=commoner);
            self.line.push_str(&self.words[index]);
            self.line.push(' ');
        }
        let (score, talk, hold) = (self.rng.u32(..100), self.rng.u32(..900_000), self.rng.u32(..90_000));
        self.put(format_args!(
            "\",\"survey\":{{\"comment\":\"\",\"answers\":[],\"status\":null}},\"language\":\"\",\"tags\":[],\
             \"sentiment\":0.{score:02},\"talk_ms\":{talk},\"hold_ms\":{hold},\"transferred_to\":null,\
             \"evaluations\":[],\"flagged\":false,\"test\":false}}\n"
        ));
    }

    fn choice<const N: usize>(&mut self, of: [&'static str; N]) -> &'static str {
        of[self.rng.usize(..N)]
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        let _infallible = self.line.write_fmt(text);
    }
}

impl Default for Contacts {
    fn default() -> Self {
        Self::new()
    }
}

fn uuid(bits: u128) -> String {
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn instant(second: u64, rng: &mut Rng) -> String {
    let (day, hour, minute, second) =
        (second / 86_400 % 28 + 1, second / 3600 % 24, second / 60 % 60, second % 60);
    format!("2026-01-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", rng.u32(..1000))
}
