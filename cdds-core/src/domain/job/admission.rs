//! Checks whether the settings of a job may be saved: whether they fit together and match what is registered.

use chrono::{DateTime, Utc};

use crate::domain::archive::retention::RetentionDays;
use crate::domain::calendar::frequency::{Frequency, Start};
use crate::domain::delivery::destination::{DestinationDescription, Transport};
use crate::domain::id::{Owner, SourceId, TypeId};
use crate::domain::job::{JobSettings, Protection, Read};
use crate::domain::record::selection::CategorySelection;
use crate::domain::record::template::check_lists;
use crate::domain::source::{DataType, Offer, OfferedSources, SourceDescription};
use crate::domain::violation::{Code, RuleViolation};

/// The circumstances in which a job is saved.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// The owner of the job.
    pub owner: &'a Owner,
    /// The registered sources that the owner sees (rule J16).
    pub sources: &'a dyn OfferedSources,
    /// The destinations that the owner sees (rule N1).
    pub destinations: &'a [&'a DestinationDescription],
    /// The owner's stored recipients.
    pub recipients: &'a [crate::domain::recipient::Recipient],
    /// The service's own retention (rule A7).
    pub retention: RetentionDays,
    /// The size of a full part once sealed, for the job's split size and recipients (rule A4).
    pub sealed_part_bytes: u64,
    /// The present instant.
    pub now: DateTime<Utc>,
}

/// Checks settings before they are saved, as those of a new job or in place of `previous` (rule J10). A
/// schedule that the edit leaves unchanged may lie in the past.
///
/// # Errors
/// [`Code::SubjectJob`] for the job of a data subject's request (rule D9). The first rule violated, in the order of the form: source, type (J2, J16), categories, template (J3, J4),
/// frequency and period (F1, J14), timeframe (W2, W7), split size (A4), recipients (S1), destinations (N1, N5), retention (A7).
pub fn check(
    settings: &JobSettings,
    previous: Option<&JobSettings>,
    circumstances: &Circumstances<'_>,
) -> Result<(), RuleViolation> {
    settings.check_own()?;
    let source = offered(&settings.source, circumstances.sources)?;
    let mut types = Vec::with_capacity(settings.reads.as_slice().len());
    for read in &settings.reads {
        let data_type = data_type(source, &read.data_type)?;
        source.check_owner(&data_type.id, circumstances.owner)?;
        // A refusal names the type if it may concern several. That of a field always does.
        let told = |violation: RuleViolation| match settings.reads.only() {
            None if violation.code() != Code::UnknownField => violation.of_type(&read.data_type),
            _ => violation,
        };
        check_selection(read, data_type).map_err(told)?;
        types.push(data_type);
    }
    check_lists(settings.reads.iter().flat_map(|read| &read.template.filters))?;
    if previous.is_none_or(|previous| !previous.has_schedule_of(settings)) {
        check_start(&settings.frequency, circumstances.now)?;
        check_period(settings, circumstances.now)?;
    }
    settings.timeframe.check(circumstances.now)?;
    types.into_iter().try_for_each(|data_type| check_instants(settings, data_type))?;
    check_protection(settings, circumstances)?;
    check_destinations(settings, circumstances.destinations)?;
    match settings.retention {
        Some(retention) => retention.check_within(circumstances.retention),
        None => Ok(()),
    }
}

/// Checks that each type that a saved job reads says whose its records are, unless the job is the default
/// owner's (rule J16), before another execution is queued at somebody's request. Such a job was saved before
/// this rule, or the declaration of its source has changed since. Sources and types that are gone are left to
/// the execution, which fails.
///
/// # Errors
/// [`Code::OwnershipUnstated`] for the first type that does not say it.
pub fn check_owner(
    settings: &JobSettings,
    owner: &Owner,
    sources: &dyn OfferedSources,
) -> Result<(), RuleViolation> {
    settings.reads.iter().try_for_each(|read| match sources.offer(settings.source_of(read)) {
        Some(Offer::Supported(source)) => source.check_owner(&read.data_type, owner),
        Some(Offer::Unsupported { .. }) | None => Ok(()),
    })
}

/// Checks the categories, fields and filters of one read (rules J3, J4).
fn check_selection(read: &Read, data_type: &DataType) -> Result<(), RuleViolation> {
    if let CategorySelection::Only(values) = &read.categories {
        CategorySelection::only(values.iter().cloned(), data_type.category.as_ref())?;
    }
    read.template.check(data_type)
}

/// Checks that the records of a type have the instant that the timeframe asks for (rule W7).
fn check_instants(settings: &JobSettings, data_type: &DataType) -> Result<(), RuleViolation> {
    let by_change = settings.timeframe.is_incremental() && data_type.has_change_instant;
    if !settings.timeframe.needs_event_instant() || data_type.has_event_instant || by_change {
        return Ok(());
    }
    Err(RuleViolation::new(
        Code::TimeframeNeedsInstant,
        format!(
            "records of type {} have no instant, which timeframe {} needs: use timeframe all",
            data_type.id, settings.timeframe
        ),
    ))
}

