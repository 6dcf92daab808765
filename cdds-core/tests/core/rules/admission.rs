//! Rules J2–J4, F1, J14, W2, W7, A4, A7, S1: which settings may be saved.

use std::sync::Arc;

use cdds_core::domain::archive::retention::RetentionDays;
use cdds_core::domain::archive::split_size::{SEALED_PART_BYTES_MAX, SplitSize};
use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::calendar::timeframe::{FixedRange, Timeframe};
use cdds_core::domain::id::{Owner, RecipientName, SourceId, TypeId};
use cdds_core::domain::job::admission::{Circumstances, check};
use cdds_core::domain::job::{JobSettings, Protection, Read, Reads, RecipientNames, Title};
use cdds_core::domain::recipient::{CertificateFacts, Recipient};
use cdds_core::domain::record::selection::{CategoryDimension, CategorySelection};
use cdds_core::domain::record::template::{FieldSelection, Filter, Template};
use cdds_core::domain::violation::{Code, RuleViolation};
use cdds_core::ports::source::{DataType, SourceDescription as Offer, Sources};
use cdds_core::testing::PreparedSource;
use chrono::{DateTime, TimeDelta, Utc};

const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

fn sources() -> Sources {
    let media = CategoryDimension {
        name: "media types".to_owned(),
        values: vec!["voice".to_owned(), "chat".to_owned()],
    };
    let data_type = |id| DataType::new(TypeId::new(id).unwrap());
    let interaction =
        data_type("interaction").with_category(media).with_event_instant().with_fields(["id", "queue"]);
    let offer = Offer::new(SourceId::new("history").unwrap(), "Contact History")
        .with_type(interaction)
        .with_type(data_type("contact"))
        .with_type(data_type("profile").with_change_instant());
    Sources::new().with(Arc::new(PreparedSource::new(offer, Vec::new()))).with_unsupported(
        SourceId::new("info-mart").unwrap(),
        "Info Mart",
        "Info Mart exports are not supported",
    )
}

fn settings() -> JobSettings {
    JobSettings::new(
        Title::new("t").unwrap(),
        SourceId::new("history").unwrap(),
        TypeId::new("interaction").unwrap(),
        Frequency::Daily("02:00".parse().unwrap()),
        Protection::Plaintext,
    )
    .with_timeframe("rolling:1d".parse().unwrap())
}

fn sealed_for(name: &str) -> Protection {
    Protection::Sealed(RecipientNames::new([RecipientName::new(name).unwrap()]).unwrap())
}

fn verdict(settings: &JobSettings, sealed_part_bytes: u64) -> Option<Code> {
    verdict_of_edit(settings, None, sealed_part_bytes)
}

fn verdict_of_edit(settings: &JobSettings, previous: Option<&JobSettings>, sealed: u64) -> Option<Code> {
    refusal(settings, previous, sealed).map(|violation| violation.code())
}

fn refusal(
    settings: &JobSettings,
    previous: Option<&JobSettings>,
    sealed_part_bytes: u64,
) -> Option<RuleViolation> {
    let stored = [Recipient {
        owner: Owner::default(),
        name: RecipientName::new("ops").unwrap(),
        certificate: CertificateFacts {
            der: Vec::new(),
            fingerprint: String::new(),
            subject: String::new(),
            not_before: NOW,
            not_after: NOW,
            warnings: Vec::new(),
        },
        added_at: NOW,
    }];
    let (all, owner) = (sources(), Owner::default());
    let circumstances = Circumstances {
        destinations: &[],
        owner: &owner,
        sources: &all.for_owner(&owner),
        recipients: &stored,
        retention: RetentionDays::default(),
        sealed_part_bytes,
        now: NOW,
    };
    check(settings, previous, &circumstances).err()
}

#[test]
fn j2_sources_and_types_must_be_registered_and_supported() {
    assert_eq!(verdict(&settings(), 0), None);
    let with_source = |id: &str| settings().with_source(SourceId::new(id).unwrap());
    assert_eq!(verdict(&with_source("nowhere"), 0), Some(Code::UnknownSource));
    assert_eq!(verdict(&with_source("info-mart"), 0), Some(Code::UnsupportedSource));
    let with_type = settings().with_data_type(TypeId::new("email").unwrap());
    assert_eq!(verdict(&with_type, 0), Some(Code::UnknownType));
}

#[test]
fn j2_a_refused_source_is_refused_with_its_reason() {
    let settings = settings().with_source(SourceId::new("info-mart").unwrap());
    let (all, owner) = (sources(), Owner::default());
    let circumstances = Circumstances {
        destinations: &[],
        owner: &owner,
        sources: &all.for_owner(&owner),
        recipients: &[],
        retention: RetentionDays::default(),
        sealed_part_bytes: 0,
        now: NOW,
    };
    let refusal = check(&settings, None, &circumstances).unwrap_err();
    assert!(refusal.to_string().contains("Info Mart exports are not supported"), "{refusal}");
}

