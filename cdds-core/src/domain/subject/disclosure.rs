//! Rule D9: which fields of a record its person gets to see. A call is also about the other one who took part in it.

use super::field::{key, within};
use crate::domain::record::template::{FieldNames, FieldSelection, Template, spells};
use crate::domain::record::{RecordBatch, prune};

/// What a copy for a person shows of a record (rule D9).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CopyRule {
    /// The whole record.
    #[default]
    Whole,
    /// These fields and no others, not even those that come later.
    Only {
        /// The keys of outermost fields, at least one.
        fields: Vec<String>,
    },
    /// Every field but these.
    Without {
        /// Named like [`SubjectField::name`](super::SubjectField::name), at least one.
        fields: Vec<String>,
    },
}

impl CopyRule {
    /// Checks the rule against the declared fields of a type, if it declares any.
    ///
    /// # Errors
    /// The reason, if no field is named, if a name is empty, a pointer where a field is meant, or is not declared.
    pub fn check(&self, declared: Option<&[String]>) -> Result<(), String> {
        let fields = match self {
            Self::Whole => return Ok(()),
            Self::Only { fields } => {
                if let Some(pointer) = fields.iter().find(|name| name.starts_with('/')) {
                    return Err(format!("{pointer:?} is within a field: name the outermost one"));
                }
                FieldNames::new(fields.iter().cloned()).map_err(|violation| violation.to_string())?;
                fields
            }
            Self::Without { fields } if fields.is_empty() => {
                return Err("no field is named: name at least one, or leave the rule out".to_owned());
            }
            Self::Without { fields } => fields,
        };
        for name in fields {
            let key = key(name);
            if key.is_empty() {
                return Err("a field has no name: name it".to_owned());
            }
            if let Some(declared) = declared
                && !declared.contains(&key)
            {
                return Err(format!("there is no field {key:?}: choose from {}", declared.join(", ")));
            }
        }
        Ok(())
    }

    /// Returns what takes the other fields out of records; `None` if all are shown. The source is asked for whole records,
    /// since only these show whom they are about.
    pub(crate) fn shown(&self) -> Option<ShownFields> {
        match self {
            Self::Whole => None,
            Self::Only { fields } => {
                // Of names that were not checked, nothing would be shown.
                let names = FieldNames::new(fields.iter().cloned()).ok();
                let only = |names| Template { fields: FieldSelection::Only(names), ..Template::default() };
                Some(names.map_or(ShownFields::None, |names| ShownFields::Only(only(names))))
            }
            Self::Without { fields } => {
                let path = |name: &String| std::iter::once(key(name)).chain(within(name)).collect();
                Some(ShownFields::Without(fields.iter().map(path).collect()))
            }
        }
    }

    /// Says for the person which fields are there; `None` for all of them.
    pub(crate) fn in_words(&self) -> Option<String> {
        match self {
            Self::Whole => None,
            Self::Only { fields } => Some(format!("of each only {}", fields.join(", "))),
            Self::Without { fields } => Some(format!("without {}", fields.join(", "))),
        }
    }
}

/// The fields of records that their person gets to see.
#[derive(Debug)]
pub(crate) enum ShownFields {
    /// None.
    None,
    /// These alone.
    Only(Template),
    /// All but those at the end of these paths: the keys on the way to each, from outside to inside.
    Without(Vec<Vec<String>>),
}

impl ShownFields {
    /// Returns the records with these fields. What is left empty is left out as well (rule A2), but no record is.
    pub(crate) fn of(&self, batch: &RecordBatch) -> RecordBatch {
        let paths: Vec<&[String]> = match self {
            Self::None => return batch.rewritten(empty),
            Self::Only(template) => return template.apply(batch),
            Self::Without(paths) => paths.iter().map(Vec::as_slice).collect(),
        };
        let mut rest = Vec::new();
        batch.rewritten(|line, output| {
            rest.clear();
            copy_without(line, &paths, &mut rest);
            // The lines of a batch are valid JSON, and so is what is copied from them.
            prune::object(&rest, output, |_, _| ()).is_ok() || empty(line, output)
        })
    }
}

fn empty(_line: &[u8], output: &mut Vec<u8>) -> bool {
    output.extend_from_slice(b"{}");
    true
}

/// Appends a value as it is spelled, without what lies at the end of the paths. Elements of arrays do not count as a step.
fn copy_without(json: &[u8], paths: &[&[String]], output: &mut Vec<u8>) {
    match json.first() {
        Some(b'{') if !paths.is_empty() => {
            let mut members = Joined::begin(b'{', output);
            // The lines of a batch have been checked before, and the copy is checked again.
            let _valid = prune::object(json, &mut Vec::new(), |key, value| {
                let begun = paths.iter().filter_map(|path| path.split_first());
                let behind: Vec<&[String]> =
                    begun.filter(|(first, _)| spells(key, first)).map(|(_, rest)| rest).collect();
                if behind.iter().all(|rest| !rest.is_empty()) {
                    let output = members.next();
                    output.push(b'"');
                    output.extend_from_slice(key);
                    output.extend_from_slice(b"\":");
                    copy_without(value, &behind, output);
                }
            });
            members.end(b'}');
        }
        Some(b'[') if !paths.is_empty() => {
            let mut elements = Joined::begin(b'[', output);
            prune::elements(json, |element| copy_without(element, paths, elements.next()));
            elements.end(b']');
        }
        _ => output.extend_from_slice(json),
    }
}

