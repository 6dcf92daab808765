//! Records are what `row_to_json` makes of rows, without empty values (rule A2).

use cdds_core::domain::record::prune;
use serde_json::Value;

use super::scene::{Scene, everything, lines, query, table};

/// A column of each type of PostgreSQL 15, with values at its edges.
const TYPES: &[(&str, &[&str])] = &[
    ("int2", &["-32768", "0"]),
    ("int4", &["2147483647"]),
    ("int8", &["-9223372036854775808", "9007199254740993"]),
    (
        "numeric",
        &["'NaN'", "'Infinity'", "'-Infinity'", "12345678901234567890.000000000000000000010", "0.10"],
    ),
    ("numeric(12,3)", &["1"]),
    ("float4", &["0.1", "'NaN'", "'-Infinity'"]),
    ("float8", &["0.1", "1e300", "'-0'", "'Infinity'", "'NaN'"]),
    ("money", &["12345.67", "-0.5"]),
    ("bool", &["true", "false"]),
    ("text", &["'Zürich – 東京 \"x\" \\'", "''", "E'a\\nb\\tc'"]),
    ("varchar(10)", &["'a'"]),
    ("char(5)", &["'ab'"]),
    ("name", &["'a'"]),
    ("\"char\"", &["'x'"]),
    ("bytea", &["'\\xdeadbeef'", "''"]),
    (
        "timestamptz",
        &[
            "'infinity'",
            "'-infinity'",
            "'0044-03-15 12:00:00+00 BC'",
            "'2026-03-29 02:30:00.123456+02'",
            "'294276-12-31 23:59:59.999999+00'",
        ],
    ),
    ("timestamp", &["'infinity'", "'0001-01-01 00:00:00 BC'", "'2026-02-28 23:59:59.5'"]),
    ("timestamp(0)", &["'2026-02-28 23:59:59.5'"]),
    ("date", &["'infinity'", "'0044-03-15 BC'", "'2026-02-28'", "'5874897-12-31'"]),
    ("time", &["'24:00:00'", "'01:02:03.000001'"]),
    ("timetz", &["'01:02:03+05:30'"]),
    ("interval", &["'1 year 2 mons -3 days 04:05:06.7'", "'0'"]),
    ("uuid", &["'67e55044-10b1-426f-9247-bb680e5fe0c8'"]),
    (
        "json",
        &[
            "E'{\"a\": 1,\\n \"a\": 2, \"b\": null, \"c\": [ ]}'",
            "'\"\"'",
            "'[1, null, {}]'",
            "'null'",
            "'1.50'",
            "E'\"a\\\\u0041\"'",
        ],
    ),
    ("jsonb", &["'{\"z\": {\"y\": null}, \"a\": [{}, \"\"]}'", "'1.50'", "'\"x\"'"]),
    ("xml", &["'<a>b</a>'"]),
    ("tsvector", &["'a:1 b:2'"]),
    ("tsquery", &["'a & b'"]),
    ("inet", &["'192.168.0.1/24'", "'::1'"]),
    ("cidr", &["'10.0.0.0/8'"]),
    ("macaddr", &["'08:00:2b:01:02:03'"]),
    ("macaddr8", &["'08:00:2b:01:02:03:04:05'"]),
    ("bit(3)", &["B'101'"]),
    ("bit varying", &["B'1'", "B''"]),
    ("point", &["'(1,2)'"]),
    ("line", &["'{1,2,3}'"]),
    ("lseg", &["'[(1,2),(3,4)]'"]),
    ("box", &["'(1,2),(3,4)'"]),
    ("path", &["'((1,2),(3,4))'"]),
    ("polygon", &["'((1,2),(3,4))'"]),
    ("circle", &["'<(1,2),3>'"]),
    ("int4[]", &["'{1,2}'", "'{}'", "'{{1,2},{3,NULL}}'", "'[2:3]={1,2}'"]),
    ("text[]", &["'{a,\"b c\",NULL,\"\"}'"]),
    ("timestamptz[]", &["'{2026-01-01 00:00:00+00,infinity}'"]),
    ("jsonb[]", &["ARRAY['{\"a\":null}'::jsonb]"]),
    ("int4range", &["'[1,5)'", "'empty'"]),
    ("numrange", &["'(,1.5]'"]),
    ("tstzrange", &["'[2026-01-01 00:00:00+00,infinity)'"]),
    ("daterange", &["'[2026-01-01,2026-02-01)'"]),
    ("int4multirange", &["'{[1,2),[5,7)}'", "'{}'"]),
    ("mood", &["'so ''so'''"]),
    ("mood[]", &["'{sad}'"]),
    ("price", &["1.50"]),
    ("prices", &["'{1.5,2.50}'"]),
    ("place", &["ROW('a', 1, NULL)", "ROW(NULL, NULL, ROW(1, '')::inner_place)"]),
    ("place[]", &["ARRAY[ROW('a', 1, NULL)::place]"]),
    ("oid", &["4294967295"]),
    ("regclass", &["'pg_class'"]),
    ("pg_lsn", &["'16/B374D848'"]),
    ("xid8", &["'1'"]),
    ("jsonpath", &["'$.a'"]),
];

