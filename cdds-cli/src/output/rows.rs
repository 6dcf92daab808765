//! A list that is printed as its rows come in, so that a list of any length needs the memory of some rows.

use std::io::{self, Write};
use std::marker::PhantomData;

use cdds_view::words;

use super::cell::Cell;
use super::table::{Layout, Table};
use super::{Output, OutputError, Reading, View, write};
use crate::choice::Format;

/// How a list is printed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Look<'a> {
    /// All columns, however wide the terminal is.
    pub(crate) wide: bool,
    /// These columns alone, by their headings.
    pub(crate) columns: &'a [String],
    /// Whether the command has options for the columns, which a person is then told of.
    pub(crate) has_options: bool,
    /// As JSON, an object with the rows and the place where the next page begins.
    pub(crate) page: bool,
}

/// A list that is being printed: a table, or an array of JSON.
pub(crate) struct Rows<V> {
    output: Output,
    table: Table,
    is_page: bool,
    has_options: bool,
    count: usize,
    views: PhantomData<fn(V)>,
}

impl<V: View> Rows<V> {
    /// # Errors
    /// The name of a column that there is not.
    pub(super) fn new(mut output: Output, look: Look<'_>) -> Result<Self, String> {
        let mut layout = Layout {
            headings: V::COLUMNS,
            printed: (0..V::COLUMNS.len()).collect(),
            gives_way: Some(V::GIVES_WAY),
            goes_on: V::GOES_ON,
        };
        if !look.columns.is_empty() {
            let of = |typed: &String| named(V::COLUMNS, typed).ok_or_else(|| typed.clone());
            layout.printed = look.columns.iter().map(of).collect::<Result<_, _>>()?;
            layout.gives_way = None;
        }
        let is_on_request = |at: &usize| V::COLUMNS.get(*at).is_some_and(|one| V::ON_REQUEST.contains(one));
        if look.columns.is_empty() && !look.wide && output.page.columns.is_some() {
            layout.printed.retain(|at| !is_on_request(at));
        }
        if look.wide {
            output.page.columns = None;
            output.page.reader.whole = true;
        }
        let table = Table::new(layout, output.page);
        Ok(Self {
            output,
            table,
            is_page: look.page,
            has_options: look.has_options,
            count: 0,
            views: PhantomData,
        })
    }

    /// Prints the next rows. An array is complete only after [`end`](Self::end), so that a program never takes
    /// a part for the whole.
    pub(crate) fn add(&mut self, views: &[V]) -> Result<Reading, OutputError> {
        if views.is_empty() {
            return Ok(Reading::GoesOn);
        }
        let is_first = self.count == 0;
        self.count += views.len();
        match self.output.format {
            Format::Json => {
                let begin = if self.is_page && is_first { b"{\"items\": ".as_slice() } else { b"" };
                write(&[begin, &elements(views, is_first)?].concat())
            }
            Format::Table | Format::Toml => {
                let rows: Vec<Vec<Cell>> = views.iter().map(View::row).collect();
                write(self.table.rows(&rows).as_bytes())
            }
        }
    }

    /// Ends the list. For an empty one, a person gets the line `otherwise` on stderr. If there are `more` rows, a page
    /// names the place, and a person is told how to see them.
    pub(crate) fn end(self, otherwise: &str, more: Option<&More>) -> Result<(), OutputError> {
        match self.output.format {
            Format::Json => {
                let begin = if self.is_page && self.count == 0 { "{\"items\": " } else { "" };
                let array = if self.count == 0 { "[]" } else { "\n]" };
                let next = more.map_or_else(|| "null".to_owned(), |more| format!("\"{}\"", more.token));
                let end = if self.is_page { format!(", \"next\": {next}}}") } else { String::new() };
                write(format!("{begin}{array}{end}\n").as_bytes()).map(drop)
            }
            Format::Table | Format::Toml => {
                if !self.output.quiet {
                    self.remark(otherwise, more);
                }
                Ok(())
            }
        }
    }

