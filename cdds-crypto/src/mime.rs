//! A sealed file as an S/MIME message (RFC 8551 section 3): a few headers, then the bytes in base64.

mod head;
mod reader;

use std::fmt;

use base64ct::{Base64, Encoding};
use bytes::{Buf, BufMut, BytesMut};
use cdds_core::ports::sealer::{SealerError, SealerErrorKind, Sealing};

pub(crate) use reader::MimeReader;

use crate::profile::Profile;

/// RFC 2045 section 6.8: lines have at most 76 characters, which encode this many bytes.
const LINE_BYTES: usize = 57;
const LINE_CHARACTERS: usize = 76;
const END_OF_LINE: &[u8] = b"\r\n";

/// Returns the headers (RFC 8551 sections 3.2 and 3.3), the same as `openssl cms -encrypt` writes.
fn head(profile: Profile) -> String {
    let kind = match profile {
        Profile::Compat | Profile::Oaep => "enveloped-data",
        Profile::AuthGcm => "authEnveloped-data",
    };
    format!(
        "MIME-Version: 1.0\r\n\
         Content-Disposition: attachment; filename=\"smime.p7m\"\r\n\
         Content-Type: application/pkcs7-mime; smime-type={kind}; name=\"smime.p7m\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n"
    )
}

/// Returns the exact size of a message around `binary` bytes. Saturates.
pub(crate) fn message_bytes(profile: Profile, binary: u64) -> u64 {
    let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    let (line, end) = (count(LINE_BYTES), count(END_OF_LINE.len()));
    let whole = (binary / line).saturating_mul(count(LINE_CHARACTERS).saturating_add(end));
    let rest = match binary % line {
        0 => 0,
        rest => rest.div_ceil(3) * 4 + end,
    };
    count(head(profile).len()).saturating_add(whole).saturating_add(rest)
}

/// A part being sealed as a message.
pub(crate) struct Message {
    inner: Box<dyn Sealing>,
    /// Output of the envelope that does not fill a whole line yet.
    binary: BytesMut,
}

impl Message {
    /// Writes the headers, and the output of the envelope so far.
    pub(crate) fn begin(
        profile: Profile,
        inner: Box<dyn Sealing>,
        begun: BytesMut,
        out: &mut BytesMut,
    ) -> Self {
        out.put_slice(head(profile).as_bytes());
        Self { inner, binary: begun }
    }

    fn put_lines(&mut self, out: &mut BytesMut) -> Result<(), SealerError> {
        out.reserve(self.binary.len() / LINE_BYTES * (LINE_CHARACTERS + END_OF_LINE.len()));
        let whole = self.binary.len() / LINE_BYTES * LINE_BYTES;
        let (lines, _) = self.binary.split_at(whole);
        lines.chunks(LINE_BYTES).try_for_each(|line| put_line(line, out))?;
        self.binary.advance(whole);
        Ok(())
    }
}

fn put_line(line: &[u8], out: &mut BytesMut) -> Result<(), SealerError> {
    let mut text = [0; LINE_CHARACTERS];
    let encoded = Base64::encode(line, &mut text).map_err(|error| {
        SealerError::with_source(SealerErrorKind::Crypto, "a sealed part cannot be written in base64", error)
    })?;
    out.put_slice(encoded.as_bytes());
    out.put_slice(END_OF_LINE);
    Ok(())
}

impl Sealing for Message {
    fn update(&mut self, plain: &[u8], out: &mut BytesMut) -> Result<(), SealerError> {
        self.inner.update(plain, &mut self.binary)?;
        self.put_lines(out)
    }

    fn finish(self: Box<Self>, out: &mut BytesMut) -> Result<(), SealerError> {
        let Self { inner, mut binary } = *self;
        inner.finish(&mut binary)?;
        binary.chunks(LINE_BYTES).try_for_each(|line| put_line(line, out))
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Message")
    }
}