const DEFINED: &str = "CREATE TYPE mood AS ENUM ('sad', 'so ''so''');
    CREATE DOMAIN price AS numeric(8,2); CREATE DOMAIN prices AS price[];
    CREATE TYPE inner_place AS (x int4, y text); CREATE TYPE place AS (name text, n int8, inside inner_place);";

/// Settings of the role that would change the text of records, if they were not pinned.
const HOSTILE: &str =
    "ALTER ROLE reader SET DateStyle = 'German, DMY'; ALTER ROLE reader SET TimeZone = 'Asia/Tokyo';
    ALTER ROLE reader SET IntervalStyle = 'iso_8601'; ALTER ROLE reader SET extra_float_digits = -15;
    ALTER ROLE reader SET bytea_output = 'escape'; ALTER ROLE reader SET quote_all_identifiers = on;
    ALTER ROLE reader SET xmlbinary = 'hex'; ALTER ROLE reader SET statement_timeout = '1min';
    ALTER ROLE reader SET search_path = 'pg_catalog';";

#[test]
fn a2_all_types_are_what_row_to_json_makes_of_them() {
    let mut setup = format!("{DEFINED}{HOSTILE}");
    let columns: Vec<String> = TYPES
        .iter()
        .enumerate()
        .map(|(n, (name, _))| format!("\"c {n} {}\" {name}", name.replace('"', "")))
        .collect();
    setup.push_str(&format!("CREATE TABLE \"All Types\" ({});", columns.join(", ")));
    let rows = TYPES.iter().map(|(_, values)| values.len()).max().unwrap();
    for row in 0..=rows {
        let value = |(name, values): &(&str, &[&str])| {
            values.get(row).map_or("NULL".to_owned(), |value| format!("({value})::{name}"))
        };
        let values: Vec<String> = TYPES.iter().map(value).collect();
        setup.push_str(&format!("INSERT INTO \"All Types\" VALUES ({});", values.join(", ")));
    }
    let scene = Scene::new(&setup);
    let found = lines(&scene.source(table("All Types")), everything());
    let oracle = scene.session();
    scene.in_session(&oracle, "SET TimeZone = 'UTC'; SET lc_monetary = 'C'");
    let query_rows = "SELECT row_to_json(t)::text FROM \"All Types\" AS t";
    let expected = scene.server.within(oracle.query_typed(query_rows, &[])).unwrap();
    assert_eq!(found.len(), rows + 1);
    for (line, row) in found.iter().zip(&expected) {
        let mut pruned = Vec::new();
        prune::object(row.get::<_, &str>(0).as_bytes(), &mut pruned, |_, _| ()).unwrap();
        assert_eq!(*line, String::from_utf8(pruned).unwrap());
        assert!(!line.contains('\n'));
    }
    let first: Value = serde_json::from_str(&found[0]).unwrap();
    let value = |name: &str| {
        let place = TYPES.iter().position(|(known, _)| *known == name).unwrap();
        &first[format!("c {place} {name}")]
    };
    assert_eq!(*value("numeric"), "NaN");
    assert_eq!(*value("timestamptz"), "infinity");
    assert_eq!(*value("bytea"), "\\xdeadbeef");
    assert_eq!(*value("json"), serde_json::json!({"a": 2}));
    assert_eq!(*value("interval"), "1 year 2 mons -3 days +04:05:06.7");
    assert_eq!(*value("float4"), 0.1);
    assert!(found[0].contains("\"c 2 int8\":-9223372036854775808"), "{}", found[0]);
    assert!(found[2].contains("0044-03-15T12:00:00+00:00 BC"), "{}", found[2]);
    assert_eq!(found[rows], "{}");
}

#[test]
fn r7_of_columns_with_one_name_the_last_counts() {
    let scene = Scene::new("");
    // The comment, the semicolon and the quotes are a query's own matter.
    let twice = "SELECT 1 AS a, 2 AS \"b\"\"c\", 3 AS a, ''::text AS d; -- a comment";
    for text in
        [twice.trim_end_matches(" -- a comment"), "SELECT 1 AS a, 2 AS \"b\"\"c\", 3 AS a -- a comment"]
    {
        assert_eq!(lines(&scene.source(query(text)), everything()), ["{\"a\":3,\"b\\\"c\":2}"]);
    }
}
