//! Worlds in which people ask what is kept about them, and that it is erased ([`World::asking`](super::World::asking)).
//!
//! Two owners know the same people, whom the records of five types name: one type is deleted, one is emptied, one is kept by
//! law, one cannot be erased, and of one records are on hold for a while or needed by others. Clerks put requests on record,
//! verify, approve, refuse, withdraw and extend them, preview and ask again, download sets, find copies and recall them, run
//! failed exports again and apply past erasures again after the sources were restored. Keys are missing in some programs, filters are lost, and each call
//! to a port meets the faults of any world.
//!
//! After every step these rules are checked, by their numbers:
//!
//! - D3: each step of a request is taken once, in order and by whom it may be; it is done once all tasks are answered; an
//!   erasure begins when it is approved and its copy published; one worker at a time holds a task.
//! - D4: what is to be erased is counted on record before, and what is on record then is what the source did.
//! - D5: nobody's records are erased who has not asked for it, nor those of another owner; at the end none is left that
//!   came before, but what is kept with its reason on record.
//! - D6: the identifiers of a request that has ended are destroyed, and two owners share no hash.
//! - D7: the ledger has an entry before its request ends; once past erasures are applied again, nobody of them is there.
//! - D8: a request that repeats an open one is refused, and no other.
//! - D9: a copy holds the person's records that the sources had, each once, and no other; it is sealed for the certificate
//!   that came with the request; nothing is published for one that has ended.
//! - D10: of no set that names a person its filters say that it does not.
//! - D11: of a set that somebody has and that may hold a person who asked for erasure, everybody is told, once for each
//!   request; nobody is told of others, and each has its entry of the audit.
//! - The audit has each step that a person took once, and no owner sees anything of another.

mod clerk;
mod closer;
mod copy;
mod desk;
mod keys;
mod recall;
mod record;
mod run;
mod seal;
mod steps;
mod store;
mod tasks;
mod town;
mod ward;

pub(super) use self::run::Run;
