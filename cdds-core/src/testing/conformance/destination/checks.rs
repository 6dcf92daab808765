//! The checks of a destination, one for each clause.

use bytes::Bytes;

use super::steps::{Found, connected, has, listed, refused, removed, sized, told, written};
use super::{Clause, path};
use crate::ports::destination::{Destination, DestinationErrorKind, Naming, ServerIdentity};
use crate::testing::conformance::content;

/// The outcome of a check.
pub(super) enum Outcome {
    Checked(Found),
    Skipped(&'static str),
}

/// Names with what people, shells, patterns and addresses make of them.
const NAMES: [&str; 10] = [
    "two words.zip",
    "Straße €.zip",
    "-rf",
    "~home",
    "%41%2f.zip",
    "a+b=c&d.zip",
    "it's.zip",
    "semi;colon,comma.zip",
    "hash#mark.zip",
    "(round)[square]{curly}.zip",
];

pub(super) async fn checked(clause: Clause, destination: &dyn Destination) -> Outcome {
    let naming = destination.describe().naming;
    match clause {
        Clause::AppearsWhole if naming != Naming::Whole => {
            return Outcome::Skipped("files may appear before they are whole");
        }
        Clause::RenameMoves | Clause::RenameOfMissing if naming != Naming::Rename => {
            return Outcome::Skipped("files are not renamed");
        }
        Clause::Lists => match lists(destination).await {
            Ok(None) => return Outcome::Skipped("it cannot list"),
            Ok(Some(())) => return Outcome::Checked(Ok(())),
            Err(case) => return Outcome::Checked(Err(case)),
        },
        Clause::IdentityPinned => match pinned(destination).await {
            Ok(None) => return Outcome::Skipped("it has no identity"),
            Ok(Some(())) => return Outcome::Checked(Ok(())),
            Err(case) => return Outcome::Checked(Err(case)),
        },
        _ => {}
    }
    let found = match clause {
        Clause::Whole => whole(destination).await,
        Clause::SizeReported => size(destination).await,
        Clause::FoldersMade => folders(destination).await,
        Clause::Replaces => replaces(destination).await,
        Clause::AppearsWhole => appears(destination).await,
        Clause::MissingIsNotFound => missing(destination).await,
        Clause::RenameMoves => moves(destination).await,
        Clause::RenameOfMissing => moves_nothing(destination).await,
        Clause::Removes => removes(destination).await,
        Clause::RemovesExactly => removes_exactly(destination).await,
        Clause::AbortLeavesNothing => aborts(destination).await,
        Clause::DropLeavesPlace => drops(destination).await,
        Clause::SeenByEverySession => seen(destination).await,
        Clause::NamesKept => names(destination).await,
        Clause::Lists | Clause::IdentityPinned => Ok(()),
    };
    Outcome::Checked(found)
}

async fn pinned(destination: &dyn Destination) -> Found<Option<()>> {
    let first = destination.connect(None).await.map_err(|error| told("connecting", &error))?;
    let Some(shown) = first.identity else { return Ok(None) };
    let again = destination.connect(Some(&shown)).await;
    let again = again.map_err(|error| told("connecting with the identity that is shown", &error))?;
    if again.identity.as_ref() != Some(&shown) {
        return Err(format!("the identity is {:?}, and was {shown}", again.identity));
    }
    let other = ServerIdentity::new(format!("{shown}?"));
    let answer = destination.connect(Some(&other)).await;
    refused("connecting with another identity", answer, DestinationErrorKind::IdentityChanged)?;
    Ok(Some(()))
}

async fn whole(destination: &dyn Destination) -> Found {
    let mut session = connected(destination).await?;
    let session = session.as_mut();
    // Line ends of all kinds, which a connection in text mode would alter.
    let lines = Bytes::from_static(b"one\ntwo\r\nthree\r\0\x1a");
    let files = [content(0, 1), content(1, 2), lines, content(70_001 * 2, 3), content(300_000, 4)];
    for (number, file) in files.iter().enumerate() {
        written(session, &format!("whole-{number}"), file).await?;
    }
    for (number, file) in files.iter().enumerate() {
        has(session, &format!("whole-{number}"), file).await?;
        removed(session, &format!("whole-{number}")).await?;
    }
    Ok(())
}

async fn size(destination: &dyn Destination) -> Found {
    let mut session = connected(destination).await?;
    for bytes in [0, 1, 4_095, 70_002] {
        let reported = written(session.as_mut(), "sized", &content(bytes, 5)).await?;
        if reported != bytes as u64 {
            return Err(format!("a file of {bytes} bytes is reported as one of {reported}"));
        }
        sized(session.as_mut(), "sized", Some(bytes)).await?;
    }
    removed(session.as_mut(), "sized").await
}

async fn folders(destination: &dyn Destination) -> Found {
    let mut session = connected(destination).await?;
    let file = content(100, 6);
    // A second file meets the folders of the first one.
    for name in ["made/one/two/file", "made/one/other", "made/one/two/last"] {
        written(session.as_mut(), name, &file).await?;
        has(session.as_mut(), name, &file).await?;
        removed(session.as_mut(), name).await?;
    }
    Ok(())
}

async fn replaces(destination: &dyn Destination) -> Found {
    let mut session = connected(destination).await?;
    for bytes in [5_000, 20, 0, 300] {
        let file = content(bytes, bytes as u64);
        written(session.as_mut(), "replaced", &file).await?;
        sized(session.as_mut(), "replaced", Some(bytes)).await?;
        has(session.as_mut(), "replaced", &file).await?;
    }
    removed(session.as_mut(), "replaced").await
}

async fn appears(destination: &dyn Destination) -> Found {
    let (mut session, mut other) = (connected(destination).await?, connected(destination).await?);
    let file = content(100_000, 7);
    let mut upload =
        session.create(&path("appears")?).await.map_err(|error| told("creating a file", &error))?;
    sized(other.as_mut(), "appears", None).await?;
    upload.write(file.clone()).await.map_err(|error| format!("writing failed: {}", error.report()))?;
    sized(other.as_mut(), "appears", None).await?;
    upload.finish().await.map_err(|error| format!("finishing failed: {}", error.report()))?;
    has(other.as_mut(), "appears", &file).await?;
    removed(other.as_mut(), "appears").await
}

async fn missing(destination: &dyn Destination) -> Found {
    let mut session = connected(destination).await?;
    written(session.as_mut(), "there", &content(9, 8)).await?;
    for name in ["not-there", "no-folder/not-there"] {
        sized(session.as_mut(), name, None).await?;
        let read = session.read(&path(name)?).await;
        refused(&format!("reading {name}"), read, DestinationErrorKind::NotFound)?;
    }
    removed(session.as_mut(), "there").await
}

async fn moves(destination: &dyn Destination) -> Found {
    let mut session = connected(destination).await?;
    let file = content(3_000, 9);
    written(session.as_mut(), "moved.1-0000000000000007.part", &file).await?;
    let (from, to) = (path("moved.1-0000000000000007.part")?, path("moved")?);
    session.rename(&from, &to).await.map_err(|error| told("renaming", &error))?;
    sized(session.as_mut(), "moved.1-0000000000000007.part", None).await?;
    sized(session.as_mut(), "moved", Some(3_000)).await?;
    has(session.as_mut(), "moved", &file).await?;
    removed(session.as_mut(), "moved").await
}

async fn moves_nothing(destination: &dyn Destination) -> Found {
    let mut session = connected(destination).await?;
    let answer = session.rename(&path("nothing")?, &path("moved")?).await;
    refused("renaming a file that does not exist", answer, DestinationErrorKind::NotFound)?;
    sized(session.as_mut(), "moved", None).await
}

async fn removes(destination: &dyn Destination) -> Found {
    let mut session = connected(destination).await?;
    written(session.as_mut(), "removed", &content(10, 10)).await?;
    for _ in 0..2 {
        removed(session.as_mut(), "removed").await?;
        sized(session.as_mut(), "removed", None).await?;
    }
    removed(session.as_mut(), "no-folder/removed").await
}

async fn removes_exactly(destination: &dyn Destination) -> Found {
    let mut session = connected(destination).await?;
    let names = ["set", "set.1", "set-2", "se"];
    for name in names {
        written(session.as_mut(), name, &content(10, 11)).await?;
    }
    removed(session.as_mut(), "set").await?;
    for name in &names[1..] {
        sized(session.as_mut(), name, Some(10)).await?;
        removed(session.as_mut(), name).await?;
    }
    Ok(())
}

async fn lists(destination: &dyn Destination) -> Found<Option<()>> {
    let mut session = connected(destination).await?;
    let session = session.as_mut();
    match listed(session, "no-such-folder").await? {
        None => return Ok(None),
        Some(names) if names.is_empty() => {}
        Some(names) => return Err(format!("a folder that does not exist has the names {names:?}")),
    }
    for name in ["listed/one", "listed/two.part", "listed/below/three"] {
        written(session, name, &content(10, 12)).await?;
    }
    // Whether a folder is listed, too, is left open.
    let names = listed(session, "listed").await?.unwrap_or_default();
    let files: Vec<&str> = names.iter().map(String::as_str).filter(|name| *name != "below").collect();
    if files != ["one", "two.part"] {
        return Err(format!("the names in a folder of two files and one folder are {names:?}"));
    }
    removed(session, "listed/one").await?;
    let names = listed(session, "listed").await?.unwrap_or_default();
    if names.iter().any(|name| name == "one") {
        return Err("the name of a removed file is listed".to_owned());
    }
    removed(session, "listed/two.part").await?;
    removed(session, "listed/below/three").await?;
    Ok(Some(()))
}

async fn aborts(destination: &dyn Destination) -> Found {
    let mut session = connected(destination).await?;
    let mut upload =
        session.create(&path("aborted")?).await.map_err(|error| told("creating a file", &error))?;
    let piece = content(100_000, 13);
    upload.write(piece).await.map_err(|error| format!("writing failed: {}", error.report()))?;
    upload.abort().await.map_err(|error| format!("aborting failed: {}", error.report()))?;
    sized(session.as_mut(), "aborted", None).await?;
    // The session goes on.
    let file = content(10, 14);
    written(session.as_mut(), "aborted", &file).await?;
    has(session.as_mut(), "aborted", &file).await?;
    removed(session.as_mut(), "aborted").await
}

async fn drops(destination: &dyn Destination) -> Found {
    let mut first = connected(destination).await?;
    let mut upload =
        first.create(&path("dropped")?).await.map_err(|error| told("creating a file", &error))?;
    let piece = content(100_000, 15);
    upload.write(piece).await.map_err(|error| format!("writing failed: {}", error.report()))?;
    drop(upload);
    drop(first);
    let mut second = connected(destination).await?;
    let file = content(50_000, 16);
    written(second.as_mut(), "dropped", &file).await?;
    sized(second.as_mut(), "dropped", Some(50_000)).await?;
    has(second.as_mut(), "dropped", &file).await?;
    removed(second.as_mut(), "dropped").await
}

async fn seen(destination: &dyn Destination) -> Found {
    let (mut first, mut second) = (connected(destination).await?, connected(destination).await?);
    let file = content(500, 17);
    written(first.as_mut(), "seen", &file).await?;
    has(second.as_mut(), "seen", &file).await?;
    removed(second.as_mut(), "seen").await?;
    sized(first.as_mut(), "seen", None).await
}

async fn names(destination: &dyn Destination) -> Found {
    let mut session = connected(destination).await?;
    let session = session.as_mut();
    for (number, name) in NAMES.iter().enumerate() {
        let (name, file) = (format!("names/{name}"), content(100 + number, 18));
        written(session, &name, &file).await?;
        if destination.describe().naming == Naming::Rename {
            let renamed = format!("{name}.zip");
            let moved = session.rename(&path(&name)?, &path(&renamed)?).await;
            moved.map_err(|error| told(&format!("renaming {name}"), &error))?;
            sized(session, &name, None).await?;
            session
                .rename(&path(&renamed)?, &path(&name)?)
                .await
                .map_err(|error| told("renaming", &error))?;
        }
    }
    if let Some(names) = listed(session, "names").await? {
        let mut should = NAMES.map(str::to_owned);
        should.sort();
        if names != should {
            return Err(format!("the names {should:?} are listed as {names:?}"));
        }
    }
    for (number, name) in NAMES.iter().enumerate() {
        let name = format!("names/{name}");
        sized(session, &name, Some(100 + number)).await?;
        has(session, &name, &content(100 + number, 18)).await?;
        removed(session, &name).await?;
    }
    Ok(())
}
