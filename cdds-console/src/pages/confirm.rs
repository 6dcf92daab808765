//! Questions before something is lost: what goes, what stays, and the way back.

use cdds_view::ProblemView;
use maud::{Markup, html};

use super::frame::icon;
use crate::answers::{Answers, wrong};
use crate::texts;

/// The most rows that one request changes.
const CHOSEN_MAX: usize = 100;

/// A question that a button opens.
pub(super) struct Question<'a> {
    /// The id of the question, and of the button's target.
    pub(super) id: &'a str,
    pub(super) title: &'a str,
    /// Where the answer is posted to.
    pub(super) action: &'a str,
    /// The button that does it, and the one that does not.
    pub(super) yes: &'a str,
    pub(super) no: &'a str,
}

impl Question<'_> {
    /// Returns the button that opens it.
    pub(super) fn button(&self, label: &str) -> Markup {
        html! { button.danger type="button" popovertarget=(self.id) { (label) } }
    }

    /// Returns the question; `says` tells what goes and what stays, and may have hidden fields.
    pub(super) fn asked(&self, says: &Markup) -> Markup {
        html! {
            div.ask id=(self.id) popover role="dialog" aria-labelledby={ (self.id) "-h" } {
                form.rows method="post" action=(self.action) {
                    h2 id={ (self.id) "-h" } { (self.title) }
                    (says)
                    div.acts {
                        button.danger { (self.yes) }
                        button type="button" popovertarget=(self.id) popovertargetaction="hide" { (self.no) }
                    }
                }
            }
        }
    }
}

/// Reads the ids that were ticked, each once.
///
/// # Errors
/// If none was ticked, more than 100 were, or one is no id.
pub(super) fn chosen<Id: std::str::FromStr + PartialEq>(answers: &Answers) -> Result<Vec<Id>, ProblemView> {
    let mut ids = Vec::new();
    for text in answers.all("id") {
        let id = text.parse().map_err(|_| wrong("id", texts::NO_ID))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    match ids.len() {
        0 => Err(wrong("id", texts::CHOOSE_ONE)),
        count if count > CHOSEN_MAX => Err(wrong("id", texts::CHOOSE_FEWER)),
        _ => Ok(ids),
    }
}

/// Repeats the ids that were ticked, for the form that confirms.
pub(super) fn again<Id: std::fmt::Display>(ids: &[Id]) -> Markup {
    html! { @for id in ids { input type="hidden" name="id" value=(id); } }
}

/// Returns what became of several rows, of which some were refused.
pub(super) fn refusals(done: usize, refused: &[(String, ProblemView)], back: &str) -> Markup {
    html! {
        h1 { (texts::SOME_REFUSED) }
        section.note.warn aria-labelledby="refused" {
            h2 #refused { (done) " " (texts::DONE_AND) " " (refused.len()) " " (texts::NOT_DONE) }
            ul.rows {
                @for (what, problem) in refused {
                    li {
                        span.st.warn { (icon("warn")) span { (what) } }
                        p { (texts::sentence(&problem.detail)) " " code { (problem.code) } }
                    }
                }
            }
            p.acts { a.btn href=(back) { (texts::GO_BACK) } }
        }
    }
}
