//! Aligned tables: one line per row, fitted to the width of a terminal.

use super::cell::{Cell, Reader};
use cdds_view::Tone;

use super::paint::paint;
use crate::text::{Shorten, shortened, width};

/// Blanks between columns: two, since a value may contain one.
const GAP: usize = 2;
/// Blanks before the second line of a row, and before words below it.
const INDENT: usize = 2;
/// Words that go on below are never in fewer columns.
const TEXT_COLUMNS_MIN: usize = 12;

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
    /// How its values are shortened, if they may be.
    shorten: Option<Shorten>,
}

/// What kind of value a column holds.
#[derive(Clone, Copy)]
struct Kind {
    is_number: bool,
    shorten: Option<(Shorten, usize)>,
}

/// The headings of a list, and which of its columns are printed.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) headings: &'static [&'static str],
    /// The numbers of the printed columns, in order. Somebody chose them if they may not give way.
    pub(super) printed: Vec<usize>,
    /// The columns that give way on a narrow terminal, the first one first. `None`: none does.
    pub(super) gives_way: Option<&'static [&'static str]>,
    /// The column whose words go on below the row, if they do not fit beside the others.
    pub(super) goes_on: Option<&'static str>,
}

/// A list under its headings, which is printed some rows at a time. The first rows set the widths, wider ones
/// that come later widen a column from there on.
///
/// On a terminal that is too narrow, words are shortened; if that is not enough, columns that may give way are left out,
/// the least important first, and the others go on in a second line. The first column names the row and stays whole, to be
/// copied.
pub(super) struct Table {
    columns: Vec<Column>,
    layout: Layout,
    page: Page,
    left_out: Vec<&'static str>,
    /// How many of the printed columns are in the first line of a row, if there is a second one.
    breaks_at: Option<usize>,
    /// The column whose words are below the row.
    below: Option<usize>,
    is_begun: bool,
}

impl Table {
    pub(super) fn new(layout: Layout, page: Page) -> Self {
        let columns = layout.headings.iter().map(|heading| Column::new(heading)).collect();
        let numbered = layout.headings.iter().enumerate();
        let hidden = numbered.filter(|(at, _)| layout.gives_way.is_some() && !layout.printed.contains(at));
        let left_out = hidden.map(|(_, heading)| *heading).collect();
        Self { columns, layout, page, left_out, breaks_at: None, below: None, is_begun: false }
    }

    /// Returns the next rows as text, the first ones under the headings.
    pub(super) fn rows(&mut self, rows: &[Vec<Cell>]) -> String {
        let printed: Vec<Vec<Printed>> = rows
            .iter()
            .map(|row| {
                row.iter().map(|cell| Printed::new(cell.listed(self.page.reader), cell.tone())).collect()
            })
            .collect();
        let first = self.layout.printed.first().copied().unwrap_or(0);
        for (at, column) in self.columns.iter_mut().enumerate() {
            column.widen(at == first, rows.iter().filter_map(|row| row.get(at)), &printed, at);
        }
        if !self.is_begun {
            self.leave_out_empty(rows);
            self.put_below();
            self.leave_out();
        }
        self.share();
        let mut text = String::new();
        if !self.is_begun {
            let headings: Vec<&Printed> = self.columns.iter().map(|column| &column.heading).collect();
            self.write_row(&mut text, &headings);
            self.is_begun = true;
        }
        for row in &printed {
            self.write_row(&mut text, &row.iter().collect::<Vec<_>>());
        }
        text
    }

    /// Returns the headings of the columns for which there was no room.
    pub(super) fn left_out(&self) -> &[&'static str] {
        &self.left_out
    }

    /// Leaves the least important column out if it says nothing in these rows, which people would only look at in vain.
    fn leave_out_empty(&mut self, rows: &[Vec<Cell>]) {
        let (Some(_), Some([least, ..])) = (self.page.columns, self.layout.gives_way) else { return };
        let headings = self.layout.headings;
        let is_empty = |at: usize| rows.iter().all(|row| matches!(row.get(at), None | Some(Cell::Unknown)));
        self.layout.printed.retain(|at| headings.get(*at) != Some(least) || !is_empty(*at));
    }

