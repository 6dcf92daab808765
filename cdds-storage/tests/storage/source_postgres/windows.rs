//! Which rows a window holds (rules W1, W7), and which cannot be read (rule E10).

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::record::RecordBatch;
use cdds_core::domain::record::instant::InstantFormat;
use cdds_core::domain::record::template::{FieldNames, FieldSelection, Filter, Operator, Template};
use cdds_core::ports::source::{BadRecordMode, Estimate, RecordInstant, Source, SourceErrorKind};
use futures::executor::block_on;

use super::scene::{Scene, at, everything, lines, query, read, request, table};

fn january() -> Window {
    Window::between(at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z"))
}

#[test]
fn w1_instants_of_all_types_belong_to_one_window() {
    let scene = Scene::new(
        "ALTER ROLE reader SET TimeZone = 'Asia/Tokyo';
         CREATE DOMAIN moment AS timestamptz; CREATE DOMAIN later AS moment;
         CREATE TABLE t (zoned later, plain timestamp, day date, seconds int4, digits int8, decimals numeric,
                         real float8, words text);
         INSERT INTO t SELECT at AT TIME ZONE 'UTC', at, at::date, extract(epoch from at)::int4,
           to_char(at, 'YYYYMMDD')::int8, extract(epoch from at), extract(epoch from at), to_char(at, 'YYYY-MM-DD')
         FROM (VALUES (timestamp '2025-12-31'), ('2026-01-01'), ('2026-01-31'), ('2026-02-01'), (NULL)) AS v(at)",
    );
    for (column, format) in [
        ("zoned", InstantFormat::Any),
        ("plain", InstantFormat::Any),
        ("day", InstantFormat::Any),
        ("seconds", InstantFormat::Any),
        ("seconds", InstantFormat::Unix),
        ("digits", InstantFormat::DateDigits),
        ("decimals", InstantFormat::Unix),
        ("real", InstantFormat::Unix),
        ("words", InstantFormat::Iso),
    ] {
        let source = scene.source(table("t").with_time(column, format));
        let words = Template::default()
            .with_fields(FieldSelection::Only(FieldNames::new(["words".to_owned()]).unwrap()));
        let batches = read(&source, request(january()).with_template(words.clone())).unwrap();
        let found: Vec<&[u8]> =
            batches.iter().flat_map(RecordBatch::iter).map(|record| record.line).collect();
        let expected: [&[u8]; 2] = [b"{\"words\":\"2026-01-01\"}\n", b"{\"words\":\"2026-01-31\"}\n"];
        assert_eq!(found, expected, "{column}");
        assert_eq!(batches.iter().map(RecordBatch::undated).sum::<u64>(), 1, "{column}");
        let until = Window::until(at("2026-01-01T00:00:00Z"));
        assert_eq!(lines(&source, request(until).with_template(words)).len(), 2, "{column}");
    }
}

#[test]
fn e10_an_instant_that_no_window_holds_is_a_bad_record() {
    let scene = Scene::new(
        "CREATE TABLE t (id text, at timestamptz, secret text);
         INSERT INTO t VALUES ('fine', '2026-01-02', 'x'), ('late', 'infinity', 'x'), ('early', '-infinity', 'x'),
           ('beyond', '294276-01-01', 'unspeakable'), ('out', '2027-01-01', 'x');
         CREATE INDEX ON t (at)",
    );
    let source = scene.source(table("t").with_time("at", InstantFormat::Any));
    for window in [january(), everything().window] {
        let batches = read(&source, request(window).with_bad_records(BadRecordMode::Report)).unwrap();
        assert_eq!(batches.iter().flat_map(RecordBatch::rejected).count(), 3, "{window:?}");
        let error = read(&source, request(window)).unwrap_err();
        assert_eq!(error.kind(), SourceErrorKind::BadRecord);
        assert!(!format!("{} {error:?}", error.report()).contains("unspeakable"));
    }
    // A bad record that a filter leaves out does not affect the read.
    let fine = Template::default().with_filters(vec![Filter::new("id", Operator::Equal, "fine").unwrap()]);
    assert_eq!(lines(&source, request(january()).with_template(fine)).len(), 1);
}

#[test]
fn w7_by_change_rows_without_one_go_by_their_event() {
    let scene = Scene::new(
        "CREATE TABLE t (id text, at date, changed timestamptz);
         INSERT INTO t VALUES ('changed', '2020-01-01', '2026-01-02'), ('event', '2026-01-02', NULL),
           ('neither', NULL, NULL), ('old', '2026-01-02', '2025-01-01'), ('older', '2025-01-01', NULL)",
    );
    let source = scene
        .source(table("t").with_time("at", InstantFormat::Any).with_changed("changed", InstantFormat::Any));
    let by_change = request(january()).with_by(RecordInstant::Change);
    let batches = read(&source, by_change.clone()).unwrap();
    assert_eq!(batches.iter().map(RecordBatch::undated).sum::<u64>(), 1);
    let found = lines(&source, by_change);
    assert_eq!(found.len(), 2);
    assert!(found[0].contains("\"changed\"") && found[1].contains("\"event\""), "{found:?}");
}

#[test]
fn j4_filters_match_what_is_exported_whatever_the_type() {
    let scene = Scene::new(
        "CREATE COLLATION careless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         CREATE TABLE t (id int4, n int8, word text COLLATE careless, key uuid, padded char(4), doc json, price numeric);
         INSERT INTO t VALUES
           (1, 5, 'open', '67e55044-10b1-426f-9247-bb680e5fe0c8', 'ab', '\" x\"', 1.50),
           (2, 6, 'OPEN', NULL, 'cd', '{\"a\": null}', 2), (3, NULL, '', NULL, NULL, ' \"y\" ', 'NaN')",
    );
    let source = scene.source(table("t"));
    for (filter, expected) in [
        ("n=5", vec![1]),
        ("n=5.0", vec![1]),
        ("n=five", vec![]),
        ("n in 6,5,x", vec![1, 2]),
        ("n!=5", vec![2, 3]),
        ("word=open", vec![1]),
        ("word in open,OPEN", vec![1, 2]),
        ("key=67e55044-10b1-426f-9247-bb680e5fe0c8", vec![1]),
        ("key=67E55044-10B1-426F-9247-BB680E5FE0C8", vec![]),
        ("key=x", vec![]),
        ("padded=ab  ", vec![1]),
        ("doc=y", vec![3]),
        ("price=1.5", vec![1]),
        ("price>1.7", vec![2, 3]),
        ("price=NaN", vec![3]),
    ] {
        let filters = vec![filter.parse().unwrap()];
        let only = FieldSelection::Only(FieldNames::new(["id".to_owned()]).unwrap());
        let wanted = everything().with_template(Template::default().with_filters(filters.clone()));
        // As the engine would select them from everything.
        let engines = read(&source, everything()).unwrap();
        let engines: Vec<u8> =
            engines.iter().flat_map(|batch| wanted.template.apply(batch).lines().to_vec()).collect();
        let found = read(&source, wanted).unwrap();
        assert_eq!(
            found.iter().flat_map(|batch| batch.lines().to_vec()).collect::<Vec<u8>>(),
            engines,
            "{filter}"
        );
        let template = Template::default().with_fields(only).with_filters(filters);
        let found = lines(&source, everything().with_template(template));
        let expected: Vec<String> = expected.iter().map(|id| format!("{{\"id\":{id}}}")).collect();
        assert_eq!(found, expected, "{filter}");
    }
}

#[test]
fn a_window_is_looked_up_in_an_index_and_estimated_by_the_plan() {
    let scene = Scene::new(
        "CREATE TABLE t (n int8, at timestamptz); CREATE INDEX ON t (at);
         INSERT INTO t SELECT n, timestamptz '2026-01-01 00:00+00' + n * interval '1 minute'
           FROM generate_series(0, 99999) AS n",
    );
    let source = scene.source(table("t").with_time("at", InstantFormat::Any));
    let hour = request(Window::between(at("2026-01-02T00:00:00Z"), at("2026-01-02T01:00:00Z")));
    assert_eq!(block_on(source.estimate(&hour)).unwrap(), None, "no statistics yet");
    scene.run("ANALYZE t");
    let Some(Estimate::Records(estimated)) = block_on(source.estimate(&hour)).unwrap() else { panic!() };
    assert!((20..=200).contains(&estimated), "{estimated}");
    scene.run("SELECT pg_stat_reset()");
    assert_eq!(lines(&source, hour).len(), 60);
    scene.wait_for("SELECT coalesce(sum(idx_tup_fetch), 0) > 0 FROM pg_stat_user_tables WHERE relname = 't'");
    assert_eq!(scene.texts("SELECT seq_scan::text FROM pg_stat_user_tables WHERE relname = 't'"), ["0"]);
    // A query has no statistics of its own.
    let source =
        scene.source(query("SELECT n, at FROM t WHERE n < 1000").with_time("at", InstantFormat::Any));
    let Some(Estimate::Records(estimated)) = block_on(source.estimate(&everything())).unwrap() else {
        panic!()
    };
    assert!((300..=3_000).contains(&estimated), "{estimated}");
}
