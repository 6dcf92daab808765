//! Searches for parts of the names of files.
//!
//! A name holds the id of its execution, and what is around the id is a frame that many names share: `export-/.zip`,
//! where the slash stands for the id; no name has a slash. The different frames of an owner are few and read one by
//! one out of an index. They tell where a text can be:
//! - in some frames, or in all: then their index has the rows;
//! - at the beginning of ids: then the index of ids has the rows;
//! - elsewhere in ids: these are found by their groups of three characters (trigrams), with a mark at either end.
//!
//! Ids are random, so a text too short for that, or found too often, is in so many ids that a walk soon fills a page.

use std::collections::BTreeSet;

use rusqlite::types::Value;

use super::super::fault::Fault;
use super::super::transaction::Transaction;
use super::Filter;
use super::condition::Index;

/// The frame of a name behind its owner, who has no slash either, as the index has it. As one expression, so that
/// SQLite does not take this index for the list of an owner's files.
const FRAME: &str = "a.owner || '/' || replace(a.name_folded, a.execution_id, '/')";

/// The id of an execution in a frame.
const ID: char = '/';

/// The number of characters of an id.
const ID_LENGTH: usize = 36;

/// The marks before and behind an id where it is searched.
const MARKS: (char, char) = ('-', '.');

/// The number of characters of a trigram.
const TRIGRAM: usize = 3;

/// The most trigrams that are searched at a time: so many are together in hardly any other id.
const TRIGRAMS_MAX: usize = 6;

/// Whether a marked id holds a text.
const ID_HOLDS: &str = "instr('-' || a.execution_id || '.', ?) > 0";

/// Selects the sets that a full-text query finds.
const SETS_FOUND: &str = "SELECT s.execution_id
     FROM (SELECT rowid AS number FROM set_search WHERE set_search MATCH ? LIMIT ?) f
     LEFT JOIN artifact_set s ON s.number = f.number";

/// Where names hold a text.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// In each name.
    EachName,
    /// In these frames, and nowhere else.
    Frames(Vec<String>),
    /// At ids, in the names of all frames or of some of them.
    Ids { at: AtId, in_all: bool },
    /// In more than one of these places.
    Several,
}

/// A text at an id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum AtId {
    /// Its beginning.
    Beginning(String),
    /// A part of the marked id.
    Part(String),
}

impl Filter {
    /// Adds that the name of a file holds a folded text.
    pub(in super::super) fn and_named(
        self,
        tx: &Transaction<'_>,
        text: Option<String>,
    ) -> Result<Self, Fault> {
        const NAME_HOLDS: &str = "instr(a.name_folded, ?) > 0";
        let Some(text) = text else { return Ok(self) };
        let Some(frames) = self.frames(tx)? else {
            return Ok(self.and_each(NAME_HOLDS, text));
        };
        let (at, in_all) = match place(&frames, &text) {
            Place::EachName => return Ok(self),
            Place::Frames(frames) => {
                let frames = frames.into_iter().map(|frame| self.framed() + &frame).collect();
                return Ok(self.and_one_of(FRAME, frames, Index::OfAll));
            }
            Place::Several => return Ok(self.and_each(NAME_HOLDS, text)),
            Place::Ids { at, in_all } => (at, in_all),
        };
        let filter = match &at {
            AtId::Beginning(beginning) => self.and_indexed_beginning("a.execution_id", beginning),
            AtId::Part(part) => match trigrams(part) {
                None => self.and_each(ID_HOLDS, part.clone()),
                Some(trigrams) => {
                    let search = ("a.execution_id", SETS_FOUND, vec![Value::Text(trigrams)]);
                    let holds = |id: &str| marked(id).contains(part.as_str());
                    self.and_searched(tx, search, holds, (ID_HOLDS, part))?
                }
            },
        };
        Ok(if in_all { filter } else { filter.and_mostly(NAME_HOLDS, Some(text)) })
    }
}

