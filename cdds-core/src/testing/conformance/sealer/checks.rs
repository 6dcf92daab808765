//! The check of each clause.

use std::sync::Arc;

use bytes::BytesMut;

use super::{Clause, Person, SealerFixture};
use crate::ports::sealer::{Sealer, SealerError};
use crate::testing::conformance::{content, same};

/// Sizes around the blocks of ciphers, around the segments that sealers buffer, and beyond several of them.
const SIZES: [usize; 20] = [
    0, 1, 2, 15, 16, 17, 31, 32, 33, 4_095, 4_096, 65_519, 65_520, 65_535, 65_536, 65_537, 131_072,
    1_048_575, 1_048_576, 3_000_001,
];

/// The length of a run of bytes that random ones hardly repeat.
const RUN: usize = 16;

type Outcome = Result<(), String>;

pub(super) fn check(clause: Clause, fixture: &dyn SealerFixture) -> Outcome {
    match clause {
        Clause::Whole => whole(fixture),
        Clause::EachRecipientOpens => each_opens(fixture),
        Clause::NobodyElseOpens => nobody_else_opens(fixture),
        Clause::Hidden => hidden(fixture),
        Clause::FreshKeys => fresh_keys(fixture),
        Clause::SealingsApart => apart(fixture),
        Clause::Appends => appends(fixture),
        Clause::UnfinishedStaysClosed => unfinished(fixture),
        Clause::SealedBytes => bounded(fixture),
        Clause::SealedBytesExact => exact(fixture),
    }
}

fn made(fixture: &dyn SealerFixture, recipients: &[Person]) -> Result<Arc<dyn Sealer>, String> {
    let made = fixture.sealer(recipients);
    made.map_err(|error| format!("the fixture made no sealer for {recipients:?}: {error}"))
}

fn said(what: &str) -> impl FnOnce(SealerError) -> String {
    move |error| format!("{what} failed: {:?}: {error}", error.kind())
}

/// Seals in pieces of these sizes, over and over, as long as there is something left.
fn seal(sealer: &dyn Sealer, plain: &[u8], pieces: &[usize]) -> Result<Vec<u8>, String> {
    let mut out = BytesMut::new();
    let mut sealing = sealer.begin(&mut out).map_err(said("beginning a part"))?;
    let (mut rest, mut sizes) = (plain, pieces.iter().cycle());
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(*sizes.next().unwrap_or(&rest.len())));
        sealing.update(piece, &mut out).map_err(said("sealing a piece"))?;
        rest = after;
    }
    sealing.finish(&mut out).map_err(said("finishing a part"))?;
    Ok(out.to_vec())
}

fn opened(fixture: &dyn SealerFixture, sealed: &[u8], person: Person, what: &str) -> Result<Vec<u8>, String> {
    fixture.open(sealed, person).map_err(|error| format!("{person:?} cannot open {what}: {error}"))
}

fn whole(fixture: &dyn SealerFixture) -> Outcome {
    let sealer = made(fixture, &[Person::Anna])?;
    for size in SIZES {
        let plain = content(size, 1);
        let uneven: &[usize] = if size < 10_000 { &[0, 1, 7, 100] } else { &[16, 65_519, 3, 0, 100_003] };
        for pieces in [&[usize::MAX][..], uneven, &[65_536]] {
            let what = format!("{size} bytes in pieces of {pieces:?}");
            let sealed = seal(&*sealer, &plain, pieces)?;
            same(&opened(fixture, &sealed, Person::Anna, &what)?, &plain, &what)?;
        }
    }
    Ok(())
}

fn each_opens(fixture: &dyn SealerFixture) -> Outcome {
    for recipients in [&[Person::Anna][..], &[Person::Anna, Person::Bert], &[Person::Bert, Person::Anna]] {
        let plain = content(100_000, 2);
        let sealed = seal(&*made(fixture, recipients)?, &plain, &[usize::MAX])?;
        for person in recipients {
            let what = format!("a part for {recipients:?}");
            same(&opened(fixture, &sealed, *person, &what)?, &plain, &what)?;
        }
    }
    Ok(())
}

fn nobody_else_opens(fixture: &dyn SealerFixture) -> Outcome {
    for (recipients, others) in [
        (&[Person::Anna][..], &[Person::Bert, Person::Eve][..]),
        (&[Person::Anna, Person::Bert], &[Person::Eve]),
    ] {
        let sealed = seal(&*made(fixture, recipients)?, &content(1_000, 3), &[usize::MAX])?;
        if let Some(person) = others.iter().find(|person| fixture.open(&sealed, **person).is_ok()) {
            return Err(format!("{person:?} opens a part for {recipients:?}"));
        }
    }
    Ok(())
}

fn hidden(fixture: &dyn SealerFixture) -> Outcome {
    let plain = content(200_000, 4);
    let sealed = seal(&*made(fixture, &[Person::Anna])?, &plain, &[65_536])?;
    let runs: std::collections::HashSet<&[u8]> = plain.chunks_exact(RUN).collect();
    match sealed.windows(RUN).position(|window| runs.contains(window)) {
        Some(place) => Err(format!("the content can be read in the sealed part, at byte {place}")),
        None => Ok(()),
    }
}

