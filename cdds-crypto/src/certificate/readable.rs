//! Refuses certificates that OpenSSL could not read although their structure is in order: their names,
//! numbers or algorithms hold values that contradict their tags.
//!
//! Every sealed file names its recipients by issuer and serial number. OpenSSL reads all of these whenever it
//! opens a file, so a single name that it refuses would lock out every recipient. The checks here are those
//! of its `d2i_X509`, found by experiment; some are stricter, since nobody needs the rest.

use crate::ber::{BIT_STRING, INTEGER, NULL, OID, SEQUENCE, SET, put_header};

use super::{Refusal, unreadable};

/// Longest certificate that is read, in DER bytes; the usual ones have two thousand. Sorting the parts of a
/// name takes time quadratic in their number.
const CERTIFICATE_BYTES_MAX: usize = 64 * 1024;
/// RFC 5280 section 4.1.2.2: twenty octets, plus one for the sign octet that some authorities add.
const SERIAL_BYTES_MAX: usize = 21;

const UTF8_STRING: u8 = 0x0C;
const NUMERIC_STRING: u8 = 0x12;
const PRINTABLE_STRING: u8 = 0x13;
const TELETEX_STRING: u8 = 0x14;
const IA5_STRING: u8 = 0x16;
const UNIVERSAL_STRING: u8 = 0x1C;
const BMP_STRING: u8 = 0x1E;
/// `[0]`, the version of a certificate.
const VERSION: u8 = 0xA0;
/// Ends the message of every refusal.
const WAY_OUT: &str = "OpenSSL could not read it, nor any file that is sealed for it, even with the key of \
                       another recipient: have the certificate issued again";

/// Refuses what OpenSSL would refuse. Returns the certificate's IssuerAndSerialNumber (RFC 5652 section
/// 10.2.4) with its original bytes: programs that look for their certificate compare bytes.
pub(super) fn issuer_and_serial(der: &[u8]) -> Result<Vec<u8>, Refusal> {
    if der.len() > CERTIFICATE_BYTES_MAX {
        return Err(format!("the certificate is longer than {CERTIFICATE_BYTES_MAX} bytes: use another one"));
    }
    let fields = Fields::find(der).ok_or_else(|| unreadable(&"it is cut off or not DER"))?;
    check_serial(fields.serial.value)?;
    check_name("issuer", fields.issuer)?;
    check_name("subject", fields.subject)?;
    for algorithm in [fields.inner_algorithm, fields.outer_algorithm] {
        check_algorithm(algorithm)?;
    }
    let mut out = Vec::new();
    put_header(&mut out, SEQUENCE, fields.issuer.whole.len().saturating_add(fields.serial.whole.len()));
    out.extend_from_slice(fields.issuer.whole);
    out.extend_from_slice(fields.serial.whole);
    Ok(out)
}

/// The fields of `TBSCertificate` (RFC 5280 section 4.1) that are checked here, and the algorithm after it.
struct Fields<'a> {
    serial: Element<'a>,
    inner_algorithm: Element<'a>,
    issuer: Element<'a>,
    subject: Element<'a>,
    outer_algorithm: Element<'a>,
}

impl<'a> Fields<'a> {
    fn find(der: &'a [u8]) -> Option<Self> {
        let mut certificate = Elements(Elements(der).next_of(SEQUENCE)?.value);
        let mut tbs = Elements(certificate.next_of(SEQUENCE)?.value);
        if tbs.0.first() == Some(&VERSION) {
            tbs.next()?;
        }
        let (serial, inner_algorithm) = (tbs.next_of(INTEGER)?, tbs.next_of(SEQUENCE)?);
        let (issuer, _validity) = (tbs.next_of(SEQUENCE)?, tbs.next_of(SEQUENCE)?);
        let subject = tbs.next_of(SEQUENCE)?;
        let outer_algorithm = certificate.next_of(SEQUENCE)?;
        Some(Self { serial, inner_algorithm, issuer, subject, outer_algorithm })
    }
}

fn check_serial(serial: &[u8]) -> Result<(), Refusal> {
    if !is_integer(serial) {
        return Err(format!("the certificate's serial number is not a number in DER: {WAY_OUT}"));
    }
    if serial.len() > SERIAL_BYTES_MAX {
        let bytes = serial.len();
        return Err(format!(
            "the certificate's serial number has {bytes} bytes, and RFC 5280 allows 20: have it issued again"
        ));
    }
    Ok(())
}

