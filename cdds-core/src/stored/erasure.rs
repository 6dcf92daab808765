//! The stored form of an erasure that has ended (rule D7): an object of the artifact store.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::StoredFormError;
use crate::domain::id::{Owner, SourceId, SubjectKeyId, SubjectRequestId, TypeId};
use crate::domain::subject::request::Scope;
use crate::domain::subject::{
    ErasedType, ErasureEntry, HashedIdentifier, IdentifierKind, Kept, KeyedHash, TaskStanding,
};

const WHAT: &str = "erasure";

#[derive(Serialize, Deserialize)]
#[serde(tag = "v")]
enum Stored {
    #[serde(rename = "1")]
    V1(ErasureV1),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ErasureV1 {
    request: SubjectRequestId,
    owner: Owner,
    ended_at: DateTime<Utc>,
    scope: Scope,
    identifiers: Vec<HashV1>,
    types: Vec<TypeV1>,
}

/// HMAC-SHA-256 of an identifier, and the key that it was made with.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HashV1 {
    kind: IdentifierKind,
    key: SubjectKeyId,
    hmac_sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TypeV1 {
    source: SourceId,
    data_type: TypeId,
    outcome: String,
    erased: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    kept: Vec<KeptV1>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptV1 {
    reason: String,
    records: u64,
}

/// Serialises an erasure that has ended, to JSON text.
///
/// # Errors
/// None in practice; serialisation of this type cannot fail.
pub fn erasure_to_json(entry: &ErasureEntry) -> Result<String, StoredFormError> {
    let hash = |one: &HashedIdentifier| HashV1 {
        kind: one.kind.clone(),
        key: one.hash.key.clone(),
        hmac_sha256: one.hash.hex(),
    };
    let kept = |kept: &Kept| KeptV1 { reason: kept.reason.clone(), records: kept.records };
    let of_type = |one: &ErasedType| TypeV1 {
        source: one.source.clone(),
        data_type: one.data_type.clone(),
        outcome: one.standing.as_str().to_owned(),
        erased: one.erased,
        kept: one.kept.iter().map(kept).collect(),
    };
    let form = Stored::V1(ErasureV1 {
        request: entry.request,
        owner: entry.owner.clone(),
        ended_at: entry.ended_at,
        scope: entry.scope.clone(),
        identifiers: entry.identifiers.iter().map(hash).collect(),
        types: entry.types.iter().map(of_type).collect(),
    });
    serde_json::to_string(&form).map_err(|error| StoredFormError::new(WHAT, error))
}

/// Parses an erasure that has ended, from JSON text.
///
/// # Errors
/// [`StoredFormError`] for anything but what [`erasure_to_json`] writes.
pub fn erasure_from_json(json: &[u8]) -> Result<ErasureEntry, StoredFormError> {
    let refused = |why: &dyn std::fmt::Display| StoredFormError::new(WHAT, why);
    let Stored::V1(form) = serde_json::from_slice(json).map_err(|error| refused(&error))?;
    let hash = |one: HashV1| {
        let hash = KeyedHash::from_hex(one.key, &one.hmac_sha256);
        let hash = hash.ok_or_else(|| refused(&"a hash is no HMAC-SHA-256 in hexadecimal"))?;
        Ok(HashedIdentifier { kind: one.kind, hash })
    };
    let of_type = |one: TypeV1| {
        let standing = TaskStanding::parse(&one.outcome);
        let kept = |kept: KeptV1| Kept { reason: kept.reason, records: kept.records };
        Ok(ErasedType {
            source: one.source,
            data_type: one.data_type,
            standing: standing.ok_or_else(|| refused(&format_args!("unknown outcome {:?}", one.outcome)))?,
            erased: one.erased,
            kept: one.kept.into_iter().map(kept).collect(),
        })
    };
    Ok(ErasureEntry {
        request: form.request,
        owner: form.owner,
        scope: form.scope,
        identifiers: form.identifiers.into_iter().map(hash).collect::<Result<_, StoredFormError>>()?,
        types: form.types.into_iter().map(of_type).collect::<Result<_, StoredFormError>>()?,
        ended_at: form.ended_at,
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn entry() -> ErasureEntry {
        let hash = KeyedHash { key: SubjectKeyId::new("k1").unwrap(), digest: [7; 32] };
        ErasureEntry {
            request: SubjectRequestId(Uuid::from_u128(5)),
            owner: Owner::new("north").unwrap(),
            scope: Scope::new(["crm/call".parse().unwrap()]).unwrap(),
            identifiers: vec![HashedIdentifier { kind: IdentifierKind::Phone, hash }],
            types: vec![ErasedType {
                source: SourceId::new("crm").unwrap(),
                data_type: TypeId::new("call").unwrap(),
                standing: TaskStanding::Partial,
                erased: 3,
                kept: vec![Kept { reason: "ten years by law".to_owned(), records: 2 }],
            }],
            ended_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn d7_an_entry_of_the_ledger_is_read_back_and_stays_what_it_is() {
        let json = erasure_to_json(&entry()).unwrap();
        assert_eq!(erasure_from_json(json.as_bytes()).unwrap(), entry());
        let expected = concat!(
            r#"{"v":"1","request":"00000000-0000-0000-0000-000000000005","owner":"north","#,
            r#""ended_at":"1970-01-01T00:00:00Z","scope":["crm/call"],"identifiers":[{"kind":"phone","key":"k1","#,
            r#""hmac_sha256":"0707070707070707070707070707070707070707070707070707070707070707"}],"types":[{"#,
            r#""source":"crm","data_type":"call","outcome":"partial","erased":3,"kept":[{"#,
            r#""reason":"ten years by law","records":2}]}]}"#,
        );
        assert_eq!(json, expected);
    }

    #[test]
    fn d7_what_is_no_entry_is_refused() {
        let json = erasure_to_json(&entry()).unwrap();
        for bad in [
            json.replace(r#""v":"1""#, r#""v":"2""#),
            json.replace("partial", "gone"),
            json.replace("0707", "07"),
            json.replace("\"phone\"", "\"P\""),
            json.replace(r#""kind""#, r#""more":1,"kind""#),
            json[..json.len() - 2].to_owned(),
            String::new(),
        ] {
            assert!(erasure_from_json(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
