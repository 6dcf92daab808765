//! A database of the breadth of Pagila, the well-known rental shop: each table, partition and view is read whole.

use cdds_core::domain::record::prune;

use super::scene::{Scene, everything, lines, table};

/// The tables and views, each with how many rows it has.
const RELATIONS: [(&str, usize); 20] = [
    ("language", 6),
    ("category", 16),
    ("actor", 200),
    ("film", 1_000),
    ("film_actor", 5_000),
    ("film_category", 1_000),
    ("country", 109),
    ("city", 600),
    ("address", 603),
    ("store", 2),
    ("staff", 2),
    ("customer", 599),
    ("inventory", 4_581),
    ("rental", 16_044),
    ("payment", 16_044),
    ("payment_2026_02", 5_305),
    ("customer_list", 599),
    ("film_list", 1_000),
    ("sales_by_month", 3),
    ("\"Überfällige Ausleihen\"", 980),
];

const SCHEMA: &str = r#"
CREATE TYPE mpaa_rating AS ENUM ('G', 'PG', 'PG-13', 'R', 'NC-17');
CREATE DOMAIN year AS integer CHECK (VALUE BETWEEN 1901 AND 2155);
CREATE DOMAIN "bıgınt" AS bigint;
CREATE TABLE language (language_id serial PRIMARY KEY, name char(20) NOT NULL, last_update timestamptz NOT NULL);
CREATE TABLE category (category_id serial PRIMARY KEY, name text NOT NULL, last_update timestamp NOT NULL);
CREATE TABLE actor (actor_id serial PRIMARY KEY, first_name text, last_name text, born date, last_update timestamptz);
CREATE TABLE film (film_id serial PRIMARY KEY, title text NOT NULL, description text, release_year year,
    language_id int REFERENCES language, original_language_id int REFERENCES language, rental_duration smallint,
    rental_rate numeric(4,2), length smallint, replacement_cost numeric(5,2), rating mpaa_rating, last_update timestamptz,
    special_features text[], fulltext tsvector, reviews jsonb, shown tstzrange,
    per_minute numeric GENERATED ALWAYS AS (replacement_cost / nullif(length, 0)) STORED);
CREATE TABLE film_actor (film_id int REFERENCES film, actor_id int REFERENCES actor, role jsonb,
    PRIMARY KEY (film_id, actor_id));
CREATE TABLE film_category (film_id int PRIMARY KEY REFERENCES film, category_id int REFERENCES category);
CREATE TABLE country (country_id "bıgınt" PRIMARY KEY, country text, bounds box);
CREATE TABLE city (city_id serial PRIMARY KEY, city text, country_id int, place point);
CREATE TABLE address (address_id serial PRIMARY KEY, address text, address2 text, district text, city_id int,
    postal_code varchar(10), phone text, from_network inet);
CREATE TABLE store (store_id serial PRIMARY KEY, manager_staff_id int, address_id int, hours int4range, opened time);
CREATE TABLE staff (staff_id serial PRIMARY KEY, username text, active bool, password bytea, picture bytea, token uuid,
    mac macaddr, pays money);
CREATE TABLE customer (customer_id serial PRIMARY KEY, store_id int, first_name text, last_name text, email text,
    activebool bool, create_date date, settings json, tags text[], score float8, share real);
CREATE TABLE inventory (inventory_id serial PRIMARY KEY, film_id int, store_id int);
CREATE TABLE rental (rental_id serial PRIMARY KEY, rental_date timestamptz NOT NULL, inventory_id int, customer_id int,
    return_date timestamptz, lasted interval, flags bit(4));
CREATE TABLE payment (payment_id int, customer_id int, rental_id int, amount numeric(5,2), payment_date timestamptz)
    PARTITION BY RANGE (payment_date);
CREATE TABLE payment_2026_01 PARTITION OF payment FOR VALUES FROM ('2026-01-01 00:00Z') TO ('2026-02-01 00:00Z');
CREATE TABLE payment_2026_02 PARTITION OF payment FOR VALUES FROM ('2026-02-01 00:00Z') TO ('2026-03-01 00:00Z');
CREATE TABLE payment_later PARTITION OF payment DEFAULT;
"#;

const ROWS: &str = r#"
INSERT INTO language SELECT n, 'language ' || n, 'epoch' FROM generate_series(1, 6) n;
INSERT INTO category SELECT n, 'category ' || n, 'infinity' FROM generate_series(1, 16) n;
INSERT INTO actor SELECT n, 'PENELOPE', CASE WHEN n % 7 > 0 THEN 'O''HARA ' || n END,
    date '1900-01-01' - n * 1000, timestamptz '2026-01-01 00:00Z' + n * interval '1 hour 1 microsecond'
    FROM generate_series(1, 200) n;
INSERT INTO film SELECT n, 'ACADEMY "DINOSAUR" ' || n, CASE n % 3 WHEN 0 THEN '' WHEN 1 THEN E'Line\n\ttwo \\ 東京' END,
    1901 + n % 200, 1 + n % 6, CASE WHEN n % 5 = 0 THEN 1 END, n % 7, n % 5 + 0.99, n % 180, n % 30 + 0.99,
    (enum_range(NULL::mpaa_rating))[1 + n % 5], timestamptz '2026-01-01 00:00Z' + n * interval '1 minute',
    CASE n % 4 WHEN 0 THEN '{}' WHEN 1 THEN '{Trailers,"Deleted Scenes"}'::text[] WHEN 2 THEN '{NULL}' END,
    to_tsvector('academy ' || n), CASE WHEN n % 2 = 0 THEN jsonb_build_array(jsonb_build_object('by', n, 'text', NULL)) END,
    tstzrange('2026-01-01 00:00Z', CASE WHEN n % 2 = 0 THEN timestamptz '2026-02-01 00:00Z' END)
    FROM generate_series(1, 1000) n;
