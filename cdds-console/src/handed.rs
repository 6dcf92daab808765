//! Certificates as people hand them in: as text, or as a file, and with them now and then a private key.

use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest, Multipart, Request};
use axum::response::{IntoResponse, Response};
use cdds_view::ProblemView;
use http::{StatusCode, header};

use crate::answers::{Answers, Form};
use crate::pages::Refused;

/// The most bytes of a file. A certificate has one or two thousand.
const FILE_MAX: usize = 64 << 10;

/// A form that may have a file: the answers, and the certificate as bytes.
pub(crate) struct Handed {
    /// The other answers. The pasted text is none of them, so that no page shows it again by accident.
    pub(crate) answers: Answers,
    text: String,
    file: Option<Upload>,
}

enum Upload {
    Whole(Vec<u8>),
    TooLarge,
}

impl<S: Send + Sync> FromRequest<S> for Handed {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let declared = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !declared.is_some_and(|declared| declared.starts_with("multipart/form-data")) {
            let Form(answers) = Form::from_request(request, state).await?;
            return Ok(Self::of(&answers, None));
        }
        let form = Multipart::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        read(form).await.map_err(|error| refused(&error).into_response())
    }
}

fn refused(error: &MultipartError) -> Refused {
    let problem = match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ProblemView::new(
            413,
            "body_too_large",
            "the form has more than 2 MiB: choose the file of one certificate",
        ),
        status => ProblemView::new(
            status.as_u16(),
            "unreadable_body",
            "the form did not arrive whole: send it again",
        ),
    };
    problem.into()
}

async fn read(mut form: Multipart) -> Result<Handed, MultipartError> {
    let (mut pairs, mut file) = (Vec::new(), None);
    while let Some(mut field) = form.next_field().await? {
        let name = field.name().unwrap_or_default().to_owned();
        if name != FILE {
            pairs.push((name, field.text().await?));
            continue;
        }
        let mut bytes = Vec::new();
        let mut is_too_large = false;
        // What is too large is read to its end all the same: a browser shows no answer before it has sent everything.
        while let Some(chunk) = field.chunk().await? {
            is_too_large |= bytes.len() + chunk.len() > FILE_MAX;
            if !is_too_large {
                bytes.extend_from_slice(&chunk);
            }
        }
        // A browser sends a file without a name and without bytes if none was chosen.
        let is_chosen = !bytes.is_empty() || field.file_name().is_some_and(|name| !name.is_empty());
        file = match (is_too_large, is_chosen) {
            (true, _) => Some(Upload::TooLarge),
            (false, true) => Some(Upload::Whole(bytes)),
            (false, false) => file,
        };
    }
    Ok(Handed::of(&pairs.into_iter().collect(), file))
}

/// The names of the fields.
pub(crate) const TEXT: &str = "certificate";
pub(crate) const FILE: &str = "file";

impl Handed {
    fn of(answers: &Answers, file: Option<Upload>) -> Self {
        let text = answers.one(TEXT).unwrap_or_default().to_owned();
        Self { answers: answers.without(&[TEXT]), text, file }
    }

    /// Returns the certificate: the text or the file.
    ///
    /// # Errors
    /// If there are both, or the file cannot be one of a certificate because of its size. An absent certificate is an
    /// empty one, which is refused like any other that cannot be used.
    pub(crate) fn certificate(&self) -> Result<&[u8], ProblemView> {
        let wrong = |status, why: &str| ProblemView::new(status, "invalid_certificate", why).with_field(TEXT);
        match &self.file {
            None => Ok(self.text.as_bytes()),
            Some(_) if !self.text.trim().is_empty() => {
                Err(wrong(422, "there are a file and a pasted text: choose one of them"))
            }
            Some(Upload::TooLarge) => {
                Err(wrong(413, "the file has more than 64 KiB, which no certificate has: choose another one"))
            }
            Some(Upload::Whole(bytes)) => Ok(bytes),
        }
    }

    /// Returns the pasted text if a page may show it again: if it is one block that says it is a certificate.
    /// Everything else may be a private key, in whatever form.
    pub(crate) fn shown_again(&self) -> &str {
        let text = self.text.trim();
        let is_certificate = text.starts_with("-----BEGIN CERTIFICATE-----")
            && text.ends_with("-----END CERTIFICATE-----")
            && text.matches("-----BEGIN").count() == 1;
        if is_certificate { text } else { "" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pasted(text: &str) -> Handed {
        Handed::of(&Answers::default().with(TEXT, text).with("name", "ops"), None)
    }

    #[test]
    fn only_the_text_of_a_certificate_is_shown_again() {
        let certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";
        assert_eq!(pasted(&format!("\r\n{certificate}\r\n")).shown_again(), certificate);
        let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----";
        for text in [
            key,
            "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj",
            &format!("{certificate}\n{key}"),
            &format!("{key}\n{certificate}"),
            &format!("-----BEGIN CERTIFICATE-----\nMIIB\n{key}\n-----END CERTIFICATE-----"),
        ] {
            assert_eq!(pasted(text).shown_again(), "", "{text}");
            assert_eq!(pasted(text).answers.one(TEXT), None, "{text}");
            assert_eq!(pasted(text).certificate(), Ok(text.as_bytes()));
        }
    }

    #[test]
    fn a_file_and_a_text_are_not_mixed() {
        let file = |text: &str| Handed { file: Some(Upload::Whole(vec![0x30])), ..pasted(text) };
        assert_eq!(file(" \r\n").certificate(), Ok([0x30].as_slice()));
        assert!(file("text").certificate().unwrap_err().detail.contains("choose one of them"));
        let large = Handed { file: Some(Upload::TooLarge), ..pasted("") };
        assert_eq!(large.certificate().unwrap_err().status, 413);
    }
}
