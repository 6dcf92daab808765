//! Recipients and who uses them (rules S1, J15).

use cdds_core::domain::id::{Owner, RecipientName};
use cdds_core::domain::recipient::{CertificateFacts, Recipient};
use cdds_core::ports::catalog::{Catalog, CatalogErrorKind};
use futures::executor::block_on;

use crate::world::*;

#[test]
fn s1_recipients_are_kept_by_owner_and_name() {
    let world = World::new();
    let recipient = |owner: &str, name: &str| Recipient {
        owner: Owner::new(owner).unwrap(),
        name: RecipientName::new(name).unwrap(),
        certificate: CertificateFacts {
            der: vec![0x30, 0x82, 0, 255],
            fingerprint: "ab".repeat(32),
            subject: "CN=Ops \"night\"".to_owned(),
            not_before: at(-10),
            not_after: at(10),
            warnings: vec!["it expires soon".to_owned()],
        },
        added_at: at(0),
    };
    let (zoe, ada, other) = (recipient("mine", "zoe"), recipient("mine", "ada"), recipient("yours", "zoe"));
    for stored in [&zoe, &ada, &other] {
        block_on(world.catalog.insert_recipient(stored)).unwrap();
    }
    let twice = block_on(world.catalog.insert_recipient(&zoe)).unwrap_err();
    assert_eq!(twice.kind(), CatalogErrorKind::Conflict);
    assert_eq!(block_on(world.catalog.recipients(&zoe.owner)).unwrap(), [ada, zoe]);
    assert_eq!(block_on(world.catalog.recipients(&other.owner)).unwrap(), [other]);
}
