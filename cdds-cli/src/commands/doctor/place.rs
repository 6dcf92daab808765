//! Checks the places where things are kept: the catalog's file, the artifact store, and the disks below them.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use cdds_core::ports::ids::Ids;
use cdds_core::ports::sink::{Key, Sink, SinkError};
use cdds_core::system::SystemIds;
use cdds_storage::catalog::SqliteCatalog;
use cdds_view::words;
use futures::TryStreamExt;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::Finding;
use crate::commands::disk;
use crate::compose::{self, App};
use crate::config::Config;

/// Below this an export is likely to break off.
const FREE_BYTES_MIN: u64 = 64 << 20;
/// Below this, `doctor` advises making room.
const FREE_BYTES_WARNING: u64 = 1 << 30;

pub(super) async fn catalog(config: &Config) -> Finding {
    match config.catalog.file() {
        Some(path) => file(path),
        None => server(config).await,
    }
}

/// Checks that a server lets this program in, and has a catalog of a schema that it knows.
async fn server(config: &Config) -> Finding {
    let place = &config.catalog;
    match compose::has_other_owners(place).await {
        Ok(_) => Finding::ok("catalog", format!("{place} answers")),
        Err(error) => Finding::failed(
            "catalog",
            format!("{place} cannot be used: {}", error.message()),
            "start the server, correct catalog.url or the role's rights, or restore the database",
        ),
    }
}

fn file(path: &Path) -> Finding {
    if !path.exists() {
        let way_out = "restore or mount it, or correct catalog.url; if nothing was ever stored, the next \
                       command creates it";
        return Finding::failed("catalog", format!("there is no {}", path.display()), way_out);
    }
    if path.metadata().is_ok_and(|found| found.is_file() && found.len() == 0) {
        let way_out = "restore it, or correct catalog.url; if nothing was ever stored, remove the file, and the next \
                       command creates it";
        return Finding::failed("catalog", format!("there is nothing in {}", path.display()), way_out);
    }
    match look_into(path) {
        Ok(finding) => finding,
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => Finding::failed(
            "catalog",
            format!("{} is not an SQLite database", path.display()),
            "restore it from a backup, or correct catalog.url",
        ),
        Err(_) if SqliteCatalog::open_to_read(path).is_ok() => only_read(path),
        Err(error) => Finding::failed(
            "catalog",
            format!("{} cannot be used: {error}", path.display()),
            "let this user read and write the file and its folder, or restore it from a backup",
        ),
    }
}

fn only_read(path: &Path) -> Finding {
    Finding::warning(
        "catalog",
        format!("{} can be read, but not be written, by this user", path.display()),
        "commands that change something, `cdds run` above all, need a user who may write the file and its folder, \
         and room on its disk",
    )
}

/// Checks that the catalog is whole, of a schema that this program knows, and writable.
fn look_into(path: &Path) -> Result<Finding, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let catalog = Connection::open_with_flags(path, flags)?;
    let verdict: String = catalog.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        let detail = format!("{} is damaged: {verdict}", path.display());
        return Ok(Finding::failed("catalog", detail, "stop every `cdds run` and restore it from a backup"));
    }
    if catalog.is_readonly("main")? && SqliteCatalog::open_to_read(path).is_ok() {
        return Ok(only_read(path));
    }
    // Opens it as every command does, which also brings an older schema up to date.
    if let Err(error) = SqliteCatalog::open(path) {
        let told = error.report();
        let (detail, way_out) = told.rsplit_once(": ").unwrap_or((&told, "restore it from a backup"));
        return Ok(Finding::failed("catalog", detail, way_out));
    }
    match catalog.execute_batch("BEGIN IMMEDIATE; ROLLBACK") {
        Ok(()) => {}
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
            let detail = format!("{} is whole; another process is writing to it", path.display());
            return Ok(Finding::warning("catalog", detail, "check again when that process is done"));
        }
        Err(error) => return Err(error),
    }
    let version: i64 = catalog.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(Finding::ok("catalog", format!("{} is whole and writable, schema version {version}", path.display())))
}

/// Stores a probe, reads it back and deletes it.
pub(super) async fn store(config: &Config) -> Finding {
    let place = &config.store;
    let sink = match compose::sink(config) {
        Ok(sink) => sink,
        Err(error) => {
            let way_out = match place.folder() {
                Some(_) => "mount it, or correct store.url",
                None => "correct the keys of [store]",
            };
            return Finding::failed("store", error.message(), way_out);
        }
    };
    let key = Key::new(format!("doctor-probe/{}", SystemIds.next()));
    let probed = probe(sink.as_ref(), &key).await;
    let removed = sink.delete(&key).await;
    let way_out = match place.folder() {
        Some(_) => "let this user read and write the folder, and make room on its disk",
        None => {
            "correct the keys of [store], or have these keys allowed to list, read, write and delete objects, and to \
                 list and end their uploads"
        }
    };
    match (probed, removed) {
        (Ok(true), Ok(())) => {
            Finding::ok("store", format!("{place}: a probe was stored durably, read back and deleted"))
        }
        (Ok(false), _) => Finding::failed(
            "store",
            format!("{place}: what was read back is not what was stored"),
            "do not trust this store: check it, and move its files elsewhere",
        ),
        (Err(error), _) | (Ok(true), Err(error)) => Finding::failed("store", error.report(), way_out),
    }
}

async fn probe(sink: &dyn Sink, key: &Key) -> Result<bool, SinkError> {
    let contents = Bytes::from(key.as_str().repeat(1_000));
    let mut upload = sink.begin(key).await?;
    upload.write(contents.clone()).await?;
    upload.finish().await?;
    let read: Vec<Bytes> = sink.read(key, 0).await?.try_collect().await?;
    Ok(read.concat() == contents)
}

/// Checks whether catalog and store belong together.
pub(super) async fn pairing(app: &App) -> Finding {
    const CHECK: &str = "catalog and store";
    match app.look_at_store().await {
        Ok(()) => Finding::ok(CHECK, "belong together"),
        Err(error) => Finding::failed(CHECK, error.message(), "mount or restore the one that is missing"),
    }
}

/// Returns one finding for each disk, or nothing where the system cannot be asked.
pub(super) fn disks(config: &Config) -> Vec<Finding> {
    let folder = |file: &Path| file.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    let catalog = config.catalog.file().map(|file| ("catalog", folder(file)));
    let store = config.store.folder().map(|folder| ("store", folder.to_path_buf()));
    let places = catalog.into_iter().chain(store).chain([("temporary files", std::env::temp_dir())]);
    places.filter_map(|(what, place)| Some(space(what, &place, disk::free_bytes(&place)?))).collect()
}

fn space(what: &str, place: &Path, free: u64) -> Finding {
    let check = format!("disk space for {what}");
    let detail = format!("{} free at {}", words::bytes(free), place.display());
    let way_out = "make room, or move it to a larger disk";
    match free {
        ..FREE_BYTES_MIN => Finding::failed(&check, detail, way_out),
        FREE_BYTES_MIN..FREE_BYTES_WARNING => Finding::warning(&check, detail, way_out),
        _ => Finding::ok(&check, detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::Status;

    #[test]
    fn room_is_judged() {
        for (free, status) in [
            (0, Status::Failed),
            (FREE_BYTES_MIN - 1, Status::Failed),
            (FREE_BYTES_MIN, Status::Warning),
            (FREE_BYTES_WARNING, Status::Ok),
        ] {
            let finding = space("store", Path::new("/"), free);
            assert_eq!((finding.status, finding.way_out.is_none()), (status, status == Status::Ok));
        }
    }
}