impl Filter {
    /// Returns what is before the frames of the owner.
    fn framed(&self) -> String {
        match &self.owner.1 {
            Value::Text(owner) => format!("{owner}/"),
            _ => String::new(),
        }
    }

    /// Returns the frames of the owner, or `None` if there are too many.
    fn frames(&self, tx: &Transaction<'_>) -> Result<Option<Vec<String>>, Fault> {
        let framed = self.framed();
        // The character after the slash ends them.
        let of_owner = (format!("{FRAME} < ?1"), Value::Text(framed.replace('/', "0")));
        let frames = self.values_of(tx, FRAME, of_owner, &framed)?;
        let frame = |one: String| one.strip_prefix(&framed).map(str::to_owned);
        Ok(frames.map(|frames| frames.into_iter().filter_map(frame).collect()))
    }
}

/// Finds out where the names of these frames hold a text.
fn place(frames: &[String], text: &str) -> Place {
    let (mut holding, mut at_ids, mut reaching) = (Vec::new(), BTreeSet::new(), 0);
    for frame in frames {
        let (before, after) = frame.split_once(ID).unwrap_or((frame, ""));
        if after.contains(ID) {
            return Place::Several;
        }
        let ids = if frame.contains(ID) { at_ids_between(before, after, text) } else { BTreeSet::new() };
        if before.contains(text) || after.contains(text) {
            holding.push(frame.clone());
        } else if !ids.is_empty() {
            reaching += 1;
            at_ids.extend(ids);
        }
    }
    if holding.len() == frames.len() {
        return Place::EachName;
    }
    // A part that begins the id is found among the parts as well.
    if at_ids.len() > 1 && at_ids.iter().any(|at| matches!(at, AtId::Part(_))) {
        at_ids = at_ids.into_iter().map(AtId::into_part).collect();
    }
    match (holding.is_empty(), at_ids.pop_first(), at_ids.is_empty()) {
        (_, None, _) => Place::Frames(holding),
        (true, Some(at), true) => Place::Ids { at, in_all: reaching == frames.len() },
        _ => Place::Several,
    }
}

/// Returns how ids between these texts can take part in a text.
fn at_ids_between(before: &str, after: &str, text: &str) -> BTreeSet<AtId> {
    let bounds = || (0..=text.len()).filter(|at| text.is_char_boundary(*at));
    let begins = bounds().filter(|at| before.ends_with(&text[..*at]));
    let places = begins.flat_map(|begin| {
        bounds()
            .filter(move |end| begin < *end && after.starts_with(&text[*end..]))
            .map(move |end| (begin, end))
    });
    let at_id = |(begin, end): (usize, usize)| {
        let (id, is_whole) = (&text[begin..end], end - begin == ID_LENGTH);
        let is_id = id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'));
        let (follows, is_followed) = (begin > 0, end < text.len());
        if !is_id || id.len() > ID_LENGTH || (follows && is_followed && !is_whole) {
            return None;
        }
        Some(match (follows || is_whole, is_followed) {
            (true, _) => AtId::Beginning(id.to_owned()),
            (false, true) => AtId::Part(format!("{id}{}", MARKS.1)),
            (false, false) => AtId::Part(id.to_owned()),
        })
    };
    places.filter_map(at_id).collect()
}

impl AtId {
    fn into_part(self) -> Self {
        match self {
            Self::Beginning(id) => Self::Part(format!("{}{id}", MARKS.0)),
            part @ Self::Part(_) => part,
        }
    }
}

fn marked(id: &str) -> String {
    format!("{}{id}{}", MARKS.0, MARKS.1)
}

/// Returns the full-text query for trigrams of a part of a marked id, or `None` if it is too short.
fn trigrams(part: &str) -> Option<String> {
    let characters: Vec<char> = part.chars().collect();
    let quoted = |three: &[char]| format!("\"{}\"", three.iter().collect::<String>());
    let all: Vec<_> = characters.windows(TRIGRAM).take(TRIGRAMS_MAX).map(quoted).collect();
    (!all.is_empty()).then(|| all.join(" AND "))
}

