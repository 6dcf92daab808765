//! Identifiers, each with a type of its own.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::violation::{Code, RuleViolation, quoted};

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

uuid_id! {
    /// Identifies a job (rule J1).
    JobId
}
uuid_id! {
    /// Identifies an execution. Its artifact set is named after it (rule A3).
    ExecutionId
}
uuid_id! {
    /// Identifies one artifact.
    ArtifactId
}
uuid_id! {
    /// Identifies an entry of the audit (rule C2).
    AuditId
}
uuid_id! {
    /// Identifies a notice to one subscriber over one channel (rule N2).
    NoticeId
}
uuid_id! {
    /// Identifies the delivery of a set to one destination (rule N4).
    DeliveryId
}
uuid_id! {
    /// Identifies an artifact store to its catalog.
    StoreId
}
uuid_id! {
    /// Identifies a request of a data subject (rule D2).
    SubjectRequestId
}
uuid_id! {
    /// Identifies the erasure of one data type that a request asks for (rule D4).
    SubjectTaskId
}

macro_rules! name_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $chars_max:literal) => {
        name_id! { $(#[$doc])* $name, $what, $chars_max, "", "", "" }
    };
    // `$within` may stand anywhere but at the beginning; `$listed` and `$told` name these characters.
    ($(#[$doc:meta])* $name:ident, $what:literal, $chars_max:literal, $within:literal, $listed:literal,
     $told:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        // Cheap to clone, since everything on the record names its owner, source and type.
        pub struct $name(Arc<str>);

        impl $name {
            /// Creates a name of 1 to
            #[doc = concat!(stringify!($chars_max), " characters: letters, digits and `-_.@`", $listed, ".")]
            ///
            /// # Errors
            /// [`Code::InvalidName`] if the name is empty, too long, or contains other characters.
            pub fn new(name: impl Into<String>) -> Result<Self, RuleViolation> {
                let name = name.into();
                let count = name.chars().count();
                let legal = |(at, c): (usize, char)| {
                    c.is_alphanumeric()
                        || matches!(c, '-' | '_' | '.' | '@')
                        || (at > 0 && $within.contains(c))
                };
                if count == 0 || count > $chars_max || !name.chars().enumerate().all(legal) {
                    return Err(RuleViolation::new(
                        Code::InvalidName,
                        format!(
                            "{} {} is not a valid name: use 1 to {} letters, digits, '-', '_', '.' or '@'{}",
                            $what, quoted(&name), $chars_max, $told
                        ),
                    ));
                }
                Ok(Self(name.into()))
            }

            /// Returns the name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = RuleViolation;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::new(text).map_err(serde::de::Error::custom)
            }
        }
    };
}

name_id! {
    /// The tenant to whom jobs, recipients and artifacts belong (rules J1, J15).
    Owner, "owner", 255
}
name_id! {
    /// Names a registered source (rule J2).
    SourceId, "source", 128
}
name_id! {
    /// Names a data type of a source (rule J2).
    TypeId, "data type", 128
}
name_id! {
    /// Names a recipient of an owner (rule S1).
    RecipientName, "recipient", 128
}
name_id! {
    /// Names a registered destination (rule N1).
    DestinationId, "destination", 128
}
name_id! {
    /// Names a person or program that is told about jobs (rule N2): an e-mail address, the name of an endpoint. The
    /// default is `host`, the embedding service.
    ///
    /// Of the characters that RFC 5322 allows in addresses, those are left out that end a word, quote or begin a
    /// comment where such names are listed (shells, CSV, TOML), and those with which mail was once routed (`!`, `%`).
    /// A first `=` or `+` would be a formula to spreadsheets.
    Subscriber, "subscriber", 255, "+=&'", "; also `+`, `=`, `&` and `'`, but not as the first one",
        "; after the first also '+', '=', '&' and apostrophes"
}
name_id! {
    /// Names a key of data subjects (rule D6).
    SubjectKeyId, "key", 64
}
name_id! {
    /// Names one engine process to the catalog. Unique per engine.
    WorkerId, "worker", 255
}

impl WorkerId {
    /// Creates the name of a worker from a UUID, for workers to which nobody has given a name.
    pub fn of(id: Uuid) -> Self {
        Self(id.to_string().into())
    }

    /// Returns the name of a worker that is not on record: that of a deleted execution (rule E9)
    /// or of an adopted set (rule E18).
    pub fn unknown() -> Self {
        Self("unknown".into())
    }
}

impl Default for Subscriber {
    fn default() -> Self {
        Self("host".into())
    }
}

impl Owner {
    const DEFAULT: &str = "default";

    /// Whether this is the default owner, the only one of a service that does not tell owners apart.
    pub fn is_default(&self) -> bool {
        self.as_str() == Self::DEFAULT
    }
}

impl Default for Owner {
    fn default() -> Self {
        Self(Self::DEFAULT.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_at_construction() {
        assert!(SourceId::new("contact-history").is_ok());
        for bad in ["", "a/b", "a b", "a\n", &"x".repeat(129)] {
            assert_eq!(SourceId::new(bad).unwrap_err().code(), Code::InvalidName, "{bad:?}");
        }
    }

    #[test]
    fn n2_subscribers_may_be_addresses_and_hold_nothing_that_lists_or_ids_are_cut_at() {
        for good in [
            "host",
            "ada+exports@example.com",
            "o'neill@example.com",
            "b&c@example.com",
            "prvs=1a=ada@example.com",
        ] {
            assert_eq!(Subscriber::new(good).unwrap().as_str(), good);
            assert_eq!(SourceId::new(good).is_ok(), good == "host", "other names stay as they are");
        }
        for first in ["+ada", "=ada", "&ada", "'ada"] {
            let told = Subscriber::new(first).unwrap_err().to_string();
            assert!(told.contains("after the first also '+'"), "{told}");
        }
        for c in (0..=0x7f_u8).map(char::from).filter(|c| !c.is_alphanumeric() && !"-_.@+=&'".contains(*c)) {
            assert!(Subscriber::new(format!("a{c}b")).is_err(), "{c:?}");
        }
    }
}
