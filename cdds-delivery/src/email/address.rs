//! Addresses of mail: those of RFC 5321 that need no quoting, in ASCII.

use lettre::Address;

/// The longest address and the longest part before `@`, in bytes (RFC 5321 section 4.5.3.1; RFC 3696 erratum 1690).
const BYTES_MAX: usize = 254;
const LOCAL_BYTES_MAX: usize = 64;

/// Text that is no address of mail that this crate sends to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// There is not exactly one `@`.
    #[error("an address has one @: write it as name@example.com, without a display name")]
    At,
    /// The part before `@` has characters that need quoting, or dots at its ends or side by side, or is too long.
    #[error(
        "the part before @ has other characters than letters, digits, single dots and !#$%&'*+-/=?^_`{{|}}~, or more than 64"
    )]
    Local,
    /// The part behind `@` is not the name of a domain.
    #[error("the part behind @ is not the name of a domain: write names such as example.com")]
    Domain,
    /// The domain is not in ASCII.
    #[error("the domain is not in ASCII: write it as its registry does, with xn--")]
    International,
    /// It is too long.
    #[error("the address has more than 254 characters")]
    Length,
}

/// Reads an address.
pub(super) fn parse(text: &str) -> Result<Address, AddressError> {
    let (local, domain) = text.split_once('@').ok_or(AddressError::At)?;
    if domain.contains('@') {
        return Err(AddressError::At);
    }
    if text.len() > BYTES_MAX {
        return Err(AddressError::Length);
    }
    // RFC 5322 section 3.2.3: dot-atom. Quoted forms exist, and mail to them is lost on the way.
    let atext = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    if local.len() > LOCAL_BYTES_MAX
        || !local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(atext))
    {
        return Err(AddressError::Local);
    }
    if !domain.is_ascii() {
        return Err(AddressError::International);
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
    };
    // A name without a dot is one of this network, and nearly always a slip.
    if !domain.contains('.') || !domain.split('.').all(label) {
        return Err(AddressError::Domain);
    }
    Address::new(local, domain).map_err(|_| AddressError::Domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n2_addresses_are_taken_as_they_are() {
        for good in [
            "ada@example.com",
            "ada+exports@example.com",
            "a.d.a@mail.example.co.uk",
            "o'neill@example.com",
            "prvs=1a=ada@example.com",
            "x@xn--bcher-kva.example",
        ] {
            assert_eq!(parse(good).unwrap().to_string(), good);
        }
    }

    #[test]
    fn n2_what_mail_could_lose_or_misread_is_refused() {
        use AddressError::{At, Domain, International, Length, Local};
        let long = "a".repeat(65);
        let longer = format!("ada@{}.com", "example.".repeat(32).trim_end_matches('.'));
        for (bad, why) in [
            ("", At),
            ("ada", At),
            ("ada@b@example.com", At),
            ("@example.com", Local),
            ("Ada <ada@example.com>", Local),
            ("ada(comment)@example.com", Local),
            ("\"ada\"@example.com", Local),
            ("ada lovelace@example.com", Local),
            ("ada\r\nbcc: eve@example.com", Local),
            (".ada@example.com", Local),
            ("ada.@example.com", Local),
            ("a..da@example.com", Local),
            ("ädä@example.com", Local),
            ("a,b@example.com", Local),
            (&format!("{long}@example.com"), Local),
            ("ada@", Domain),
            ("ada@localhost", Domain),
            ("ada@[127.0.0.1]", Domain),
            ("ada@-example.com", Domain),
            ("ada@example..com", Domain),
            ("ada@example.com.", Domain),
            ("ada@exam ple.com", Domain),
            ("ada@example.com\r\nRCPT TO:<eve@example.com>", At),
            ("ada@example.com\r\n", Domain),
            ("ada@bücher.example", International),
            (&longer, Length),
        ] {
            assert_eq!(parse(bad), Err(why), "{bad:?}");
        }
    }
}
