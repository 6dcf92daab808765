//! Lists of any length: fetched page by page, printed as they come in.

use cdds_core::ports::catalog::query::{Page, Slice, Sort, Total};
use cdds_core::service::ServiceError;
use cdds_view::token::{self, ListColumn};

use crate::args::{Columns, Listing};
use crate::error::{CliError, shown};
use crate::output::{Look, More, Reading, Rows, View};
use crate::session::Session;

/// How many rows are fetched at once.
pub(super) const ROWS_AT_ONCE: u64 = 2_000;

/// How many rows a person at a terminal gets who does not say how many.
const ROWS_FOR_A_PERSON: u64 = 50;

/// Prints the rows of a list, page by page, as many as are asked for or until nobody reads on; for an empty one, a person
/// gets the line `nothing`.
pub(super) async fn print_rows<T, V: View, C: ListColumn>(
    session: &Session,
    (listing, sort): (&Listing, Sort<C>),
    nothing: &str,
    fetch: impl AsyncFn(Slice) -> Result<Page<T>, ServiceError>,
    view: impl Fn(T) -> V,
) -> Result<(), CliError> {
    let look = Look { page: listing.page, ..look(&listing.shown) };
    let mut rows = session.output.rows::<V>(look).map_err(|unknown| no_column::<V>(&unknown))?;
    let for_a_person = session.output.is_for_a_person().then_some(ROWS_FOR_A_PERSON);
    let mut left = listing.limit.map(u64::from).or(for_a_person).unwrap_or(u64::MAX);
    let decoded = listing.cursor.as_deref().map(|typed| token::decode(sort, typed)).transpose();
    let mut after = decoded.map_err(|why| CliError::usage(format!("--cursor: {why}")))?;
    let mut total = None;
    loop {
        let page = fetch(Slice { after, limit: left.min(ROWS_AT_ONCE) }).await?;
        total = total.or(page.total);
        left = left.saturating_sub(page.items.len() as u64);
        let views: Vec<V> = page.items.into_iter().map(&view).collect();
        match (rows.add(&views)?, page.next) {
            (Reading::Over, _) => return Ok(()),
            (Reading::GoesOn, None) => return Ok(rows.end(nothing, None)?),
            (Reading::GoesOn, Some(next)) if left == 0 => {
                let more = More { total: total.map(words), token: token::encode(sort, &next) };
                return Ok(rows.end(nothing, Some(&more))?);
            }
            (Reading::GoesOn, Some(next)) => after = Some(next),
        }
    }
}

/// Prints a list that is known as a whole, in the columns that are asked for; for an empty one, a person gets the line
/// `nothing`.
pub(super) fn print_all<V: View>(
    session: &Session,
    shown: &Columns,
    views: &[V],
    nothing: &str,
) -> Result<(), CliError> {
    let mut rows = rows::<V>(session, shown)?;
    match rows.add(views)? {
        Reading::GoesOn => Ok(rows.end(nothing, None)?),
        Reading::Over => Ok(()),
    }
}

/// Begins a list in the columns that are asked for.
pub(super) fn rows<V: View>(session: &Session, shown: &Columns) -> Result<Rows<V>, CliError> {
    session.output.rows::<V>(look(shown)).map_err(|unknown| no_column::<V>(&unknown))
}

fn look(shown: &Columns) -> Look<'_> {
    Look { wide: shown.wide, columns: &shown.columns, has_options: true, page: false }
}

fn no_column<V: View>(unknown: &str) -> CliError {
    let known: Vec<String> = V::COLUMNS.iter().map(|heading| heading.replace(' ', "_")).collect();
    CliError::usage(format!("--columns: there is no column {}: {}", shown(unknown), known.join(", ")))
}

fn words(total: Total) -> String {
    match total {
        Total::Exactly(count) => cdds_view::words::count(count),
        Total::MoreThan(count) => format!("more than {}", cdds_view::words::count(count)),
    }
}