/// `Name ::= SEQUENCE OF SET OF SEQUENCE { type OBJECT IDENTIFIER, value ANY }`
fn check_name(whose: &str, name: Element<'_>) -> Result<(), Refusal> {
    let malformed = || format!("the {whose}'s name in the certificate is malformed: {WAY_OUT}");
    let mut parts = Elements(name.value);
    while !parts.0.is_empty() {
        let mut attributes = Elements(parts.next_of(SET).ok_or_else(malformed)?.value);
        while !attributes.0.is_empty() {
            let mut attribute = Elements(attributes.next_of(SEQUENCE).ok_or_else(malformed)?.value);
            let kind = attribute.next_of(OID).filter(|kind| is_oid(kind.value)).ok_or_else(malformed)?;
            let value = attribute.next().filter(|_| attribute.0.is_empty()).ok_or_else(malformed)?;
            if let Err(why) = check_name_value(value) {
                let what = attribute_name(kind.value);
                return Err(format!("the {whose}'s {what} in the certificate {why}: {WAY_OUT}"));
            }
        }
    }
    Ok(())
}

/// OpenSSL compares names by their characters and so must be able to decode them. It accepts any bytes for
/// character sets with one byte per character.
fn check_name_value(value: Element<'_>) -> Result<(), &'static str> {
    match value.tag {
        UTF8_STRING if std::str::from_utf8(value.value).is_err() => {
            Err("is not valid UTF-8, although it is marked as such (UTF8String)")
        }
        BMP_STRING if !is_bmp(value.value) => Err("is not valid UCS-2, although it is marked as such \
                                                   (BMPString)"),
        UNIVERSAL_STRING if !is_universal(value.value) => {
            Err("is not valid UCS-4, although it is marked as such (UniversalString)")
        }
        BIT_STRING if !is_bits(value.value) => Err("is not a valid string of bits"),
        UTF8_STRING | BMP_STRING | UNIVERSAL_STRING | BIT_STRING | NUMERIC_STRING | PRINTABLE_STRING
        | TELETEX_STRING | IA5_STRING => Ok(()),
        _ => Err("is of a type that names cannot have (X.520)"),
    }
}

/// `AlgorithmIdentifier ::= SEQUENCE { algorithm OBJECT IDENTIFIER, parameters ANY OPTIONAL }`
///
/// The parameters of every signature algorithm are absent, NULL or a SEQUENCE, all of which OpenSSL accepts
/// unread; it checks values of other types in various ways.
fn check_algorithm(algorithm: Element<'_>) -> Result<(), Refusal> {
    let mut rest = Elements(algorithm.value);
    let known = rest.next_of(OID).is_some_and(|oid| is_oid(oid.value));
    let usual = match rest.next() {
        Some(parameters) => parameters.tag == SEQUENCE || parameters.whole == NULL,
        None => true,
    };
    if known && usual && rest.0.is_empty() {
        return Ok(());
    }
    Err(format!("the certificate's signature algorithm is malformed: {WAY_OUT}"))
}

/// X.690 section 8.3.2: integers use the fewest possible octets.
fn is_integer(value: &[u8]) -> bool {
    !matches!(value, [] | [0, 0..=0x7F, ..] | [0xFF, 0x80..=0xFF, ..])
}

/// X.690 section 8.6.2: the number of unused bits in the last octet, then the octets.
fn is_bits(value: &[u8]) -> bool {
    matches!(value, [0] | [0..=7, _, ..])
}

/// X.690 section 8.19.2: numbers in the fewest groups of seven bits, the last group of each marked by a zero
/// bit.
fn is_oid(value: &[u8]) -> bool {
    let ends = value.last().is_some_and(|last| *last < 0x80);
    let mut begins = true;
    ends && value.iter().all(|octet| {
        let shortest = !begins || *octet != 0x80;
        begins = *octet < 0x80;
        shortest
    })
}

/// UTF-16 without surrogates.
fn is_bmp(value: &[u8]) -> bool {
    let (units, rest) = value.as_chunks::<2>();
    rest.is_empty() && units.iter().all(|unit| char::from_u32(u32::from(u16::from_be_bytes(*unit))).is_some())
}

fn is_universal(value: &[u8]) -> bool {
    let (units, rest) = value.as_chunks::<4>();
    rest.is_empty() && units.iter().all(|unit| char::from_u32(u32::from_be_bytes(*unit)).is_some())
}

/// Returns the name that X.520 or PKCS #9 uses for the attribute, for people.
fn attribute_name(kind: &[u8]) -> String {
    match kind {
        [0x55, 4, 3] => "commonName".to_owned(),
        [0x55, 4, 4] => "surname".to_owned(),
        [0x55, 4, 5] => "serialNumber".to_owned(),
        [0x55, 4, 6] => "countryName".to_owned(),
        [0x55, 4, 7] => "localityName".to_owned(),
        [0x55, 4, 8] => "stateOrProvinceName".to_owned(),
        [0x55, 4, 9] => "streetAddress".to_owned(),
        [0x55, 4, 10] => "organizationName".to_owned(),
        [0x55, 4, 11] => "organizationalUnitName".to_owned(),
        [0x55, 4, 12] => "title".to_owned(),
        [0x55, 4, 42] => "givenName".to_owned(),
        [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 9, 1] => "emailAddress".to_owned(),
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 1, 25] => "domainComponent".to_owned(),
        other => der::asn1::ObjectIdentifier::from_bytes(other)
            .map_or_else(|_| "attribute of an unknown type".to_owned(), |oid| format!("attribute {oid}")),
    }
}

