//! The promises of a catalog.

use super::case::{Case, Found};
use super::{
    audits, certificates, claims, copies, deletion, delivered, deliveries, expiring, expiry, fencing, frozen,
    handed, health, house, late, lists, notices, owners, recalls, revisions, subjects, tasks, unique,
    workers, zones,
};
use crate::testing::conformance::Contract;

/// Defines the clauses: the documentation of each, its promise in short, and the script that checks it.
macro_rules! clauses {
    ($($(#[$doc:meta])* $name:ident => $promise:literal, $module:ident::$check:ident;)*) => {
        /// A promise of a [`Catalog`](crate::ports::catalog::Catalog).
        ///
        /// The documentation of each names the methods whose contract it is, and the planted bugs
        /// ([`Planted`](super::Planted)) that its check was shown to find.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Clause {
            $($(#[$doc])* $name,)*
        }

        impl Contract for Clause {
            const ALL: &'static [Self] = &[$(Self::$name,)*];

            fn promise(self) -> &'static str {
                match self {
                    $(Self::$name => $promise,)*
                }
            }
        }

        impl Clause {
            /// Carries out the script of this clause.
            pub(super) async fn check(self, case: &Case) -> Found {
                match self {
                    $(Self::$name => Box::pin($module::$check(case)).await,)*
                }
            }
        }
    };
}

clauses! {
    /// Only the present claim publishes: not one with an older epoch or another nonce, and none after the
    /// execution was settled, published, taken back or deleted. A late publication changes nothing
    /// ([`publish`](crate::ports::catalog::WorkQueue::publish); invariant I6). Found by: `PublishIgnoresEpoch`,
    /// `PublishIgnoresNonce`, `PublishIgnoresClaim`, `PublishesSettled`.
    PublishFenced => "only the present claim of an execution publishes its set", fencing::publish;
    /// Only the present claim settles, and only once ([`settle`](crate::ports::catalog::WorkQueue::settle);
    /// invariant I6). Found by: `SettleIgnoresEpoch`, `SettlesPublished`.
    SettleFenced => "only the present claim of an execution settles it", fencing::settle;
    /// Only the present claim freezes a window ([`begin`](crate::ports::catalog::WorkQueue::begin); rule W3b).
    /// Found by: `BeginIgnoresEpoch`.
    BeginFenced => "only the present claim of an execution freezes its window", fencing::begin;
    /// A beat counts only under the present claim and by the worker that holds it, and the answers are in the
    /// order of the beats ([`beat`](crate::ports::catalog::WorkQueue::beat)). Found by: `BeatIgnoresEpoch`,
    /// `BeatIgnoresWorker`, `BeatLosesProgress`, `BeatRenewsNothing`, `BeatsOutOfOrder`.
    BeatFenced => "a beat renews the worker's own present claim and no other", fencing::beat;
    /// The standing of files is that of the claim that stored them, by its epoch and its nonce
    /// ([`standing`](crate::ports::catalog::WorkQueue::standing); rule E16). Found by: `StandingIgnoresEpoch`,
    /// `StandingIgnoresNonce`, `DeletedStandsUnknown`.
    StandingByClaim => "files stand as the claim that stored them does", late::standing;
    /// A lease that ran out ends no claim that nobody has taken over: its worker may be slow, and publishes
    /// ([`publish`](crate::ports::catalog::WorkQueue::publish)). Found by: `LateClaimsEnd`.
    LateClaimHolds => "a claim holds until it is taken over, also after its lease", late::lease_over;
    /// An execution whose cancellation was promised is not published, and its worker hears of it with the next
    /// beat (rule E8). Found by: `PublishOvertakesCancel`, `CancelUntold`.
    CancelPromised => "what a person was promised to stop is not published", late::cancelled;
    /// Owners take turns from claim to claim, for all workers; an owner's work begins in queue order; and a claim
    /// gives as many as it asks for ([`claim`](crate::ports::catalog::WorkQueue::claim);
    /// [`pick`](crate::domain::execution::queue::pick); rule E2). Found by: `ClaimsNewestFirst`,
    /// `ClaimsForgetTurns`, `ClaimsIgnoreLimit`.
    ClaimsInTurn => "owners take turns, and the work of each begins in its order", claims::turns;
    /// The limit of a source counts what runs of it, over all workers, and lets other sources go first
    /// ([`SourceLimits`](crate::domain::execution::queue::SourceLimits); rule E2). Found by:
    /// `ClaimsIgnoreSourceLimits`, `SourceLimitsPerClaim`.
    ClaimsLimited => "no more executions of a source run than its limit allows", claims::limits;
    /// Of a job one execution runs at a time, and none overtakes one that waits for its retry (rule E2). Found
    /// by: `ClaimsJobTwice`, `RetriesOvertaken`.
    ClaimsOneOfJob => "a job runs one execution at a time, in order", claims::one_of_a_job;
    /// An execution is handed out from its `not_before` on, to the microsecond, and at once if its worker
    /// released it (rule E5). Found by: `ClaimsTooEarly`, `ClaimsTooLate`.
    ClaimsNotBefore => "nothing begins before its instant, and all of it may begin at it", claims::waits;
    /// A lease keeps an execution from other workers until it runs out, to the microsecond. Then another claim
    /// takes it over, with a new epoch and a new nonce, but never from the worker that asks and names it. Who
    /// has no attempt left is given up (rules E5, E16). Found by: `ClaimsTakeLive`, `ClaimsNeverTakeOver`,
    /// `ClaimsIgnoreHolding`, `ClaimsTrustHolding`, `TakeOverKeepsEpoch`, `TakeOverKeepsNonce`, `GivenUpUntold`.
    ClaimsTakenOver => "a claim is taken over once its lease has run out, and not before", claims::leases;
    /// Two workers that claim at the same time never get the same execution (invariant I6). Their calls are
    /// polled in turns on one thread: a catalog whose calls block is asked one after the other. Found by:
    /// `ClaimsRace`.
    ClaimsRace => "an execution is given to one of two workers that claim at the same time", claims::race;
    /// The first call freezes a window, for all later ones and for all later claims; one that has to keep its end
    /// waits for its source ([`begin`](crate::ports::catalog::WorkQueue::begin); rules W1, W3b). Found by:
    /// `BeginFreezesAgain`, `BeginStoresNothing`, `HeldRunsOn`.
    WindowFrozenOnce => "a window is frozen once", frozen::once_only;
    /// Each change of a job, and each claim, end or change of an execution of it, moves the job's revision by one,
    /// and a decision that was made before is refused
    /// ([`change_job`](crate::ports::catalog::JobStore::change_job),
    /// [`adopt`](crate::ports::catalog::ArtifactStore::adopt)). Found by: `ChangeIgnoresRevision`,
    /// `ClaimsKeepRevision`, `AdoptIgnoresRevision`.
    JobRevision => "a decision about a job is stored only if the job is still the one that was read", revisions::job;
    /// A person's change of an execution is stored only if it has the status and the epoch that it was read with
    /// ([`change_execution`](crate::ports::catalog::ExecutionStore::change_execution)). Found by:
    /// `ChangeIgnoresStatus`, `ChangeIgnoresEpoch`.
    ExecutionUnchanged => "a change of an execution needs the status and the epoch that were read", revisions::execution;
    /// A person's change of an execution keeps the lease, the progress and the frozen window that its worker has
    /// stored since it was read (rules E8, W3b). Found by: `ChangeLosesProgress`, `ChangeEndsLease`.
    ChangeKeepsWork => "a change of an execution undoes nothing that its worker has stored", revisions::keeps_work;
    /// The store that belongs to a catalog is replaced only if it is still the expected one, confirmed or not as
    /// expected ([`set_store`](crate::ports::catalog::StoreRegister::set_store); rule A11). Found by:
    /// `StoreIgnoresExpected`, `StoreComparesId`.
    StoreReplaced => "the store of a catalog is replaced only if it is the expected one", revisions::store;
    /// The certificate of a recipient is replaced, under the same name and with the jobs that name it, only if it is
    /// still the expected one
    /// ([`replace_recipient`](crate::ports::catalog::RecipientStore::replace_recipient); rule S3). Found by:
    /// `ReplaceIgnoresExpected`.
    RecipientReplaced => "a recipient's certificate is replaced only if it is the expected one", revisions::recipient;
    /// Of two changes of a job at the same time, made for the same revision, one is stored and the other one is
    /// refused. Their calls are polled in turns on one thread: a catalog whose calls block is asked one after
    /// the other. Found by: `ChangesRace`.
    ChangesRace => "of two changes at the same time one is stored, and the other one is refused", revisions::race;
    /// Each change of a job or an execution is stored with all its entries of the audit, or nothing is
    /// ([`AuditStore`](crate::ports::catalog::AuditStore); rule C2). Found by: `JobsAuditLost`,
    /// `JobsAuditOutside`, `JobsAuditHalf`, `JobsAuditTwice`.
    AuditOfJobs => "changes of jobs and executions are stored with their audit, or not at all", audits::of_jobs;
    /// Each change of sets, notices, deliveries and destinations is stored with all its entries of the audit, or nothing is
    /// ([`AuditStore`](crate::ports::catalog::AuditStore); rule C2). Found by: `SetsAuditLost`,
    /// `SetsAuditOutside`, `SetsAuditHalf`, `SetsAuditTwice`.
    AuditOfSets => "changes of sets, notices and deliveries are stored with their audit, or not at all", audits::of_sets;
    /// Each change of recipients and of the store is stored with all its entries of the audit, or nothing is; an
    /// entry of its own is stored once, and never written over
    /// ([`AuditStore`](crate::ports::catalog::AuditStore); rule C2). Found by: `OwnersAuditLost`,
    /// `OwnersAuditOutside`, `OwnersAuditHalf`, `OwnersAuditTwice`, `RecordTwice`.
    AuditOfOwners => "changes of recipients and of the store are stored with their audit, or not at all", audits::of_owners;
    /// A download gets its first end and no other, and counts if it was verified, also when its file is deleted
    /// meanwhile ([`end_download`](crate::ports::catalog::AuditStore::end_download); rules A8, C3). Found by:
    /// `BrokenOffCounts`, `DownloadsUncounted`, `EndsWhatIsNone`.
    DownloadsRecorded => "a download ends once, and counts if it was verified", audits::downloads;
    /// A deleted job is gone at once and begins nothing; its history, its files and its id stay, and its
    /// recipients are free (rules J12, J15). Found by: `DeletedJobShown`, `DeletedJobRuns`,
    /// `DeletedJobTakesHistory`, `RecipientOfDeletedKept`.
    JobDeleted => "a deleted job is gone and runs no more, and its history stays", deletion::jobs;
    /// Only an execution that has ended and is not on hold is deleted; its files are to be removed, and nothing
    /// changes it or brings it back
    /// ([`delete_execution`](crate::ports::catalog::ExecutionStore::delete_execution); rules E9, E18). Found by:
    /// `DeletesOpen`, `DeletesHeld`, `ChangesDeleted`, `AdoptsDeleted`, `DeletedKeepsFiles`.
    ExecutionDeleted => "a deleted execution stays deleted, and its files go", deletion::executions;
    /// A set expires as a whole when the retention of its last file ends, to the microsecond, and up to as many
    /// sets as were asked for ([`expire`](crate::ports::catalog::ArtifactStore::expire); rule A7). Found by:
    /// `ExpiresEarly`, `ExpiresIgnoresLimit`, `NeverExpires`.
    SetsExpire => "a set expires as a whole, with its last file", expiry::due;
    /// A set on hold neither expires nor loses a file, until it is released; of several files all are deleted or
    /// none ([`hold`](crate::ports::catalog::ArtifactStore::hold); rules A7, A8). Found by: `ExpiresHeld`,
    /// `ReleaseForgotten`, `DeletesHeldFile`, `DeletesSome`.
    SetsHeld => "what is on hold stays until it is released", expiry::held;
    /// Removals are listed until they are confirmed, as often as asked; what was not marked cannot be confirmed,
    /// and confirming twice changes nothing ([`removals`](crate::ports::catalog::ArtifactStore::removals)).
    /// Found by: `RemovalsListedOnce`, `RemovalsIgnoreLimit`, `ConfirmsNothing`, `ConfirmsUnmarked`.
    FilesRemoved => "files to remove are listed until their removal is confirmed", expiry::removed;
    /// A published set and a final failure have one notice each, and other ends have none
    /// ([`Outbox`](crate::ports::catalog::Outbox); rule N2). Found by: `FailuresUntold`, `NoticesIgnoreChannel`.
    NoticesOfEnds => "each published set and each failure has one notice", notices::of_ends;
    /// Owners take turns, over all workers, and no more notices of a subscriber are held than the claim allows
    /// ([`claim_notices`](crate::ports::catalog::Outbox::claim_notices); rule N4). Found by:
    /// `NoticesForgetTurns`, `NoticesIgnoreLimit`, `NoticesIgnoreSubscriber`.
    NoticesInTurn => "notices are handed out in turns, and within the limit of a subscriber", notices::turns;
    /// A claim takes notices to its audience only, and one to a subscriber without room holds up no other
    /// ([`claim_notices`](crate::ports::catalog::Outbox::claim_notices); rule N4). Found by: `NoticesToAnybody`,
    /// `NoticesHeldUp`.
    NoticesOfAudience => "a claim takes notices to its audience, and a full subscriber holds up no other", notices::audience;
    /// Only the present claim of a notice settles it; it is taken over after its lease, tried again after its
    /// wait, and done once ([`settle_notice`](crate::ports::catalog::Outbox::settle_notice); rules N4, N5). Found
    /// by: `NoticeIgnoresEpoch`, `NoticesTakeLive`, `NoticesNeverTakeOver`, `NoticeGivenUpAtOnce`,
    /// `NoticeDoneOnce`.
    NoticeSettled => "a notice is told by the worker that holds it, until it is done", notices::settled;
    /// A notice that was told or given up, and no other, starts over under its id when a person asks for it, unless
    /// what it is about is gone ([`ask_notice_again`](crate::ports::catalog::Outbox::ask_notice_again); rule N5). Found
    /// by: `AsksOpenAgain`, `AsksTellsOnce`, `AsksDeletedAgain`, `AskedKeepsAttempts`.
    NoticeAskedAgain => "a notice that was told or given up can be asked for again", notices::again;
    /// A set that expires soon and that nobody has fetched is told of once, page by page; one that was downloaded,
    /// linked to or delivered, is on hold or gone, is not
    /// ([`tell_of_expiring`](crate::ports::catalog::Outbox::tell_of_expiring); rule N8). Found by: `ExpiryUntold`,
    /// `HeldSaidToExpire`, `ExpiringIgnoresLimit`, `ExpiringFromTheStart`.
    ExpiringTold => "a set that expires soon and that nobody has fetched is told of once", expiring::told;
    /// A certificate that a job needs and that expires is told of once when it comes within 30 days, and once when it
    /// comes before the next occurrence or has expired; a renewed one is not, nor is that of a job that does not run
    /// ([`tell_of_certificates`](crate::ports::catalog::Outbox::tell_of_certificates); rule N8). Found by:
    /// `CertificatesUntold`, `CertificatesIgnoreLimit`, `CertificatesFromTheStart`, `CertificatesToldAgain`.
    CertificatesTold => "a certificate that a job needs and that expires is told of once for each threshold", certificates::told;
    /// Each destination of a published set has one delivery, which is stored with the set and never apart from it
    /// ([`DeliveryStore`](crate::ports::catalog::DeliveryStore); rule N4). Found by: `DeliveriesNotStored`,
    /// `DeliveryOfOneDestination`.
    DeliveriesStored => "each destination of a published set has one delivery, stored with the set", deliveries::stored;
    /// Owners take turns, over all workers, what waits longest comes first, and a claim gives as many as it asks for
    /// ([`claim_deliveries`](crate::ports::catalog::DeliveryStore::claim_deliveries); rule N4). Found by:
    /// `DeliveriesForgetTurns`, `DeliveriesIgnoreLimit`.
    DeliveriesInTurn => "deliveries are handed out in turns, and in order", deliveries::turns;
    /// No more deliveries to one destination are held than the claim allows, over all workers, and those to others go
    /// first ([`claim_deliveries`](crate::ports::catalog::DeliveryStore::claim_deliveries); rule N4). Found by:
    /// `DeliveriesIgnoreDestination`, `DestinationLimitPerClaim`.
    DeliveriesLimited => "no more deliveries to a destination run than its limit allows", deliveries::limits;
    /// Deliveries to destinations that the worker does not know, or that are disabled, are left
    /// ([`claim_deliveries`](crate::ports::catalog::DeliveryStore::claim_deliveries); rule N5). Found by:
    /// `DeliveriesToUnknown`, `DeliveriesToDisabled`.
    DeliveriesKnown => "deliveries to unknown and disabled destinations are left", deliveries::known;
    /// A delivery whose lease has run out is taken back, to the microsecond, which counts as a failed attempt and keeps
    /// what has arrived; one that was tried for long enough is given up, and told
    /// ([`claim_deliveries`](crate::ports::catalog::DeliveryStore::claim_deliveries); rules N4, N5). Found by:
    /// `DeliveriesTakeLive`, `DeliveriesNeverTakenBack`, `TakenBackLosesProgress`, `TakenBackUntold`.
    DeliveriesTakenBack => "a delivery is taken back once its lease has run out, and not before", deliveries::leases;
    /// Only the present claim renews and settles a delivery; each call stores what has arrived; one that failed waits
    /// ([`beat_delivery`](crate::ports::catalog::DeliveryStore::beat_delivery),
    /// [`settle_delivery`](crate::ports::catalog::DeliveryStore::settle_delivery); rules N4, N5). Found by:
    /// `DeliveryBeatIgnoresEpoch`, `DeliverySettleIgnoresEpoch`, `DeliveryBeatLosesProgress`,
    /// `DeliverySettleLosesProgress`, `DeliveryBeatRenewsNothing`, `DeliveryGivenUpAtOnce`, `DeliveryDoneOnce`.
    DeliveryFenced => "only the present claim of a delivery reports its progress and its end", deliveries::fenced;
    /// That a set has arrived is told once all of its deliveries are done, and each one that is given up by itself
    /// ([`Delivery::notices`](crate::domain::delivery::Delivery::notices); rule N2). Found by: `DeliveredEarly`,
    /// `DeliveredUntold`, `DeliveryFailedUntold`.
    DeliveryTold => "a set is told as delivered once all of its deliveries are done", delivered::told;
    /// Removing a set, or one of its files, gives up its deliveries that are not done; their workers are fenced off, and
    /// nobody is told ([`DeliveryStore`](crate::ports::catalog::DeliveryStore); rule N5). Found by:
    /// `RemovedKeepsDeliveries`, `RemovedTakesDone`.
    DeliveryOfRemovedSet => "deliveries of a removed set are given up", delivered::removed;
    /// Deliveries are forgotten with their execution, and not before ([`forget`](crate::ports::catalog::Housekeeping::forget);
    /// rule E14). Found by: `DeliveriesOutliveExecution`.
    DeliveryForgotten => "deliveries are forgotten with their execution", delivered::forgotten;
    /// A delivery starts over when a person asks for it, whatever its state, but not while it is being tried, and only
    /// while its set is whole ([`redeliver`](crate::ports::catalog::DeliveryStore::redeliver); rule N5). Found by:
    /// `RedeliversHeld`, `RedeliverKeepsProgress`, `RedeliverKeepsAttempts`, `RedeliverKeepsFolder`.
    DeliveredAgain => "a delivery starts over when somebody asks for it", delivered::again;
    /// `deliveries` gives the rows that its query asks for, in its order, page by page until the end, each once and none
    /// lost, and counts all of them on the first page ([`Page`](crate::ports::catalog::query::Page)). Found by:
    /// `DeliveriesIgnoreId`, `DeliveriesIgnoreExecution`, `DeliveriesIgnoreExecutions`, `DeliveriesIgnoreStatus`,
    /// `DeliveriesOfAnyDestination`.
    DeliveryList => "the list of deliveries is filtered, sorted, counted and cut into pages as asked", lists::deliveries;
    /// The first identity of a destination is pinned, failures count from the first on and disable it after five days,
    /// what is gone is disabled at once, and the jobs with open deliveries to it are told once
    /// ([`contacted`](crate::ports::catalog::DeliveryStore::contacted); rules N3, N5, N8, N9). Found by:
    /// `PinsTheLatest`, `NeverDisabled`, `GoneStaysEnabled`, `DisabledUntold`.
    HealthNoted => "the health of a destination follows from its uses", health::noted;
    /// A person's change of the health of a destination is stored only if it is as it was read; enabling it starts over
    /// with the deliveries to it that were given up and whose sets are kept
    /// ([`set_health`](crate::ports::catalog::DeliveryStore::set_health); rule N5). Found by: `HealthIgnoresBefore`,
    /// `EnabledStartsNothing`.
    HealthChanged => "a destination that is enabled again is delivered what was given up", health::changed;
    /// One worker keeps house, until it leaves or its lease runs out, also if two ask at the same time
    /// ([`keep_house`](crate::ports::catalog::Housekeeping::keep_house); rule E15). Found by: `HouseKeptByAll`,
    /// `HouseLeftByAnyone`, `HouseNeverTakenOver`, `HouseRace`.
    HouseKept => "one worker at a time keeps house", house::lease;
    /// Old rows go, page by page, in the order of [`sweep`](crate::domain::keeping::sweep::sweep); what is young,
    /// on hold, needed, or may have files in the store stays
    /// ([`forget`](crate::ports::catalog::Housekeeping::forget); rule E14). Found by: `ForgetsYoung`,
    /// `ForgetsUnconfirmed`, `ForgetsNothing`, `ForgetsAtOnce`, `ForgetsFromTheStart`.
    RecordForgotten => "what is old is forgotten, in pages, and nothing else", house::forgotten;
    /// The catalog's clock is the one that it was opened with, in whole microseconds, through every handle, also
    /// after it was set back ([`now`](crate::ports::catalog::WorkQueue::now); rule T4). Found by: `ClockAhead`,
    /// `ClockNeverBack`.
    ClockOfCatalog => "the present is that of the catalog's clock", house::present;
    /// An id is stored once: a job, and an entry that a person asked for, are refused a second time, and a slot
    /// that is on record stays as it is ([`insert_job`](crate::ports::catalog::JobStore::insert_job),
    /// [`change_job`](crate::ports::catalog::JobStore::change_job)). Found by: `InsertReplaces`, `EntryTwice`,
    /// `EntryReplaces`.
    IdsUnique => "nothing is stored twice under one id, and nothing is written over", unique::ids;
    /// What belongs to another owner is not there: each read that takes an owner gives nothing of it (rule J15).
    /// Found by: `JobOfAnyone`, `JobsOfAnyone`, `OpenOfAnyone`, `ExecutionOfAnyone`, `ExecutionsOfAnyone`,
    /// `ArtifactOfAnyone`, `ArtifactsOfAnyone`, `SetOfAnyone`, `RecipientsOfAnyone`, `NoticesOfAnyone`,
    /// `DeliveriesOfAnyone`, `AuditOfAnyone`.
    ForeignReads => "no read gives anything of another owner", owners::reads;
    /// What belongs to another owner cannot be changed: each change is refused as if it were missing, and
    /// changes nothing (rule J15). Found by: `ChangesJobOfAnyone`, `ChangesExecutionOfAnyone`,
    /// `DeletesExecutionOfAnyone`, `HoldsSetOfAnyone`, `DeletesArtifactOfAnyone`, `AsksNoticeOfAnyone`,
    /// `RedeliversForAnyone`, `AdoptsForAnyone`.
    ForeignChanges => "no change touches anything of another owner", owners::changes;
    /// Recipients have names of their owner: two owners may use the same one, and a job names only those of its
    /// own owner (rules J15, S1). Found by: `RecipientsShared`,
    /// `RemovesRecipientOfAnyone`, `ReplacesRecipientOfAnyone`.
    OwnRecipients => "a job seals only for recipients of its own owner", owners::recipients;
    /// `jobs` gives the rows that its query asks for, in its order, page by page until the end, each once and
    /// none lost, and counts all of them on the first page ([`Page`](crate::ports::catalog::query::Page)).
    /// Found by: `JobsIgnoreIds`, `JobsIgnoreSearch`, `JobsIgnoreSource`, `JobsIgnoreDataType`, `JobsIgnoreRecipient`, `JobsIgnoreFrequency`,
    /// `JobsIgnoreState`, `JobsIgnoreLatestStatus`, `JobsIgnoreCreated`, `JobsIgnoreLatestStarted`,
    /// `JobsIgnoreNextStarts`, `JobsIgnoreDirection`, `TotalTooLarge`, `LaterPagesCounted`, `PageTooLong`,
    /// `LastRowLost`, `CursorSkipsTies`, `JobsForgetFailure`, `JobsIgnoreIdBeginning`.
    JobList => "the list of jobs is filtered, sorted, counted and cut into pages as asked", lists::jobs;
    /// `executions` gives the rows that its query asks for, in its order, page by page until the end, each
    /// once and none lost, and counts all of them on the first page
    /// ([`Page`](crate::ports::catalog::query::Page)). Found by: `ExecutionsIgnoreIds`,
    /// `ExecutionsIgnoreJob`, `ExecutionsIgnoreStatus`, `ExecutionsIgnoreSource`, `ExecutionsIgnoreDataType`,
    /// `ExecutionsIgnoreSlot`, `ExecutionsIgnoreStarted`, `ExecutionsIgnoreDirection`,
    /// `ExecutionsIgnoreIdBeginning`.
    ExecutionList => "the list of executions is filtered, sorted, counted and cut into pages as asked", lists::executions;
    /// `artifacts` gives the rows that its query asks for, in its order, page by page until the end, each
    /// once and none lost, and counts all of them on the first page
    /// ([`Page`](crate::ports::catalog::query::Page)). Found by: `ArtifactsIgnoreJob`,
    /// `ArtifactsIgnoreExecution`, `ArtifactsIgnoreSearch`, `ArtifactsIgnoreDataType`,
    /// `ArtifactsIgnoreCreated`, `ArtifactsIgnoreExpires`, `ArtifactsIgnoreBytesMin`,
    /// `ArtifactsIgnoreBytesMax`, `ArtifactsIgnoreHold`, `ArtifactsIgnoreAvailableAt`,
    /// `ArtifactsIgnoreDirection`, `ArtifactsIgnoreIdBeginning`.
    ArtifactList => "the list of artifacts is filtered, sorted, counted and cut into pages as asked", lists::artifacts;
    /// `audit` gives the rows that its query asks for, in its order, page by page until the end, each once
    /// and none lost, and counts all of them on the first page
    /// ([`Page`](crate::ports::catalog::query::Page)). Found by: `AuditIgnoreObject`, `AuditIgnorePrincipal`,
    /// `AuditIgnoreAction`, `AuditIgnoreAt`, `AuditIgnoreDirection`.
    AuditList => "the list of audit is filtered, sorted, counted and cut into pages as asked", lists::audit;
    /// `notices` gives the rows that its query asks for, in its order, page by page until the end, each once
    /// and none lost, and counts all of them on the first page
    /// ([`Page`](crate::ports::catalog::query::Page)). Found by: `NoticesIgnoreId`, `NoticesIgnoreExecution`,
    /// `NoticesIgnoreStatus`, `NoticesIgnoreJob`, `NoticesIgnoreKind`, `NoticesIgnoreWhom`, `NoticesIgnoreHow`,
    /// `NoticesIgnoreHost`, `NoticesIgnoreAt`, `NoticesIgnoreDirection`, `NoticesIgnoreIdBeginning`.
    NoticeList => "the list of notices is filtered, sorted, counted and cut into pages as asked", lists::notices;
    /// A worker is on record from its first sign of life on, as it described itself last, with the instants of its
    /// first and its last sign, and those whose sign is the latest come first
    /// ([`attend`](crate::ports::catalog::WorkerRegister::attend); rule E19). Found by: `AttendsOnce`,
    /// `AttendKeepsFacts`, `AttendBeginsAnew`, `WorkersUnsorted`, `WorkersIgnoreLimit`.
    WorkersAttend => "a worker is listed with its first and its last sign of life", workers::attended;
    /// A worker that ended in good order is told from one that works or is gone, and begins anew when it comes back;
    /// the end of one changes no other ([`leave`](crate::ports::catalog::WorkerRegister::leave); rule E19). Found
    /// by: `LeaveUntold`, `LeaveOfAll`, `LeaveRecordsAnyone`, `LeftForEver`.
    WorkersLeave => "a worker that ended in good order is listed as such", workers::left;
    /// A worker that is asked to drain is listed as one that does, since it was first asked and until it is told
    /// otherwise or ends; no other is ([`drain`](crate::ports::catalog::WorkerRegister::drain); rule E20). Found by:
    /// `DrainUntold`, `DrainOfAll`, `DrainEndsWithSign`, `DrainForEver`, `DrainBeginsAnew`, `DrainRecordsAnyone`.
    WorkersDrain => "a worker drains until it is told otherwise", workers::drained;
    /// A sign of life answers with the worker as it is on record
    /// ([`attend`](crate::ports::catalog::WorkerRegister::attend); rule E20). Found by: `AttendTellsNothing`.
    WorkersAreTold => "a sign of life answers whether the worker is to drain", workers::told;
    /// Of what workers run, each owner sees its own executions, and the number of the others
    /// ([`workers`](crate::ports::catalog::WorkerRegister::workers); rules E19, J15). Found by: `WorkOfAnyone`,
    /// `OthersUncounted`.
    WorkersOfOwners => "an owner sees what workers run of its own, and the rest is counted", workers::of_owners;
    /// Workers are forgotten a day after they ended in good order, or after a week of silence, and not before
    /// ([`forget_workers`](crate::ports::catalog::WorkerRegister::forget_workers); rule E19). Found by:
    /// `WorkersNeverForgotten`, `LeftForgottenAtOnce`, `SilentForgottenEarly`.
    WorkersForgotten => "workers that ended or fell silent long ago are forgotten", workers::forgotten;
    /// A request of a data subject is stored as it is, with what it seals while it is open, found and changed by its
    /// owner alone, and only in the version that was read, with its entries of the audit or not at all
    /// ([`SubjectStore`](crate::ports::catalog::SubjectStore); rules D3, D6). Found by: `SubjectInsertReplaces`,
    /// `SubjectChangeIgnoresVersion`, `SubjectChangesOfAnyone`, `SubjectChangeKeepsDue`, `SubjectAuditLost`,
    /// `SubjectChangeAuditLost`, `SubjectOfAnyone`, `SubjectsOfAnyone`.
    SubjectRequestsStored => "a subject request is stored whole, and changed from the version that was read", subjects::stored;
    /// A request that repeats an open one is not stored, and neither are its entries of the audit
    /// ([`insert_subject_request`](crate::ports::catalog::SubjectStore::insert_subject_request); rule D8). Found by:
    /// `SubjectRepeatsUnseen`, `SubjectRepeatsEnded`, `SubjectRepeatAudited`.
    SubjectRequestRepeated => "a subject request that repeats an open one is not stored", subjects::repeated;
    /// The tasks of an erasure are stored with the state of their request, or not at all, those on record stay as they are,
    /// their owner alone sees them, and those that are not done end with the request
    /// ([`lay_out_subject_request`](crate::ports::catalog::SubjectStore::lay_out_subject_request),
    /// [`subject_tasks`](crate::ports::catalog::SubjectStore::subject_tasks); rules D3, D4). Found by: `TasksLost`,
    /// `TasksLaidOutAnew`, `TasksIgnoreVersion`, `TasksAuditLost`, `TasksOfAnyone`, `TasksOutliveRequest`.
    SubjectTasksStored => "the tasks of an erasure are stored and end with their request", tasks::stored;
    /// Tasks are handed out of requests alone that run, of sources and under keys that the worker has, as many of a source
    /// as it says, to one worker at a time, and taken over from one whose lease has run out
    /// ([`claim_subject_tasks`](crate::ports::catalog::SubjectStore::claim_subject_tasks),
    /// [`running_subject_requests`](crate::ports::catalog::SubjectStore::running_subject_requests); rule D4). Found by:
    /// `TaskClaimsUnlaunched`, `TaskClaimsAnyKey`, `TaskClaimsAnySource`, `TaskClaimsCrowd`, `RunningUnseen`.
    SubjectTasksClaimed => "the tasks of erasures that run are handed to one worker at a time", tasks::claimed;
    /// Only the present claim beats and settles, what it is about to erase is kept, and only what is not done is asked for
    /// again, by its owner ([`beat_subject_task`](crate::ports::catalog::SubjectStore::beat_subject_task),
    /// [`settle_subject_task`](crate::ports::catalog::SubjectStore::settle_subject_task),
    /// [`ask_subject_tasks_again`](crate::ports::catalog::SubjectStore::ask_subject_tasks_again); rule D4). Found by:
    /// `TaskBeatForgets`, `TaskBeatsOfAnyone`, `TaskSettlesOfAnyone`, `TasksAgainOfAnyone`, `TasksAgainAuditLost`.
    SubjectTasksSettled => "only the present claim of a task says what was erased", tasks::settled;
    /// The step after which a copy may be handed over stores the job that makes it, its execution and the tasks of an
    /// erasure, or none of it
    /// ([`hand_over_subject_request`](crate::ports::catalog::SubjectStore::hand_over_subject_request); rule D9). Found by:
    /// `HandOverLosesJob`, `HandOverLosesTasks`, `HandOverIgnoresVersion`, `HandOverAuditLost`.
    SubjectCopyQueued => "the copy for a data subject is queued with the step after which it may be made", handed::queued;
    /// The set that answers a request is published with the state that the request has then, or not at all
    /// ([`publish`](crate::ports::catalog::WorkQueue::publish); rule D9). Found by: `PublishLeavesRequest`,
    /// `PublishAnswersEnded`.
    SubjectCopyPublished => "a set that answers a subject request changes it, and none is published once it has ended", handed::answered;
    /// Filters, orders and pages of the list of subject requests
    /// ([`subject_requests`](crate::ports::catalog::SubjectStore::subject_requests)). Found by:
    /// `SubjectsIgnoreIdBeginning`, `SubjectsIgnoreStatus`, `SubjectsIgnoreOpen`, `SubjectsIgnoreKind`,
    /// `SubjectsIgnoreDirection`.
    SubjectRequestList => "the list of subject requests is filtered, sorted, counted and cut into pages as asked", lists::subject_requests;
    /// Jobs with a zone are computed by the newest database of time zones that a worker has brought, or by an older one
    /// that is accepted, each as [`renewed`](crate::domain::job::renewal::renewed) says, and only workers with that
    /// database are given any of their work ([`renew_zones`](crate::ports::catalog::WorkQueue::renew_zones); rule F9).
    /// Found by: `ZonesForgotten`, `RenewMovesNothing`, `RenewTakesOlder`, `DueOfAnyClock`, `AgendaOfAnyClock`,
    /// `ClaimsOfAnyClock`.
    ZonesRenewed => "a newer database of time zones computes jobs anew, and an older one leaves them alone", zones::renewed;
    /// The filters of a set are on record with it, and sets are listed with their filters, each owner's apart, those of the
    /// latest slots first and in pages ([`published_sets`](crate::ports::catalog::CopyStore::published_sets),
    /// [`subject_filter`](crate::ports::catalog::CopyStore::subject_filter); rule D10). Found by: `FilterNotNoted`,
    /// `GapsNotNoted`, `SetsOfAnyone`, `SetsFromTheFirst`, `SetsIgnoreLimit`, `SetsIgnoreHold`.
    FiltersNoted => "the filters of a set are on record with it", copies::noted;
    /// The filters of a set stay when it is removed, and are to be removed, until that is confirmed, once its execution
    /// was deleted from the history or forgotten (rules D10, E14). Found by: `FilterGoesWithSet`, `PastSetsLeftOut`,
    /// `FilterStaysForEver`, `FilterRemovedOnce`, `WantedFilterConfirmed`.
    FiltersOutliveSets => "the filters of a set outlive it, and go with the history", copies::outlives_its_set;
    /// Downloads of the files of a set are listed, and nothing else
    /// ([`downloads_of`](crate::ports::catalog::CopyStore::downloads_of); rules C3, D10). Found by: `DownloadsOfAnyone`,
    /// `RefusalsAreDownloads`, `DownloadsIgnoreLimit`.
    DownloadsOfSets => "the downloads of a set are listed", copies::downloads;
    /// What a set was is known for as long as its execution is in the history, also when files of it are gone
    /// ([`set_as_published`](crate::ports::catalog::CopyStore::set_as_published); rule D11). Found by:
    /// `PublishedWithoutRemoved`, `PublishedOfAnyone`.
    SetsAsPublished => "what a set was is known when it is gone", recalls::as_published;
    /// A set is recalled once for each request, kept or gone, with one entry of the audit; notices that are on record stay
    /// as they are ([`recall`](crate::ports::catalog::Outbox::recall); rule D11). Found by: `RecallUntold`,
    /// `RecallOfAnyone`, `RecallOncePerSet`, `RecallOfKeptAlone`, `RecallUnaudited`, `RecallAuditedAgain`.
    SetsRecalled => "a set is recalled once for each request, and with an entry", recalls::recalled;
    /// Rows that come or go before the place of a page shift nothing behind it, also when the row at the place
    /// itself goes ([`Cursor`](crate::ports::catalog::query::Cursor)). Found by: `PagesByRowNumber`.
    PagesWhileRowsChange => "no row is lost or doubled while others come and go", lists::changing;
}
