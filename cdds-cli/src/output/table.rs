//! Aligned tables: fitted to the width of a terminal, and one line per row elsewhere.

use super::cell::{Cell, Reader};
use cdds_view::Tone;

use super::paint::paint;
use crate::text::{Shorten, shortened, width};

/// Blanks between columns: two, since a value may contain one.
const GAP: usize = 2;
/// Blanks before the second and further lines of a row.
const INDENT: usize = 2;
/// Words and names of files are not shortened below this width.
const TEXT_COLUMNS_MIN: usize = 12;
const FILE_COLUMNS_MIN: usize = 24;

/// Where a table is printed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    /// The number of columns; `None` if the length of lines is unlimited.
    pub(super) columns: Option<usize>,
    pub(super) colour: bool,
    pub(super) reader: Reader,
}

/// A cell as it is printed, measured once.
struct Printed {
    text: String,
    width: usize,
    tone: Tone,
}

impl Printed {
    fn new(text: String, tone: Tone) -> Self {
        Self { width: width(&text), text, tone }
    }
}

/// How a column is laid out.
struct Column {
    heading: Printed,
    /// The width of its widest value so far, or its heading.
    natural: usize,
    /// The least width allowed.
    least: usize,
    /// The width that it gets.
    given: usize,
    /// From its first known value.
    kind: Option<Kind>,
}

/// What kind of value a column holds.
#[derive(Clone, Copy)]
struct Kind {
    is_number: bool,
    shorten: Option<Shorten>,
}

/// A list under its headings, which is printed some rows at a time. The first rows set the widths, wider ones
/// that come later widen a column from there on.
///
/// On a terminal that is too narrow, words are shortened; if that is not enough, rows continue on further lines.
/// The first column names the row and stays whole, to be copied.
pub(super) struct Table {
    columns: Vec<Column>,
    page: Page,
    is_begun: bool,
}

impl Table {
    pub(super) fn new(headings: &[&str], page: Page) -> Self {
        Self { columns: headings.iter().map(|heading| Column::new(heading)).collect(), page, is_begun: false }
    }

    /// Returns the next rows as text, the first ones under the headings.
    pub(super) fn rows(&mut self, rows: &[Vec<Cell>]) -> String {
        let printed: Vec<Vec<Printed>> = rows
            .iter()
            .map(|row| {
                row.iter().map(|cell| Printed::new(cell.listed(self.page.reader), cell.tone())).collect()
            })
            .collect();
        for (at, column) in self.columns.iter_mut().enumerate() {
            column.widen(at, rows, &printed);
        }
        let lines = folded(&mut self.columns, self.page.columns);
        let mut text = String::new();
        if !self.is_begun {
            let headings: Vec<&Printed> = self.columns.iter().map(|column| &column.heading).collect();
            write_row(&mut text, &headings, &self.columns, &lines, self.page.colour);
            self.is_begun = true;
        }
        for row in &printed {
            write_row(&mut text, &row.iter().collect::<Vec<_>>(), &self.columns, &lines, self.page.colour);
        }
        text
    }
}

/// Prints names and values, one per line.
pub(super) fn details(lines: &[(&str, Cell)], page: Page) -> String {
    let names = lines.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    lines.iter().fold(String::new(), |mut text, (name, cell)| {
        let value = cell.detailed(page.reader);
        let value = if page.colour { paint(cell.tone(), &value) } else { value };
        text.push_str(name);
        blanks(&mut text, names - width(name) + GAP);
        text.push_str(&value);
        text.push('\n');
        text
    })
}

impl Column {
    fn new(heading: &str) -> Self {
        let heading = Printed::new(heading.to_uppercase(), Tone::Plain);
        Self { natural: heading.width, least: heading.width, given: heading.width, heading, kind: None }
    }

    fn widen(&mut self, at: usize, rows: &[Vec<Cell>], printed: &[Vec<Printed>]) {
        let widest = printed.iter().filter_map(|row| row.get(at)).map(|cell| cell.width).max();
        self.natural = widest.unwrap_or(0).max(self.natural);
        // An unknown cell says nothing about the kind of its column.
        let mut cells = rows.iter().filter_map(|row| row.get(at));
        let known = cells.find(|cell| !matches!(cell, Cell::Unknown));
        let kind = known.map(|cell| Kind { is_number: cell.is_number(), shorten: cell.shortens() });
        self.kind = self.kind.or(kind);
        self.least = match self.shorten(at) {
            None => self.natural,
            Some(Shorten::End) => TEXT_COLUMNS_MIN.max(self.heading.width).min(self.natural),
            Some(Shorten::Middle) => FILE_COLUMNS_MIN.max(self.heading.width).min(self.natural),
        };
        self.given = self.natural;
    }

    /// Returns how the values of the column with this number are shortened.
    fn shorten(&self, at: usize) -> Option<Shorten> {
        self.kind.and_then(|kind| kind.shorten).filter(|_| at > 0)
    }
}