#[test]
fn j3_categories_must_be_declared() {
    let only = |value: &str| settings().with_categories(CategorySelection::Only([value.to_owned()].into()));
    assert_eq!(verdict(&only("voice"), 0), None);
    assert_eq!(verdict(&only("fax"), 0), Some(Code::UnknownCategory));
    let empty = settings().with_categories(CategorySelection::Only([].into()));
    assert_eq!(verdict(&empty, 0), Some(Code::EmptyCategories));
}

#[test]
fn j4_templates_name_declared_fields() {
    let filtered = |filter: &str| {
        settings().with_template(Template::new(FieldSelection::All, vec![filter.parse().unwrap()]).unwrap())
    };
    assert_eq!(verdict(&filtered("queue=sales"), 0), None);
    assert_eq!(verdict(&filtered("status=open"), 0), Some(Code::UnknownField));
    let undeclared = filtered("status=open")
        .with_data_type(TypeId::new("contact").unwrap())
        .with_timeframe(Timeframe::All);
    assert_eq!(verdict(&undeclared, 0), None);
}

#[test]
fn f1_a_dated_start_lies_in_the_future() {
    let start = |at| settings().with_frequency(Frequency::Once(Start::At(at)));
    assert_eq!(verdict(&start(NOW + TimeDelta::microseconds(1)), 0), None);
    assert_eq!(verdict(&start(NOW), 0), Some(Code::StartInPast));
}

#[test]
fn w2_a_fixed_range_does_not_end_in_the_future() {
    let fixed = |end| {
        settings().with_timeframe(Timeframe::Fixed(FixedRange::new(NOW - TimeDelta::days(1), end).unwrap()))
    };
    assert_eq!(verdict(&fixed(NOW), 0), None);
    assert_eq!(verdict(&fixed(NOW + TimeDelta::seconds(1)), 0), Some(Code::InvalidTimeframe));
}

#[test]
fn w7_a_type_without_instants_supports_all_only() {
    let contact = settings().with_data_type(TypeId::new("contact").unwrap());
    assert_eq!(verdict(&contact, 0), Some(Code::TimeframeNeedsInstant));
    assert_eq!(verdict(&contact.with_timeframe(Timeframe::All), 0), None);
}

#[test]
fn s1_recipients_must_be_stored() {
    let sealed = |name: &str| settings().with_protection(sealed_for(name));
    assert_eq!(verdict(&sealed("ops"), 0), None);
    assert_eq!(verdict(&sealed("nobody"), 0), Some(Code::UnknownRecipient));
}

#[test]
fn a4_sealed_parts_must_be_decryptable_by_openssl() {
    let split = Some(SplitSize::from_bytes(1_500_000_000).unwrap());
    let sealed = settings().with_split_size(split).with_protection(sealed_for("ops"));
    assert_eq!(verdict(&sealed, SEALED_PART_BYTES_MAX), None);
    assert_eq!(verdict(&sealed, SEALED_PART_BYTES_MAX + 1), Some(Code::SplitSizeTooLargeToSeal));
    let plaintext = sealed.with_protection(Protection::Plaintext);
    assert_eq!(verdict(&plaintext, SEALED_PART_BYTES_MAX + 1), None);
}

#[test]
fn a7_a_job_keeps_no_longer_than_the_service() {
    let keep = |days| settings().with_retention(Some(RetentionDays::new(days).unwrap()));
    assert_eq!(verdict(&keep(30), 0), None);
    assert_eq!(verdict(&keep(31), 0), Some(Code::InvalidRetention));
}

#[test]
fn j2_a_refusal_names_what_there_is_to_choose_from() {
    let (all, owner) = (sources(), Owner::default());
    let circumstances = Circumstances {
        destinations: &[],
        owner: &owner,
        sources: &all.for_owner(&owner),
        recipients: &[],
        retention: RetentionDays::default(),
        sealed_part_bytes: 0,
        now: NOW,
    };
    let refusal = |settings: &JobSettings, circumstances: &Circumstances<'_>| {
        check(settings, None, circumstances).unwrap_err().to_string()
    };
    let nowhere = settings().with_source(SourceId::new("nowhere").unwrap());
    assert_eq!(
        refusal(&nowhere, &circumstances),
        "source nowhere is not registered: choose from history, info-mart"
    );
    let empty = Sources::new();
    let none = Circumstances { sources: &empty.for_owner(&owner), ..circumstances };
    assert_eq!(refusal(&nowhere, &none), "source nowhere is not registered: register a source first");
    let fax = settings().with_data_type(TypeId::new("fax").unwrap());
    assert_eq!(
        refusal(&fax, &circumstances),
        "source history has no type fax: choose from interaction, contact, profile"
    );
}

