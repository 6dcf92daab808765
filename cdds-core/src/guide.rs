//! Guides: what to read before and beside the reference.
//!
//! - [`embedding`]: exports in a service.
//! - [`custom_source`]: records of one's own.
//! - [`testing`]: services and ports under test.
//! - [`operations`]: what to run, to watch, to set and to back up.
//!
//! Their code is compiled and run.

// Not here, but by the examples of the workspace, since they also use its other crates.
#![cfg_attr(doctest, allow(missing_docs, reason = "the guides are compiled elsewhere"))]

/// The module of a guide. Of two definitions of a link the first one counts, so `links.txt` leads to these pages, and
/// what a guide defines at its own end leads to files where it is read by itself, as on a code host.
macro_rules! guide {
    ($name:ident, $file:literal) => {
        #[cfg_attr(not(doctest), doc = include_str!("../guide/links.txt"))]
        #[cfg_attr(not(doctest), doc = include_str!($file))]
        pub mod $name {}
    };
}

guide!(embedding, "../guide/embedding.md");
guide!(custom_source, "../guide/custom_source.md");
guide!(testing, "../guide/testing.md");
guide!(operations, "../guide/operations.md");

#[cfg(test)]
mod tests {
    use std::path::Path;

    const LINKS: &str = include_str!("../guide/links.txt");

    /// Each definition of a link: its label, and where it leads.
    fn definitions(text: &str) -> impl Iterator<Item = (&str, &str)> {
        let lines = text.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: "));
        lines.filter(|(_, target)| !target.contains(' '))
    }

    #[test]
    fn links_lead_somewhere_here_and_on_a_code_host() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("guide");
        let mut used = Vec::new();
        for (name, guide) in [
            ("embedding", include_str!("../guide/embedding.md")),
            ("custom_source", include_str!("../guide/custom_source.md")),
            ("testing", include_str!("../guide/testing.md")),
            ("operations", include_str!("../guide/operations.md")),
        ] {
            for (label, target) in definitions(guide) {
                assert!(folder.join(target).is_file(), "{name}: {label} leads to {target}");
                assert!(guide.contains(&format!("[{label}]")), "{name}: {label} is not used");
                let here = definitions(LINKS).find(|(known, _)| *known == label);
                assert!(here.is_some_and(|(_, path)| path.starts_with("crate::")), "{name}: {label}");
                used.push(label);
            }
        }
        for (label, _) in definitions(LINKS) {
            assert!(used.contains(&label), "no guide uses {label}");
        }
    }
}
