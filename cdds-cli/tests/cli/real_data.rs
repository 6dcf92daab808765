//! Real rows from other people (flights, weather, airports, movies), exported completely and read with other
//! people's programs.

use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::types::ValueRef;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::support::{Place, string};

/// Returns a file of the npm package `vega-datasets`, where `.ci/tools` puts it.
fn vega(file: &str) -> PathBuf {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/vega-datasets/data");
    assert!(data.is_dir(), "{} is missing: `bash .ci/tools` fetches it", data.display());
    data.join(file).canonicalize().unwrap()
}

const SOURCES: &str = r#"
[[source]]
id = "vega"
title = "Vega datasets"
kind = "sqlite"
url = "vega.db"
[[source.type]]
id = "flight"
table = "flights"
time = "date"
[[source.type]]
id = "delay"
query = "select * from delays"
[[source.type]]
id = "airport"
table = "airports"
[[source.type]]
id = "movie"
table = "movies"
[[source.type]]
id = "weather"
table = "weather"
time = "date"
category = { name = "places", column = "location", values = ["Seattle", "New York"] }

[[source]]
id = "lines"
title = "The same as JSON lines"
kind = "json-lines"
url = "*.jsonl"
[[source.type]]
id = "movie"
path = "movies.jsonl"
[[source.type]]
id = "flight"
path = "flights.jsonl"
time = "date"
"#;

/// Creates a place whose data the sqlite3 shell has loaded, into tables and as JSON lines.
fn loaded() -> Place {
    let place = Place::new();
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    std::fs::write(place.path("cdds.toml"), config + SOURCES).unwrap();
    let script = format!(
        ".import --csv {airports} airports
         .import --csv {weather} weather
         create table flights as select value ->> '$.date' as date, value ->> '$.delay' as delay,
           value ->> '$.distance' as distance, value ->> '$.origin' as origin,
           value ->> '$.destination' as destination from json_each(readfile('{flights}'));
         create table delays as select value ->> '$.delay' as delay, value ->> '$.distance' as distance,
           value ->> '$.time' as time from json_each(readfile('{delays}'));
         create table movies as select value ->> '$.Title' as \"Title\", value ->> '$.US Gross' as \"US Gross\",
           value ->> '$.Release Date' as \"Release Date\", value ->> '$.MPAA Rating' as \"MPAA Rating\",
           value ->> '$.Director' as \"Director\", value ->> '$.IMDB Rating' as \"IMDB Rating\"
           from json_each(readfile('{movies}'));
         .mode list
         .once movies.jsonl
         select value from json_each(readfile('{movies}'));
         .once flights.jsonl
         select value from json_each(readfile('{flights}'));
         select (select count(*) from airports) > 3000 and (select count(*) from weather) > 2000
           and (select count(*) from flights) = 20000 and (select count(*) from delays) = 200000
           and (select count(*) from movies) > 3000;",
        airports = vega("airports.csv").display(),
        weather = vega("weather.csv").display(),
        flights = vega("flights-20k.json").display(),
        delays = vega("flights-200k.json").display(),
        movies = vega("movies.json").display(),
    );
    // The shell recognises its own commands only at the beginning of a line.
    let script: Vec<&str> = script.lines().map(str::trim_start).collect();
    std::fs::write(place.path("load.sql"), script.join("\n")).unwrap();
    let complete = place.program("sqlite3", &["vega.db"], &[".read load.sql"]);
    assert_eq!(complete.trim(), "1", "the data is not what it was");
    place.recipient("ops");
    place
}

