//! The texts of requests of data subjects.

use cdds_view::words;

pub(crate) const TITLE: &str = "Data subjects";
pub(crate) const ABOUT: &str =
    "What people ask for about their own records: a copy of them, that they are erased, or both.";
pub(crate) const REQUEST: &str = "request";
pub(crate) const NOTHING_YET: &str = "Nobody has asked for anything yet";
pub(crate) const NOTHING_YET_SAYS: &str =
    "If a person wants to see what is kept about them, or wants it erased, put their request on record here.";
pub(crate) const NO_MATCH: &str = "No request fits these filters.";
pub(crate) const SHOW_ALL: &str = "Show all requests";
pub(crate) const NEW: &str = "New request";
pub(crate) const ALL: &str = "All";
pub(crate) const OPEN: &str = "Open";
pub(crate) const ENDED: &str = "Ended";
pub(crate) const WHICH: &str = "Which requests";
pub(crate) const KIND: &str = "Asked for";
pub(crate) const DUE: &str = "Due";
pub(crate) const NEAR: &str = "Due in a week";
pub(crate) const OVERDUE: &str = "Overdue";
pub(crate) const RECEIVED: &str = "Received";
pub(crate) const SCOPE: &str = "In";
pub(crate) const EVERYTHING: &str = "All sources";
pub(crate) const BY: &str = "by";

// The form of a new one.
pub(crate) const IDENTIFIERS: &str = "Identifiers of the person";
pub(crate) const IDENTIFIERS_HINT: &str = "One a line, 20 at most, each with its kind: phone=+49 30 123456. They are kept encrypted until the request ends, and no page shows them.";
pub(crate) const KINDS_KNOWN: &str = "Kinds that the sources know:";
pub(crate) const TYPE_AGAIN: &str =
    "Type the identifiers again: they are never sent back, and neither is a certificate.";
pub(crate) const SOURCES: &str = "Only some sources or types";
pub(crate) const SOURCES_HINT: &str = "If nothing is ticked, everything that names people is meant.";
pub(crate) const NO_SOURCES: &str =
    "No source says which of its fields name people, so nothing would be found.";
pub(crate) const HANDOVER: &str = "How the copy is handed over";
pub(crate) const HANDOVER_HINT: &str = "Encrypted for a certificate of the person, whose private key stays with them; or readable for anybody who has the files. An erasure needs neither.";
pub(crate) const FILE: &str = "Certificate as a file, PEM or DER";
pub(crate) const PLAINTEXT: &str = "Do not encrypt the copy: anybody who has the files can read it";
pub(crate) const DUE_DAY: &str = "Due on";
pub(crate) const DUE_HINT: &str =
    "The day begins at 00:00 UTC. If it stays empty, the request is due in a month.";
pub(crate) const PUT_ON_RECORD: &str = "Put it on record";
pub(crate) const CHOOSE_KIND: &str = "choose what the person asks for";
pub(crate) const ONE_HANDOVER: &str =
    "there are a certificate and the tick for no encryption: choose one of them";

