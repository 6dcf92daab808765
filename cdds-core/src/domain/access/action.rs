//! Actions, sets of them, and the roles that most hosts need.

use std::fmt;

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident => $name:literal, $role:ident, $words:literal;)*) => {
        /// Something that a principal may be allowed (rule C1). Each method of a service needs one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Action {
            $($(#[$doc])* $variant,)*
        }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the stable name, as stored and printed: `delete_artifacts`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Returns the least role that is allowed the action.
            pub const fn least_role(self) -> Role {
                match self {
                    $(Self::$variant => Role::$role,)*
                }
            }

            /// Returns the action as part of a sentence: `delete artifacts`.
            pub const fn in_words(self) -> &'static str {
                match self {
                    $(Self::$variant => $words,)*
                }
            }
        }
    };
}

actions! {
    /// Read jobs, history, artifacts' names and recipients; preview.
    See => "see", Viewer, "see jobs and their results";
    /// Read who works, and what they run of the owner.
    SeeWorkers => "see_workers", Viewer, "see the workers";
    /// Submit a job.
    CreateJob => "create_job", Operator, "create jobs";
    /// Edit a job.
    EditJob => "edit_job", Operator, "edit jobs";
    /// Suspend a job.
    SuspendJob => "suspend_job", Operator, "suspend jobs";
    /// Resume a job.
    ResumeJob => "resume_job", Operator, "resume jobs";
    /// Queue an extra occurrence.
    RunJob => "run_job", Operator, "run jobs";
    /// Queue occurrences of the past.
    BackfillJob => "backfill_job", Operator, "backfill jobs";
    /// Bring a job back that a wrong clock left in the future.
    BringBackJob => "bring_back_job", Operator, "bring jobs back";
    /// Stop an execution.
    CancelExecution => "cancel_execution", Operator, "cancel executions";
    /// Queue another try of an execution.
    RerunExecution => "rerun_execution", Operator, "run executions again";
    /// Read the contents of artifacts, manifests and signatures.
    Download => "download", Operator, "download artifacts";
    /// Start over with a notice that was given up.
    SendAgain => "send_again", Operator, "send notices again";
    /// Deliver a set again.
    Redeliver => "redeliver", Operator, "deliver sets again";
    /// Try a destination with a small file.
    CheckDestination => "check_destination", Operator, "check destinations";
    /// Send a message that is a test.
    TestNotice => "test_notice", Operator, "test notices";
    /// Store a certificate.
    AddRecipient => "add_recipient", Operator, "add recipients";
    /// Replace a certificate by a renewed one.
    RenewRecipient => "renew_recipient", Operator, "renew recipients";
    /// Remove a certificate.
    RemoveRecipient => "remove_recipient", Operator, "remove recipients";
    /// Delete a job.
    DeleteJob => "delete_job", Administrator, "delete jobs";
    /// Delete an execution from the history, with or without its artifacts.
    DeleteExecution => "delete_execution", Administrator, "delete executions";
    /// Delete artifacts.
    DeleteArtifacts => "delete_artifacts", Administrator, "delete artifacts";
    /// Put a set on legal hold.
    HoldSet => "hold_set", Administrator, "put sets on legal hold";
    /// Release a set from legal hold.
    ReleaseSet => "release_set", Administrator, "release sets from legal hold";
    /// Read the audit.
    SeeAudit => "see_audit", Administrator, "see the audit";
    /// Let deliveries to a destination go on.
    EnableDestination => "enable_destination", Administrator, "enable destinations";
    /// Stop deliveries to a destination.
    DisableDestination => "disable_destination", Administrator, "disable destinations";
    /// Read requests of data subjects, without their identifiers.
    SeeSubjectRequests => "see_subject_requests", Operator, "see subject requests";
    /// Put a request of a data subject on record.
    CreateSubjectRequest => "create_subject_request", Operator, "put subject requests on record";
    /// Record that the identity of a data subject was checked.
    VerifySubjectRequest => "verify_subject_request", Operator, "verify subject requests";
    /// Move the due date of a request of a data subject.
    ExtendSubjectRequest => "extend_subject_request", Operator, "extend subject requests";
    /// Record that a data subject asks for something no more.
    WithdrawSubjectRequest => "withdraw_subject_request", Operator, "withdraw subject requests";
    /// Find the sets that may hold records about a data subject, and who has them.
    FindSubjectCopies => "find_subject_copies", Operator, "find copies of records about data subjects";
    /// Tell those who have copies of records about a data subject to delete them.
    RecallCopies => "recall_copies", Administrator, "recall copies of records about data subjects";
    /// Approve an erasure that somebody else has put on record.
    ApproveSubjectRequest => "approve_subject_request", Administrator, "approve erasures";
    /// Count what an erasure would erase, and ask for what failed of one again.
    RunSubjectRequest => "run_subject_request", Operator, "run erasures";
    /// Apply past erasures again, to records that came back from a backup.
    ReapplyErasures => "reapply_erasures", Administrator, "apply erasures again";
    /// Refuse a request of a data subject.
    RefuseSubjectRequest => "refuse_subject_request", Administrator, "refuse subject requests";
    /// Pin the identity of a destination's server.
    PinDestination => "pin_destination", Administrator, "pin the identities of destinations";
    /// Let notices to an endpoint go on.
    EnableEndpoint => "enable_endpoint", Administrator, "enable endpoints";
    /// Stop notices to an endpoint.
    DisableEndpoint => "disable_endpoint", Administrator, "disable endpoints";
    /// Ask a worker of the service to claim nothing more.
    DrainWorker => "drain_worker", Administrator, "drain workers";
    /// Let a worker claim again.
    ResumeWorker => "resume_worker", Administrator, "let workers claim again";
    /// Declare that a catalog and a store belong together.
    AdoptStore => "adopt_store", Administrator, "pair the catalog with a store";
    /// Take a set of the store back into the catalog.
    AdoptSet => "adopt_set", Administrator, "take sets back into the catalog";
}