    /// Puts the words that go on below the row there, if the columns do not fit beside each other at their full width.
    fn put_below(&mut self) {
        let (Some(room), Some(goes_on)) = (self.page.columns, self.layout.goes_on) else { return };
        let printed = &self.layout.printed;
        let wide: usize =
            printed.iter().filter_map(|at| self.columns.get(*at)).map(|one| one.natural + GAP).sum();
        let place = printed.iter().skip(1).position(|at| self.layout.headings.get(*at) == Some(&goes_on));
        if let (Some(place), true) =
            (place, wide.saturating_sub(GAP) > room && self.layout.gives_way.is_some())
        {
            self.below = Some(self.layout.printed.remove(place + 1));
        }
    }

    /// Leaves columns out that may give way until the others fit, and else breaks the rows.
    fn leave_out(&mut self) {
        let (Some(room), Some(gives_way)) = (self.page.columns, self.layout.gives_way) else { return };
        while self.least(&self.layout.printed) > room {
            let printed = &self.layout.printed;
            let place = |heading: &&str| {
                printed.iter().skip(1).position(|at| self.layout.headings.get(*at) == Some(heading))
            };
            let Some(goes) = gives_way.iter().find_map(place).map(|place| place + 1) else {
                self.break_rows(room);
                break;
            };
            let at = self.layout.printed.remove(goes);
            self.left_out.extend(self.layout.headings.get(at));
        }
        // As people know them: in the order of the list.
        self.left_out.sort_by_key(|heading| self.layout.headings.iter().position(|one| one == heading));
    }

    /// Breaks each row into two lines. What gave way comes back if there is room for it in the second one.
    fn break_rows(&mut self, room: usize) {
        let all = self.layout.printed.len();
        let fits =
            |count: &usize| self.layout.printed.get(..*count).is_some_and(|line| self.least(line) <= room);
        let first = (2..all).rev().find(fits).unwrap_or(1);
        let second = |table: &Self| table.least(table.layout.printed.get(first..).unwrap_or_default());
        let room = room.saturating_sub(INDENT);
        while self.layout.printed.len() > first && second(self) > room {
            let at = self.layout.printed.pop().and_then(|at| self.layout.headings.get(at));
            self.left_out.extend(at);
        }
        if self.layout.printed.len() <= first {
            return;
        }
        self.breaks_at = Some(first);
        for heading in self.left_out.clone().iter().rev() {
            let Some(at) = self.layout.headings.iter().position(|one| one == heading) else { continue };
            let place = self.layout.printed.partition_point(|printed| *printed < at);
            if place < first {
                continue;
            }
            self.layout.printed.insert(place, at);
            if second(self) > room {
                self.layout.printed.remove(place);
            } else {
                self.left_out.retain(|left| left != heading);
            }
        }
    }

    /// Returns the width of these columns at least.
    fn least(&self, printed: &[usize]) -> usize {
        let columns = printed.iter().filter_map(|at| self.columns.get(*at));
        columns.map(|column| column.least + GAP).sum::<usize>().saturating_sub(GAP)
    }

    /// Returns the columns of the first line and of the second.
    fn lines(&self) -> (&[usize], &[usize]) {
        let printed = self.layout.printed.as_slice();
        printed.split_at(self.breaks_at.unwrap_or(printed.len()).min(printed.len()))
    }

    /// Sets the width of each column.
    fn share(&mut self) {
        let Some(room) = self.page.columns else { return };
        let (first, second) = self.lines();
        for (line, room) in [(first.to_vec(), room), (second.to_vec(), room.saturating_sub(INDENT))] {
            let mut spare = room.saturating_sub(self.least(&line));
            for at in line {
                let Some(column) = self.columns.get_mut(at) else { continue };
                let more = (column.natural - column.least).min(spare);
                column.given = column.least + more;
                spare -= more;
            }
        }
    }

    fn write_row(&self, text: &mut String, row: &[&Printed]) {
        let (first, second) = self.lines();
        self.write_line(text, row, first, 0);
        if !second.is_empty() {
            self.write_line(text, row, second, INDENT);
        }
        let Some(cell) = self.below.and_then(|at| row.get(at)) else { return };
        let room = self.page.columns.unwrap_or(usize::MAX).saturating_sub(INDENT);
        for line in wrapped(&cell.text, room.max(TEXT_COLUMNS_MIN)) {
            blanks(text, INDENT);
            self.paint(text, line, cell.tone);
            text.push('\n');
        }
    }