INSERT INTO film_actor SELECT f, (f * 7 + a * 40) % 200 + 1, CASE WHEN a = 0 THEN '{"lead": true, "as": ""}'::jsonb END
    FROM generate_series(1, 1000) f, generate_series(0, 4) a;
INSERT INTO film_category SELECT n, 1 + n % 16 FROM generate_series(1, 1000) n;
INSERT INTO country SELECT n, 'Réunion ' || n, box(point(n, 0), point(0, n + 0.5)) FROM generate_series(1, 109) n;
INSERT INTO city SELECT n, 'Łódź ' || n, 1 + n % 109, point(n / 7.0, -n) FROM generate_series(1, 600) n;
INSERT INTO address SELECT n, n || ' Way', CASE WHEN n % 2 = 0 THEN '' END, '', 1 + n % 600, lpad(n::text, 5, '0'), '+49 ' || n,
    inet '10.0.0.0' + n FROM generate_series(1, 603) n;
INSERT INTO store SELECT n, n, n, int4range(8, CASE WHEN n = 1 THEN 18 END), time '08:30' FROM generate_series(1, 2) n;
INSERT INTO staff SELECT n, 'staff ' || n, n = 1, sha256(n::text::bytea), CASE WHEN n = 2 THEN ''::bytea END,
    '67e55044-10b1-426f-9247-bb680e5fe0c8', '08:00:2b:01:02:03', n * 1234.5 FROM generate_series(1, 2) n;
INSERT INTO customer SELECT n, 1 + n % 2, 'MARY', 'SMITH ' || n, CASE WHEN n % 9 > 0 THEN 'mary.' || n || '@example.org' END,
    n % 10 > 0, date '2020-01-01' + n, CASE WHEN n % 2 = 0 THEN E'{"a": null, "b": [ ],\n "c": 1.0}'::json END,
    CASE WHEN n % 3 = 0 THEN ARRAY['a', NULL, ''] END, n / 7.0, n / 7.0 FROM generate_series(1, 599) n;
INSERT INTO inventory SELECT n, 1 + n % 1000, 1 + n % 2 FROM generate_series(1, 4581) n;
INSERT INTO rental SELECT n, timestamptz '2026-01-01 00:00Z' + n * interval '7 minutes 0.123 seconds', 1 + n % 4581,
    1 + n % 599, CASE WHEN n % 20 > 0 THEN timestamptz '2026-01-05 00:00Z' + n * interval '7 minutes' END,
    n % 90 * interval '1 day 1 second', (n % 16)::bit(4) FROM generate_series(1, 16044) n;
INSERT INTO payment SELECT n, 1 + n % 599, n, n % 12 + 0.99, timestamptz '2026-01-01 00:00Z' + n * interval '7.6 minutes'
    FROM generate_series(1, 16044) n;
CREATE VIEW customer_list AS SELECT c.customer_id AS id, c.first_name || ' ' || c.last_name AS name, a.postal_code AS "zip code",
    CASE WHEN c.activebool THEN 'active' ELSE '' END AS notes, json_build_object('store', c.store_id, 'phone', a.phone, 'none', NULL) AS at
    FROM customer c LEFT JOIN address a ON a.address_id = c.customer_id;
CREATE VIEW film_list AS SELECT f.film_id AS fid, f.title, (SELECT array_agg(row_to_json(x)) FROM
    (SELECT actor_id, role FROM film_actor fa WHERE fa.film_id = f.film_id) x) AS actors FROM film f;
CREATE MATERIALIZED VIEW sales_by_month AS SELECT date_trunc('month', payment_date) AS month, sum(amount) AS sales,
    avg(amount) AS mean, array_agg(DISTINCT customer_id % 5) AS some FROM payment GROUP BY 1;
CREATE VIEW "Überfällige Ausleihen" AS SELECT r.rental_id AS "Nr.", age(timestamptz '2026-12-31 00:00Z', rental_date) AS "seit"
    FROM rental r WHERE return_date IS NULL OR lasted > interval '89 days';
"#;

#[test]
fn a2_each_table_and_view_of_a_whole_shop_is_what_row_to_json_makes_of_it() {
    let scene = Scene::new(&format!("{SCHEMA}{ROWS}"));
    let oracle = scene.session();
    scene.in_session(&oracle, "SET TimeZone = 'UTC'; SET lc_monetary = 'C'");
    for (name, count) in RELATIONS {
        let mut found = lines(&scene.source(table(name.trim_matches('"'))), everything());
        let rows = format!("SELECT row_to_json(t)::text FROM {name} AS t");
        let expected = scene.server.within(oracle.query_typed(&rows, &[])).unwrap();
        let pruned = |row: &tokio_postgres::Row| {
            let mut pruned = Vec::new();
            prune::object(row.get::<_, &str>(0).as_bytes(), &mut pruned, |_, _| ()).unwrap();
            String::from_utf8(pruned).unwrap()
        };
        let mut expected: Vec<String> = expected.iter().map(pruned).collect();
        found.sort();
        expected.sort();
        assert_eq!(found.len(), count, "{name}");
        assert!(found == expected, "{name}: {:?}", found.iter().zip(&expected).find(|(a, b)| a != b));
    }
}
