//! Broken catalogs, one for each thing that a catalog could forget.

mod asking;
mod attending;
mod changing;
mod claiming;
mod claims;
mod copying;
mod delivering;
mod erasing;
mod foreign;
mod handing;
mod keeping;
mod layer;
mod lists;
mod recalling;
mod zones;

use std::sync::{Arc, Mutex};

use self::asking::Asking;
use self::attending::Attending;
use self::changing::Changing;
use self::claiming::Claiming;
use self::copying::Copying;
use self::delivering::Delivering;
use self::erasing::Erasing;
use self::handing::Handing;
use self::keeping::Keeping;
use self::layer::Layer;
use self::recalling::Recalling;
use self::zones::Zoning;
use super::Clause;
use crate::ports::catalog::{Catalog, Layered};
use crate::testing::MemoryCatalog;

planted! {
    /// A mistake that an implementation of a catalog could make, placed in front of one that does not make
    /// it. [`check`](super::check) reports the clause that it [breaks](Planted::breaks), among others that
    /// rest on the same promise.
    enum Planted;
    /// `publish` does not compare the epoch.
    PublishIgnoresEpoch => PublishFenced,
    /// `publish` does not compare the nonce.
    PublishIgnoresNonce => PublishFenced,
    /// `publish` compares neither the epoch nor the nonce.
    PublishIgnoresClaim => PublishFenced,
    /// `publish` does not ask whether the execution runs.
    PublishesSettled => PublishFenced,
    /// `settle` does not compare the epoch.
    SettleIgnoresEpoch => SettleFenced,
    /// `settle` does not ask whether the execution runs.
    SettlesPublished => SettleFenced,
    /// `begin` does not compare the epoch.
    BeginIgnoresEpoch => BeginFenced,
    /// `beat` does not compare the epoch.
    BeatIgnoresEpoch => BeatFenced,
    /// `beat` does not compare the worker.
    BeatIgnoresWorker => BeatFenced,
    /// `beat` does not store the progress.
    BeatLosesProgress => BeatFenced,
    /// `beat` does not renew the lease.
    BeatRenewsNothing => BeatFenced,
    /// `beat` answers in another order.
    BeatsOutOfOrder => BeatFenced,
    /// `standing` does not compare the epoch.
    StandingIgnoresEpoch => StandingByClaim,
    /// `standing` does not compare the nonce.
    StandingIgnoresNonce => StandingByClaim,
    /// `standing` knows nothing of deleted executions.
    DeletedStandsUnknown => StandingByClaim,
    /// `publish` refuses a claim whose lease has run out.
    LateClaimsEnd => LateClaimHolds,
    /// `publish` does not ask whether somebody was promised the cancellation.
    PublishOvertakesCancel => CancelPromised,
    /// `beat` does not pass on that an execution is to stop.
    CancelUntold => CancelPromised,
    /// `claim` gives the newest execution of an owner first.
    ClaimsNewestFirst => ClaimsInTurn,
    /// `claim` begins with the first owner each time.
    ClaimsForgetTurns => ClaimsInTurn,
    /// `claim` gives one execution more than was asked for.
    ClaimsIgnoreLimit => ClaimsInTurn,
    /// `claim` does not know limits of sources.
    ClaimsIgnoreSourceLimits => ClaimsLimited,
    /// `claim` does not count what other claims run of a source.
    SourceLimitsPerClaim => ClaimsLimited,
    /// `claim` gives another execution of a job that runs.
    ClaimsJobTwice => ClaimsOneOfJob,
    /// `claim` gives a later execution while an earlier one waits for its retry.
    RetriesOvertaken => ClaimsOneOfJob,
    /// `claim` does not look at `not_before`.
    ClaimsTooEarly => ClaimsNotBefore,
    /// `claim` gives an execution after its `not_before`, and not at it.
    ClaimsTooLate => ClaimsNotBefore,
    /// `claim` takes over what another worker holds.
    ClaimsTakeLive => ClaimsTakenOver,
    /// `claim` takes nothing over.
    ClaimsNeverTakeOver => ClaimsTakenOver,
    /// `claim` takes from the worker that asks what it holds.
    ClaimsIgnoreHolding => ClaimsTakenOver,
    /// `claim` believes a worker that names what another one holds.
    ClaimsTrustHolding => ClaimsTakenOver,
    /// `claim` keeps the epoch of what it takes over.
    TakeOverKeepsEpoch => ClaimsTakenOver,
    /// `claim` keeps the nonce of what it takes over.
    TakeOverKeepsNonce => ClaimsTakenOver,
    /// `claim` does not tell what it gave up.
    GivenUpUntold => ClaimsTakenOver,
    /// `claim` decides by what it read before others have written.
    ClaimsRace => ClaimsRace,
    /// `begin` answers by the source also for a window that is frozen.
    BeginFreezesAgain => WindowFrozenOnce,
    /// `begin` does not store what it answers.
    BeginStoresNothing => WindowFrozenOnce,
    /// `begin` answers that an execution runs that it holds.
    HeldRunsOn => WindowFrozenOnce,
    /// `change_job` does not compare the revision.
    ChangeIgnoresRevision => JobRevision,
    /// Claims and ends of executions leave the revision as it is.
    ClaimsKeepRevision => JobRevision,
    /// `adopt` does not compare the revision.
    AdoptIgnoresRevision => JobRevision,
    /// `change_execution` does not compare the status.
    ChangeIgnoresStatus => ExecutionUnchanged,
    /// `change_execution` does not compare the epoch.
    ChangeIgnoresEpoch => ExecutionUnchanged,
    /// `change_execution` stores the progress that was read.
    ChangeLosesProgress => ChangeKeepsWork,
    /// `change_execution` ends the lease of the worker.
    ChangeEndsLease => ChangeKeepsWork,
    /// `set_store` does not compare the present store.
    StoreIgnoresExpected => StoreReplaced,
    /// `set_store` compares the id of the present store alone.
    StoreComparesId => StoreReplaced,
    /// `replace_recipient` does not compare the present certificate.
    ReplaceIgnoresExpected => RecipientReplaced,
    /// `change_job` decides by what it read before others have written.
    ChangesRace => ChangesRace,
    /// Changes of jobs and executions are stored without their entries.
    JobsAuditLost => AuditOfJobs,
    /// Entries of changes of jobs and executions are stored before the change, on their own.
    JobsAuditOutside => AuditOfJobs,
    /// Only the first entry of a change of jobs and executions is stored.
    JobsAuditHalf => AuditOfJobs,
    /// Entries of changes of jobs and executions whose id is on record are passed over.
    JobsAuditTwice => AuditOfJobs,
    /// Changes of sets and notices are stored without their entries.
    SetsAuditLost => AuditOfSets,
    /// Entries of changes of sets, notices, deliveries and destinations are stored before the change, on their own.
    SetsAuditOutside => AuditOfSets,
    /// Only the first entry of a change of sets and notices is stored.
    SetsAuditHalf => AuditOfSets,
    /// Entries of changes of sets, notices, deliveries and destinations whose id is on record are passed over.
    SetsAuditTwice => AuditOfSets,
    /// Changes of recipients and of the store are stored without their entries.
    OwnersAuditLost => AuditOfOwners,
    /// Entries of changes of recipients and of the store are stored before the change, on their own.
    OwnersAuditOutside => AuditOfOwners,
    /// Only the first entry of a change of recipients and of the store is stored.
    OwnersAuditHalf => AuditOfOwners,
    /// Entries of changes of recipients and of the store whose id is on record are passed over.
    OwnersAuditTwice => AuditOfOwners,
    /// `record` has no effect on an entry whose id is on record, and says nothing.
    RecordTwice => AuditOfOwners,
    /// `end_download` counts downloads that were broken off.
    BrokenOffCounts => DownloadsRecorded,
    /// `end_download` counts no download.
    DownloadsUncounted => DownloadsRecorded,
    /// `end_download` accepts the end of what is no download.
    EndsWhatIsNone => DownloadsRecorded,
    /// `job` gives deleted jobs.
    DeletedJobShown => JobDeleted,
    /// `claim` gives executions of deleted jobs.
    DeletedJobRuns => JobDeleted,
    /// The history of a job is deleted with it.
    DeletedJobTakesHistory => JobDeleted,
    /// `remove_recipient` looks at deleted jobs, too.
    RecipientOfDeletedKept => JobDeleted,
    /// `delete_execution` does not ask whether the execution has ended.
    DeletesOpen => ExecutionDeleted,
    /// `delete_execution` does not ask whether the set is on hold.
    DeletesHeld => ExecutionDeleted,
    /// `change_execution` does not refuse changes of deleted executions.
    ChangesDeleted => ExecutionDeleted,
    /// `adopt` does not refuse sets of deleted executions.
    AdoptsDeleted => ExecutionDeleted,
    /// `removals` does not give the files of deleted executions.
    DeletedKeepsFiles => ExecutionDeleted,
    /// `expire` marks sets a day too early.
    ExpiresEarly => SetsExpire,
    /// `expire` marks more sets than it was asked to.
    ExpiresIgnoresLimit => SetsExpire,
    /// `expire` marks nothing.
    NeverExpires => SetsExpire,
    /// `expire` does not ask whether a set is on hold.
    ExpiresHeld => SetsHeld,
    /// `hold` does not release.
    ReleaseForgotten => SetsHeld,
    /// `delete_artifacts` does not ask whether a file is on hold.
    DeletesHeldFile => SetsHeld,
    /// `delete_artifacts` deletes the files before the one that is refused.
    DeletesSome => SetsHeld,
    /// `removals` gives each removal once.
    RemovalsListedOnce => FilesRemoved,
    /// `removals` gives more than it was asked for.
    RemovalsIgnoreLimit => FilesRemoved,
    /// `confirm_removed` has no effect.
    ConfirmsNothing => FilesRemoved,
    /// `confirm_removed` removes a file that nobody has marked.
    ConfirmsUnmarked => FilesRemoved,
    /// Failures have no notice.
    FailuresUntold => NoticesOfEnds,
    /// `claim_notices` gives notices of another channel.
    NoticesIgnoreChannel => NoticesOfEnds,
    /// `claim_notices` begins with the first owner each time.
    NoticesForgetTurns => NoticesInTurn,
    /// `claim_notices` gives one notice more than was asked for.
    NoticesIgnoreLimit => NoticesInTurn,
    /// `claim_notices` does not know limits of subscribers.
    NoticesIgnoreSubscriber => NoticesInTurn,
    /// `claim_notices` takes notices to anybody.
    NoticesToAnybody => NoticesOfAudience,
    /// `claim_notices` takes nothing behind a notice to a subscriber without room.
    NoticesHeldUp => NoticesOfAudience,
    /// `settle_notice` does not compare the epoch.
    NoticeIgnoresEpoch => NoticeSettled,
    /// `claim_notices` takes over what another worker holds.
    NoticesTakeLive => NoticeSettled,
    /// `claim_notices` takes nothing over.
    NoticesNeverTakeOver => NoticeSettled,
    /// `settle_notice` gives up after the first failure.
    NoticeGivenUpAtOnce => NoticeSettled,
    /// `settle_notice` refuses a claim that reports twice that it is done.
    NoticeDoneOnce => NoticeSettled,
    /// `ask_notice_again` answers for notices that cannot be asked for again.
    AsksOpenAgain => NoticeAskedAgain,
    /// `ask_notice_again` refuses notices that were told.
    AsksTellsOnce => NoticeAskedAgain,
    /// `ask_notice_again` answers for notices that were told, whose execution is gone.
    AsksDeletedAgain => NoticeAskedAgain,
    /// `ask_notice_again` goes on counting attempts.
    AskedKeepsAttempts => NoticeAskedAgain,
    /// `tell_of_expiring` stores nothing.
    ExpiryUntold => ExpiringTold,
    /// `tell_of_expiring` tells of sets on hold.
    HeldSaidToExpire => ExpiringTold,
    /// `tell_of_expiring` does not keep to the size of a page.
    ExpiringIgnoresLimit => ExpiringTold,
    /// `tell_of_expiring` begins each page at the start.
    ExpiringFromTheStart => ExpiringTold,
    /// `tell_of_certificates` stores nothing.
    CertificatesUntold => CertificatesTold,
    /// `tell_of_certificates` does not keep to the size of a page.
    CertificatesIgnoreLimit => CertificatesTold,
    /// `tell_of_certificates` begins each page at the start.
    CertificatesFromTheStart => CertificatesTold,
    /// `tell_of_certificates` counts notices again that are on record.
    CertificatesToldAgain => CertificatesTold,
    /// A published set has no deliveries.
    DeliveriesNotStored => DeliveriesStored,
    /// Of the destinations of a set only the first one has a delivery.
    DeliveryOfOneDestination => DeliveriesStored,
    /// `claim_deliveries` begins with the first owner each time.
    DeliveriesForgetTurns => DeliveriesInTurn,
    /// `claim_deliveries` gives one delivery more than was asked for.
    DeliveriesIgnoreLimit => DeliveriesInTurn,
    /// `claim_deliveries` does not know limits of destinations.
    DeliveriesIgnoreDestination => DeliveriesLimited,
    /// `claim_deliveries` does not count what other claims hold of a destination.
    DestinationLimitPerClaim => DeliveriesLimited,
    /// `claim_deliveries` gives deliveries to destinations that the worker does not know.
    DeliveriesToUnknown => DeliveriesKnown,
    /// `claim_deliveries` gives deliveries to disabled destinations.
    DeliveriesToDisabled => DeliveriesKnown,
    /// `claim_deliveries` takes back what another worker holds.
    DeliveriesTakeLive => DeliveriesTakenBack,
    /// `claim_deliveries` takes nothing back.
    DeliveriesNeverTakenBack => DeliveriesTakenBack,
    /// A delivery that is taken back has lost its progress.
    TakenBackLosesProgress => DeliveriesTakenBack,
    /// Deliveries that are given up when they are taken back have no notice.
    TakenBackUntold => DeliveriesTakenBack,
    /// `beat_delivery` does not compare the epoch.
    DeliveryBeatIgnoresEpoch => DeliveryFenced,
    /// `settle_delivery` does not compare the epoch.
    DeliverySettleIgnoresEpoch => DeliveryFenced,
    /// `beat_delivery` does not store the progress.
    DeliveryBeatLosesProgress => DeliveryFenced,
    /// `settle_delivery` does not store the progress.
    DeliverySettleLosesProgress => DeliveryFenced,
    /// `beat_delivery` does not renew the lease.
    DeliveryBeatRenewsNothing => DeliveryFenced,
    /// `settle_delivery` gives up after the first failure.
    DeliveryGivenUpAtOnce => DeliveryFenced,
    /// `settle_delivery` refuses a claim that reports twice that it is done.
    DeliveryDoneOnce => DeliveryFenced,
    /// A set is told as delivered once the first of its deliveries is done.
    DeliveredEarly => DeliveryTold,
    /// Sets that have arrived have no notice.
    DeliveredUntold => DeliveryTold,
    /// Deliveries that are given up have no notice.
    DeliveryFailedUntold => DeliveryTold,
    /// Deliveries of a removed set go on.
    RemovedKeepsDeliveries => DeliveryOfRemovedSet,
    /// Deliveries that are done are given up with their set.
    RemovedTakesDone => DeliveryOfRemovedSet,
    /// Deliveries stay when their execution is forgotten.
    DeliveriesOutliveExecution => DeliveryForgotten,
    /// `redeliver` answers for deliveries that are being tried.
    RedeliversHeld => DeliveredAgain,
    /// `redeliver` goes on where the delivery was.
    RedeliverKeepsProgress => DeliveredAgain,
    /// `redeliver` goes on counting attempts.
    RedeliverKeepsAttempts => DeliveredAgain,
    /// `redeliver` delivers to the same folder as before.
    RedeliverKeepsFolder => DeliveredAgain,
    /// `deliveries` does not filter by `id`.
    DeliveriesIgnoreId => DeliveryList,
    /// `deliveries` does not filter by `execution`.
    DeliveriesIgnoreExecution => DeliveryList,
    /// `deliveries` does not filter by `executions`.
    DeliveriesIgnoreExecutions => DeliveryList,
    /// `deliveries` does not filter by `status`.
    DeliveriesIgnoreStatus => DeliveryList,
    /// `deliveries` does not filter by `destination`.
    DeliveriesOfAnyDestination => DeliveryList,
    /// `contacted` pins the identity that was shown last.
    PinsTheLatest => HealthNoted,
    /// `contacted` disables nothing.
    NeverDisabled => HealthNoted,
    /// `contacted` takes what is gone for a failure.
    GoneStaysEnabled => HealthNoted,
    /// Disabled destinations have no notice.
    DisabledUntold => HealthNoted,
    /// `set_health` does not compare the health.
    HealthIgnoresBefore => HealthChanged,
    /// `set_health` starts over with nothing.
    EnabledStartsNothing => HealthChanged,
    /// `keep_house` does not ask who keeps house.
    HouseKeptByAll => HouseKept,
    /// `leave_house` does not ask who leaves.
    HouseLeftByAnyone => HouseKept,
    /// `keep_house` knows no end of a lease.
    HouseNeverTakenOver => HouseKept,
    /// `keep_house` decides by what it read before others have written.
    HouseRace => HouseKept,
    /// `forget` takes everything that has ended for old.
    ForgetsYoung => RecordForgotten,
    /// `forget` does not wait after files were removed.
    ForgetsUnconfirmed => RecordForgotten,
    /// `forget` removes nothing.
    ForgetsNothing => RecordForgotten,
    /// `forget` does not keep to the size of a page.
    ForgetsAtOnce => RecordForgotten,
    /// `forget` begins each page at the start.
    ForgetsFromTheStart => RecordForgotten,
    /// `now` is not that of the clock.
    ClockAhead => ClockOfCatalog,
    /// `now` does not follow a clock that is set back.
    ClockNeverBack => ClockOfCatalog,
    /// `insert_job` writes over a job of the same id.
    InsertReplaces => IdsUnique,
    /// `change_job` passes over what a person asked for twice.
    EntryTwice => IdsUnique,
    /// `change_job` writes over a slot that is on record.
    EntryReplaces => IdsUnique,
    /// `job` does not compare the owner.
    JobOfAnyone => ForeignReads,
    /// `jobs` does not compare the owner.
    JobsOfAnyone => ForeignReads,
    /// `open_executions` does not compare the owner.
    OpenOfAnyone => ForeignReads,
    /// `execution` does not compare the owner.
    ExecutionOfAnyone => ForeignReads,
    /// `executions` does not compare the owner.
    ExecutionsOfAnyone => ForeignReads,
    /// `artifact` does not compare the owner.
    ArtifactOfAnyone => ForeignReads,
    /// `artifacts` does not compare the owner.
    ArtifactsOfAnyone => ForeignReads,
    /// `artifact_set` does not compare the owner.
    SetOfAnyone => ForeignReads,
    /// `recipients` does not compare the owner.
    RecipientsOfAnyone => ForeignReads,
    /// `notices` does not compare the owner.
    NoticesOfAnyone => ForeignReads,
    /// `deliveries` does not compare the owner.
    DeliveriesOfAnyone => ForeignReads,
    /// `audit` does not compare the owner.
    AuditOfAnyone => ForeignReads,
    /// `change_job` does not compare the owner.
    ChangesJobOfAnyone => ForeignChanges,
    /// `change_execution` does not compare the owner.
    ChangesExecutionOfAnyone => ForeignChanges,
    /// `delete_execution` does not compare the owner.
    DeletesExecutionOfAnyone => ForeignChanges,
    /// `hold` does not compare the owner.
    HoldsSetOfAnyone => ForeignChanges,
    /// `delete_artifacts` does not compare the owner.
    DeletesArtifactOfAnyone => ForeignChanges,
    /// `ask_notice_again` does not compare the owner.
    AsksNoticeOfAnyone => ForeignChanges,
    /// `redeliver` does not compare the owner.
    RedeliversForAnyone => ForeignChanges,
    /// `adopt` does not compare the owner.
    AdoptsForAnyone => ForeignChanges,
    /// `remove_recipient` does not compare the owner.
    RemovesRecipientOfAnyone => OwnRecipients,
    /// `replace_recipient` does not compare the owner.
    ReplacesRecipientOfAnyone => OwnRecipients,
    /// The recipients of one owner are there for the jobs of all.
    RecipientsShared => OwnRecipients,
    /// `jobs` does not filter by `ids`.
    JobsIgnoreIds => JobList,
    /// `jobs` does not filter by `id_begins`.
    JobsIgnoreIdBeginning => JobList,
    /// `jobs` does not filter by `search`.
    JobsIgnoreSearch => JobList,
    /// `jobs` does not filter by `source`.
    JobsIgnoreSource => JobList,
    /// `jobs` does not filter by `data_type`.
    JobsIgnoreDataType => JobList,
    /// `jobs` does not filter by `recipient`.
    JobsIgnoreRecipient => JobList,
    /// `jobs` does not filter by `frequency`.
    JobsIgnoreFrequency => JobList,
    /// `jobs` does not filter by `state`.
    JobsIgnoreState => JobList,
    /// `jobs` does not filter by `latest_status`.
    JobsIgnoreLatestStatus => JobList,
    /// `jobs` does not filter by `created`.
    JobsIgnoreCreated => JobList,
    /// `jobs` does not filter by `latest_started`.
    JobsIgnoreLatestStarted => JobList,
    /// `jobs` does not filter by `next_starts`.
    JobsIgnoreNextStarts => JobList,
    /// `jobs` does not say why the latest execution failed.
    JobsForgetFailure => JobList,
    /// `jobs` sorts in one direction only.
    JobsIgnoreDirection => JobList,
    /// Lists count one row too many.
    TotalTooLarge => JobList,
    /// Lists count on later pages, too.
    LaterPagesCounted => JobList,
    /// Pages have one row more than asked for.
    PageTooLong => JobList,
    /// Lists lose the last row of the last page.
    LastRowLost => JobList,
    /// Pages begin behind all rows that tie with the place.
    CursorSkipsTies => JobList,
    /// `executions` does not filter by `ids`.
    ExecutionsIgnoreIds => ExecutionList,
    /// `executions` does not filter by `id_begins`.
    ExecutionsIgnoreIdBeginning => ExecutionList,
    /// `executions` does not filter by `job`.
    ExecutionsIgnoreJob => ExecutionList,
    /// `executions` does not filter by `status`.
    ExecutionsIgnoreStatus => ExecutionList,
    /// `executions` does not filter by `source`.
    ExecutionsIgnoreSource => ExecutionList,
    /// `executions` does not filter by `data_type`.
    ExecutionsIgnoreDataType => ExecutionList,
    /// `executions` does not filter by `slot`.
    ExecutionsIgnoreSlot => ExecutionList,
    /// `executions` does not filter by `started`.
    ExecutionsIgnoreStarted => ExecutionList,
    /// `executions` sorts in one direction only.
    ExecutionsIgnoreDirection => ExecutionList,
    /// `artifacts` does not filter by `id_begins`.
    ArtifactsIgnoreIdBeginning => ArtifactList,
    /// `artifacts` does not filter by `job`.
    ArtifactsIgnoreJob => ArtifactList,
    /// `artifacts` does not filter by `execution`.
    ArtifactsIgnoreExecution => ArtifactList,
    /// `artifacts` does not filter by `search`.
    ArtifactsIgnoreSearch => ArtifactList,
    /// `artifacts` does not filter by `data_type`.
    ArtifactsIgnoreDataType => ArtifactList,
    /// `artifacts` does not filter by `created`.
    ArtifactsIgnoreCreated => ArtifactList,
    /// `artifacts` does not filter by `expires`.
    ArtifactsIgnoreExpires => ArtifactList,
    /// `artifacts` does not filter by `bytes_min`.
    ArtifactsIgnoreBytesMin => ArtifactList,
    /// `artifacts` does not filter by `bytes_max`.
    ArtifactsIgnoreBytesMax => ArtifactList,
    /// `artifacts` does not filter by `hold`.
    ArtifactsIgnoreHold => ArtifactList,
    /// `artifacts` does not filter by `available_at`.
    ArtifactsIgnoreAvailableAt => ArtifactList,
    /// `artifacts` sorts in one direction only.
    ArtifactsIgnoreDirection => ArtifactList,
    /// `audit` does not filter by `object`.
    AuditIgnoreObject => AuditList,
    /// `audit` does not filter by `principal`.
    AuditIgnorePrincipal => AuditList,
    /// `audit` does not filter by `action`.
    AuditIgnoreAction => AuditList,
    /// `audit` does not filter by `at`.
    AuditIgnoreAt => AuditList,
    /// `audit` sorts in one direction only.
    AuditIgnoreDirection => AuditList,
    /// `notices` does not filter by `id`.
    NoticesIgnoreId => NoticeList,
    /// `notices` does not filter by `id_begins`.
    NoticesIgnoreIdBeginning => NoticeList,
    /// `notices` does not filter by `execution`.
    NoticesIgnoreExecution => NoticeList,
    /// `notices` does not filter by `status`.
    NoticesIgnoreStatus => NoticeList,
    /// `notices` does not filter by `job`.
    NoticesIgnoreJob => NoticeList,
    /// `notices` does not filter by `kind`.
    NoticesIgnoreKind => NoticeList,
    /// `notices` does not filter by `subscriber`.
    NoticesIgnoreWhom => NoticeList,
    /// `notices` does not filter by `channel`.
    NoticesIgnoreHow => NoticeList,
    /// `notices` does not filter by `for_host`.
    NoticesIgnoreHost => NoticeList,
    /// `notices` does not filter by `at`.
    NoticesIgnoreAt => NoticeList,
    /// `notices` sorts in one direction only.
    NoticesIgnoreDirection => NoticeList,
    /// `attend` stores the first sign of life alone.
    AttendsOnce => WorkersAttend,
    /// `attend` keeps what a worker said of itself first.
    AttendKeepsFacts => WorkersAttend,
    /// `attend` takes each sign of life for the first.
    AttendBeginsAnew => WorkersAttend,
    /// `workers` sorts by id.
    WorkersUnsorted => WorkersAttend,
    /// `workers` lists more than it was asked for.
    WorkersIgnoreLimit => WorkersAttend,
    /// `leave` has no effect.
    LeaveUntold => WorkersLeave,
    /// `leave` does not ask who leaves.
    LeaveOfAll => WorkersLeave,
    /// `leave` puts a worker on record that is not.
    LeaveRecordsAnyone => WorkersLeave,
    /// `attend` has no effect after `leave`.
    LeftForEver => WorkersLeave,
    /// `drain` changes nothing.
    DrainUntold => WorkersDrain,
    /// `drain` is for all workers.
    DrainOfAll => WorkersDrain,
    /// `attend` ends it.
    DrainEndsWithSign => WorkersDrain,
    /// `drain` cannot be taken back.
    DrainForEver => WorkersDrain,
    /// `drain` begins anew when it is asked for again.
    DrainBeginsAnew => WorkersDrain,
    /// `drain` puts a worker on record that is not.
    DrainRecordsAnyone => WorkersDrain,
    /// `attend` does not say that the worker is to drain.
    AttendTellsNothing => WorkersAreTold,
    /// `workers` names the executions of all owners.
    WorkOfAnyone => WorkersOfOwners,
    /// `workers` does not count the executions of other owners.
    OthersUncounted => WorkersOfOwners,
    /// `forget_workers` forgets nothing.
    WorkersNeverForgotten => WorkersForgotten,
    /// `forget_workers` forgets all that ended in good order.
    LeftForgottenAtOnce => WorkersForgotten,
    /// `forget_workers` forgets all that are silent.
    SilentForgottenEarly => WorkersForgotten,
    /// `insert_subject_request` writes over a request of the same id.
    SubjectInsertReplaces => SubjectRequestsStored,
    /// `change_subject_request` does not compare the version.
    SubjectChangeIgnoresVersion => SubjectRequestsStored,
    /// `change_subject_request` does not compare the owner.
    SubjectChangesOfAnyone => SubjectRequestsStored,
    /// `change_subject_request` does not store the due date.
    SubjectChangeKeepsDue => SubjectRequestsStored,
    /// `insert_subject_request` stores no entries of the audit.
    SubjectAuditLost => SubjectRequestsStored,
    /// `change_subject_request` stores no entries of the audit.
    SubjectChangeAuditLost => SubjectRequestsStored,
    /// `subject_request` does not compare the owner.
    SubjectOfAnyone => SubjectRequestsStored,
    /// `subject_requests` does not compare the owner.
    SubjectsOfAnyone => SubjectRequestsStored,
    /// `insert_subject_request` looks for no open request.
    SubjectRepeatsUnseen => SubjectRequestRepeated,
    /// `insert_subject_request` finds requests that have ended, too.
    SubjectRepeatsEnded => SubjectRequestRepeated,
    /// `insert_subject_request` stores the audit of a request that it does not store.
    SubjectRepeatAudited => SubjectRequestRepeated,
    /// `hand_over_subject_request` stores no job.
    HandOverLosesJob => SubjectCopyQueued,
    /// `hand_over_subject_request` stores no tasks.
    HandOverLosesTasks => SubjectCopyQueued,
    /// `hand_over_subject_request` does not compare the version.
    HandOverIgnoresVersion => SubjectCopyQueued,
    /// `hand_over_subject_request` stores no entries of the audit.
    HandOverAuditLost => SubjectCopyQueued,
    /// `publish` leaves the request that a set answers as it is.
    PublishLeavesRequest => SubjectCopyPublished,
    /// `publish` stores the set that answers a request that has ended.
    PublishAnswersEnded => SubjectCopyPublished,
    /// `lay_out_subject_request` stores no tasks.
    TasksLost => SubjectTasksStored,
    /// `lay_out_subject_request` writes over tasks that are on record.
    TasksLaidOutAnew => SubjectTasksStored,
    /// `lay_out_subject_request` does not compare the version.
    TasksIgnoreVersion => SubjectTasksStored,
    /// `lay_out_subject_request` stores no entries of the audit.
    TasksAuditLost => SubjectTasksStored,
    /// `subject_tasks` does not compare the owner.
    TasksOfAnyone => SubjectTasksStored,
    /// `change_subject_request` leaves the tasks of a request that has ended to workers.
    TasksOutliveRequest => SubjectTasksStored,
    /// `claim_subject_tasks` hands out tasks of requests that do not run.
    TaskClaimsUnlaunched => SubjectTasksClaimed,
    /// `claim_subject_tasks` does not look at the keys of the worker.
    TaskClaimsAnyKey => SubjectTasksClaimed,
    /// `claim_subject_tasks` does not look at the sources of the worker.
    TaskClaimsAnySource => SubjectTasksClaimed,
    /// `claim_subject_tasks` does not limit the tasks of a source.
    TaskClaimsCrowd => SubjectTasksClaimed,
    /// `running_subject_requests` leaves the last one out.
    RunningUnseen => SubjectTasksClaimed,
    /// `beat_subject_task` does not note what is about to be erased.
    TaskBeatForgets => SubjectTasksSettled,
    /// `beat_subject_task` does not compare the epoch.
    TaskBeatsOfAnyone => SubjectTasksSettled,
    /// `settle_subject_task` does not compare the epoch.
    TaskSettlesOfAnyone => SubjectTasksSettled,
    /// `ask_subject_tasks_again` does not compare the owner.
    TasksAgainOfAnyone => SubjectTasksSettled,
    /// `ask_subject_tasks_again` stores no entries of the audit.
    TasksAgainAuditLost => SubjectTasksSettled,
    /// `subject_requests` does not filter by `id_begins`.
    SubjectsIgnoreIdBeginning => SubjectRequestList,
    /// `subject_requests` does not filter by `status`.
    SubjectsIgnoreStatus => SubjectRequestList,
    /// `subject_requests` does not filter by `open`.
    SubjectsIgnoreOpen => SubjectRequestList,
    /// `subject_requests` does not filter by `kind`.
    SubjectsIgnoreKind => SubjectRequestList,
    /// `subject_requests` sorts in one direction only.
    SubjectsIgnoreDirection => SubjectRequestList,
    /// `zones` does not know what `renew_zones` has stored.
    ZonesForgotten => ZonesRenewed,
    /// `renew_zones` stores the version alone.
    RenewMovesNothing => ZonesRenewed,
    /// `renew_zones` takes an older database for a newer one.
    RenewTakesOlder => ZonesRenewed,
    /// `due` does not look at the clocks of jobs.
    DueOfAnyClock => ZonesRenewed,
    /// `agenda` does not look at the clocks of jobs.
    AgendaOfAnyClock => ZonesRenewed,
    /// `claim` does not look at the clocks of jobs.
    ClaimsOfAnyClock => ZonesRenewed,
    /// `publish` does not note filters.
    FilterNotNoted => FiltersNoted,
    /// `publish` does not note the gaps of filters.
    GapsNotNoted => FiltersNoted,
    /// `published_sets` does not compare the owner.
    SetsOfAnyone => FiltersNoted,
    /// `published_sets` begins at the first one.
    SetsFromTheFirst => FiltersNoted,
    /// `published_sets` ignores the limit.
    SetsIgnoreLimit => FiltersNoted,
    /// `published_sets` does not know holds.
    SetsIgnoreHold => FiltersNoted,
    /// `subject_filter` returns nothing for a set that was removed.
    FilterGoesWithSet => FiltersOutliveSets,
    /// `published_sets` leaves out sets that were removed.
    PastSetsLeftOut => FiltersOutliveSets,
    /// `removals` lists no filters.
    FilterStaysForEver => FiltersOutliveSets,
    /// `removals` lists filters once.
    FilterRemovedOnce => FiltersOutliveSets,
    /// `confirm_removed` forgets filters that are wanted.
    WantedFilterConfirmed => FiltersOutliveSets,
    /// `downloads_of` does not compare the owner.
    DownloadsOfAnyone => DownloadsOfSets,
    /// `downloads_of` lists refused calls.
    RefusalsAreDownloads => DownloadsOfSets,
    /// `downloads_of` ignores the limit.
    DownloadsIgnoreLimit => DownloadsOfSets,
    /// `set_as_published` leaves out what was removed.
    PublishedWithoutRemoved => SetsAsPublished,
    /// `set_as_published` does not compare the owner.
    PublishedOfAnyone => SetsAsPublished,
    /// `recall` stores nothing.
    RecallUntold => SetsRecalled,
    /// `recall` does not compare the owner.
    RecallOfAnyone => SetsRecalled,
    /// `recall` recalls no set for a second request.
    RecallOncePerSet => SetsRecalled,
    /// `recall` passes over sets that are gone.
    RecallOfKeptAlone => SetsRecalled,
    /// `recall` stores no entry.
    RecallUnaudited => SetsRecalled,
    /// `recall` stores an entry although nothing is new.
    RecallAuditedAgain => SetsRecalled,
    /// Pages begin at a row number.
    PagesByRowNumber => PagesWhileRowsChange,
}