/// Looks up the source of this name (rule J2).
///
/// # Errors
/// [`Code::UnknownSource`] if the source is not registered, and [`Code::UnsupportedSource`] if it is
/// registered as unsupported.
pub(in crate::domain) fn offered<'a>(
    id: &SourceId,
    sources: &'a dyn OfferedSources,
) -> Result<&'a SourceDescription, RuleViolation> {
    match sources.offer(id) {
        Some(Offer::Supported(source)) => Ok(source),
        Some(Offer::Unsupported { reason }) => Err(RuleViolation::new(
            Code::UnsupportedSource,
            format!("source {id} cannot be chosen: {reason}"),
        )),
        None => {
            let known: Vec<&str> = sources.ids().into_iter().map(SourceId::as_str).collect();
            Err(RuleViolation::new(
                Code::UnknownSource,
                format!("source {id} is not registered: {}", choose_from(&known, "register a source first")),
            ))
        }
    }
}

/// Looks up a data type of a source (rule J2).
///
/// # Errors
/// [`Code::UnknownType`] if the source has no such type.
pub(in crate::domain) fn data_type<'a>(
    source: &'a SourceDescription,
    id: &TypeId,
) -> Result<&'a DataType, RuleViolation> {
    source.data_type(id).ok_or_else(|| {
        let known: Vec<&str> = source.types.iter().map(|data_type| data_type.id.as_str()).collect();
        RuleViolation::new(
            Code::UnknownType,
            format!("source {} has no type {id}: {}", source.id, choose_from(&known, "it offers none")),
        )
    })
}

fn choose_from(known: &[&str], otherwise: &str) -> String {
    if known.is_empty() { otherwise.to_owned() } else { format!("choose from {}", known.join(", ")) }
}

/// Checks that a dated start lies in the future (rule F1).
fn check_start(frequency: &Frequency, now: DateTime<Utc>) -> Result<(), RuleViolation> {
    match frequency {
        Frequency::Once(Start::At(start)) if *start <= now => Err(RuleViolation::new(
            Code::StartInPast,
            format!(
                "the start {} is not in the future: give a later one, or leave it out to start immediately",
                start.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
            ),
        )),
        _ => Ok(()),
    }
}

/// Checks the start and end of a recurring job: an occurrence must lie between them (rule J14).
fn check_period(settings: &JobSettings, now: DateTime<Utc>) -> Result<(), RuleViolation> {
    let refuse = |why: String| Err(RuleViolation::new(Code::InvalidPeriod, why));
    let at = |instant: DateTime<Utc>| instant.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
    if settings.frequency.is_once() {
        return match (settings.starts_at, settings.ends_at) {
            (None, None) => Ok(()),
            _ => refuse(
                "a one-time job has no period: give its start with the frequency, and leave beginning and end out"
                    .to_owned(),
            ),
        };
    }
    if let (Some(start), Some(end)) = (settings.starts_at, settings.ends_at)
        && start >= end
    {
        return refuse(format!(
            "the job would begin at {} but end at {}: let it begin before its end",
            at(start),
            at(end)
        ));
    }
    match (settings.next_slot(now), settings.ends_at) {
        (Some(_), _) => Ok(()),
        (None, Some(end)) => refuse(format!(
            "a job that runs {} has no occurrence left before {}: give it a later end",
            settings.schedule(),
            at(end)
        )),
        (None, None) => refuse(format!("a job that runs {} has no occurrence left", settings.schedule())),
    }
}

/// Checks that every destination is registered (rule N1), and that nobody can read a plaintext set on its way (rule
/// N5).
fn check_destinations(
    settings: &JobSettings,
    offered: &[&DestinationDescription],
) -> Result<(), RuleViolation> {
    for to in &settings.destinations {
        let id = &to.destination;
        let Some(found) = offered.iter().find(|destination| destination.id == *id) else {
            let known: Vec<&str> = offered.iter().map(|destination| destination.id.as_str()).collect();
            return Err(RuleViolation::new(
                Code::UnknownDestination,
                format!(
                    "destination {id} is not registered: {}",
                    choose_from(&known, "register a destination first")
                ),
            ));
        };
        check_transport(&settings.protection, found)?;
    }
    Ok(())
}

/// Checks that nobody can read a plaintext set on its way to a destination (rule N5).
///
/// # Errors
/// [`Code::PlaintextOverOpenTransport`].
pub fn check_transport(
    protection: &Protection,
    destination: &DestinationDescription,
) -> Result<(), RuleViolation> {
    if *protection == Protection::Plaintext && destination.transport == Transport::Open {
        return Err(RuleViolation::new(
            Code::PlaintextOverOpenTransport,
            format!(
                "others can read along on the way to destination {}, and the sets are plaintext: seal them for a \
                 recipient, or name a destination with an encrypted connection",
                destination.id
            ),
        ));
    }
    Ok(())
}

/// Checks that every recipient is stored (rule S1) and that sealed parts are no larger than recipients can
/// decrypt (rule A4).
fn check_protection(settings: &JobSettings, circumstances: &Circumstances<'_>) -> Result<(), RuleViolation> {
    let names = match &settings.protection {
        Protection::Plaintext => return Ok(()),
        Protection::Sealed(names) => names,
        Protection::Handed { .. } => {
            return Err(RuleViolation::new(
                Code::SubjectJob,
                "only the job of a data subject's request is sealed for a certificate that came with it: name a recipient",
            ));
        }
    };
    for name in names.as_slice() {
        if !circumstances.recipients.iter().any(|recipient| recipient.name == *name) {
            return Err(RuleViolation::new(
                Code::UnknownRecipient,
                format!("no certificate is stored for recipient {name}: add it, then save the job again"),
            ));
        }
    }
    match settings.split_size {
        Some(split_size) => split_size.check_sealed(circumstances.sealed_part_bytes),
        None => Ok(()),
    }
}
