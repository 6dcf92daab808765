//! Every key of `cdds.toml` with its type, its default and its meaning, as CONFIGURATION.md lists them.

/// The page, which people read on the web and the program prints.
const PAGE: &str = include_str!("../../CONFIGURATION.md");

/// A key, by its path: `engine.lease`, `source.type.table`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) path: &'static str,
    /// What is written: `text`, `whole number`, `length of time` …
    pub(crate) kind: &'static str,
    /// What holds if the key is left out, in words or as it would be written.
    pub(crate) default: String,
    pub(crate) meaning: String,
}

/// Returns all keys, in the order of the page.
pub(crate) fn keys() -> impl Iterator<Item = Key> {
    PAGE.lines().filter_map(|line| {
        let (path, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
        let mut cells = rest.trim_end_matches('|').trim_end().splitn(3, " | ");
        let (kind, default, meaning) = (cells.next()?, cells.next()?, cells.next()?);
        Some(Key { path, kind, default: plain(default), meaning: plain(meaning) })
    })
}

/// Returns the words without what only a web page shows: marks of code, and where links lead.
fn plain(words: &str) -> String {
    let mut plain = String::with_capacity(words.len());
    let mut rest = words;
    while let Some((before, link)) = rest.split_once('[') {
        let Some((shown, (_, after))) =
            link.split_once("](").and_then(|(shown, to)| Some((shown, to.split_once(')')?)))
        else {
            break;
        };
        plain += before;
        plain += shown;
        rest = after;
    }
    plain += rest;
    plain.replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_taken_apart() {
        let keys: Vec<Key> = keys().collect();
        let lease = keys.iter().find(|key| key.path == "engine.lease").unwrap();
        assert_eq!((lease.kind, &*lease.default), ("length of time", "\"60s\""));
        assert!(keys.len() > 100, "{}", keys.len());
        for key in &keys {
            let told = [&*key.default, &*key.meaning, key.kind];
            assert!(told.iter().all(|words| !words.is_empty() && !words.contains("](")), "{key:?}");
        }
        assert_eq!(plain("see [a page](../b.md), `x[1]`"), "see a page, x[1]");
    }
}
