//! Rule A1: the folder hierarchy inside an archive.

use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization;

use super::{errors_file, index};
use crate::domain::id::{SourceId, TypeId};
use crate::domain::record::Place;

/// The longest name of a folder or file, in bytes. Every common file system supports it.
const SEGMENT_BYTES_MAX: usize = 200;

/// The longest path of a folder, in bytes. Every common file system supports it, with room for the folder
/// into which the archive is extracted.
const FOLDER_BYTES_MAX: usize = 800;

/// Returns the folder of a place: `<type>/<category>/<yyyy>-<mm>-<dd>`, with `all` for records without a
/// declared category and `undated` for records without an event instant (rules A1, W7).
///
/// No folder has the name of a file, neither of `errors.jsonl` (rule E10) or `index.html` (rule D9) nor of one that
/// [`file_path`] returns, even where case does not count. A path that is too long ends in a digest of the whole path.
pub fn folder(data_type: &TypeId, place: &Place) -> String {
    bounded(path(data_type, place))
}

/// Returns the folder of a place in a set of several data types: [`folder`], but always below the folder of
/// the type, so that types never share a folder that their source has named (rule J17).
pub fn folder_below_type(data_type: &TypeId, place: &Place) -> String {
    let (root, path) = (safe_segment(data_type.as_str()), path(data_type, place));
    let is_below = path.split('/').next() == Some(root.as_str());
    bounded(if is_below { path } else { format!("{root}/{path}") })
}

/// Returns the folder of everything that a set of several sources holds of one data type: `<source>/<type>` (rule D9).
pub fn folder_of_source(source: &SourceId, data_type: &TypeId) -> String {
    bounded(format!("{}/{}", safe_segment(source.as_str()), safe_segment(data_type.as_str())))
}

/// Chooses a folder for each data type of each source of a set, in their order (rule D9). Where a file system would take
/// two for one, the later one has another name.
#[derive(Debug, Clone, Default)]
pub struct SourceFolders {
    folded: HashSet<String>,
}

impl SourceFolders {
    /// Returns the folder of the next data type: [`folder_of_source`], or another one if that is taken.
    pub fn next(&mut self, source: &SourceId, data_type: &TypeId) -> String {
        let mut folder = folder_of_source(source, data_type);
        while !self.folded.insert(folded(&folder)) {
            folder = distinct(&folder);
        }
        folder
    }
}

/// Returns a path that is short enough and does not begin with the name of a file that lies beside all folders.
fn bounded(path: String) -> String {
    let root = path.split('/').next().unwrap_or_default();
    let is_taken = [errors_file::PATH, index::PATH].iter().any(|file| root.eq_ignore_ascii_case(file));
    let path = match path.split_at_checked(1) {
        Some((first, rest)) if is_taken => escaped(first) + rest,
        _ => path,
    };
    if path.len() > FOLDER_BYTES_MAX { shortened(&path, &path, FOLDER_BYTES_MAX) } else { path }
}

/// Returns another path for a folder whose own differs from that of another folder only in case or in how its
/// characters are composed. Many systems would take the two for the same folder.
pub(in crate::domain) fn distinct(folder: &str) -> String {
    shortened(folder, folder, FOLDER_BYTES_MAX)
}

/// Folds a path: paths that some common system takes for the same have the same folded form.
pub(in crate::domain) fn folded(folder: &str) -> String {
    let caseless = folder.nfd().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    caseless.nfd().collect()
}

fn path(data_type: &TypeId, place: &Place) -> String {
    match place {
        Place::Dated { category, day } => {
            let category = category.as_deref().map_or_else(|| "all".to_owned(), safe_segment);
            let day = day.map_or_else(|| "undated".to_owned(), |day| day.format("%Y-%m-%d").to_string());
            format!("{}/{category}/{day}", safe_segment(data_type.as_str()))
        }
        Place::Folder(path) => {
            let segments: Vec<String> = path
                .split('/')
                .filter(|segment| !segment.is_empty())
                .map(|s| folder_segment(data_type, s))
                .collect();
            if segments.is_empty() { safe_segment(data_type.as_str()) } else { segments.join("/") }
        }
    }
}

/// Returns a safe segment that is not the name of a file either.
fn folder_segment(data_type: &TypeId, name: &str) -> String {
    let safe = safe_segment(name);
    let lower = safe.to_ascii_lowercase();
    let number = lower
        .strip_prefix(&safe_segment(data_type.as_str()).to_ascii_lowercase())
        .and_then(|rest| rest.strip_prefix('-')?.strip_suffix(".json"));
    match (number, safe.split_at_checked(1)) {
        (Some(number), Some((first, rest))) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
            escaped(first) + rest
        }
        _ => safe,
    }
}

