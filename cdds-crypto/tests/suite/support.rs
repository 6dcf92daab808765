//! Certificates made by `openssl`, and shortcuts to seal and open.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, LazyLock};

use bytes::BytesMut;
use cdds_core::domain::id::{Owner, RecipientName};
use cdds_core::domain::recipient::{CertificateFacts, Recipient};
use cdds_core::ports::sealer::{Certificates, Sealer};
use cdds_crypto::{OpenError, OpenReader, PrivateKey, Profile, SmimeCertificates};
use chrono::{DateTime, Utc};
use tempfile::TempDir;

/// A key pair and its certificate, in files.
pub(crate) struct Identity {
    pub(crate) name: &'static str,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) now: DateTime<Utc>,
    dir: TempDir,
}

pub(crate) static ANNA: LazyLock<Identity> =
    LazyLock::new(|| Identity::new("anna", &["-newkey", "rsa:2048"]));
pub(crate) static BERT: LazyLock<Identity> =
    LazyLock::new(|| Identity::new("bert", &["-newkey", "rsa:3072"]));
/// Has a key of the same size as Anna's, and is never a recipient.
pub(crate) static EVE: LazyLock<Identity> = LazyLock::new(|| Identity::new("eve", &["-newkey", "rsa:2048"]));

impl Identity {
    /// Creates a self-signed certificate for a year, with further arguments of `openssl req`.
    pub(crate) fn new(name: &'static str, arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (certificate, key) = (dir.path().join("certificate.pem"), dir.path().join("key.pem"));
        let mut all = vec!["req", "-x509", "-nodes", "-days", "365"];
        all.extend(arguments);
        let subject = format!("/O=Example/CN={name}");
        let (certificate_path, key_path) = (text(&certificate), text(&key));
        all.extend(["-subj", &subject, "-keyout", &key_path, "-out", &certificate_path]);
        openssl(&all);
        let now = written_at(&certificate);
        Self { name, certificate, key, now, dir }
    }

    /// Creates a certificate that an authority (Anna) issues for 90 days, with these extensions and further
    /// arguments of `openssl x509`.
    pub(crate) fn issued(name: &'static str, extensions: &str, arguments: &[&str]) -> Self {
        let mut identity = Self::new(name, &["-newkey", "rsa:2048"]);
        let (request, issued) = (text(&identity.path("request.pem")), identity.path("issued.pem"));
        let (config, subject, key) =
            (identity.path("extensions"), format!("/CN={name}"), text(&identity.key));
        std::fs::write(&config, extensions).unwrap();
        openssl(&["req", "-new", "-key", &key, "-subj", &subject, "-out", &request]);
        let (ca, ca_key, config, out) =
            (text(&ANNA.certificate), text(&ANNA.key), text(&config), text(&issued));
        let serial = text(&identity.path("serial"));
        let mut all = vec!["x509", "-req", "-in", &request, "-CA", &ca, "-CAkey", &ca_key, "-days", "90"];
        all.extend(["-CAserial", &serial, "-CAcreateserial", "-extfile", &config, "-out", &out]);
        all.extend(arguments);
        openssl(&all);
        identity.now = written_at(&issued);
        identity.certificate = issued;
        identity
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    pub(crate) fn pem(&self) -> Vec<u8> {
        std::fs::read(&self.certificate).unwrap()
    }

    pub(crate) fn private_key(&self) -> PrivateKey {
        PrivateKey::from_bytes(&std::fs::read(&self.key).unwrap()).unwrap()
    }

    pub(crate) fn facts(&self) -> CertificateFacts {
        SmimeCertificates::new().inspect(&self.pem(), self.now).unwrap()
    }

    pub(crate) fn recipient(&self) -> Recipient {
        let name = RecipientName::new(self.name).unwrap();
        Recipient { owner: Owner::default(), name, certificate: self.facts(), added_at: self.now }
    }
}

/// Returns the modification time of a file. Tests use it as the present, since they have no clock.
fn written_at(file: &Path) -> DateTime<Utc> {
    std::fs::metadata(file).unwrap().modified().unwrap().into()
}

pub(crate) fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// Runs a program. Fails the test if the program is missing or fails.
pub(crate) fn succeed(command: &[&str]) -> Output {
    let (program, arguments) = command.split_first().unwrap();
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program} must be installed: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    output
}

