//! The record path on one thread, by each of its three ways in, beside `serde_json` doing the same.
//!
//! `cargo bench -p cdds-benches --bench records`

#![allow(clippy::expect_used, reason = "a benchmark that cannot go on has failed")]

use cdds_benches::{Contacts, Row};
use cdds_core::domain::record::{Place, RecordBatch, RecordBatchBuilder};
use divan::Bencher;
use divan::counter::BytesCount;
use serde_json::Value;

fn main() {
    divan::main();
}

const RECORDS: usize = 10_000;

fn lines() -> Vec<String> {
    let mut contacts = Contacts::new();
    (0..RECORDS).map(|_| contacts.next_line().trim_end().to_owned()).collect()
}

fn bytes(lines: &[String]) -> BytesCount {
    BytesCount::new(lines.iter().map(String::len).sum::<usize>())
}

/// One batch after another, as sources do.
fn batches<T>(records: &[T], mut add: impl FnMut(&mut RecordBatchBuilder, &T)) -> Option<RecordBatch> {
    let mut builder = RecordBatchBuilder::with_capacity(576 << 10);
    let mut last = None;
    for record in records {
        add(&mut builder, record);
        if builder.len_bytes() > 512 << 10 {
            last = Some(builder.take());
        }
    }
    last
}

/// Raw JSON lines: MB of input a second.
#[divan::bench]
fn raw_lines(bencher: Bencher<'_, '_>) {
    let lines = lines();
    let place = Place::of(None, None);
    bencher.counter(bytes(&lines)).bench(|| {
        batches(&lines, |builder, line| builder.raw_line(&place, line.as_bytes()).expect("a record"))
    });
}

/// The usual approach: parses into values, prunes them, writes them again.
#[divan::bench]
fn raw_lines_by_serde_json(bencher: Bencher<'_, '_>) {
    fn prune(value: &mut Value) -> bool {
        match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(elements) => {
                elements.iter_mut().for_each(|element| {
                    prune(element);
                });
                elements.is_empty()
            }
            Value::Object(members) => {
                members.retain(|_, value| !prune(value));
                members.is_empty()
            }
            Value::Bool(_) | Value::Number(_) => false,
        }
    }
    let lines = lines();
    bencher.counter(bytes(&lines)).bench(|| {
        let mut out = Vec::with_capacity(576 << 10);
        for line in &lines {
            let mut value: Value = serde_json::from_str(line).expect("a record");
            prune(&mut value);
            serde_json::to_writer(&mut out, &value).expect("memory");
            out.push(b'\n');
            if out.len() > 512 << 10 {
                out.clear();
            }
        }
        out
    });
}

/// A serde value: MB of output a second.
#[divan::bench]
fn serialised(bencher: Bencher<'_, '_>) {
    let lines = lines();
    let values: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).expect("a record")).collect();
    let place = Place::of(None, None);
    bencher
        .counter(bytes(&lines))
        .bench(|| batches(&values, |builder, value| builder.serialize(&place, value).expect("a record")));
}

/// Key by key, as a database's rows come: MB of output a second.
#[divan::bench]
fn typed(bencher: Bencher<'_, '_>) {
    let rows = Row::first(RECORDS);
    let place = Place::of(None, None);
    let add = |builder: &mut RecordBatchBuilder, row: &Row| row.write(builder, &place);
    let mut whole = RecordBatchBuilder::new();
    rows.iter().for_each(|row| add(&mut whole, row));
    bencher.counter(BytesCount::new(whole.len_bytes())).bench(|| batches(&rows, add));
}

/// A column that holds JSON, as many databases have one, and becomes a string: MB of that JSON a second.
#[divan::bench]
fn typed_json_text(bencher: Bencher<'_, '_>) {
    let lines = lines();
    let place = Place::of(None, None);
    bencher.counter(bytes(&lines)).bench(|| {
        batches(&lines, |builder, line| {
            let mut record = builder.record(&place);
            record.text("participants", line);
            record.finish();
        })
    });
}