// One request.
pub(crate) const PROGRESS: &str = "Progress";
pub(crate) const STEP_RECEIVED: &str = "Received";
pub(crate) const STEP_VERIFIED: &str = "Identity";
pub(crate) const STEP_APPROVED: &str = "Approval";
pub(crate) const STEP_COPY: &str = "Copy";
pub(crate) const STEP_COPY_ERASURE: &str = "Copy, then erasure";
pub(crate) const STEP_ERASURE: &str = "Erasure";
pub(crate) const STEP_DONE: &str = "Done";
pub(crate) const SOMEBODY_CHECKS: &str = "Somebody checks it";
pub(crate) const AN_ADMINISTRATOR: &str = "An administrator";
pub(crate) const IDENTIFIERS_GO: &str = "Identifiers are destroyed";
pub(crate) const BY_ITSELF: &str = "By itself";
pub(crate) const WHAT: &str = "What was asked";
pub(crate) const CHOSEN: &str = "Sources";
pub(crate) const PERSON: &str = "Person";
pub(crate) const COPY: &str = "Copy";
pub(crate) const IN_PLAINTEXT: &str = "Not encrypted";
pub(crate) const SEALED_FOR: &str = "Encrypted for the certificate with SHA-256";
pub(crate) const CHECKED: &str = "Identity";
pub(crate) const NOT_CHECKED: &str = "Not checked yet";
pub(crate) const REASON: &str = "Reason";
pub(crate) const EXTENDED: &str = "Extended";
pub(crate) const TO_AUDIT: &str = "Who did what with it";
pub(crate) const COPY_TITLE: &str = "The copy";
pub(crate) const COPY_LATER: &str = "It is made by itself, once nothing stands before it.";
pub(crate) const COPY_NONE: &str = "It was not made.";
pub(crate) const COPY_PUBLISHED: &str = "Published";
pub(crate) const COPY_RUN: &str = "See how it is made";
pub(crate) const COPY_SET: &str = "Open the set";
pub(crate) const COPY_AGAIN: &str = "Open the run, see to the reason, and run it again there.";
pub(crate) const ERASURE_TITLE: &str = "The erasure";
pub(crate) const COUNTS_TITLE: &str = "What the erasure would do";
pub(crate) const OUTCOME: &str = "Outcome";
pub(crate) const ERASED: &str = "Erased";
pub(crate) const TO_ERASE: &str = "To erase";
pub(crate) const KEPT: &str = "Kept, and why";
pub(crate) const NEXT_TRY: &str = "Next attempt:";
pub(crate) const COUNT: &str = "Count what would be erased";
pub(crate) const COUNT_TITLE: &str = "Count";
pub(crate) const COUNTED: &str = "Nothing was erased by counting.";
pub(crate) const RUN_AGAIN: &str = "Run what failed again";
pub(crate) const OWN: &str = "You put this request on record, so somebody else has to approve the erasure.";
pub(crate) const COPIES: &str = "Copies already made";
pub(crate) const COPIES_SAYS: &str = "Exports may hold this person as well, and may have been downloaded or delivered. Looking for them goes on record.";
pub(crate) const FIND: &str = "Find the copies";
pub(crate) const KEY_HELD: &str = "The key is missing";

/// Says which key is missing.
pub(crate) fn key_held(key: &str) -> String {
    format!(
        "This service does not have the key {key}, under which the identifiers are kept. Until it is brought back, the request can be withdrawn and nothing more."
    )
}

// The steps.
pub(crate) const VERIFY: &str = "Record that the identity was checked";
pub(crate) const VERIFY_SAYS: &str = "Somebody who asks for the records of others must not get them. The record says who has checked the identity, and how.";
pub(crate) const WHO: &str = "Who has checked it";
pub(crate) const WHO_HINT: &str = "A person or a department.";
pub(crate) const HOW: &str = "How";
pub(crate) const HOW_HINT: &str = "Such as: passport shown at the desk. Without numbers of documents or other identifiers, since these words stay.";
pub(crate) const VERIFY_IT: &str = "Record it";
pub(crate) const APPROVE: &str = "Approve the erasure";
pub(crate) const APPROVE_SAYS: &str = "What is erased cannot be brought back from here.";
pub(crate) const APPROVE_LATER: &str =
    "The copy is made first. Records are erased once it is published, and not before.";
pub(crate) const EXTEND: &str = "Extend";
pub(crate) const EXTEND_TITLE: &str = "Extend the request";
pub(crate) const EXTEND_SAYS: &str = "The person has to be told why it takes longer before the due date has passed. A request is extended once.";
pub(crate) const EXTEND_DAY: &str = "New due day";
pub(crate) const EXTEND_HINT: &str =
    "The day begins at 00:00 UTC. If it stays empty, the due date moves by two months.";
pub(crate) const EXTEND_IT: &str = "Extend it";
pub(crate) const REFUSE: &str = "Refuse…";
pub(crate) const REFUSE_TITLE: &str = "Refuse the request";
pub(crate) const REFUSE_HINT: &str =
    "As the person is told it. Without their identifiers, since these words stay.";