/// Returns the path of a folder's file with this number, starting at 1: `<folder>/<type>-NNNNN.json`.
pub fn file_path(folder: &str, data_type: &TypeId, number: u64) -> String {
    format!("{folder}/{}-{number:05}.json", safe_segment(data_type.as_str()))
}

/// Returns a name that can be a folder on every common system. Characters that some system forbids, and names
/// that some system reserves, are written as `%XX` of their UTF-8 bytes. Distinct names stay distinct, since
/// `%` itself is escaped as well. A name that is too long ends in a digest of the whole name.
pub fn safe_segment(name: &str) -> String {
    let mut safe = String::with_capacity(name.len());
    let last = name.chars().count().saturating_sub(1);
    for (index, c) in name.chars().enumerate() {
        let forbidden =
            c.is_control() || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '%');
        // Windows drops dots and spaces at the end of a name, so two names would become one.
        let dropped = index == last && matches!(c, '.' | ' ');
        if forbidden || dropped || (index == 0 && is_reserved(name)) {
            escape(c, &mut safe);
        } else {
            safe.push(c);
        }
    }
    if safe.is_empty() {
        // An empty name cannot be a folder. No other name is written as "%" alone.
        return "%".to_owned();
    }
    if safe.len() > SEGMENT_BYTES_MAX { shortened(&safe, name, SEGMENT_BYTES_MAX) } else { safe }
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    text.chars().for_each(|c| escape(c, &mut out));
    out
}

fn escape(c: char, out: &mut String) {
    let mut buffer = [0; 4];
    for byte in c.encode_utf8(&mut buffer).bytes() {
        out.push_str(&format!("%{byte:02X}"));
    }
}

/// Whether Windows reserves the name for a device, with or without an extension.
fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_uppercase();
    let numbered = |prefix: &str| {
        let rest = stem.strip_prefix(prefix);
        rest.is_some_and(|rest| matches!(rest, "¹" | "²" | "³") || matches!(rest.as_bytes(), [b'0'..=b'9']))
    };
    let devices = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    devices.contains(&stem.as_str()) || numbered("COM") || numbered("LPT")
}