#[test]
fn j14_the_period_of_a_job_is_ordered_and_has_an_occurrence_left() {
    let at = |hours: i64| Some(NOW + TimeDelta::hours(hours));
    let bounded = |starts_at, ends_at| settings().with_starts_at(starts_at).with_ends_at(ends_at);
    for (starts_at, ends_at, expected) in [
        (None, None, None),
        (at(-9), None, None),
        (at(5), at(27), None),
        (at(5), at(5), Some(Code::InvalidPeriod)),
        (at(6), at(5), Some(Code::InvalidPeriod)),
        // 02:00 is the end itself, which does not belong to the period; a microsecond later it does.
        (None, at(2), Some(Code::InvalidPeriod)),
        (None, Some(NOW + TimeDelta::hours(2) + TimeDelta::microseconds(1)), None),
        (at(3), at(26), Some(Code::InvalidPeriod)),
        (None, at(-1), Some(Code::InvalidPeriod)),
    ] {
        assert_eq!(verdict(&bounded(starts_at, ends_at), 0), expected, "{starts_at:?} {ends_at:?}");
    }
    let once = settings().with_frequency(Frequency::Once(Start::Immediately));
    assert_eq!(verdict(&once, 0), None);
    for (starts_at, ends_at) in [(at(1), None), (None, at(1))] {
        let bounded = once.clone().with_starts_at(starts_at).with_ends_at(ends_at);
        assert_eq!(verdict(&bounded, 0), Some(Code::InvalidPeriod));
    }
}

#[test]
fn j10_what_an_edit_leaves_as_it_was_may_lie_in_the_past() {
    let past = settings().with_frequency(Frequency::Once(Start::At(NOW)));
    assert_eq!(verdict(&past, 0), Some(Code::StartInPast));
    assert_eq!(verdict_of_edit(&past, Some(&past), 0), None);
    assert_eq!(verdict_of_edit(&past, Some(&settings()), 0), Some(Code::StartInPast));
    let ended = settings().with_ends_at(Some(NOW));
    let renamed = ended.clone().with_title(Title::new("Renamed").unwrap());
    assert_eq!(verdict_of_edit(&renamed, Some(&ended), 0), None);
    assert_eq!(verdict_of_edit(&ended, Some(&settings()), 0), Some(Code::InvalidPeriod));
}

#[test]
fn j17_each_type_is_checked_and_refusals_name_it() {
    let read = |name: &str| Read::of(TypeId::new(name).unwrap());
    let job = |other: Read, timeframe: &str| {
        let reads = Reads::new([read("interaction"), other]).unwrap();
        settings().with_reads(reads).with_timeframe(timeframe.parse().unwrap())
    };
    let template = |filter: &str| Template::new(FieldSelection::All, vec![filter.parse().unwrap()]).unwrap();
    let voice = CategorySelection::Only(["voice".to_owned()].into());
    assert_eq!(verdict(&job(read("contact").with_template(template("any=1")), "all"), 0), None);
    assert_eq!(verdict(&job(read("profile"), "since-last"), 0), None);
    assert_eq!(verdict(&job(read("profile"), "rolling:1d"), 0), Some(Code::TimeframeNeedsInstant));
    assert_eq!(verdict(&job(read("fax"), "all"), 0), Some(Code::UnknownType));
    assert_eq!(verdict(&job(read("contact").with_categories(voice), "all"), 0), Some(Code::UnknownCategory));
    let told = |refused: Read| refusal(&job(refused, "all"), None, 0).unwrap().to_string();
    let fax = CategorySelection::Only(["fax".to_owned()].into());
    let untold = "type contact: this data type has no categories: leave the selection out";
    assert_eq!(told(read("contact").with_categories(fax)), untold);
    let job = settings().with_template(template("x=1")).with_timeframe(Timeframe::All);
    let reads = job.reads.iter().cloned().chain([read("contact")]);
    let refused = refusal(&job.clone().with_reads(Reads::new(reads).unwrap()), None, 0).unwrap().to_string();
    assert_eq!(refused, "type interaction has no field \"x\": choose from id, queue");
}

#[test]
fn j4_j17_the_lists_of_all_types_together_are_bounded() {
    let listed = |name: &str, count: usize| {
        let list = Filter::one_of("id", (0..count).map(|number| number.to_string())).unwrap();
        let template = Template::new(FieldSelection::All, vec![list]).unwrap();
        Read::of(TypeId::new(name).unwrap()).with_template(template)
    };
    let job = |count: usize| {
        let reads = Reads::new([listed("interaction", 5_000), listed("contact", count)]).unwrap();
        settings().with_reads(reads).with_timeframe(Timeframe::All)
    };
    assert_eq!(verdict(&job(5_000), 0), None);
    assert_eq!(verdict(&job(5_001), 0), Some(Code::InvalidTemplate));
}

#[test]
fn w7_what_carries_a_change_instant_can_be_exported_since_the_last_time() {
    let of = |data_type: &str, timeframe: &str| {
        settings().with_data_type(TypeId::new(data_type).unwrap()).with_timeframe(timeframe.parse().unwrap())
    };
    for (data_type, timeframe, expected) in [
        ("interaction", "since-last", None),
        ("profile", "since-last", None),
        ("profile", "rolling:1d", Some(Code::TimeframeNeedsInstant)),
        ("contact", "since-last", Some(Code::TimeframeNeedsInstant)),
        ("contact", "all", None),
    ] {
        assert_eq!(verdict(&of(data_type, timeframe), 0), expected, "{data_type} {timeframe}");
    }
}