/// A record with its members in the order in which they are written.
#[derive(Debug, Clone, PartialEq)]
struct Ordered(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Ordered;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Ordered(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

fn sorted(mut records: Vec<Ordered>) -> Vec<Ordered> {
    records.sort_by_cached_key(|record| format!("{record:?}"));
    records
}

/// Returns the rows of a table as SQLite returns them, without empty values (rule A2), with keys in column
/// order.
fn rows(place: &Place, table: &str) -> Vec<Ordered> {
    let connection = rusqlite::Connection::open(place.path("vega.db")).unwrap();
    let mut select = connection.prepare(&format!("select * from {table}")).unwrap();
    let columns = (0..select.column_count()).map(|column| select.column_name(column).unwrap().to_owned());
    let columns: Vec<String> = columns.collect();
    let rows = select.query_map([], |row| {
        let members = columns.iter().enumerate().filter_map(|(index, column)| {
            let value = match row.get_ref_unwrap(index) {
                ValueRef::Null | ValueRef::Text(b"") => return None,
                ValueRef::Integer(integer) => Value::from(integer),
                ValueRef::Real(real) => Value::from(real),
                ValueRef::Text(text) => Value::from(std::str::from_utf8(text).unwrap()),
                ValueRef::Blob(_) => panic!("no blobs in this data"),
            };
            Some((column.clone(), value))
        });
        Ok(Ordered(members.collect()))
    });
    sorted(rows.unwrap().map(Result::unwrap).collect())
}

/// Parses records from unzipped or extracted lines.
fn records(lines: &str) -> Vec<Ordered> {
    sorted(lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// Asserts that the records are equal. Reports only the first difference, since there are many thousand
/// records.
fn assert_same(found: &[Ordered], expected: &[Ordered], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}: number of records");
    if let Some((one, other)) = found.iter().zip(expected).find(|(one, other)| one != other) {
        panic!("{what}: exported {one:?}, the row is {other:?}");
    }
}

/// Exports everything of a type, sealed for `ops`, and downloads it into `out`. Returns the parts' names.
fn export(place: &Place, source: &str, data_type: &str, extra: &[&str]) -> Vec<String> {
    let mut create = vec!["job", "create", "--title", data_type, "--source", source, "--type", data_type];
    create.extend(["--run", "once", "--recipient", "ops"]);
    create.extend(extra);
    let job = string(&place.json(&create)["id"]);
    assert_eq!(place.json(&["run", "--until-idle"])["finished"], 1);
    let execution = string(&place.json(&["history", "list", "--job", &job])[0]["id"]);
    place.json(&["artifact", "download", "--execution", &execution, "--to", "out"]);
    let artifacts = place.json(&["artifact", "list", "--execution", &execution, "--sort", "name"]);
    let names = artifacts.as_array().unwrap().iter().map(|artifact| string(&artifact["name"]));
    names.collect()
}

/// Decrypts one part with the named command of OpenSSL.
fn openssl(place: &Place, command: &str, sealed: &str, plain: &str) {
    let sealed = format!("out/{sealed}");
    let args = ["-decrypt", "-inform", "DER", "-in", &sealed, "-recip", "ops.pem", "-inkey", "ops.key"];
    place.program("openssl", &[command, "-binary"], &[&args[..], &["-out", plain]].concat());
}

#[test]
fn every_row_of_every_table_arrives_in_column_order_without_its_empty_values() {
    let place = loaded();
    for (data_type, table) in
        [("flight", "flights"), ("airport", "airports"), ("movie", "movies"), ("weather", "weather")]
    {
        let parts = export(&place, "vega", data_type, &[]);
        assert_eq!(parts.len(), 1, "{parts:?}");
        for command in ["cms", "smime"] {
            openssl(&place, command, &parts[0], "plain.zip");
            place.program("unzip", &["-tqq"], &["plain.zip"]);
            let found = records(&place.program("unzip", &["-p"], &["plain.zip"]));
            assert_same(&found, &rows(&place, table), &format!("{data_type} through openssl {command}"));
        }
    }
    // The last type was the weather, with one folder per place and day.
    let listed = place.program("unzip", &["-Z1"], &["plain.zip"]);
    assert!(listed.contains("weather/New York/2012-01-01/weather-00001.json"), "{listed}");
    assert!(listed.contains("weather/Seattle/2015-12-31/weather-00001.json"), "{listed}");
}

#[test]
fn json_lines_pass_through_with_their_numbers_and_escapes_as_they_are() {
    let place = loaded();
    for data_type in ["movie", "flight"] {
        let parts = export(&place, "lines", data_type, &[]);
        openssl(&place, "cms", &parts[0], "plain.zip");
        let found = place.program("unzip", &["-p"], &["plain.zip"]);
        let given = std::fs::read_to_string(place.path(&format!("{data_type}s.jsonl"))).unwrap();
        // The source's own text, with empty members removed independently of the exporter.
        let without_empty = |line: &str| {
            let Ordered(members) = serde_json::from_str(line).unwrap();
            Ordered(members.into_iter().filter(|(_, value)| !value.is_null() && value != "").collect())
        };
        let expected = sorted(given.lines().map(without_empty).collect());
        assert_same(&records(&found), &expected, data_type);
        let untouched: Vec<&str> = given.lines().filter(|line| !line.contains("null")).take(50).collect();
        assert!(!untouched.is_empty());
        for line in untouched {
            assert!(found.contains(line), "{line}");
        }
    }
}

#[test]
fn a3_split_at_64_kib_every_joiner_and_any_one_part_gives_every_row() {
    let place = loaded();
    let parts = export(&place, "vega", "delay", &["--split-size", "64KiB"]);
    assert!(parts.len() > 10, "{parts:?}");
    std::fs::create_dir(place.path("plain")).unwrap();
    for part in &parts {
        let plain = format!("plain/{}", part.strip_suffix(".smime").unwrap());
        openssl(&place, "cms", part, &plain);
        let bytes = std::fs::metadata(place.path(&plain)).unwrap().len();
        assert!(bytes <= 65_536 || part.ends_with(".zip.smime"), "{plain} has {bytes} bytes");
    }
    let last = format!("plain/{}", parts.last().unwrap().strip_suffix(".smime").unwrap());
    place.program("timeout", &["3600", "7zz", "t"], &[&last]);
    place.program("timeout", &["3600", "zip", "-q", "-s", "0"], &[&last, "--out", "joined.zip"]);
    place.program("unzip", &["-tqq"], &["joined.zip"]);
    let expected = rows(&place, "delays");
    assert_same(&records(&place.program("unzip", &["-p"], &["joined.zip"])), &expected, "zip -s 0");

    for (number, part) in [&parts[0], &parts[parts.len() / 2], parts.last().unwrap()].into_iter().enumerate()
    {
        let to = format!("extracted-{number}");
        place.done(&["extract", &format!("out/{part}"), "--key", "ops.key", "--to", &to]);
        let lines = place.program("sh", &["-c", "cat $(find \"$0\" -type f)"], &[&to]);
        assert_same(&records(&lines), &expected, part);
    }
}
