//! The part of a mail that is HTML: one column, no script, nothing from elsewhere, light and dark.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::letter::Letter;
use super::texts as said;

/// Rules that programs for mail understand: no variables, no functions, and colours of their own for the dark.
const STYLE: &str = "\
:root{color-scheme:light dark}\
body{margin:0;padding:16px;background:#f6f7f9;color:#16202a;font:16px/1.5 system-ui,'Segoe UI',Roboto,Arial,sans-serif}\
.card{max-width:640px;margin:0 auto;padding:24px;background:#fff;border:1px solid #dbe1e8;border-radius:8px;overflow-wrap:anywhere}\
h1{margin:0;font-size:22px;line-height:1.3}h2{margin:24px 0 8px;font-size:17px}\
p{margin:8px 0}.title{font-size:17px}ul{margin:8px 0;padding-left:20px}\
table{width:100%;border-collapse:collapse}\
th,td{padding:6px 0;text-align:left;vertical-align:top;border-top:1px solid #dbe1e8;font-weight:400}\
.facts th{width:7.5em;padding-right:12px;color:#51606e}\
.files td{padding-left:12px;text-align:right;white-space:nowrap}\
.go{display:inline-block;margin:8px 0 16px;padding:10px 16px;border-radius:6px;background:#1a54b8;color:#fff;font-weight:600;text-decoration:none}\
pre{margin:8px 0;padding:12px;background:#eef1f5;border-radius:6px;white-space:pre-wrap;font:14px/1.5 ui-monospace,Menlo,Consolas,monospace}\
.why{max-width:640px;margin:16px auto;color:#51606e;font-size:14px;overflow-wrap:anywhere}\
@media(max-width:480px){body{padding:8px}.card{padding:16px}.facts th{width:6em}}\
@media(prefers-color-scheme:dark){\
body{background:#0f1419;color:#e8edf2}.card{background:#171d24;border-color:#2f3944}\
th,td{border-color:#2f3944}.facts th,.why{color:#a5b2bf}\
.go{background:#8db6ff;color:#0b1626}pre{background:#202831}}";

/// Writes the page.
pub(super) fn page(letter: &Letter) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                meta name="color-scheme" content="light dark";
                meta name="supported-color-schemes" content="light dark";
                title { (letter.subject) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                div.card {
                    h1 { (letter.headline) }
                    p.title { bdi { (letter.title) } }
                    p { (letter.explanation) }
                    @if let Some((words, address)) = &letter.link { a.go href=(address) { (words) } }
                    (facts(letter))
                    (deliveries(letter))
                    (files(letter))
                    (opening(letter))
                }
                p.why { (letter.why) }
            }
        }
    };
    page.into_string()
}

fn facts(letter: &Letter) -> Markup {
    html! {
        table.facts role="presentation" {
            @for (name, value) in &letter.facts { tr { th scope="row" { (name) } td { bdi { (value) } } } }
        }
    }
}

fn deliveries(letter: &Letter) -> Markup {
    html! {
        @if !letter.deliveries.is_empty() {
            h2 { (said::DELIVERIES) }
            ul { @for (place, state) in &letter.deliveries { li { bdi { (place) } br; (state) } } }
        }
    }
}

fn files(letter: &Letter) -> Markup {
    html! {
        @if !letter.files.is_empty() {
            h2 { (said::FILES) }
            table.files {
                @for (name, size) in &letter.files { tr { th scope="row" { bdi { (name) } } td { (size) } } }
            }
            @if let Some(more) = &letter.more_files { p { (more) } }
        }
    }
}

fn opening(letter: &Letter) -> Markup {
    html! {
        @if letter.has_files {
            h2 { (said::OPENING) }
            p { (said::CHECK) }
            @if !letter.commands.is_empty() {
                p { (said::DECRYPT) }
                @for command in &letter.commands { pre { (command) } }
            }
        }
    }
}