fn fresh_keys(fixture: &dyn SealerFixture) -> Outcome {
    let plain = content(200_000, 5);
    let one = made(fixture, &[Person::Anna])?;
    let two = made(fixture, &[Person::Anna])?;
    let first = seal(&*one, &plain, &[usize::MAX])?;
    for (sealer, which) in [(&one, "the same sealer"), (&two, "another sealer")] {
        let again = seal(&**sealer, &plain, &[usize::MAX])?;
        // What precedes the content, such as the names of recipients, may be equal.
        let ends = first.iter().rev().zip(again.iter().rev()).take(plain.len());
        let equal = ends.filter(|(one, two)| one == two).count();
        // By chance, one byte in 256 is equal, and one in 25 of a text with line breaks.
        if equal > plain.len() / 4 {
            return Err(format!("{equal} of {} sealed bytes are the same again, from {which}", plain.len()));
        }
    }
    Ok(())
}

fn apart(fixture: &dyn SealerFixture) -> Outcome {
    let sealer = made(fixture, &[Person::Anna])?;
    let plains = [content(150_000, 6), content(150_000, 7), content(150_000, 8)];
    let mut outs = [BytesMut::new(), BytesMut::new(), BytesMut::new()];
    let mut sealings = Vec::new();
    for out in &mut outs {
        sealings.push(sealer.begin(out).map_err(said("beginning a part"))?);
    }
    for start in (0..150_000).step_by(10_000) {
        for ((sealing, out), plain) in sealings.iter_mut().zip(&mut outs).zip(&plains) {
            sealing.update(&plain[start..start + 10_000], out).map_err(said("sealing a piece"))?;
        }
    }
    for (sealing, out) in sealings.into_iter().zip(&mut outs) {
        sealing.finish(out).map_err(said("finishing a part"))?;
    }
    for (out, plain) in outs.iter().zip(&plains) {
        let what = "one of three parts that were sealed at the same time";
        same(&opened(fixture, out, Person::Anna, what)?, plain, what)?;
    }
    Ok(())
}

fn appends(fixture: &dyn SealerFixture) -> Outcome {
    let (sealer, plain) = (made(fixture, &[Person::Anna])?, content(100_000, 9));
    // What is before each part of the output, by the call that appended it.
    let before = content(77, 10);
    let mut sealed = Vec::new();
    let mut take = |out: &mut BytesMut, call: &str| {
        let added = out.strip_prefix(&before[..]).ok_or(format!("{call} changes what was in the output"))?;
        sealed.extend_from_slice(added);
        out.clear();
        out.extend_from_slice(&before);
        Ok::<_, String>(())
    };
    let mut out = BytesMut::from(&before[..]);
    let mut sealing = sealer.begin(&mut out).map_err(said("beginning a part"))?;
    take(&mut out, "begin")?;
    for piece in plain.chunks(30_000) {
        sealing.update(piece, &mut out).map_err(said("sealing a piece"))?;
        take(&mut out, "update")?;
    }
    sealing.finish(&mut out).map_err(said("finishing a part"))?;
    take(&mut out, "finish")?;
    let what = "a part whose output was taken after each call";
    same(&opened(fixture, &sealed, Person::Anna, what)?, &plain, what)
}

fn unfinished(fixture: &dyn SealerFixture) -> Outcome {
    let sealer = made(fixture, &[Person::Anna])?;
    for size in [0, 1, 16, 1_000, 65_536, 200_000] {
        let plain = content(size, 11);
        let mut out = BytesMut::new();
        let mut sealing = sealer.begin(&mut out).map_err(said("beginning a part"))?;
        sealing.update(&plain, &mut out).map_err(said("sealing a piece"))?;
        drop(sealing);
        if fixture.open(&out, Person::Anna).is_ok() {
            return Err(format!("a part of {size} bytes that was dropped before its end opens"));
        }
        let sealed = seal(&*sealer, &plain, &[usize::MAX])?;
        // A text may end with line breaks that say nothing.
        for missing in [16, 17, sealed.len() / 2, sealed.len()] {
            let beginning = &sealed[..sealed.len().saturating_sub(missing)];
            if fixture.open(beginning, Person::Anna).is_ok() {
                return Err(format!("a part of {size} bytes opens without its last {missing} sealed bytes"));
            }
        }
    }
    Ok(())
}

fn bounded(fixture: &dyn SealerFixture) -> Outcome {
    for recipients in [&[Person::Anna][..], &[Person::Anna, Person::Bert]] {
        let sealer = made(fixture, recipients)?;
        for size in SIZES {
            let (sealed, bound) = (seal(&*sealer, &content(size, 12), &[10_007])?.len() as u64, size as u64);
            let bound = sealer.sealed_bytes(bound);
            if sealed > bound {
                return Err(format!(
                    "{size} bytes are {sealed} once sealed, more than the {bound} announced"
                ));
            }
        }
        let sizes = (0..70_000).chain((1..40).map(|shift| 1_u64 << shift));
        let mut sizes: Vec<u64> = sizes.collect();
        sizes.sort_unstable();
        for two in sizes.windows(2) {
            let [less, more] = [sealer.sealed_bytes(two[0]), sealer.sealed_bytes(two[1])];
            if less > more {
                return Err(format!(
                    "{} bytes are said to become {less}, and {} bytes {more}",
                    two[0], two[1]
                ));
            }
        }
    }
    Ok(())
}

fn exact(fixture: &dyn SealerFixture) -> Outcome {
    for recipients in [&[Person::Anna][..], &[Person::Anna, Person::Bert]] {
        let sealer = made(fixture, recipients)?;
        for size in SIZES {
            let sealed = seal(&*sealer, &content(size, 13), &[10_007])?.len() as u64;
            let announced = sealer.sealed_bytes(size as u64);
            if sealed != announced {
                return Err(format!("{size} bytes are {sealed} once sealed rather than {announced}"));
            }
        }
    }
    Ok(())
}
