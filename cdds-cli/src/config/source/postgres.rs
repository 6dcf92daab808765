//! `kind = "postgres"`: a database on a server.

use std::path::{Path, PathBuf};

use cdds_storage::source::{PostgresConfig, PostgresRows, PostgresServer};

use super::data_types;
use crate::config::file;
use crate::config::mistake::Mistake;
use crate::config::secret::{self, SecretPlace};
use crate::home::without_home;

/// The server of a source, and what is read there.
#[derive(Debug)]
pub(crate) struct PostgresEntry {
    pub(crate) config: PostgresConfig,
    pub(crate) server: PostgresServer,
    /// The authorities that the server's certificate must be from; those of the machine if left out.
    pub(crate) authorities: Option<PathBuf>,
}

/// Reads the keys that stand for the server, and the types.
pub(super) fn entry(
    mut config: PostgresConfig,
    url: &str,
    typed: file::Source,
    folder: &Path,
) -> Result<PostgresEntry, Mistake> {
    let server = PostgresServer::new(url).map_err(|error| format!("url: {}", error.report()))?;
    if server.has_password() {
        return Err(
            "url: leave the password out of it, and name a file that holds it as password_file, or an \
                    environment variable as password_env"
                .to_owned()
                .into(),
        );
    }
    let password =
        secret::optional("password", typed.password_file.as_ref(), typed.password_env.as_ref(), folder)?;
    let server =
        password.into_iter().fold(server, |server, place| server.with_password_from(move || read(&place)));
    let authorities =
        typed.authorities.as_deref().map(|path| without_home(path).map(|path| folder.join(path)));
    let authorities = authorities.transpose().map_err(|why| format!("authorities: {why}"))?;
    config.types = data_types(typed.r#type, rows)?;
    config.role = typed.role;
    Ok(PostgresEntry { config, server, authorities })
}

/// Reads the password of the moment. The error names the place, and nothing of what is there.
fn read(place: &SecretPlace) -> Result<String, String> {
    let (password, named) = match place {
        SecretPlace::Env(name) => {
            let named = format!("the environment variable {name}");
            (std::env::var(name).map_err(|_| format!("{named} is not set: set it to the password"))?, named)
        }
        SecretPlace::File(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|why| format!("{} cannot be read: {why}", path.display()))?;
            (text.trim_end_matches(['\r', '\n']).to_owned(), path.display().to_string())
        }
    };
    match password.is_empty() {
        true => Err(format!("{named} is empty: put the password there")),
        false => Ok(password),
    }
}

fn rows(data_type: &file::DataType) -> Result<PostgresRows, String> {
    match (&data_type.table, &data_type.query, &data_type.path) {
        (Some(table), None, None) => Ok(PostgresRows::Table(table.clone())),
        (None, Some(query), None) => Ok(PostgresRows::Query(query.clone())),
        (_, _, Some(_)) => Err("path is for json-lines: name a table or a query".to_owned()),
        _ => Err("name either a table or a query".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::source::{SourceEntry, SourceKind, check};

    fn checked(more: &str) -> Result<SourceEntry, String> {
        let text = format!("id = 'shop'\nkind = 'postgres'\n{more}\n[[type]]\nid = 'call'\ntable = 'calls'");
        check(toml::from_str(&text).unwrap(), Path::new("/srv")).map_err(|mistake| mistake.in_text(&text))
    }

    #[test]
    fn a_server_its_role_and_where_the_password_is_are_taken_over() {
        let entry = checked(
            "url = 'postgres://reader@db.example/shop'\nrole = 'owner_{owner}'\nauthorities = 'ca.pem'\n\
             password_file = 'db.password'\nmax_concurrent = 2",
        );
        let SourceKind::Postgres(entry) = entry.unwrap().kind else { panic!("another kind") };
        assert_eq!(entry.config.role.as_deref(), Some("owner_{owner}"));
        assert_eq!(entry.config.types[0].rows, PostgresRows::Table("calls".to_owned()));
        assert_eq!(entry.config.max_concurrent.map(u32::from), Some(2));
        assert_eq!(entry.authorities.as_deref(), Some(Path::new("/srv/ca.pem")));
        assert!(entry.server.has_password());
    }

    #[test]
    fn a_password_in_the_url_is_refused_and_not_repeated() {
        for url in ["postgres://reader:hunter2@db.example/shop", "host=db.example password=hunter2"] {
            let error = checked(&format!("url = '{url}'")).unwrap_err();
            assert!(error.contains("password_file") && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn half_declared_servers_are_refused_with_a_way_out() {
        let url = "url = 'postgres://reader@db.example/shop'";
        for (text, told) in [
            ("url = 'shop'".to_owned(), "write it like postgres://"),
            (format!("{url}\npassword_file = 'a'\npassword_env = 'B'"), "leave one out"),
            (format!("{url}\npassword_env = 'a b'"), "name of an environment variable"),
        ] {
            let error = checked(&text).unwrap_err();
            assert!(error.contains(told), "{text:?} gave {error:?}");
        }
        for (text, told) in [
            ("path = '*.jsonl'", "path is for json-lines"),
            ("query = 'select 1'\ntable = 'calls'", "either a table or a query"),
        ] {
            let text = format!("id = 'shop'\nkind = 'postgres'\n{url}\n[[type]]\nid = 'call'\n{text}");
            let error = check(toml::from_str(&text).unwrap(), Path::new("/srv")).unwrap_err();
            let error = error.in_text(&text);
            assert!(error.contains(told), "{text:?} gave {error:?}");
        }
    }

    #[test]
    fn a_password_is_read_without_line_ends_and_its_place_is_named_if_there_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        let place = SecretPlace::File(path.clone());
        assert!(read(&place).unwrap_err().contains("password cannot be read"));
        std::fs::write(&path, "\r\n").unwrap();
        assert!(read(&place).unwrap_err().contains("is empty"));
        std::fs::write(&path, " correct horse \r\n").unwrap();
        assert_eq!(read(&place).unwrap(), " correct horse ");
        let unset = SecretPlace::Env("CDDS_TEST_THAT_NOBODY_SETS".to_owned());
        assert!(read(&unset).unwrap_err().contains("CDDS_TEST_THAT_NOBODY_SETS is not set"));
    }
}