/// One element of DER.
#[derive(Clone, Copy)]
struct Element<'a> {
    tag: u8,
    value: &'a [u8],
    /// Tag, length and value together.
    whole: &'a [u8],
}

/// A sequence of elements.
struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// Returns the next element; `None` at the end or if its length is not in DER (X.690 section 10.1).
    fn next(&mut self) -> Option<Element<'a>> {
        let (tag, length) = (*self.0.first()?, *self.0.get(1)?);
        let (octets, len) = match length {
            short @ ..=0x7F => (0, usize::from(short)),
            long @ 0x81..=0x84 => {
                let octets = usize::from(long & 0x7F);
                let number = self.0.get(2..2 + octets)?;
                let len = number.iter().fold(0, |len: usize, octet| len << 8 | usize::from(*octet));
                let shortest = len >= 0x80 && number.first() != Some(&0);
                (octets, Some(len).filter(|_| shortest)?)
            }
            _ => return None,
        };
        let head = 2 + octets;
        let (whole, rest) = self.0.split_at_checked(head.checked_add(len)?)?;
        self.0 = rest;
        Some(Element { tag, value: whole.get(head..)?, whole })
    }

    fn next_of(&mut self, tag: u8) -> Option<Element<'a>> {
        self.next().filter(|element| element.tag == tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_bits_are_in_their_shortest_form() {
        for valid in [&[0][..], &[0x7F], &[0xFF], &[0, 0x80], &[0xFF, 0x7F]] {
            assert!(is_integer(valid), "{valid:02X?}");
        }
        for other in [&[][..], &[0, 0], &[0, 0x7F], &[0xFF, 0x80], &[0xFF, 0xFF]] {
            assert!(!is_integer(other), "{other:02X?}");
        }
        assert!(is_bits(&[0]) && is_bits(&[7, 1]));
        assert!(!is_bits(&[]) && !is_bits(&[8, 1]) && !is_bits(&[1]));
        assert!(is_oid(&[0x55, 4, 3]) && is_oid(&[0x2A, 0x86, 0x48]));
        assert!(!is_oid(&[]) && !is_oid(&[0x55, 0x80, 3]) && !is_oid(&[0x55, 0x84]));
    }

    #[test]
    fn lengths_are_in_their_shortest_form() {
        let whole = |der: &[u8]| Elements(der).next().map(|element| element.value.len());
        assert_eq!(whole(&[4, 1, 9]), Some(1));
        assert_eq!(whole(&[&[4, 0x81, 0x80][..], &[9; 0x80]].concat()), Some(0x80));
        for other in [&[4][..], &[4, 2, 9], &[4, 0x80], &[4, 0x81, 1, 9], &[4, 0x82, 0, 1, 9], &[4, 0x85]] {
            assert_eq!(whole(other), None, "{other:02X?}");
        }
    }
}
