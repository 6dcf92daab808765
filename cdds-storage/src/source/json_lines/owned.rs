//! The member that names the owner of a record (rule J16).

use std::borrow::Cow;

use cdds_core::domain::id::Owner;
use cdds_core::domain::record::prune;
use cdds_core::domain::record::template::spells;

use super::member::scalar;
use super::{Reading, lines, pattern};

/// The place of the owner in a record, and the owner whose records are read.
#[derive(Debug)]
pub(super) struct OwnerMember {
    /// The key of the outermost object.
    key: String,
    /// The keys of the objects within, from outside to inside.
    within: Vec<String>,
    owner: Owner,
}

impl OwnerMember {
    /// Reads a key, or a JSON pointer (RFC 6901) if it begins with `/`.
    pub(super) fn new(field: &str, owner: &Owner) -> Self {
        let token = |token: &str| token.replace("~1", "/").replace("~0", "~");
        let mut tokens = field.strip_prefix('/').into_iter().flat_map(|tokens| tokens.split('/')).map(token);
        let key = tokens.next().unwrap_or_else(|| field.to_owned());
        Self { key, within: tokens.collect(), owner: owner.clone() }
    }

    /// Whether the owner is in the outermost member with this key.
    #[inline]
    pub(super) fn is_in(&self, key: &[u8]) -> bool {
        spells(key, &self.key)
    }

    /// Whether the outermost member names the owner whose records are read.
    pub(super) fn names_owner(&self, member: &[u8]) -> bool {
        self.named(member).is_some_and(|named| *named == *self.owner.as_str())
    }

    fn named<'a>(&self, member: &'a [u8]) -> Option<Cow<'a, str>> {
        let found = self.within.iter().try_fold(member, |object, key| last_member(object, key));
        found.and_then(scalar)
    }
}

impl Reading {
    /// Describes a field of the owner that no record at the beginning of the files has. Its records are then
    /// nobody's, so no read would tell. If the files cannot be read, the read reports the reason.
    pub(super) fn unowned(&self, field: &str) -> Option<String> {
        let first = pattern::find(&self.name, &self.path).ok()?.into_iter().next()?;
        let sample = lines::sample(&first.path).ok()?;
        let mut lines =
            sample.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).peekable();
        lines.peek()?;
        let named = lines.any(|line| self.members.show_owner(&self.whole_members(line)));
        (!named).then(|| {
            format!(
                "{}: no record at the beginning of the files has {field:?}, the declared owner: correct it. Records \
                 without an owner are exported to nobody",
                self.name
            )
        })
    }
}

/// Returns the last member of an object with this key, as spelled.
fn last_member<'a>(object: &'a [u8], key: &str) -> Option<&'a [u8]> {
    let mut last = None;
    let visit = |spelled: &'a [u8], value: &'a [u8]| {
        if spells(spelled, key) {
            last = Some(value);
        }
    };
    prune::object(object, &mut Vec::new(), visit).ok()?;
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(field: &str, owner: &str, member: &str) -> bool {
        OwnerMember::new(field, &Owner::new(owner).unwrap()).names_owner(member.as_bytes())
    }

    #[test]
    fn j16_an_owner_is_text_or_a_number_as_spelled() {
        for (member, owner, expected) in [
            (r#""north""#, "north", true),
            (r#""North""#, "north", false),
            (r#""n\u006frth""#, "north", true),
            ("7", "7", true),
            ("7.0", "7", false),
            ("007", "7", false),
            ("null", "null", false),
            (r#"["north"]"#, "north", false),
            (r#"{"north":1}"#, "north", false),
        ] {
            assert_eq!(names("tenant", owner, member), expected, "{member} of {owner}");
        }
    }

    #[test]
    fn j16_a_pointer_leads_through_objects() {
        let member = r#"{"by":{"a/b":"north","a/b":"south"}}"#;
        assert!(names("/meta/by/a~1b", "south", member), "the last member of a name counts");
        assert!(!names("/meta/by/a~1b", "north", member));
        assert!(!names("/meta/by/c", "north", member) && !names("/meta/0", "north", r#"["north"]"#));
        assert!(OwnerMember::new("/a~0b", &Owner::default()).is_in(b"a~b"));
    }
}
