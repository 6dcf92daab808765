//! Rule J16: what an owner sees of a database with the rows of several.

use cdds_core::domain::id::Owner;
use cdds_core::ports::source::{Estimate, Ownership, ReadRequest, Source, SourceErrorKind};
use cdds_storage::source::{OwnerConfig, PostgresSource, PostgresType};
use futures::executor::block_on;

use super::scene::{Scene, config, everything, lines, query, read, table};

fn of(owner: &str) -> ReadRequest {
    everything().with_owner(Owner::new(owner).unwrap())
}

fn records(source: &PostgresSource, owner: &str) -> Option<u64> {
    block_on(source.estimate(&of(owner))).unwrap().and_then(Estimate::records)
}

#[test]
fn j16_a_column_names_the_owner_whatever_its_type() {
    let scene = Scene::new(
        "CREATE COLLATION careless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         CREATE TYPE tenant AS ENUM ('north', 'North', '7');
         CREATE TABLE t (id int4, word text, careless text COLLATE careless, padded char(8), number int4,
                         exact numeric, kind tenant, key uuid);
         INSERT INTO t VALUES (1, 'north', 'north', 'north', 7, 7, 'north', NULL),
           (2, 'North', 'North', 'North', 8, 7.0, 'North', NULL), (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
           (4, '7', '7', '7', 7, 8, '7', '67e55044-10b1-426f-9247-bb680e5fe0c8'), (5, '', '', '', 0, 0, NULL, NULL)",
    );
    for (column, owner, expected) in [
        ("word", "north", vec![1]),
        ("careless", "north", vec![1]),
        ("careless", "North", vec![2]),
        ("padded", "north", vec![1]),
        ("number", "7", vec![1, 4]),
        ("number", "07", vec![]),
        ("number", "north", vec![]),
        ("exact", "7", vec![1]),
        ("kind", "North", vec![2]),
        ("kind", "south", vec![]),
        ("key", "67e55044-10b1-426f-9247-bb680e5fe0c8", vec![4]),
        ("key", "67E55044-10B1-426F-9247-BB680E5FE0C8", vec![]),
    ] {
        let source = scene.source(table("t").with_owner(OwnerConfig::Field(column.to_owned())));
        assert_eq!(source.describe().types[0].ownership, Ownership::PerOwner);
        let found = lines(&source, of(owner));
        assert_eq!(found.len(), expected.len(), "{column} of {owner}: {found:?}");
        for (line, id) in found.iter().zip(&expected) {
            assert!(line.starts_with(&format!("{{\"id\":{id}")), "{column} of {owner}: {line}");
        }
        // An estimate by the plan would tell of others' rows.
        assert_eq!(records(&source, owner), Some(expected.len() as u64), "{column} of {owner}");
    }
}

#[test]
fn j16_each_owner_has_a_schema() {
    // A name of more than 63 bytes would be cut, and lead to the schema of another.
    let long = "n".repeat(63);
    let scene = Scene::new(&format!(
        "CREATE SCHEMA north; CREATE TABLE north.calls AS SELECT 'north' AS whose;
         CREATE SCHEMA \"a@b.example\"; CREATE TABLE \"a@b.example\".calls AS SELECT 'example' AS whose;
         CREATE SCHEMA {long}; CREATE TABLE {long}.calls AS SELECT 'long' AS whose"
    ));
    let source = scene.source(table("{owner}.calls"));
    assert_eq!(source.describe().types[0].ownership, Ownership::PerOwner);
    for (owner, expected) in [("north", "north"), ("a@b.example", "example"), (&long, "long")] {
        assert_eq!(lines(&source, of(owner)), [format!("{{\"whose\":\"{expected}\"}}")]);
    }
    let longer = format!("{long}o");
    for owner in ["North", "south", &longer] {
        let error = read(&source, of(owner)).unwrap_err();
        assert_eq!(error.kind(), SourceErrorKind::Missing, "{owner}: {error}");
    }
    let shared = table("{owner}.calls").with_owner(OwnerConfig::Shared);
    assert!(PostgresSource::new(config(shared), scene.connections.clone()).is_err());
}

/// Two owners' rows in one table, which policies keep apart by role.
const SECURED: &str = "CREATE TABLE calls (whose text, n int4);
    INSERT INTO calls SELECT whose, n FROM unnest(ARRAY['north', 'south']) AS whose, generate_series(1, 50) AS n;
    ALTER TABLE calls ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON calls USING ('tenant_' || whose = current_user);
    CREATE TABLE open AS SELECT * FROM calls;
    CREATE ROLE tenant_north; CREATE ROLE tenant_south; CREATE ROLE tenant_admin BYPASSRLS;
    GRANT SELECT ON calls, open TO tenant_north, tenant_south, tenant_admin;
    CREATE ROLE signs_in LOGIN NOINHERIT; GRANT tenant_north, tenant_south, tenant_admin TO signs_in;";

fn secured(scene: &Scene, data_type: PostgresType, role: &str) -> PostgresSource {
    let config = config(data_type).with_role(role);
    PostgresSource::new(config, scene.connections_of("signs_in")).unwrap()
}

#[test]
fn j16_a_role_of_each_owner_sees_its_rows_alone() {
    let scene = Scene::new(SECURED);
    scene.run("ANALYZE calls");
    let source = secured(&scene, table("calls"), "tenant_{owner}");
    assert_eq!(source.describe().types[0].ownership, Ownership::PerOwner);
    // One connection serves both, so the role must not stay.
    for owner in ["north", "south", "north"] {
        let found = lines(&source, of(owner));
        assert_eq!(found.len(), 50);
        assert!(found.iter().all(|line| line.contains(owner)), "{owner}: {found:?}");
        assert_eq!(records(&source, owner), Some(50));
    }
    let source = secured(&scene, query("SELECT n FROM calls"), "tenant_{owner}");
    assert_eq!(lines(&source, of("south")).len(), 50);
}

#[test]
fn j16_a_role_that_sees_all_rows_is_refused() {
    let scene = Scene::new(SECURED);
    for (name, role, owner, kind, told) in [
        ("calls", "tenant_{owner}", "east", SourceErrorKind::Missing, "no role"),
        ("calls", "tenant_{owner}", "admin", SourceErrorKind::Invalid, "all owners"),
        ("open", "tenant_{owner}", "north", SourceErrorKind::Invalid, "row-level security"),
        // To PostgreSQL, taking on the role "none" is to be oneself again.
        ("calls", "{owner}", "none", SourceErrorKind::Missing, "no role"),
        ("calls", "{owner}", "postgres", SourceErrorKind::Invalid, "all owners"),
        ("calls", "{owner}", "pg_read_all_data", SourceErrorKind::Invalid, "all owners"),
    ] {
        let error = read(&secured(&scene, table(name), role), of(owner)).unwrap_err();
        assert_eq!(error.kind(), kind, "{owner}: {error}");
        assert!(error.report().contains(told), "{owner}: {}", error.report());
    }
}