/// Runs `openssl`. Fails the test if it is missing or fails.
pub(crate) fn openssl(arguments: &[&str]) -> Output {
    succeed(&[&["openssl"], arguments].concat())
}

/// Returns a sealer of the default profile.
pub(crate) fn sealer(identities: &[&Identity]) -> Arc<dyn Sealer> {
    sealer_with(Profile::default(), identities)
}

pub(crate) fn sealer_with(profile: Profile, identities: &[&Identity]) -> Arc<dyn Sealer> {
    sealer_of(SmimeCertificates::new().with_profile(profile), identities)
}

pub(crate) fn sealer_of(certificates: SmimeCertificates, identities: &[&Identity]) -> Arc<dyn Sealer> {
    let recipients: Vec<Recipient> = identities.iter().map(|identity| identity.recipient()).collect();
    let now = identities.iter().map(|identity| identity.now).max().unwrap();
    certificates.sealer(&recipients, now).unwrap()
}

pub(crate) fn seal(sealer: &dyn Sealer, pieces: &[&[u8]]) -> Vec<u8> {
    let mut out = BytesMut::new();
    let mut sealing = sealer.begin(&mut out).unwrap();
    for piece in pieces {
        sealing.update(piece, &mut out).unwrap();
    }
    sealing.finish(&mut out).unwrap();
    out.to_vec()
}

/// Opens a whole file. Errors keep their type.
pub(crate) fn open(sealed: &[u8], key: &PrivateKey) -> Result<Vec<u8>, OpenError> {
    let mut plain = Vec::new();
    let read = OpenReader::new(sealed, key)?.read_to_end(&mut plain);
    read.map_err(|error| *error.into_inner().unwrap().downcast::<OpenError>().unwrap())?;
    Ok(plain)
}

/// Cuts the content into pieces of these lengths while it lasts, followed by the rest.
pub(crate) fn cut<'p>(plain: &'p [u8], lengths: &[usize]) -> Vec<&'p [u8]> {
    let (mut pieces, mut rest) = (Vec::new(), plain);
    for length in lengths {
        let (piece, after) = rest.split_at((*length).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

/// Returns bytes that repeat only after a long distance, so that misplaced pieces are noticed.
pub(crate) fn data(len: usize) -> Vec<u8> {
    (0..len).map(|index| u8::try_from((index * 31 + index / 251) % 256).unwrap()).collect()
}

/// Encodes an element of DER.
pub(crate) fn element(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let contents = contents.concat();
    let len = contents.len().to_be_bytes();
    let significant: Vec<u8> = len.into_iter().skip_while(|byte| *byte == 0).collect();
    let length = match contents.len() {
        short @ 0..0x80 => vec![u8::try_from(short).unwrap()],
        _ => [&[0x80 | u8::try_from(significant.len()).unwrap()], significant.as_slice()].concat(),
    };
    [&[tag], length.as_slice(), &contents].concat()
}

/// Converts DER to BER with indefinite lengths, and cuts strings with these tags into pieces.
pub(crate) fn loosened(der: &[u8], strings: &[u8], piece_bytes: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = der;
    while let [tag, first, after @ ..] = rest {
        let octets = if *first < 0x80 { 0 } else { usize::from(first & 0x7F) };
        let (length, after) = after.split_at(octets);
        let len = length.iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
        let (contents, after) = after.split_at(if octets == 0 { usize::from(*first) } else { len });
        if strings.contains(tag) {
            let pieces: Vec<Vec<u8>> =
                contents.chunks(piece_bytes).map(|piece| element(0x04, &[piece])).collect();
            out.extend([&[tag | 0x20, 0x80], pieces.concat().as_slice(), &[0, 0]].concat());
        } else if tag & 0x20 != 0 {
            let contents = loosened(contents, strings, piece_bytes);
            out.extend([&[*tag, 0x80], contents.as_slice(), &[0, 0]].concat());
        } else {
            out.extend(element(*tag, &[contents]));
        }
        rest = after;
    }
    out
}