impl Planted {
    /// Returns a catalog with this bug.
    pub fn over(self, catalog: Arc<MemoryCatalog>) -> Arc<dyn Catalog> {
        match self.breaks() {
            Clause::ClaimsInTurn
            | Clause::ClaimsLimited
            | Clause::ClaimsOneOfJob
            | Clause::ClaimsNotBefore
            | Clause::ClaimsTakenOver
            | Clause::ClaimsRace
            | Clause::WindowFrozenOnce => Arc::new(Layered(Claiming { bug: self, catalog })),
            Clause::JobRevision
            | Clause::ExecutionUnchanged
            | Clause::ChangeKeepsWork
            | Clause::StoreReplaced
            | Clause::RecipientReplaced
            | Clause::ChangesRace
            | Clause::AuditOfJobs
            | Clause::AuditOfSets
            | Clause::AuditOfOwners
            | Clause::DownloadsRecorded
            | Clause::JobDeleted
            | Clause::ExecutionDeleted => {
                Arc::new(Layered(Changing { bug: self, catalog, decided: Mutex::default() }))
            }
            Clause::SetsExpire
            | Clause::SetsHeld
            | Clause::FilesRemoved
            | Clause::NoticesOfEnds
            | Clause::NoticesInTurn
            | Clause::NoticesOfAudience
            | Clause::NoticeSettled
            | Clause::NoticeAskedAgain
            | Clause::ExpiringTold
            | Clause::CertificatesTold
            | Clause::HouseKept
            | Clause::RecordForgotten
            | Clause::ClockOfCatalog
            | Clause::IdsUnique => {
                Arc::new(Layered(Keeping { bug: self, catalog, remembered: Mutex::default() }))
            }
            Clause::DeliveriesStored
            | Clause::DeliveriesInTurn
            | Clause::DeliveriesLimited
            | Clause::DeliveriesKnown
            | Clause::DeliveriesTakenBack
            | Clause::DeliveryFenced
            | Clause::DeliveryTold
            | Clause::DeliveryOfRemovedSet
            | Clause::DeliveryForgotten
            | Clause::DeliveredAgain
            | Clause::DeliveryList
            | Clause::HealthNoted
            | Clause::HealthChanged => {
                Arc::new(Layered(Delivering { bug: self, catalog, seen: Mutex::default() }))
            }
            Clause::WorkersAttend
            | Clause::WorkersLeave
            | Clause::WorkersDrain
            | Clause::WorkersAreTold
            | Clause::WorkersOfOwners
            | Clause::WorkersForgotten => {
                Arc::new(Layered(Attending { bug: self, catalog, lost: Mutex::default() }))
            }
            Clause::SubjectRequestsStored | Clause::SubjectRequestRepeated | Clause::SubjectRequestList => {
                Arc::new(Layered(Asking { bug: self, catalog }))
            }
            Clause::SubjectCopyQueued | Clause::SubjectCopyPublished => {
                Arc::new(Layered(Handing { bug: self, catalog }))
            }
            Clause::SubjectTasksStored | Clause::SubjectTasksClaimed | Clause::SubjectTasksSettled => {
                Arc::new(Layered(Erasing { bug: self, catalog }))
            }
            Clause::ZonesRenewed => Arc::new(Layered(Zoning { bug: self, catalog })),
            Clause::FiltersNoted | Clause::FiltersOutliveSets | Clause::DownloadsOfSets => {
                Arc::new(Layered(Copying { bug: self, catalog, told: Mutex::default() }))
            }
            Clause::SetsAsPublished | Clause::SetsRecalled => {
                Arc::new(Layered(Recalling { bug: self, catalog, first: Mutex::default() }))
            }
            _ => Arc::new(Layered(Layer { bug: self, catalog, given: Mutex::default() })),
        }
    }
}
