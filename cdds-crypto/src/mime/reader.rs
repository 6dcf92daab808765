//! Unwraps the S/MIME message around a sealed file, if there is one.

use std::io::{self, ErrorKind, Read};

use base64ct::{Base64, Encoding};

use super::head::{self, Encoding as Transfer};
use crate::open::OpenError;

/// Longest headers that are searched, in bytes. Relays, filters and signatures add some ten thousand on the
/// way.
const HEAD_BYTES_MAX: usize = 1 << 20;
/// Bytes per read.
const BUFFER_BYTES: usize = 64 * 1024;

/// Returns the bytes of a sealed file: decoded from an S/MIME message in base64, without the headers of a
/// binary one, and unchanged for anything else, so that the caller can say what that is.
pub(crate) struct MimeReader<R> {
    inner: R,
    form: Form,
    /// Bytes to return next: `ready[start..]`.
    ready: Vec<u8>,
    start: usize,
}

enum Form {
    /// Nothing has been read yet.
    Unknown,
    Binary,
    Base64(Text),
}

/// Progress through the text of a message.
#[derive(Default)]
struct Text {
    /// Characters of an incomplete group of four.
    group: Vec<u8>,
    /// Whether padding has ended the text.
    padded: bool,
    /// Bytes of the message read so far.
    at: u64,
}

impl Text {
    /// Returns the bytes of all complete groups.
    fn decode(&mut self, text: &[u8]) -> Result<Vec<u8>, OpenError> {
        self.at = self.at.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX));
        for byte in text.iter().filter(|byte| !byte.is_ascii_whitespace()) {
            if self.padded && self.group.len().is_multiple_of(4) {
                return Err(OpenError::TrailingData { at: self.at });
            }
            self.padded |= *byte == b'=';
            self.group.push(*byte);
        }
        let later = self.group.split_off(self.group.len() / 4 * 4);
        let groups = std::mem::replace(&mut self.group, later);
        let mut decoded = vec![0; groups.len() / 4 * 3];
        let length = Base64::decode(&groups, &mut decoded)
            .map_err(|_| OpenError::malformed(self.at, "its base64 text is not valid"))?
            .len();
        decoded.truncate(length);
        Ok(decoded)
    }
}

impl<R: Read> MimeReader<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, form: Form::Unknown, ready: Vec::new(), start: 0 }
    }

    /// Reads enough to recognise the kind of input.
    fn begin(&mut self) -> io::Result<()> {
        let (mut head, mut piece, mut searched) = (Vec::new(), vec![0; BUFFER_BYTES], 0);
        self.form = Form::Binary;
        loop {
            let count = self.read_some(&mut piece)?;
            head.extend_from_slice(piece.get(..count).unwrap_or_default());
            let begins = head::blank_bytes(&head);
            if let Some(end) = head::end_of_headers(&head, begins.max(searched)) {
                return self.begin_body(head, begins, end);
            }
            searched = head.len().saturating_sub(2);
            // CMS in DER or BER begins with a SEQUENCE, headers with a letter.
            let may_be_headers = head.get(begins).is_none_or(u8::is_ascii_alphabetic);
            if count == 0 || !may_be_headers || head.len() >= HEAD_BYTES_MAX {
                (self.ready, self.start) = (head, 0);
                return Ok(());
            }
        }
    }

    /// Starts the body: the headers are in `head[begins..end]`, followed by the first bytes of the body.
    fn begin_body(&mut self, mut head: Vec<u8>, begins: usize, end: usize) -> io::Result<()> {
        let encoding = head::encoding(head.get(begins..end).unwrap_or_default());
        match encoding {
            None => {}
            Some(Transfer::Binary) => self.start = end,
            Some(Transfer::Base64) => {
                let text = head.split_off(end);
                self.form =
                    Form::Base64(Text { at: u64::try_from(end).unwrap_or(u64::MAX), ..Text::default() });
                return self.decode(&text);
            }
        }
        self.ready = head;
        Ok(())
    }

    /// Decodes the next bytes; leaves nothing ready at the end.
    fn decode_next(&mut self) -> io::Result<()> {
        (self.ready, self.start) = (Vec::new(), 0);
        let mut text = vec![0; BUFFER_BYTES];
        while self.ready.is_empty() {
            let count = self.read_some(&mut text)?;
            if count == 0 {
                return match &self.form {
                    Form::Base64(text) if !text.group.is_empty() => {
                        Err(OpenError::Truncated { at: text.at }.into())
                    }
                    _ => Ok(()),
                };
            }
            self.decode(text.get(..count).unwrap_or_default())?;
        }
        Ok(())
    }

    fn decode(&mut self, text: &[u8]) -> io::Result<()> {
        if let Form::Base64(so_far) = &mut self.form {
            (self.ready, self.start) = (so_far.decode(text)?, 0);
        }
        Ok(())
    }

    fn read_some(&mut self, to: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(to) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

impl<R: Read> Read for MimeReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Form::Unknown = self.form {
            self.begin()?;
        }
        if self.start == self.ready.len() {
            match self.form {
                Form::Base64(_) => self.decode_next()?,
                _ => return self.inner.read(buffer),
            }
        }
        let ready = self.ready.get(self.start..).unwrap_or_default();
        let count = ready.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), ready.get(..count)) {
            to.copy_from_slice(from);
        }
        self.start = self.start.saturating_add(count);
        Ok(count)
    }
}
