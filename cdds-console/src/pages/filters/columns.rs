//! The columns of a list: each head sorts the list, and opens the filters of its column.

use maud::{Markup, html};

use super::kept;
use crate::answers::Answers;
use crate::pages::frame::icon;
use crate::texts;

/// A column of a list.
pub(in crate::pages) struct Column {
    title: &'static str,
    /// By what the list is sorted there.
    sort: Option<&'static str>,
    /// The parameters that select rows by what stands there.
    filters: &'static [&'static str],
    /// Whether numbers stand there, whose ends are below one another.
    is_number: bool,
}

impl Column {
    pub(in crate::pages) const fn new(
        title: &'static str,
        sort: Option<&'static str>,
        filters: &'static [&'static str],
    ) -> Self {
        Self { title, sort, filters, is_number: false }
    }

    /// Says that numbers stand there.
    pub(in crate::pages) const fn of_numbers(self) -> Self {
        Self { is_number: true, ..self }
    }
}

/// Returns the field of a parameter, given the id that it is to have and its name.
type Field<'a> = Box<dyn Fn(&str, &str) -> Markup + 'a>;

/// The columns of a list as it is asked for now.
pub(in crate::pages) struct Columns<'a> {
    pub(in crate::pages) answers: &'a Answers,
    pub(in crate::pages) columns: &'a [Column],
    /// By what the list is sorted, and whether downwards.
    pub(in crate::pages) sort: (&'static str, bool),
    pub(in crate::pages) field: Field<'a>,
}

impl Columns<'_> {
    /// Returns the heads: a link that sorts, and a button that opens the filters.
    pub(in crate::pages) fn heads(&self) -> Markup {
        html! { @for (number, column) in self.columns.iter().enumerate() { (self.head(number, column)) } }
    }

    fn head(&self, number: usize, column: &Column) -> Markup {
        let (sorted_by, descending) = self.sort;
        let is_sorted = column.sort == Some(sorted_by);
        let direction = if descending { "descending" } else { "ascending" };
        let is_filtered = column.filters.iter().any(|name| self.answers.one(name).is_some());
        html! {
            th.num[column.is_number] scope="col" role="columnheader" aria-sort=[is_sorted.then_some(direction)] {
                @match column.sort {
                    Some(name) => {
                        @let next = if is_sorted && !descending { format!("{name}:desc") } else { name.to_owned() };
                        a href=(self.answers.without(&["next"]).with("sort", next).query()) {
                            (column.title)
                            @if is_sorted { " " (icon(if descending { "sort" } else { "up" })) }
                        }
                    },
                    None => span.head { (column.title) },
                }
                @if !column.filters.is_empty() {
                    br;
                    button.by type="button" popovertarget={ "by-" (number) } {
                        (if is_filtered { texts::FILTERED } else { texts::FILTER })
                        span.vh { ": " (column.title) }
                    }
                }
            }
        }
    }

    /// Returns the filters that the buttons open. They stand outside of the table, whose rows are a form of their own.
    pub(in crate::pages) fn panels(&self) -> Markup {
        html! {
            @for (number, column) in self.columns.iter().enumerate().filter(|(_, column)| !column.filters.is_empty()) {
                @let id = format!("by-{number}");
                div.ask id=(id) popover role="dialog" aria-labelledby={ (id) "-h" } {
                    form.rows {
                        h2 id={ (id) "-h" } { (texts::FILTER) ": " (column.title) }
                        (kept(self.answers, column.filters))
                        @for name in column.filters { ((self.field)(&format!("{id}-{name}"), name)) }
                        div.acts {
                            button.primary { (texts::APPLY) }
                            a.btn href=(self.answers.without(column.filters).without(&["next"]).query()) { (texts::CLEAR) }
                            button type="button" popovertarget=(id) popovertargetaction="hide" { (texts::CANCEL) }
                        }
                    }
                }
            }
        }
    }

    /// Returns all filters at once, except some that stand elsewhere, and the choice of the order: small screens have no
    /// heads.
    pub(in crate::pages) fn all(&self, elsewhere: &[&str]) -> Markup {
        let shown: Vec<&str> = self
            .columns
            .iter()
            .flat_map(|column| column.filters)
            .copied()
            .filter(|name| !elsewhere.contains(name))
            .collect();
        let set = [&shown[..], &["sort"]].concat();
        html! {
            details open[shown.iter().any(|name| self.answers.one(name).is_some())] {
                summary { (texts::FILTER) }
                form.rows {
                    (kept(self.answers, &set))
                    div.grid {
                        @for name in &shown { ((self.field)(&format!("f-{name}"), name)) }
                        (self.order())
                    }
                    div.acts { button { (texts::APPLY) } a href="?" { (texts::CLEAR) } }
                }
            }
        }
    }

    fn order(&self) -> Markup {
        html! {
            div.field {
                label for="f-sort" { (texts::SORTED_BY) }
                select id="f-sort" name="sort" {
                    @for column in self.columns {
                        @if let Some(name) = column.sort {
                            option value=(name) selected[self.sort == (name, false)] { (column.title) }
                            option value={ (name) ":desc" } selected[self.sort == (name, true)] {
                                (column.title) ", " (texts::DESCENDING)
                            }
                        }
                    }
                }
            }
        }
    }
}
