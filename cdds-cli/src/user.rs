//! The operating system's user, who is the command line's principal (rule C1).

use cdds_core::domain::access::PrincipalName;

/// Returns the name of the account that runs this process: the real user, as the system knows it. Variables
/// of the environment do not count, since anybody can set them.
///
/// Returns the user's number if the account has no name, as in a container, or has one that is not a valid
/// name.
#[cfg(unix)]
pub(crate) fn name() -> PrincipalName {
    use nix::unistd::{Uid, User};

    let uid = Uid::current();
    let account = User::from_uid(uid).ok().flatten();
    let name = account.and_then(|account| PrincipalName::new(account.name).ok());
    name.unwrap_or_else(|| PrincipalName::of_number(uid.as_raw().into()))
}

/// Returns one name for all users: on this system the program has no way to ask for the account.
#[cfg(not(unix))]
pub(crate) fn name() -> PrincipalName {
    PrincipalName::of(cdds_core::domain::access::Role::Administrator)
}