    fn write_line(&self, text: &mut String, row: &[&Printed], line: &[usize], indent: usize) {
        // Blanks are written only when something follows, so that no line ends in one.
        let mut owed = indent;
        for at in line {
            let (Some(cell), Some(column)) = (row.get(*at), self.columns.get(*at)) else { continue };
            let short = match column.shorten {
                Some(shorten) if cell.width > column.given => shortened(&cell.text, column.given, shorten),
                _ => cell.text.as_str().into(),
            };
            let used = if cell.width > column.given { width(&short) } else { cell.width };
            let missing = column.given.saturating_sub(used);
            let (before, after) =
                if column.kind.is_some_and(|kind| kind.is_number) { (missing, 0) } else { (0, missing) };
            blanks(text, owed + before);
            self.paint(text, &short, cell.tone);
            owed = after + GAP;
        }
        text.push('\n');
    }

    fn paint(&self, text: &mut String, words: &str, tone: Tone) {
        match if self.page.colour { tone } else { Tone::Plain } {
            Tone::Plain => text.push_str(words),
            tone => text.push_str(&paint(tone, words)),
        }
    }
}

/// Prints names and values, one per line. On a terminal, words that do not fit go on under the value.
pub(super) fn details(lines: &[(&str, Cell)], page: Page) -> String {
    let names = lines.iter().map(|(name, _)| width(name)).max().unwrap_or(0) + GAP;
    lines.iter().fold(String::new(), |mut text, (name, cell)| {
        let value = cell.detailed(page.reader);
        let room = page.columns.map_or(usize::MAX, |columns| columns.saturating_sub(names));
        text.push_str(name);
        let mut owed = names - width(name);
        for line in wrapped(&value, room.max(TEXT_COLUMNS_MIN)) {
            blanks(&mut text, owed);
            text.push_str(&if page.colour { paint(cell.tone(), line) } else { line.to_owned() });
            text.push('\n');
            owed = names;
        }
        text
    })
}

/// Breaks a line between words where the page ends. Its first part begins at the margin, the others are indented.
pub(super) fn hanging(line: &str, indent: usize, page: Page) -> String {
    let Some(columns) = page.columns else { return line.to_owned() };
    let Some((begin, rest)) = line.split_at_checked(indent) else { return line.to_owned() };
    let room = columns.saturating_sub(indent).max(TEXT_COLUMNS_MIN);
    let parts = wrapped(rest, room);
    format!("{begin}{}", parts.join(&format!("\n{:indent$}", "")))
}

/// Breaks a text between words into lines that fit. A word that does not is a line of its own, to be copied.
fn wrapped(text: &str, room: usize) -> Vec<&str> {
    let (mut lines, mut start, mut end) = (Vec::new(), 0, 0);
    let ends = text.match_indices(' ').map(|(at, _)| at).chain([text.len()]);
    for next in ends {
        let line = text.get(start..next).unwrap_or_default();
        if width(line) > room && end > start {
            lines.extend(text.get(start..end));
            start = end + 1;
        }
        end = next;
    }
    lines.extend(text.get(start..));
    lines
}

impl Column {
    fn new(heading: &str) -> Self {
        let heading = Printed::new(heading.to_uppercase(), Tone::Plain);
        let width = heading.width;
        Self { natural: width, least: width, given: width, heading, kind: None, shorten: None }
    }

