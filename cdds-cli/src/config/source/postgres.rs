//! `kind = "postgres"`: a database on a server.

use std::path::Path;

use cdds_storage::source::{PostgresConfig, PostgresRows};

use super::data_types;
use crate::config::file;
use crate::config::mistake::Mistake;
use crate::config::postgres::{self, Login, PostgresEntry};

/// What is read there.
#[derive(Debug)]
pub(crate) struct PostgresSourceEntry {
    pub(crate) config: PostgresConfig,
    pub(crate) at: PostgresEntry,
}

/// Reads the keys that stand for the server, and the types.
pub(super) fn entry(
    mut config: PostgresConfig,
    url: &str,
    typed: file::Source,
    folder: &Path,
) -> Result<PostgresSourceEntry, Mistake> {
    let login = Login {
        password_file: typed.password_file.as_ref(),
        password_env: typed.password_env.as_ref(),
        authorities: typed.authorities.as_ref(),
    };
    let at = postgres::entry(url, login, folder)?;
    config.types = data_types(typed.r#type, rows)?;
    config.role = typed.role;
    Ok(PostgresSourceEntry { config, at })
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
        assert_eq!(entry.at.authorities.as_deref(), Some(Path::new("/srv/ca.pem")));
        assert!(entry.at.server.has_password());
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
}