    /// Tells a person what is not shown. A closed stderr is ignored: nobody reads it.
    fn remark(&self, otherwise: &str, more: Option<&More>) {
        let mut stderr = io::stderr().lock();
        if self.count == 0 {
            let _told = writeln!(stderr, "{otherwise}");
        }
        if !self.output.page.reader.person {
            return;
        }
        let left_out = self.table.left_out();
        if !left_out.is_empty() {
            let names = left_out.join(", ");
            let way =
                if self.has_options { "--wide shows all, --columns some" } else { "--output json has all" };
            let _told = writeln!(stderr, "not shown: {names} ({way})");
        }
        if let Some(More { total, token }) = more {
            let of = total.as_ref().map_or_else(String::new, |total| format!(" of {total}"));
            let shown = words::count(self.count as u64);
            let _told = writeln!(stderr, "{shown}{of} shown; for more: --limit N, or --cursor {token}");
        }
    }
}

/// Returns the column that is meant: by its heading, or by words of it that no other heading has.
fn named(headings: &[&str], typed: &str) -> Option<usize> {
    let words = |text: &str| {
        let words = text.split([' ', '_', '(', ')']).filter(|word| !word.is_empty());
        words.map(str::to_lowercase).collect::<Vec<_>>()
    };
    let typed = words(typed);
    if let Some(whole) = headings.iter().position(|heading| words(heading) == typed) {
        return Some(whole);
    }
    let has =
        |heading: &&str| !typed.is_empty() && words(heading).windows(typed.len()).any(|some| some == typed);
    let mut found = headings.iter().enumerate().filter(|(_, heading)| has(heading)).map(|(at, _)| at);
    found.next().filter(|_| found.next().is_none())
}

/// Rows that a list has beyond those that were printed.
#[derive(Debug)]
pub(crate) struct More {
    /// How many rows there are in all, in words.
    pub(crate) total: Option<String>,
    /// Where the next ones begin.
    pub(crate) token: String,
}

/// Returns elements of an array as they are printed in one, with what is before them.
fn elements<V: View>(views: &[V], is_first: bool) -> Result<Vec<u8>, OutputError> {
    let mut text = Vec::new();
    for (at, view) in views.iter().enumerate() {
        text.extend_from_slice(if is_first && at == 0 { b"[\n  " } else { b",\n  " });
        // A line break within a string is escaped, so each one here is of the layout.
        for byte in serde_json::to_vec_pretty(view).map_err(OutputError::Form)? {
            text.push(byte);
            if byte == b'\n' {
                text.extend_from_slice(b"  ");
            }
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;

    #[derive(Serialize)]
    struct Named {
        name: &'static str,
        parts: Vec<u8>,
    }

    impl View for Named {
        const COLUMNS: &'static [&'static str] = &["name"];
        const GIVES_WAY: &'static [&'static str] = &[];

        fn row(&self) -> Vec<Cell> {
            vec![self.name.into()]
        }

        fn details(&self) -> Vec<(&'static str, Cell)> {
            Vec::new()
        }
    }

    #[test]
    fn a_column_is_named_by_words_of_its_heading_that_no_other_has() {
        let headings =
            ["id", "latest status", "next starts", "latest started", "files or remark", "types (categories)"];
        for (typed, column) in [
            ("id", Some(0)),
            ("latest_status", Some(1)),
            ("Latest Status", Some(1)),
            ("status", Some(1)),
            ("remark", Some(4)),
            ("files_or_remark", Some(4)),
            ("categories", Some(5)),
            ("latest", None),
            ("mark", None),
            ("", None),
            ("_", None),
        ] {
            assert_eq!(named(&headings, typed), column, "{typed}");
        }
    }

    #[test]
    fn an_array_printed_in_pieces_is_the_array() {
        let views = [("a\nb", vec![1, 2]), ("", vec![]), ("[{\"", vec![3])];
        let views = views.map(|(name, parts)| Named { name, parts });
        let [first, second] = [(&views[..2], true), (&views[2..], false)];
        let pieces = [first, second].map(|(piece, is_first)| elements(piece, is_first).unwrap());
        let printed = [pieces.concat(), b"\n]\n".to_vec()].concat();
        let whole = serde_json::to_string_pretty(&views).unwrap() + "\n";
        assert_eq!(String::from_utf8(printed).unwrap(), whole);
    }
}