/// Decides which columns go on which line of a row, and sets the width of each.
fn folded(columns: &mut [Column], room: Option<usize>) -> Vec<Vec<usize>> {
    let Some(room) = room else { return vec![(0..columns.len()).collect()] };
    for (at, column) in columns.iter_mut().enumerate() {
        if column.shorten(at).is_some() {
            column.least = column.least.min(room.saturating_sub(INDENT));
        }
    }
    let mut lines = vec![Vec::new()];
    let mut used = 0;
    for (at, column) in columns.iter().enumerate() {
        let gap = if used == 0 { 0 } else { GAP };
        if used > 0 && used + gap + column.least > room {
            lines.push(Vec::new());
            used = INDENT;
        } else {
            used += gap;
        }
        used += column.least;
        lines.last_mut().into_iter().for_each(|line| line.push(at));
    }
    for (line, places) in lines.iter().enumerate() {
        let indent = if line == 0 { 0 } else { INDENT };
        let least: usize = places.iter().map(|at| columns[*at].least).sum();
        let mut spare = room.saturating_sub(indent + least + GAP * places.len().saturating_sub(1));
        for at in places {
            let column = &mut columns[*at];
            let more = (column.natural - column.least).min(spare);
            column.given = column.least + more;
            spare -= more;
        }
    }
    lines
}

fn write_row(text: &mut String, row: &[&Printed], columns: &[Column], lines: &[Vec<usize>], colour: bool) {
    for (line, places) in lines.iter().enumerate() {
        // Blanks are written only when something follows, so that no line ends in one.
        let mut owed = if line == 0 { 0 } else { INDENT };
        for at in places {
            let (cell, column) = (row[*at], &columns[*at]);
            let short = match column.shorten(*at) {
                Some(shorten) if cell.width > column.given => shortened(&cell.text, column.given, shorten),
                _ => cell.text.as_str().into(),
            };
            let used = if cell.width > column.given { width(&short) } else { cell.width };
            let missing = column.given.saturating_sub(used);
            let (before, after) =
                if column.kind.is_some_and(|kind| kind.is_number) { (missing, 0) } else { (0, missing) };
            blanks(text, owed + before);
            let tone = if colour { cell.tone } else { Tone::Plain };
            match tone {
                Tone::Plain => text.push_str(&short),
                tone => text.push_str(&paint(tone, &short)),
            }
            owed = after + GAP;
        }
        text.push('\n');
    }
}

fn blanks(text: &mut String, count: usize) {
    text.extend(std::iter::repeat_n(' ', count));
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    const HEADINGS: [&str; 4] = ["id", "title", "records", "file"];

    fn rows() -> Vec<Vec<Cell>> {
        vec![
            vec!["first".into(), "Voice of the week".into(), Cell::Count(7), Cell::File("a.zip".to_owned())],
            vec![
                "second".into(),
                "日本語のタイトル".into(),
                Cell::Count(1_234),
                Cell::File("export-0123456789abcdef.zip.smime".to_owned()),
            ],
            vec!["3".into(), "".into(), Cell::Unknown, Cell::Unknown],
        ]
    }

    fn printed(columns: Option<usize>) -> String {
        let reader = Reader { person: columns.is_some(), now: DateTime::UNIX_EPOCH };
        Table::new(&HEADINGS, Page { columns, colour: false, reader }).rows(&rows())
    }

    #[test]
    fn columns_are_aligned_and_numbers_right() {
        insta::assert_snapshot!(printed(None), @r"
        ID      TITLE              RECORDS  FILE
        first   Voice of the week        7  a.zip
        second  日本語のタイトル      1234  export-0123456789abcdef.zip.smime
        3       -                        -  -
        ");
    }

    #[test]
    fn later_rows_keep_the_columns_and_widen_them() {
        let reader = Reader { person: false, now: DateTime::UNIX_EPOCH };
        let mut table = Table::new(&HEADINGS, Page { columns: None, colour: false, reader });
        let rows = rows();
        let pieces: String =
            [&rows[2..], &rows[..1], &rows[1..2], &rows[2..]].map(|piece| table.rows(piece)).concat();
        insta::assert_snapshot!(pieces, @r"
        ID  TITLE  RECORDS  FILE
        3   -      -        -
        first  Voice of the week        7  a.zip
        second  日本語のタイトル      1234  export-0123456789abcdef.zip.smime
        3       -                        -  -
        ");
    }

    #[test]
    fn narrow_terminals_shorten_words_and_then_fold_rows() {
        insta::assert_snapshot!(printed(Some(60)), @r"
        ID      TITLE              RECORDS  FILE
        first   Voice of the week        7  a.zip
        second  日本語のタイトル     1,234  export-01234…f.zip.smime
        3       -                        -  -
        ");
        insta::assert_snapshot!(printed(Some(30)), @r"
        ID      TITLE          RECORDS
          FILE
        first   Voice of the…        7
          a.zip
        second  日本語のタイ…    1,234
          export-0123456…def.zip.smime
        3       -                    -
          -
        ");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_as_long_as_the_name_fits() {
        for columns in 24..120 {
            for line in printed(Some(columns)).lines() {
                assert!(width(line) <= columns, "{columns}: {line}");
                assert_eq!(line, line.trim_end());
            }
        }
    }
}
