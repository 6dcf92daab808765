//! The frame that lists share: the filters above the rows, the pages below them, and what is said while there is
//! nothing to list.

use cdds_view::PageView;
use maud::{Markup, html};

use super::filters::{Columns, is_filtered};
use super::parts::pager;

/// What a page says while there is nothing to list.
pub(super) struct Nothing<'a> {
    pub(super) title: &'a str,
    pub(super) says: &'a str,
    /// The address and the label of the page that leads on.
    pub(super) to: Option<(String, &'a str)>,
}

/// Returns the filters, the rows and the way to other pages. If there is nothing at all, says so instead: a filter or a
/// later page that shows nothing is no reason for it.
pub(super) fn listed<T>(
    columns: &Columns<'_>,
    page: &PageView<T>,
    rows: &Markup,
    nothing: &Nothing<'_>,
) -> Markup {
    let answers = columns.answers;
    let is_bare = page.items.is_empty() && !is_filtered(answers) && answers.one("next").is_none();
    html! {
        @if is_bare {
            section.card.pad.rows aria-labelledby="none" {
                h2 #none { (nothing.title) }
                p { (nothing.says) }
                @if let Some((address, label)) = &nothing.to {
                    div.acts { a.btn.primary href=(address) { (label) } }
                }
            }
        } @else {
            div.card {
                div.pad { (columns.all(&[])) }
                (rows)
                (columns.panels())
                (pager(answers, page.next.as_deref()))
            }
        }
    }
}

/// Says that no row fits the filters, and leads to all of them.
pub(super) fn no_match(says: &str, show_all: &str) -> Markup {
    html! { div.pad.rows { p { (says) } p { a href="?" { (show_all) } } } }
}
