//! URLs of servers: `sftp://exports@partner.example:22/in`.

use std::str::FromStr;

/// A server, and a folder on it. It is shown without anything that could be a secret, since there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerUrl {
    pub(crate) scheme: String,
    pub(crate) user: Option<String>,
    /// The name or the address, an IPv6 address without its brackets.
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    /// As the adapters take it: `/srv/in`, or `in` below the folder in which the user begins.
    pub(crate) folder: String,
}

impl FromStr for ServerUrl {
    type Err = String;

    /// Errors never show the text, which may hold a password.
    fn from_str(text: &str) -> Result<Self, String> {
        let form = || "write it like sftp://exports@partner.example:22/in".to_owned();
        let (scheme, rest) = text.split_once("://").ok_or_else(form)?;
        if scheme.is_empty() || !scheme.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(form());
        }
        if rest.contains(['?', '#']) || rest.chars().any(|c| c.is_control() || c == ' ') {
            return Err("it holds spaces, ? or #: write them as %20, %3F or %23".to_owned());
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        if user.is_some_and(|user| user.contains(':')) {
            return Err(
                "it holds a password: leave it out, and name a file with it in password_file, or an \
                        environment variable in password_env"
                    .to_owned(),
            );
        }
        let user = user.map(decoded).transpose()?.filter(|user| !user.is_empty());
        let (host, port) = host_and_port(place).ok_or_else(form)?;
        let scheme = scheme.to_ascii_lowercase();
        let folder = folder(&scheme, &decoded(path)?);
        Ok(Self { scheme, user, host, port, folder })
    }
}

fn host_and_port(place: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port.strip_prefix(':').or_else(|| port.is_empty().then_some(""))?)
        }
        None => place.split_once(':').unwrap_or((place, "")),
    };
    let port = if port.is_empty() { None } else { Some(port.parse().ok().filter(|port| *port > 0)?) };
    (!host.is_empty() && !host.contains('/')).then(|| (host.to_owned(), port))
}

/// Returns the folder of a path: SFTP paths begin at the root of the server, unless they begin with `~`; those of FTP
/// begin where the user does (RFC 1738 section 3.2.2).
fn folder(scheme: &str, path: &str) -> String {
    let path = path.trim_end_matches('/');
    match scheme {
        "sftp" => match path.strip_prefix('~') {
            Some(below) => below.trim_start_matches('/').to_owned(),
            None if path.is_empty() => String::new(),
            None => format!("/{path}"),
        },
        _ => path.to_owned(),
    }
}

/// Replaces `%40` and the like with what they stand for.
fn decoded(text: &str) -> Result<String, String> {
    let wrong = || "a % in it is not followed by two hexadecimal digits: write % itself as %25".to_owned();
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else { return Err(wrong()) };
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| wrong())?);
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> ServerUrl {
        text.parse().unwrap()
    }

    #[test]
    fn a_url_is_taken_apart() {
        let url = parsed("sftp://exports@partner.example:2222/srv/in/");
        assert_eq!((url.user.as_deref(), url.host.as_str()), (Some("exports"), "partner.example"));
        assert_eq!((url.port, url.folder.as_str()), (Some(2222), "/srv/in"));
        assert_eq!(parsed("sftp://u@h/~/in").folder, "in");
        assert_eq!(parsed("sftp://u@h/~").folder, "");
        assert_eq!(parsed("sftp://u@h").folder, "");
        assert_eq!(parsed("ftp://u@h/in").folder, "in");
        assert_eq!(parsed("ftp://u@h//srv/in").folder, "/srv/in");
        assert_eq!(parsed("ftp://ada%40example.org@h/a%20b").user.as_deref(), Some("ada@example.org"));
        assert_eq!(parsed("ftp://u@h/a%20b").folder, "a b");
        let v6 = parsed("sftp://u@[2001:db8::1]:22/");
        assert_eq!((v6.host.as_str(), v6.port), ("2001:db8::1", Some(22)));
    }

    #[test]
    fn what_is_no_url_is_refused_without_being_shown() {
        for (text, told) in [
            ("partner.example", "write it like"),
            ("sftp://", "write it like"),
            ("sftp://u@h:0/", "write it like"),
            ("sftp://u@h:99999/", "write it like"),
            ("sftp://u@[::1/", "write it like"),
            ("sftp://u:s3cret@h/", "password_file"),
            ("sftp://u@h/a b", "%20"),
            ("sftp://u@h/%zz", "%25"),
        ] {
            let error = text.parse::<ServerUrl>().unwrap_err();
            assert!(error.contains(told) && !error.contains("s3cret"), "{text}: {error}");
        }
    }
}
