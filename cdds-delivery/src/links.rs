//! Links to the console.

use cdds_core::domain::id::{ExecutionId, JobId, RecipientName};

/// Makes links to the pages of the console, from the address under which people open it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleLinks(String);

/// An address that cannot begin a link.
#[derive(Debug, thiserror::Error)]
#[error(
    "the console's address must be a URL that begins with https:// or http:// and holds neither spaces, ?, # nor @"
)]
pub struct NotBase;

impl ConsoleLinks {
    /// Takes the address of the console, such as `https://exports.example.com/console`.
    ///
    /// # Errors
    /// [`NotBase`] if it is not the beginning of a link.
    pub fn new(base: &str) -> Result<Self, NotBase> {
        let rest = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://")).ok_or(NotBase)?;
        let legal = |c: char| c.is_ascii_alphanumeric() || "-._~:/[]%!$&()*+,;=".contains(c);
        if rest.is_empty() || rest.starts_with('/') || !rest.chars().all(legal) {
            return Err(NotBase);
        }
        Ok(Self(base.trim_end_matches('/').to_owned()))
    }

    /// Returns the page of a job.
    pub fn job(&self, id: JobId) -> String {
        format!("{}/jobs/{id}", self.0)
    }

    /// Returns the page on which the certificate of a recipient is renewed.
    pub fn renewal(&self, recipient: &RecipientName) -> String {
        let encoded = |byte: u8| match byte {
            b'-' | b'_' | b'.' | b'@' => char::from(byte).to_string(),
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        let name: String = recipient.as_str().bytes().map(encoded).collect();
        format!("{}/recipients/renew?name={name}", self.0)
    }

    /// Returns the page of an execution.
    pub fn execution(&self, id: ExecutionId) -> String {
        format!("{}/history/{id}", self.0)
    }

    /// Returns the page of an execution's files, where they can be downloaded.
    pub fn files(&self, id: ExecutionId) -> String {
        format!("{}/sets/{id}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_begin_with_an_address_of_the_web() {
        let links = ConsoleLinks::new("https://exports.example.com:8443/console/").unwrap();
        let id: JobId = "00000000-0000-0000-0000-000000000000".parse().unwrap();
        assert_eq!(
            links.job(id),
            "https://exports.example.com:8443/console/jobs/00000000-0000-0000-0000-000000000000"
        );
        let recipient: RecipientName = "jürgen@law.example".parse().unwrap();
        let renewal =
            "https://exports.example.com:8443/console/recipients/renew?name=j%C3%BCrgen@law.example";
        assert_eq!(links.renewal(&recipient), renewal);
        for bad in [
            "",
            "https://",
            "https:///jobs",
            "exports.example.com",
            "javascript:alert(1)",
            "https://a b",
            "https://u@h",
        ] {
            assert!(ConsoleLinks::new(bad).is_err(), "{bad}");
        }
        assert!(ConsoleLinks::new("https://a.example/\"><script>").is_err());
    }
}