pub(crate) const REFUSE_IT: &str = "Refuse it";
pub(crate) const WITHDRAW: &str = "Withdraw…";
pub(crate) const WITHDRAW_TITLE: &str = "Withdraw the request";
pub(crate) const WITHDRAW_SAYS: &str = "The person asks for it no more.";
pub(crate) const WITHDRAW_IT: &str = "Withdraw it";
pub(crate) const ENDS: &str = "The request ends, and its identifiers are destroyed. What was erased stays erased, what was not is not, and a copy that is not published will not be.";
pub(crate) const LEAVE: &str = "Leave it as it is";
pub(crate) const NOT_COUNTED: &str = "It cannot be counted now what would be erased";

/// The title above the types that still hold records about the person when the request has ended.
pub(crate) const STAYS: &str = "Not everything is erased";

/// Says in which types records stay.
pub(crate) fn stays(types: &[String]) -> String {
    format!(
        "Records about the person stay, or may stay, in {}. What the table below gives no reason for is to be erased where it is.",
        types.join(", ")
    )
}

// Copies.
pub(crate) const SETS: &str = "Exports that may hold this person";
pub(crate) const SETS_ABOUT: &str = "All exports in the history, whichever sources the request chose. One that may hold the person does so by mistake once in 318 for each identifier.";
pub(crate) const MAY_HOLD: &str = "May hold the person";
pub(crate) const ALL_SETS: &str = "All exports";
pub(crate) const SET: &str = "Export";
pub(crate) const HOLDS: &str = "Holds them";
pub(crate) const KEPT_FOR: &str = "Kept";
pub(crate) const DOWNLOADED_BY: &str = "Downloaded by";
pub(crate) const DELIVERED_TO: &str = "Delivered to";
pub(crate) const NOBODY: &str = "Nobody";
pub(crate) const NOWHERE: &str = "Nowhere";
pub(crate) const NO_COPIES: &str =
    "No export on this page holds records that name the person by these identifiers.";
pub(crate) const OUT_OF_REACH: &str =
    "What was downloaded or delivered is out of reach: tell those who have it.";
pub(crate) const RECALL_COPIES: &str = "Tell those who have them…";
pub(crate) const RECALL_TITLE: &str = "Tell those who have copies";
pub(crate) const RECALL_SAYS: &str = "They are told that somebody asked for the erasure of what is kept about them, which files may hold records about them, and that every copy is to be deleted. Who it is, is not told. Nobody is told twice.";
pub(crate) const TOLD: &str = "The subscribers of these are told";
pub(crate) const UNTOLD: &str = "Nobody subscribes to these: tell those who have them yourself";
pub(crate) const NOBODY_HAS: &str =
    "Nobody has a copy of an export that may hold records about the person, as far as it is known here.";
pub(crate) const TELL_NOBODY: &str = "Tell nobody";
pub(crate) const SUBSCRIBERS: &str = "Subscribers";
pub(crate) const RECIPIENTS: &str = "Encrypted for";
pub(crate) const DELETE_COPIES: &str = "Delete those that may hold the person…";
pub(crate) const DELETE_TITLE: &str = "Delete the copies";
pub(crate) const KEEP_THEM: &str = "Keep them";
pub(crate) const GOING: &str = "These are deleted";
pub(crate) const STAYING: &str = "These stay, since they are on legal hold";
pub(crate) const NOTHING_GOES: &str =
    "No export that is kept and not on hold may hold records about the person.";
pub(crate) const STAYS_ON_HOLD: &str = "a legal hold keeps it: release it first";
pub(crate) const UNTOLD_STAY: &str = "Exports of which nobody can tell stay.";
pub(crate) const DELETED: &str = "Deleted";
pub(crate) const EXPIRED: &str = "Expired";
pub(crate) const ON_HOLD: &str = "On hold";
pub(crate) const UNTIL: &str = "Until";
pub(crate) const NO_JOB: &str = "Export";

