//! Bugs planted in front of the ports of a world of deliveries.

use super::super::Invariant;

/// A mistake that an engine, a catalog or a destination could make with deliveries and notices. It is placed in front of
/// a port that does not make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeliveryBug {
    /// The manifest is sent before the other files.
    ManifestFirst,
    /// A file gets its final name before its size is checked.
    RenamedUnchecked,
    /// A worker that has lost its claim ends the attempt of the present one.
    SettledWithoutFence,
    /// A worker that was thawed aborts the file that it was writing in place, without asking whether it is still its own.
    AbortedUnasked,
    /// The deliveries of a set are stored after its publication, so that a crash in between loses them.
    StoredOutside,
    /// The claim of a delivery is not stored, and whoever asks for it is told that it is.
    ClaimNotStored,
    /// A claim does not know the limit of a destination.
    LimitIgnored,
    /// A delivery forgets what was confirmed.
    ProgressForgotten,
    /// A set is told as delivered when it is published.
    ToldEarly,
    /// A delivery is given up at its first failure.
    GivenUpAtOnce,
    /// A delivery whose worker has died is given up.
    CrashedGivenUp,
    /// Nobody limits what goes to destinations and endpoints that hang. Measured by [`Crowd`](super::Crowd).
    HangsUnlimited,
    /// A delivery is reported as done, although nothing was sent.
    DoneUnsent,
    /// Nobody is told of certificates that expire.
    CertificateUntold,
    /// A certificate that lasts is told of.
    LastingToldOf,
}

impl DeliveryBug {
    /// Every planted bug that a world finds.
    pub const ALL: [Self; 14] = [
        Self::ManifestFirst,
        Self::RenamedUnchecked,
        Self::SettledWithoutFence,
        Self::AbortedUnasked,
        Self::StoredOutside,
        Self::ClaimNotStored,
        Self::LimitIgnored,
        Self::ProgressForgotten,
        Self::ToldEarly,
        Self::GivenUpAtOnce,
        Self::CrashedGivenUp,
        Self::DoneUnsent,
        Self::CertificateUntold,
        Self::LastingToldOf,
    ];

    /// Returns the invariant that the bug breaks first.
    pub const fn breaks(self) -> Invariant {
        match self {
            Self::ManifestFirst | Self::RenamedUnchecked | Self::AbortedUnasked => Invariant::Whole,
            Self::SettledWithoutFence => Invariant::I6,
            Self::ClaimNotStored | Self::ProgressForgotten => Invariant::OnRecord,
            Self::LimitIgnored | Self::HangsUnlimited => Invariant::Alone,
            Self::StoredOutside
            | Self::ToldEarly
            | Self::GivenUpAtOnce
            | Self::CrashedGivenUp
            | Self::DoneUnsent
            | Self::CertificateUntold
            | Self::LastingToldOf => Invariant::Arrives,
        }
    }
}
