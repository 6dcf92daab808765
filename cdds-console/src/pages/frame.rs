//! The frame around every page.

use cdds_core::Role;
use cdds_core::domain::access::Action;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::assets;
use crate::texts;
use crate::visit::Visit;

/// The entries of the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Jobs,
    History,
    Artifacts,
    Recipients,
    Subjects,
    Sources,
    Destinations,
    Notices,
    Workers,
    Audit,
}

impl Section {
    const ALL: [Self; 10] = [
        Self::Jobs,
        Self::History,
        Self::Artifacts,
        Self::Recipients,
        Self::Subjects,
        Self::Sources,
        Self::Destinations,
        Self::Notices,
        Self::Workers,
        Self::Audit,
    ];

    const fn address(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::History => "history",
            Self::Artifacts => "artifacts",
            Self::Recipients => "recipients",
            Self::Subjects => "subjects",
            Self::Sources => "sources",
            Self::Destinations => "destinations",
            Self::Notices => "notices",
            Self::Workers => "workers",
            Self::Audit => "audit",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Jobs => texts::JOBS,
            Self::History => texts::HISTORY,
            Self::Artifacts => texts::ARTIFACTS,
            Self::Recipients => texts::RECIPIENTS,
            Self::Subjects => texts::subjects::TITLE,
            Self::Sources => texts::SOURCES,
            Self::Destinations => texts::destinations::TITLE,
            Self::Notices => texts::notices::TITLE,
            Self::Workers => texts::WORKERS,
            Self::Audit => texts::AUDIT,
        }
    }

    const fn needs(self) -> Action {
        match self {
            Self::Audit => Action::SeeAudit,
            Self::Workers => Action::SeeWorkers,
            Self::Subjects => Action::SeeSubjectRequests,
            _ => Action::See,
        }
    }
}

/// Returns a page of the console, which first says what was done.
pub(super) fn page(visit: &Visit, section: Section, title: &str, body: &Markup) -> Markup {
    framed(visit, Some(section), title, body)
}

/// Returns a page that says why somebody who was let in does not see what they asked for.
pub(super) fn refusal(visit: &Visit, title: &str, body: &Markup) -> Markup {
    framed(visit, None, title, body)
}

fn framed(visit: &Visit, section: Option<Section>, title: &str, body: &Markup) -> Markup {
    document(
        &visit.root,
        title,
        &html! {
            a.skip href="#main" { (texts::SKIP) }
            header.top {
                div.wrap {
                    a.brand href=(visit.to("jobs")) { (icon("brand")) (texts::PRODUCT) }
                    button.burger type="button" popovertarget="menu" { (icon("menu")) (texts::MENU) }
                    div #menu popover {
                        nav aria-label=(texts::MAIN) { ul {
                            @for entry in Section::ALL.into_iter().filter(|entry| visit.may(entry.needs())) {
                                li {
                                    a href=(visit.to(entry.address())) aria-current=[(Some(entry) == section).then_some("page")] {
                                        (entry.title())
                                    }
                                }
                            }
                        } }
                        (who(visit))
                    }
                }
            }
            main.wrap #main tabindex="-1" {
                @match visit.done {
                    Some(done) => { p.note.ok role="status" { (texts::done(done)) } (body) p #said .vh role="status" {} },
                    None => { (body) p #said .vh role="status" {} },
                }
            }
            (foot(&visit.root))
        },
    )
}

fn who(visit: &Visit) -> Markup {
    let principal = visit.principal();
    let role = [Role::Administrator, Role::Operator, Role::Viewer]
        .into_iter()
        .find(|role| role.actions() == principal.actions);
    let name = html! {
        span {
            (principal.name)
            span.sub { (role.map_or(texts::CHOSEN_ACTIONS, texts::role)) }
        }
    };
    match &visit.visitor.sign_out {
        Some(at) => html! {
            form.who method="post" action=(visit.to(at)) { (name) button { (texts::SIGN_OUT) } }
        },
        None => html! { div.who { (name) } },
    }
}

/// Returns a page for somebody who may not be signed in.
pub(super) fn bare(root: &str, title: &str, body: &Markup) -> Markup {
    document(
        root,
        title,
        &html! {
            header.top { div.wrap { span.brand { (icon("brand")) (texts::PRODUCT) } } }
            main.wrap #main tabindex="-1" { (body) p #said .vh role="status" {} }
            (foot(root))
        },
    )
}

fn foot(root: &str) -> Markup {
    html! {
        footer.foot { div.wrap {
            span { (texts::PRODUCT) " " (assets::VERSION) }
            a.end href={ (root) "api/v1/openapi.json" } { (texts::API_DESCRIPTION) }
        } }
    }
}

fn document(root: &str, title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" data-root=(root) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · " (texts::PRODUCT) }
                link rel="icon" href={ (root) "assets/icon.svg?" (assets::VERSION) };
                link rel="stylesheet" href={ (root) "assets/console.css?" (assets::VERSION) };
                script src={ (root) "assets/console.js?" (assets::VERSION) } defer {}
            }
            body { (PreEscaped(assets::ICONS)) (body) }
        }
    }
}

/// Returns an icon of the sprite, which stands beside words that say the same.
pub(super) fn icon(name: &str) -> Markup {
    html! { svg aria-hidden="true" { use href={ "#i-" (name) } {} } }
}