pub(crate) const KEY_MISSING: &str = "this service does not have the key under which identifiers of data subjects are kept: \
    whoever runs it names the file of keys in the table [subjects] of its configuration, and brings it back from its backup; \
    only where no request was ever on record, `cdds subject key` makes the first one";
pub(crate) const NO_SUCH_SOURCE: &str = "one of the chosen sources or types is not there, or cannot be read: choose from those \
    that are offered";
pub(crate) const WRITE_SOURCE: &str =
    "write sources by their ids, and types as SOURCE/TYPE, such as crm or crm/contact";

/// Returns what is asked for, by its stable name.
pub(crate) fn kind(name: &str) -> &'static str {
    match name {
        "access" => "A copy",
        "erasure" => "Erasure",
        _ => "A copy and erasure",
    }
}

/// Returns what is asked for, as the form says it.
pub(crate) fn asks(name: &str) -> &'static str {
    match name {
        "access" => "A copy of their records",
        "erasure" => "That their records are erased",
        _ => "Both: a copy, and then the erasure",
    }
}

/// Returns a state, by its stable name.
pub(crate) fn state(name: &str) -> &'static str {
    match name {
        "received" => "Received",
        "verified" => "Identity checked",
        "approved" => "Approved",
        "running" => "Erasure runs",
        "refused" => "Refused",
        "withdrawn" => "Withdrawn",
        _ => "Done",
    }
}

/// `A copy and erasure, request 3f8a01c2`
pub(crate) fn title(kind_name: &str, id: &str) -> String {
    format!("{}, request {}", kind(kind_name), short(id))
}

/// Returns the beginning of an id.
pub(crate) fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// Says by how many identifiers of which kinds the person is named: `2 identifiers: email, phone`.
pub(crate) fn identifiers(kinds: &[&str]) -> String {
    let mut named = kinds.to_vec();
    named.dedup();
    format!("{}: {}", words::counted(kinds.len() as u64, "identifier"), named.join(", "))
}

/// Returns how an erasure stands, by its stable name.
pub(crate) fn outcome(name: &str) -> &'static str {
    match name {
        "waiting" => "Waits",
        "running" => "Runs",
        "on_hold" => "On hold",
        "done" => "Erased",
        "partial" => "Some stay",
        "unsupported" => "The source does not erase it",
        "failed" => "Failed",
        _ => "Given up",
    }
}

/// `210 records in 2 types to erase, 7 to keep.`
pub(crate) fn counts(records: u64, types: u64, kept: u64) -> String {
    format!(
        "{} in {} to erase, {} to keep.",
        words::counted(records, "record"),
        words::counted(types, "type"),
        words::count(kept)
    )
}

/// Returns how an erasure would stand that was only counted, by its stable name.
pub(crate) fn prospect(name: &str) -> &'static str {
    match name {
        "done" => "Nothing stays",
        "failed" => "Cannot be counted",
        name => outcome(name),
    }
}

/// `Delete 12 exports`
pub(crate) fn delete_sets(sets: u64) -> String {
    format!("Delete {}", words::counted(sets, "export"))
}

/// `Tell 2 subscribers`, or that it goes on record alone if there are none.
pub(crate) fn tell(subscribers: u64) -> String {
    match subscribers {
        0 => "Put it on record".to_owned(),
        some => format!("Tell {}", words::counted(some, "subscriber")),
    }
}

/// Says how many more sets are not named.
pub(crate) fn more_told(sets: u64) -> String {
    format!("And {}, which the next round tells of", words::counted(sets, "more export"))
}

/// Says how many of the sets that were looked at hold the person.
pub(crate) fn surveyed(may: u64, not: u64, unknown: u64) -> String {
    format!(
        "{}: {} may hold the person, {} without the person, {} of which nobody can tell.",
        words::counted(may + not + unknown, "export"),
        words::count(may),
        words::count(not),
        words::count(unknown)
    )
}

/// Says how many more sets are not named.
pub(crate) fn more_sets(sets: u64) -> String {
    format!("And {}, which the next round deletes", words::counted(sets, "more export"))
}
