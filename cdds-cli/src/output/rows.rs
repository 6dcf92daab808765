//! A list that is printed as its rows come in, so that a list of any length needs the memory of some rows.

use std::io::{self, Write};
use std::marker::PhantomData;

use super::cell::Cell;
use super::table::Table;
use super::{Output, OutputError, Reading, View, write};
use crate::choice::Format;

/// A list that is being printed: a table, or an array of JSON.
pub(crate) struct Rows<V> {
    output: Output,
    table: Table,
    count: usize,
    views: PhantomData<fn(V)>,
}

impl<V: View> Rows<V> {
    pub(super) fn new(output: Output) -> Self {
        Self { output, table: Table::new(V::COLUMNS, output.page), count: 0, views: PhantomData }
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
            Format::Json => write(&elements(views, is_first)?),
            Format::Table | Format::Toml => {
                let rows: Vec<Vec<Cell>> = views.iter().map(View::row).collect();
                write(self.table.rows(&rows).as_bytes())
            }
        }
    }

    /// Ends the list. For an empty one, a person gets the line `otherwise` on stderr.
    pub(crate) fn end(self, otherwise: &str) -> Result<(), OutputError> {
        match self.output.format {
            Format::Json if self.count == 0 => write(b"[]\n").map(drop),
            Format::Json => write(b"\n]\n").map(drop),
            Format::Table | Format::Toml => {
                if self.count == 0 && !self.output.quiet {
                    // A closed stderr is ignored: nobody reads it.
                    let _told = writeln!(io::stderr().lock(), "{otherwise}");
                }
                Ok(())
            }
        }
    }
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

        fn row(&self) -> Vec<Cell> {
            vec![self.name.into()]
        }

        fn details(&self) -> Vec<(&'static str, Cell)> {
            Vec::new()
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