impl Action {
    /// Reads a stable name; `None` if there is no such action.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.as_str() == name)
    }

    /// The place of the action in a set.
    const fn bit(self) -> u64 {
        1 << self as u32
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of actions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Actions(u64);

impl Actions {
    /// No action.
    pub const NONE: Self = Self(0);

    /// Returns the set with this action.
    #[must_use]
    pub const fn with(self, action: Action) -> Self {
        Self(self.0 | action.bit())
    }

    /// Returns the set without this action.
    #[must_use]
    pub const fn without(self, action: Action) -> Self {
        Self(self.0 & !action.bit())
    }

    /// Returns whether the action is in the set.
    pub const fn contains(self, action: Action) -> bool {
        self.0 & action.bit() != 0
    }

    /// Returns the actions of the set.
    pub fn iter(self) -> impl Iterator<Item = Action> {
        Action::ALL.iter().copied().filter(move |action| self.contains(*action))
    }
}

impl FromIterator<Action> for Actions {
    fn from_iter<I: IntoIterator<Item = Action>>(actions: I) -> Self {
        actions.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Actions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// A usual set of actions (rule C1). Each role is allowed everything that the one before it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Sees everything of the owner, and downloads nothing.
    Viewer,
    /// Also manages jobs and recipients, and downloads.
    Operator,
    /// Also deletes, puts sets on legal hold, and sees the audit.
    Administrator,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Administrator];

    /// Returns the stable name, as typed and stored: `viewer`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Administrator => "administrator",
        }
    }

    /// Reads a stable name; `None` if there is no such role.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// Returns the role with its article, as part of a sentence.
    pub(super) const fn in_words(self) -> &'static str {
        match self {
            Self::Viewer => "a viewer",
            Self::Operator => "an operator",
            Self::Administrator => "an administrator",
        }
    }

    /// Returns the actions of the role.
    pub fn actions(self) -> Actions {
        Action::ALL.iter().copied().filter(|action| action.least_role() <= self).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_stable_and_each_its_own() {
        for action in Action::ALL {
            assert_eq!(Action::parse(action.as_str()), Some(*action));
        }
        assert_eq!(Action::parse("delete"), None);
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
    }

    #[test]
    fn c1_each_role_is_allowed_what_the_rule_says() {
        let viewer = Role::Viewer.actions();
        assert!(viewer.contains(Action::See) && !viewer.contains(Action::Download));
        assert!(viewer.iter().all(|action| !action.as_str().contains("delete")));
        let operator = Role::Operator.actions();
        assert!(viewer.iter().all(|action| operator.contains(action)));
        assert!(
            [Action::EditJob, Action::Download, Action::RenewRecipient, Action::RemoveRecipient]
                .into_iter()
                .all(|action| operator.contains(action))
        );
        assert!(
            [Action::DeleteJob, Action::DeleteArtifacts, Action::HoldSet, Action::ReleaseSet]
                .into_iter()
                .all(|action| !operator.contains(action))
        );
        assert_eq!(Role::Administrator.actions(), Action::ALL.iter().copied().collect());
    }

    #[test]
    fn sets_gain_and_lose_actions() {
        let set = Actions::NONE.with(Action::See).with(Action::Download);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Action::See, Action::Download]);
        assert!(!set.without(Action::See).contains(Action::See));
        assert_eq!(format!("{set:?}"), "{See, Download}");
    }
}