/// Members or elements with their commas.
struct Joined<'o> {
    output: &'o mut Vec<u8>,
    is_first: bool,
}

impl<'o> Joined<'o> {
    fn begin(bracket: u8, output: &'o mut Vec<u8>) -> Self {
        output.push(bracket);
        Self { output, is_first: true }
    }

    fn next(&mut self) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.is_first) {
            self.output.push(b',');
        }
        self.output
    }

    fn end(self, bracket: u8) {
        self.output.push(bracket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::record::{Place, RecordBatchBuilder};

    fn names(fields: &[&str]) -> Vec<String> {
        fields.iter().map(|name| (*name).to_owned()).collect()
    }

    fn without(fields: &[&str], records: &[&str]) -> Vec<String> {
        let mut builder = RecordBatchBuilder::new();
        for record in records {
            builder.raw_line(&Place::of(None, None), record.as_bytes()).unwrap();
        }
        let rule = CopyRule::Without { fields: names(fields) };
        rule.check(None).unwrap();
        let rest = rule.shown().unwrap().of(&builder.take());
        rest.iter().map(|record| str::from_utf8(record.line).unwrap().trim_end().to_owned()).collect()
    }

    #[test]
    fn d9_fields_are_withheld_at_any_depth_and_in_any_spelling() {
        for (fields, record, expected) in [
            (&["b"][..], r#"{"a":1,"b":2,"c":0.40}"#, r#"{"a":1,"c":0.40}"#),
            (&["b"], r#"{"\u0062":2,"a":12345678901234567890123}"#, r#"{"a":12345678901234567890123}"#),
            (&["b"], r#"{"a":{"b":2}}"#, r#"{"a":{"b":2}}"#),
            (&["/a/b"], r#"{"b":1,"a":{"b":2,"c":3}}"#, r#"{"b":1,"a":{"c":3}}"#),
            (&["/a/b"], r#"{"a":[{"b":2,"c":3},[{"b":4,"d":5}],6]}"#, r#"{"a":[{"c":3},[{"d":5}],6]}"#),
            (&["/a/b", "/a/c/d"], r#"{"a":{"b":1,"c":{"d":2,"e":3}}}"#, r#"{"a":{"c":{"e":3}}}"#),
            (&["/a/b"], r#"{"a":{"b":1},"c":1}"#, r#"{"c":1}"#),
            (&["/a~1b"], r#"{"a/b":1,"c":1}"#, r#"{"c":1}"#),
            (&["a"], r#"{"a":1}"#, "{}"),
            (&["/a/b"], r#"{"a":"text"}"#, r#"{"a":"text"}"#),
        ] {
            assert_eq!(without(fields, &[record]), [expected], "{fields:?} {record}");
        }
        assert_eq!(without(&["a"], &[r#"{"a":1,"b":2}"#, r#"{"b":3}"#]), [r#"{"b":2}"#, r#"{"b":3}"#]);
    }

    #[test]
    fn d9_rules_that_mean_nothing_are_refused() {
        let declared = names(&["a", "b"]);
        let refused = |rule: CopyRule| rule.check(Some(&declared)).unwrap_err();
        let only = |fields| CopyRule::Only { fields: names(fields) };
        let without = |fields| CopyRule::Without { fields: names(fields) };
        assert!(refused(only(&[])).contains("no field is named"));
        assert!(refused(only(&["/a/x"])).contains("outermost"));
        assert!(refused(only(&["c"])).contains("choose from a, b"));
        assert!(refused(without(&[])).contains("no field is named"));
        assert!(refused(without(&["/"])).contains("has no name"));
        assert!(refused(without(&["/c/a"])).contains("choose from a, b"));
        for rule in [CopyRule::Whole, only(&["a"]), without(&["/b/c", "a"])] {
            assert_eq!(rule.check(Some(&declared)), Ok(()));
        }
    }

    #[test]
    fn d9_the_person_is_told_which_fields_are_there() {
        let told = |rule: CopyRule| rule.in_words();
        assert_eq!(told(CopyRule::Whole), None);
        assert_eq!(told(CopyRule::Only { fields: names(&["a", "b"]) }).unwrap(), "of each only a, b");
        assert_eq!(told(CopyRule::Without { fields: names(&["/a/b"]) }).unwrap(), "without /a/b");
    }
}
