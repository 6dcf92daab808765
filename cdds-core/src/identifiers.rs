//! Rule D6: identifiers of data subjects on their way into the catalog, and out of it for those who work on a request:
//! engine and services alike.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::domain::id::{Owner, SubjectRequestId};
use crate::domain::subject::request::SubjectRequest;
use crate::domain::subject::{
    HashedIdentifier, Identifier, IdentifierKind, KeyedHash, SealedIdentifiers, Subject,
};
use crate::ports::subject_keys::{SubjectKey, SubjectKeys, SubjectKeysError, SubjectKeysErrorKind};

/// What hashes of identifiers are made for.
const PURPOSE: &str = "cdds subject request";

/// The stored form of what is sealed. At first there were the identifiers alone.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Sealed<'a> {
    Identifiers(#[serde(borrow)] Vec<Form<'a>>),
    WithCertificate {
        #[serde(borrow)]
        identifiers: Vec<Form<'a>>,
        certificate: Vec<u8>,
    },
}

/// The stored form of an identifier.
#[derive(Serialize, Deserialize)]
struct Form<'a> {
    kind: IdentifierKind,
    #[serde(borrow)]
    value: std::borrow::Cow<'a, str>,
}

/// Returns the hash of an identifier by a key, for an owner: two owners who know one person share no hash.
pub(crate) fn hashed(key: &SubjectKey, owner: &Owner, identifier: &Identifier) -> HashedIdentifier {
    let kind = identifier.kind();
    let parts: [&[u8]; 3] =
        [owner.as_str().as_bytes(), kind.as_str().as_bytes(), identifier.expose().as_bytes()];
    let hash = KeyedHash { key: key.id().clone(), digest: key.mac(PURPOSE, &parts) };
    HashedIdentifier { kind: kind.clone(), hash }
}

/// What a request holds of a person while it is open.
pub(crate) struct Person {
    /// The identifiers.
    pub(crate) subject: Subject,
    /// The certificate for which the person's records are sealed, in DER; `None` if they are not. It may name the person.
    pub(crate) certificate: Option<Zeroizing<Vec<u8>>>,
}

/// Returns the hashes of a person's identifiers by every key, so that a request is found that was made under an earlier
/// one; and the identifiers with the certificate that came with them, sealed for this request alone.
pub(crate) fn sealed(
    keys: &dyn SubjectKeys,
    owner: &Owner,
    id: SubjectRequestId,
    subject: &Subject,
    certificate: Option<&[u8]>,
) -> Result<(Vec<HashedIdentifier>, SealedIdentifiers), SubjectKeysError> {
    let mut hashes = Vec::new();
    for key in keys.keys()? {
        hashes.extend(subject.identifiers().iter().map(|one| hashed(&key, owner, one)));
    }
    let identifiers: Vec<Form<'_>> = subject.identifiers().iter().map(form).collect();
    let form = match certificate {
        None => Sealed::Identifiers(identifiers),
        Some(der) => Sealed::WithCertificate { identifiers, certificate: der.to_vec() },
    };
    let plain = Zeroizing::new(serde_json::to_vec(&form).map_err(|_| unreadable(id))?);
    let sealed = keys.seal(&plain, &bound_to(owner, id))?;
    Ok((hashes, sealed))
}

/// Returns the person whom an open request is about.
pub(crate) fn opened(keys: &dyn SubjectKeys, request: &SubjectRequest) -> Result<Subject, SubjectKeysError> {
    Ok(person(keys, request)?.subject)
}

/// Returns the person whom an open request is about, with the certificate that came with it.
pub(crate) fn person(keys: &dyn SubjectKeys, request: &SubjectRequest) -> Result<Person, SubjectKeysError> {
    let SubjectRequest { id, owner, .. } = request;
    let sealed = request.sealed().ok_or_else(|| unreadable(*id))?;
    let plain = keys.open(sealed, &bound_to(owner, *id))?;
    let (forms, certificate) = match serde_json::from_slice(&plain).map_err(|_| unreadable(*id))? {
        Sealed::Identifiers(forms) => (forms, None),
        Sealed::WithCertificate { identifiers, certificate } => {
            (identifiers, Some(Zeroizing::new(certificate)))
        }
    };
    let identifiers = forms.into_iter().map(|Form { kind, value }| Identifier::new(kind, &value));
    let identifiers = identifiers.collect::<Result<Vec<_>, _>>().map_err(|_| unreadable(*id))?;
    let subject = Subject::new(identifiers).map_err(|_| unreadable(*id))?;
    Ok(Person { subject, certificate })
}

/// Whether a request names a person by these identifiers and no others, as far as a key tells by which it was hashed.
pub(crate) fn are_of(
    keys: &dyn SubjectKeys,
    request: &SubjectRequest,
    subject: &Subject,
) -> Result<bool, SubjectKeysError> {
    let by = |key: &SubjectKey| {
        let own = request.identifiers.iter().filter(|one| one.hash.key == *key.id());
        own.cloned().collect::<Vec<HashedIdentifier>>()
    };
    let known = keys.keys()?.into_iter().map(|key| (by(&key), key)).find(|(hashes, _)| !hashes.is_empty());
    let Some((hashes, key)) = known else {
        let why =
            format!("the keys of request {} are missing: bring them back from their backup", request.id);
        return Err(SubjectKeysError::new(SubjectKeysErrorKind::Unknown, why));
    };
    // Both are in the order of the identifiers.
    Ok(subject.identifiers().iter().map(|one| hashed(&key, &request.owner, one)).eq(hashes))
}

fn form(identifier: &Identifier) -> Form<'_> {
    Form { kind: identifier.kind().clone(), value: identifier.expose().into() }
}

/// Identifiers of one request are of no use as those of another.
fn bound_to(owner: &Owner, id: SubjectRequestId) -> Vec<u8> {
    format!("{id} {owner}").into_bytes()
}

fn unreadable(id: SubjectRequestId) -> SubjectKeysError {
    let why = format!("the identifiers of request {id} are not what was sealed");
    SubjectKeysError::new(SubjectKeysErrorKind::Altered, why)
}