    fn widen<'c>(
        &mut self,
        is_first: bool,
        mut cells: impl Iterator<Item = &'c Cell>,
        printed: &[Vec<Printed>],
        at: usize,
    ) {
        let widest = printed.iter().filter_map(|row| row.get(at)).map(|cell| cell.width).max();
        self.natural = widest.unwrap_or(0).max(self.natural);
        // An unknown cell says nothing about the kind of its column.
        let known = cells.find(|cell| !matches!(cell, Cell::Unknown));
        let kind = known.map(|cell| Kind { is_number: cell.is_number(), shorten: cell.shortens() });
        self.kind = self.kind.or(kind);
        let shortened = self.kind.and_then(|kind| kind.shorten).filter(|_| !is_first);
        self.shorten = shortened.map(|(shorten, _)| shorten);
        self.least =
            shortened.map_or(self.natural, |(_, columns)| columns.max(self.heading.width).min(self.natural));
        self.given = self.natural;
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

    fn table(columns: Option<usize>) -> Table {
        let reader = Reader { person: columns.is_some(), whole: false, now: DateTime::UNIX_EPOCH };
        let gives_way = Some(&["records", "file"][..]);
        let layout = Layout { headings: &HEADINGS, printed: (0..4).collect(), gives_way, goes_on: None };
        Table::new(layout, Page { columns, colour: false, reader })
    }

    fn printed(columns: Option<usize>) -> String {
        table(columns).rows(&rows())
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
        let mut table = table(None);
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
    fn narrow_terminals_shorten_words_and_then_leave_columns_out() {
        insta::assert_snapshot!(printed(Some(60)), @r"
        ID      TITLE              RECORDS  FILE
        first   Voice of the week        7  a.zip
        second  日本語のタイトル     1,234  export-01234…f.zip.smime
        3       -                        -  -
        ");
        insta::assert_snapshot!(printed(Some(50)), @r"
        ID      TITLE             FILE
        first   Voice of the we…  a.zip
        second  日本語のタイトル  export-01234…f.zip.smime
        3       -                 -
        ");
        let mut narrow = table(Some(24));
        insta::assert_snapshot!(narrow.rows(&rows()), @r"
        ID      TITLE
        first   Voice of the we…
        second  日本語のタイトル
        3       -
        ");
        assert_eq!(narrow.left_out(), ["records", "file"]);
    }

    /// Returns a table in which the title alone gives way, or no column, and the title may go on below.
    fn essential(
        columns: usize,
        gives_way: &'static [&'static str],
        goes_on: Option<&'static str>,
    ) -> (String, Vec<&'static str>) {
        let mut table = table(Some(columns));
        (table.layout.gives_way, table.layout.goes_on) = (Some(gives_way), goes_on);
        let shown = table.rows(&rows());
        (shown, table.left_out().to_vec())
    }

    #[test]
    fn columns_that_do_not_give_way_go_on_in_a_second_line() {
        let (shown, left_out) = essential(40, &[], None);
        insta::assert_snapshot!(shown, @r"
        ID      TITLE              RECORDS
          FILE
        first   Voice of the week        7
          a.zip
        second  日本語のタイトル     1,234
          export-0123456789abcdef.zip.smime
        3       -                        -
          -
        ");
        assert_eq!(left_out, [""; 0]);
        // What gave way comes back where the second line has room for it.
        let (shown, left_out) = essential(36, &["records"], None);
        let lines: Vec<&str> = shown.lines().take(4).collect();
        assert_eq!(
            lines,
            ["ID      TITLE", "  RECORDS  FILE", "first   Voice of the week", "        7  a.zip"]
        );
        assert_eq!(left_out, [""; 0]);
        let (shown, left_out) = essential(20, &["records"], None);
        assert!(shown.starts_with("ID      TITLE\nfirst   "), "{shown}");
        assert_eq!(left_out, ["records", "file"]);
    }

    #[test]
    fn words_that_matter_go_on_below_their_row() {
        let (shown, left_out) = essential(16, &["file"], Some("title"));
        insta::assert_snapshot!(shown, @r"
        ID      RECORDS
          TITLE
        first         7
          Voice of the
          week
        second    1,234
          日本語のタイトル
        3             -
          -
        ");
        assert_eq!(left_out, ["file"]);
        let (shown, _) = essential(200, &["file"], Some("title"));
        assert!(!shown.contains("\n  "), "{shown}");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_as_long_as_the_name_fits() {
        for columns in 6..120 {
            let all = [
                printed(Some(columns)),
                essential(columns, &[], None).0,
                essential(columns, &["file"], None).0,
            ];
            for line in all.iter().flat_map(|shown| shown.lines()) {
                assert!(width(line) <= columns, "{columns}: {line}");
                assert_eq!(line, line.trim_end());
            }
        }
    }

    #[test]
    fn values_of_many_words_go_on_under_their_beginning() {
        let reader = Reader { person: true, whole: false, now: DateTime::UNIX_EPOCH };
        let lines: [(&str, Cell); 3] = [
            ("id", "0123456789abcdef0123456789abcdef".into()),
            ("error", "the store answers slowly: look at its disk".into()),
            ("state", "".into()),
        ];
        let page = |columns| Page { columns, colour: false, reader };
        insta::assert_snapshot!(details(&lines, page(Some(30))), @r"
        id     0123456789abcdef0123456789abcdef
        error  the store answers
               slowly: look at its
               disk
        state  -
        ");
        assert_eq!(details(&lines, page(None)).lines().count(), 3);
    }
}