#[cfg(test)]
mod tests {
    use super::super::super::plan::plan;
    use super::*;

    const ZIP: &str = "export-/.zip";
    const SEALED: &str = "export-/.zip.smime";
    const VOLUME: &str = "export-/.z01";

    fn placed(frames: &[&str], text: &str) -> Place {
        place(&frames.iter().map(|frame| (*frame).to_owned()).collect::<Vec<_>>(), text)
    }

    fn part(text: &str) -> Place {
        Place::Ids { at: AtId::Part(text.to_owned()), in_all: true }
    }

    #[test]
    fn texts_of_frames_are_found_in_their_frames() {
        let all = [VOLUME, ZIP, SEALED];
        for text in ["", "e", "port-", ".z", "-"] {
            assert_eq!(placed(&all, text), Place::EachName, "{text}");
        }
        assert_eq!(placed(&all, "zip.s"), Place::Frames(vec![SEALED.to_owned()]));
        for text in ["q", "nowhere", "ü", "t-g", "a/b", "0.zap", "t-f.zip"] {
            assert_eq!(placed(&all, text), Place::Frames(Vec::new()), "{text}");
        }
        assert_eq!(placed(&["manual"], "man"), Place::EachName);
        assert_eq!(placed(&["manual", ZIP], "man"), Place::Frames(vec!["manual".to_owned()]));
    }

    #[test]
    fn texts_of_ids_are_found_at_ids() {
        let all = [VOLUME, ZIP, SEALED];
        let begins = |id: &str| Place::Ids { at: AtId::Beginning(id.to_owned()), in_all: true };
        assert_eq!(placed(&all, "t-3f"), begins("3f"));
        assert_eq!(placed(&all, "-3f"), part("-3f"), "it may be within the id, too");
        assert_eq!(placed(&all, "3f2a"), part("3f2a"));
        assert_eq!(placed(&all, "3f."), part("3f."));
        let id = "cb524978-a819-59cf-9759-c710c1a5b1d0";
        assert_eq!(placed(&all, id), begins(id));
        assert_eq!(placed(&all, &format!("{id}.")), begins(id));
        assert_eq!(placed(&all, &format!("t-{id}.")), begins(id));
        let sealed = format!("export-{id}.zip.smime");
        assert_eq!(placed(&all, &sealed), Place::Ids { at: AtId::Beginning(id.to_owned()), in_all: false });
    }

    #[test]
    fn texts_in_frames_and_ids_may_be_anywhere() {
        assert_eq!(placed(&[VOLUME, ZIP], "01"), Place::Several);
        assert_eq!(placed(&["/-/"], "01"), Place::Several);
    }

    #[test]
    fn parts_of_ids_are_cut_into_trigrams() {
        assert_eq!(trigrams("3f"), None);
        assert_eq!(trigrams("3f2a.").as_deref(), Some("\"3f2\" AND \"f2a\" AND \"2a.\""));
    }

    #[test]
    fn parts_of_texts_are_found_by_indexes() {
        let steps = plan(SETS_FOUND);
        assert!(steps.iter().any(|step| step.contains("set_search VIRTUAL TABLE INDEX")), "{steps:?}");
        assert!(steps.iter().any(|step| step.contains("artifact_set_number (number=?)")), "{steps:?}");
        for (sql, index) in [
            (
                format!(
                    "SELECT {FRAME} FROM artifact a WHERE {FRAME} < ?1 AND a.live AND {FRAME} > ?2 ORDER BY {FRAME}"
                ),
                "a USING COVERING INDEX artifact_list_frame (<expr>>? AND <expr><?)",
            ),
            (
                format!("SELECT 1 FROM artifact a WHERE a.live AND {FRAME} = ? LIMIT ?"),
                "a USING COVERING INDEX artifact_list_frame (<expr>=?)",
            ),
        ] {
            let steps = plan(&sql);
            assert!(steps.len() == 1 && steps[0].contains(index), "{steps:?}");
        }
    }
}