/// Returns as much of `safe` as leaves room for a digest of `name`, followed by that digest.
fn shortened(safe: &str, name: &str, bytes_max: usize) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(name.as_bytes());
    let tail: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let mut end = safe.len().min(bytes_max - tail.len() - 1);
    while !safe.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}~{tail}", &safe[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;
    use proptest::prelude::*;

    #[test]
    fn a1_the_default_hierarchy() {
        let interaction = TypeId::new("interaction").unwrap();
        let day = NaiveDate::from_ymd_opt(2026, 3, 1);
        for (place, path) in [
            (Place::Dated { category: Some("voice".into()), day }, "interaction/voice/2026-03-01"),
            (Place::Dated { category: None, day }, "interaction/all/2026-03-01"),
            (Place::Dated { category: None, day: None }, "interaction/all/undated"),
            (Place::Folder("by-queue/sales".into()), "by-queue/sales"),
            (Place::Folder("//".into()), "interaction"),
            (Place::Folder("../../etc".into()), ".%2E/.%2E/etc"),
            (Place::Folder("errors.jsonl/sales".into()), "%65rrors.jsonl/sales"),
            (Place::Folder("Errors.JSONL".into()), "%45rrors.JSONL"),
            (Place::Folder("sales/errors.jsonl".into()), "sales/errors.jsonl"),
            (Place::Folder("sales/Interaction-00001.JSON".into()), "sales/%49nteraction-00001.JSON"),
            (Place::Folder("sales/interaction-1a.json".into()), "sales/interaction-1a.json"),
            (Place::Folder("sales/-00001.json".into()), "sales/-00001.json"),
        ] {
            assert_eq!(folder(&interaction, &place), path);
        }
        assert_eq!(file_path("a/b", &interaction, 7), "a/b/interaction-00007.json");
        assert_eq!(file_path("a", &interaction, 123_456), "a/interaction-123456.json");
    }

    #[test]
    fn j17_folders_of_several_types_lie_below_their_types() {
        let interaction = TypeId::new("interaction").unwrap();
        let day = NaiveDate::from_ymd_opt(2026, 3, 1);
        for (place, path) in [
            (Place::Dated { category: None, day }, "interaction/all/2026-03-01"),
            (Place::Folder("by-queue/sales".into()), "interaction/by-queue/sales"),
            (Place::Folder("interaction/sales".into()), "interaction/sales"),
            (Place::Folder("interactions".into()), "interaction/interactions"),
            (Place::Folder("errors.jsonl".into()), "interaction/errors.jsonl"),
            (Place::Folder("//".into()), "interaction"),
        ] {
            assert_eq!(folder_below_type(&interaction, &place), path);
        }
        let named_so = TypeId::new("Errors.jsonl").unwrap();
        assert_eq!(folder_below_type(&named_so, &Place::Folder("a".into())), "%45rrors.jsonl/a");
    }

    #[test]
    fn d9_folders_of_several_sources_lie_below_their_sources() {
        let folder = |source: &str, data_type: &str| {
            folder_of_source(&SourceId::new(source).unwrap(), &TypeId::new(data_type).unwrap())
        };
        assert_eq!(folder("crm", "customer"), "crm/customer");
        assert_eq!(folder("Index.HTML", "call"), "%49ndex.HTML/call");
        assert_eq!(folder("errors.jsonl", "errors.jsonl"), "%65rrors.jsonl/errors.jsonl");
        assert_eq!(folder("..", "con"), ".%2E/%63on");
    }

    #[test]
    fn d9_no_two_types_share_a_folder_on_any_file_system() {
        let mut folders = SourceFolders::default();
        let mut next = |source: &str, data_type: &str| {
            folders.next(&SourceId::new(source).unwrap(), &TypeId::new(data_type).unwrap())
        };
        assert_eq!(next("crm", "call"), "crm/call");
        assert_eq!(next("shop", "call"), "shop/call");
        let other = next("CRM", "Call");
        assert!(other.starts_with("CRM/Call~") && next("crm", "CALL") != other, "{other}");
    }

    #[test]
    fn a1_hostile_names_become_harmless() {
        for (name, safe) in [
            ("..", ".%2E"),
            (".", "%2E"),
            ("a/b\\c:d", "a%2Fb%5Cc%3Ad"),
            ("con", "%63on"),
            ("COM1.txt", "%43OM1.txt"),
            ("lpt³", "%6Cpt³"),
            ("conout$", "%63onout$"),
            ("COM10", "COM10"),
            ("trailing ", "trailing%20"),
            ("tab\t", "tab%09"),
            ("Übersicht", "Übersicht"),
            ("", "%"),
        ] {
            assert_eq!(safe_segment(name), safe);
        }
    }

    #[test]
    fn a1_names_are_shortened_only_if_they_must_be() {
        let longest = "x".repeat(SEGMENT_BYTES_MAX);
        assert_eq!(safe_segment(&longest), longest);
        let short = safe_segment(&format!("{longest}y"));
        assert_eq!(short.len(), SEGMENT_BYTES_MAX);
        assert_eq!(
            short.split_once('~').map(|(name, tail)| (name.trim_matches('x'), tail.len())),
            Some(("", 16))
        );
    }

    #[test]
    fn a1_folders_are_no_deeper_than_systems_take() {
        let interaction = TypeId::new("interaction").unwrap();
        let [one, other] = ["a", "b"].map(|end| {
            let deep: Vec<String> = (0..60).map(|level| format!("ebene {level} äöü")).collect();
            folder(&interaction, &Place::Folder(format!("{}/{end}", deep.join("/")).into()))
        });
        assert!(one.len() <= FOLDER_BYTES_MAX && one != other, "{one}\n{other}");
        assert!(one.starts_with("ebene 0 äöü/ebene 1 äöü/"));
        let fits = vec!["x".repeat(199); 4].join("/");
        assert_eq!(folder(&interaction, &Place::Folder(fits.as_str().into())), fits);
    }

    #[test]
    fn a1_folding_unites_what_systems_unite() {
        for (one, other) in [
            ("Sales/A", "sales/a"),
            ("\u{e9}", "e\u{301}"),
            ("\u{c9}", "e\u{301}"),
            ("STRASSE", "straße"),
            ("Σ", "ς"),
        ] {
            assert_eq!(folded(one), folded(other));
        }
        assert_ne!(folded("a"), folded("ä"));
        assert_eq!(folded(&distinct("sales")), distinct("sales"));
    }

    proptest! {
        #[test]
        fn a1_segments_are_safe_and_stay_distinct(one in ".{0,300}", other in ".{0,300}") {
            let (safe_one, safe_other) = (safe_segment(&one), safe_segment(&other));
            prop_assert!(!safe_one.is_empty() && safe_one.len() <= SEGMENT_BYTES_MAX);
            prop_assert!(!safe_one.contains(['/', '\\', '\0']) && safe_one != ".." && safe_one != ".");
            prop_assert_eq!(one == other, safe_one == safe_other);
        }
    }
}
