//! The fields of a form: label, hint, error and control in this order, with what was typed.

use maud::{Markup, html};

use super::frame::icon;
use crate::answers::Answers;
use crate::forms::Fault;
use crate::forms::job::TIME_PATTERN;
use crate::texts::job as texts;

/// What was typed into a form, and what cannot be taken.
pub(super) struct Sheet<'a> {
    pub(super) answers: &'a Answers,
    pub(super) faults: &'a [Fault],
}

/// A field: its name, which is its id, its label, and a hint that may be empty.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) label: &'a str,
    pub(super) hint: &'a str,
    pub(super) optional: bool,
}

/// Returns a field that is needed.
pub(super) const fn needed<'a>(name: &'a str, label: &'a str, hint: &'a str) -> Field<'a> {
    Field { name, label, hint, optional: false }
}

/// Returns a field that may stay empty.
pub(super) const fn optional<'a>(name: &'a str, label: &'a str, hint: &'a str) -> Field<'a> {
    Field { name, label, hint, optional: true }
}

impl Sheet<'_> {
    /// Returns the refusals of a field.
    fn faults<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Fault> {
        self.faults.iter().filter(move |fault| fault.field == name)
    }

    /// Whether something about one of these fields is refused.
    pub(super) fn is_refused(&self, names: &[&str]) -> bool {
        self.faults.iter().any(|fault| names.contains(&fault.field.as_str()))
    }

    /// Whether one of these fields has an answer.
    pub(super) fn is_answered(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.answers.one(name).is_some())
    }

    /// Whether a box of the form is to be open: something in it was answered or is refused, or it was open before. That
    /// last is told by a script.
    pub(super) fn is_open(&self, id: &str, names: &[&str]) -> bool {
        let was_open = self.answers.all("open").any(|open| open == id);
        was_open || self.is_refused(names) || self.is_answered(names)
    }

    /// Returns the ids of the hint and of the error of a field, for its control.
    fn described(&self, field: Field<'_>) -> Option<String> {
        let hint = (!field.hint.is_empty()).then(|| format!("{}-h", field.name));
        let error = self.is_refused(&[field.name]).then(|| format!("{}-e", field.name));
        let ids: Vec<String> = hint.into_iter().chain(error).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    fn invalid(&self, name: &str) -> Option<&'static str> {
        self.is_refused(&[name]).then_some("true")
    }

    /// Returns what is refused about a field, where a reader finds it before the control.
    pub(super) fn error(&self, name: &str) -> Markup {
        html! {
            @if self.is_refused(&[name]) {
                span.error id={ (name) "-e" } { (icon("bad")) span {
                    span.vh { (texts::ERROR) }
                    @for fault in self.faults(name) { (crate::texts::sentence(&fault.words)) " " }
                } }
            }
        }
    }

    fn field(&self, field: Field<'_>, control: &Markup) -> Markup {
        html! {
            div.field {
                label for=(field.name) { (field.label) @if field.optional { (texts::OPTIONAL) } }
                @if !field.hint.is_empty() { span.hint id={ (field.name) "-h" } { (field.hint) } }
                (self.error(field.name))
                (control)
            }
        }
    }

    /// Returns a field of one line over the whole width.
    pub(super) fn line(&self, field: Field<'_>, required: bool) -> Markup {
        self.field(field, &html! {
            input.wide id=(field.name) name=(field.name) value=[self.answers.one(field.name)] required[required]
                aria-invalid=[self.invalid(field.name)] aria-describedby=[self.described(field)];
        })
    }

    /// Returns a short field.
    pub(super) fn short(&self, field: Field<'_>) -> Markup {
        self.field(field, &html! {
            input id=(field.name) name=(field.name) value=[self.answers.one(field.name)] autocomplete="off" size="10"
                aria-invalid=[self.invalid(field.name)] aria-describedby=[self.described(field)];
        })
    }

    /// Returns a field of a whole number.
    pub(super) fn number(&self, field: Field<'_>) -> Markup {
        self.field(field, &html! {
            input id=(field.name) name=(field.name) value=[self.answers.one(field.name)] inputmode="numeric" size="8"
                pattern="[0-9]*" autocomplete="off" aria-invalid=[self.invalid(field.name)]
                aria-describedby=[self.described(field)];
        })
    }

    /// Returns a field of a day.
    pub(super) fn date(&self, field: Field<'_>) -> Markup {
        self.field(
            field,
            &html! {
                input id=(field.name) name=(field.name) type="date" value=[self.answers.one(field.name)]
                    aria-invalid=[self.invalid(field.name)] aria-describedby=[self.described(field)];
            },
        )
    }

    /// Returns a field of a time of day, as plain text of 24 hours.
    pub(super) fn time(&self, field: Field<'_>) -> Markup {
        self.field(field, &html! {
            input id=(field.name) name=(field.name) value=[self.answers.one(field.name)] size="8" autocomplete="off"
                pattern=(TIME_PATTERN) title=(texts::TIME_FORM) aria-invalid=[self.invalid(field.name)]
                aria-describedby=[self.described(field)];
        })
    }

    /// Returns the fields of an instant: its day and its time.
    pub(super) fn instant(&self, name: &str, label: &str, hint: &str, is_optional: bool) -> Markup {
        let (day, time) = (format!("{name}-date"), format!("{name}-time"));
        html! {
            (self.date(Field { name: &day, label, hint, optional: is_optional }))
            (self.time(optional(&time, &texts::time_of(label), texts::TIME_SAYS)))
        }
    }

    /// Returns a field of several lines.
    pub(super) fn area(&self, field: Field<'_>, rows: u8, is_code: bool) -> Markup {
        let class = if is_code { "mono" } else { "" };
        self.field(
            field,
            &html! {
                // A browser leaves out the first line break.
                textarea id=(field.name) name=(field.name) rows=(rows) class=(class)
                    aria-invalid=[self.invalid(field.name)] aria-describedby=[self.described(field)] {
                    "\n" (self.answers.one(field.name).unwrap_or_default())
                }
            },
        )
    }

    /// Returns a field of fixed choices; one with an empty value stands for no answer.
    pub(super) fn select(&self, field: Field<'_>, choices: &[(&str, &str)]) -> Markup {
        let chosen = self.answers.one(field.name).unwrap_or_default();
        self.field(field, &html! {
            select id=(field.name) name=(field.name) aria-invalid=[self.invalid(field.name)]
                aria-describedby=[self.described(field)] {
                @for (value, words) in choices { option value=(value) selected[*value == chosen] { (words) } }
            }
        })
    }

    /// Returns a field whose choices are already written.
    pub(super) fn chosen(&self, field: Field<'_>, options: &Markup) -> Markup {
        self.field(
            field,
            &html! {
                select id=(field.name) name=(field.name) aria-invalid=[self.invalid(field.name)]
                    aria-describedby=[self.described(field)] { (options) }
            },
        )
    }

    /// Returns one of several choices and the fields that depend on it. The first has the name as its id, so that links
    /// lead to it.
    pub(super) fn option(
        &self,
        name: &str,
        value: &str,
        label: &str,
        is_first: bool,
        more: &Markup,
    ) -> Markup {
        let is_chosen = self.answers.one(name).unwrap_or_default() == value;
        html! {
            div.opt {
                label.pick {
                    input type="radio" name=(name) value=(value) id=[is_first.then_some(name)] checked[is_chosen];
                    (label)
                }
                @if !more.0.is_empty() { div.reveal.grid { (more) } }
            }
        }
    }

    /// Returns a group of choices.
    pub(super) fn group(&self, name: &str, legend: &str, choices: &Markup) -> Markup {
        html! {
            fieldset aria-describedby=[self.is_refused(&[name]).then(|| format!("{name}-e"))] {
                legend { (legend) }
                (self.error(name))
                (choices)
            }
        }
    }
}
