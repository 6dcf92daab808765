use std::net::TcpListener;
use std::time::Duration;

use cdds_core::domain::id::{Owner, Subscriber};
use cdds_core::ports::notifier::{Channel, Message, NoticeKind, Notifier, NotifyError, NotifyErrorKind};
use cdds_core::testing::conformance::{self, notifier::Subscribers};
use cdds_delivery::email::{EmailNotifier, Security};
use cdds_delivery::links::ConsoleLinks;
use cdds_delivery::net::tls::Roots;
use cdds_delivery::net::{AddressPolicy, Net};
use cdds_delivery::secret::Secret;
use futures::executor::block_on;

use crate::certificates::{Certified, certified};
use crate::mail_server::{Mail, MailServer, Told};
use crate::messages::{execution, full, message};

fn net() -> Net {
    Net::new().unwrap().with_policy(AddressPolicy::any())
}

fn sender(host: &str, port: u16) -> EmailNotifier {
    let links = ConsoleLinks::new("https://exports.example.com/console").unwrap();
    let notifier = EmailNotifier::new(host, "exports@example.com", net()).unwrap();
    notifier.with_port(port).with_sender("Exports, “Example”").with_console(links)
}

/// Sends without encryption, to this machine.
fn local(server: &MailServer) -> EmailNotifier {
    sender("127.0.0.1", server.port).with_security(Security::Loopback)
}

fn roots(certified: &Certified) -> Roots {
    Roots::pem(certified.authority.as_bytes()).unwrap()
}

fn password() -> Secret {
    Secret::ask(|| Ok("pass w0rd".to_owned()))
}

fn published() -> Message {
    full(NoticeKind::Published, Channel::Email, "ada+exports@example.com")
}

/// The only mail that a server takes.
fn sent(message: &Message) -> Mail {
    let server = MailServer::start(&Told::default());
    block_on(local(&server).send(message)).unwrap();
    server.mail()
}

#[test]
fn n2_a_mail_has_both_parts_and_says_that_a_program_sent_it() {
    let message = published();
    let mail = sent(&message);
    assert_eq!(mail.about["from"], "exports@example.com");
    assert_eq!(mail.about["to"], serde_json::json!(["ada+exports@example.com"]));
    assert_eq!(mail.about["hello"], "[127.0.0.1]");
    assert_eq!(mail.header("To"), "ada+exports@example.com");
    assert_eq!(mail.header("From"), "\"Exports, “Example”\" <exports@example.com>");
    assert_eq!(mail.header("Subject"), "Files are ready: Customer contacts");
    assert_eq!(mail.header("Message-ID"), format!("<{}@example.com>", message.notice.work.id));
    assert_eq!(mail.header("Date"), message.sent_at.format("%a, %d %b %Y %H:%M:%S +0000").to_string());
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    assert_eq!(mail.header("X-Auto-Response-Suppress"), "All");
    assert!(mail.headers().iter().all(|(name, _)| *name != "Precedence"));
    assert!(mail.raw.is_ascii(), "every server takes it");
    let (text, page) = mail.parts();
    insta::assert_snapshot!("mail_text", text);
    insta::assert_snapshot!("mail_page", page.replace("><", ">\n<"));
}

#[test]
fn n2_every_kind_has_its_words() {
    let mut told = String::new();
    let server = MailServer::start(&Told::default());
    for kind in NoticeKind::ALL {
        let mut message = full(*kind, Channel::Email, "ada@example.com");
        if matches!(kind, NoticeKind::Certificate | NoticeKind::Paused | NoticeKind::Disabled) {
            message = crate::messages::message(*kind, Channel::Email, "ada@example.com");
            message.reason = Some("the reason in a sentence".to_owned());
        }
        block_on(local(&server).send(&message)).unwrap();
    }
    for mail in server.mails() {
        let (text, _) = mail.parts();
        told += &format!("{}\n{}\n=====\n", mail.header("Subject"), text);
        assert!(!text.contains("Something happened"), "{text}");
    }
    insta::assert_snapshot!("mail_kinds", told);
}

#[test]
fn n8_a_mail_about_a_certificate_says_how_to_renew_it() {
    let message = crate::messages::certificate(Channel::Email, "ada@example.com");
    let mail = sent(&message);
    let (text, page) = mail.parts();
    insta::assert_snapshot!("mail_certificate", format!("{}\n{text}", mail.header("Subject")));
    let link = "https://exports.example.com/console/recipients/renew?name=law";
    assert!(page.contains(&format!("href=\"{link}\"")), "{page}");
    assert!(!text.contains(&execution().to_string()) && !text.contains("openssl"), "{text}");
}

#[test]
fn n2_no_title_breaks_out_of_its_place() {
    let server = MailServer::start(&Told::default());
    let emoji = "\u{1F600}".repeat(255);
    let titles = [
        "<script>alert(1)</script>",
        "\"quoted\" 'single' & co",
        "x\r\nBcc: eve@example.com\r\n\r\nbody",
        "x\nSubject: other",
        "\u{202e}txt.exe\u{2066}",
        "=?utf-8?q?Bcc:_eve?=",
        "Kundenkontakte für Zürich",
        "صادرات العملاء",
        ".",
        &emoji,
    ];
    for title in titles {
        let mut message = published();
        message.job.title = title.to_owned();
        message.reason = Some(title.to_owned());
        message.files[0].name = title.to_owned();
        message.deliveries[1].failure = Some(title.to_owned());
        block_on(local(&server).send(&message)).unwrap();
    }
    let mails = server.mails();
    assert_eq!(mails.len(), titles.len());
    let names: Vec<&str> = mails[0].headers().iter().map(|(name, _)| *name).collect();
    for (mail, title) in mails.iter().zip(titles) {
        assert_eq!(mail.headers().iter().map(|(name, _)| *name).collect::<Vec<_>>(), names, "{title}");
        assert_eq!(mail.about["to"], serde_json::json!(["ada+exports@example.com"]));
        let (text, page) = mail.parts();
        assert!(!page.contains("<script") && !page.contains("src="), "{title}");
        for place in [mail.header("Subject"), text, page] {
            assert!(!place.contains(['\u{202e}', '\u{2066}', '\u{0}']), "{title}");
        }
        assert!(!text.lines().any(|line| line.starts_with("Bcc:") || line == "body"), "{text}");
        assert!(mail.raw.split(|byte| *byte == b'\n').all(|line| line.len() < 999), "RFC 5322 section 2.1.1");
    }
    let subject = |title: usize| mails[title].header("Subject").to_owned();
    assert_eq!(subject(0), "Files are ready: <script>alert(1)</script>");
    assert_eq!(subject(2), "Files are ready: x  Bcc: eve@example.com    body");
    assert_eq!(subject(6), "Files are ready: Kundenkontakte für Zürich");
    assert_eq!(subject(7), "Files are ready: صادرات العملاء");
    assert_eq!(subject(9), format!("Files are ready: {emoji}"));
    assert!(mails[0].parts().1.contains("&lt;script&gt;"));
}

#[test]
fn n2_starttls_and_tls_are_verified_for_the_host() {
    let certified = certified("localhost");
    let stranger = crate::certificates::certified("localhost");
    for security in [Security::StartTls, Security::Tls] {
        let told = match security {
            Security::StartTls => Told { starttls: Some(&certified), ..Told::default() },
            _ => Told { implicit: Some(&certified), ..Told::default() },
        };
        let server = MailServer::start(&Told { credentials: Some(("exports", "pass w0rd")), ..told });
        let notifier = |host: &str, roots: Roots| {
            let notifier = sender(host, server.port).with_security(security).with_roots(roots);
            notifier.with_credentials("exports", password())
        };
        block_on(notifier("localhost", roots(&certified)).send(&published())).unwrap();
        let mail = server.mail();
        assert_eq!((&mail.about["tls"], &mail.about["user"]), (&true.into(), &"exports".into()));
        for refused in [
            notifier("127.0.0.1", roots(&certified)),
            notifier("localhost", roots(&stranger)),
            notifier("localhost", Roots::machine()),
        ] {
            let error = block_on(refused.send(&published())).unwrap_err();
            assert_eq!(error.kind(), NotifyErrorKind::Unavailable);
            assert!(error.report().contains("certificate"), "{}", error.report());
        }
        assert_eq!(server.mails().len(), 1);
    }
}

#[test]
fn n2_nothing_is_sent_without_the_tls_that_was_asked_for() {
    let server = MailServer::start(&Told::default());
    let notifier = sender("127.0.0.1", server.port).with_security(Security::StartTls);
    let error = block_on(notifier.send(&published())).unwrap_err();
    assert!(error.is_retryable() && error.report().contains("STARTTLS"), "{}", error.report());
    assert!(server.mails().is_empty());
}

#[test]
fn n2_a_wrong_password_is_told_without_being_shown_and_tried_again() {
    let server = MailServer::start(&Told { credentials: Some(("exports", "other")), ..Told::default() });
    let notifier = local(&server).with_credentials("exports", password());
    let error = block_on(notifier.send(&published())).unwrap_err();
    assert_eq!(error.kind(), NotifyErrorKind::Unavailable, "{}", error.report());
    for shown in [error.report(), format!("{error:?}"), format!("{notifier:?}")] {
        assert!(!shown.contains("pass w0rd") && !shown.contains("cGFzcyB3MHJk"), "{shown}");
    }
    assert!(error.report().contains("sign in") && error.report().contains("535"), "{}", error.report());
    let missing = local(&server).with_credentials("exports", Secret::env("CDDS_NO_SUCH"));
    let error = block_on(missing.send(&published())).unwrap_err();
    assert!(error.is_retryable() && error.report().contains("CDDS_NO_SUCH"), "{}", error.report());
}

/// Sends one message twice.
fn twice(told: &Told<'_>) -> (Result<(), NotifyError>, Vec<Mail>) {
    let server = MailServer::start(told);
    let (notifier, mut message) = (local(&server).with_limit(Duration::from_secs(20)), published());
    let first = block_on(notifier.send(&message));
    message.sent_at += chrono::TimeDelta::seconds(30);
    block_on(notifier.send(&message)).unwrap();
    (first, server.mails())
}

#[test]
fn n5_a_busy_server_is_tried_again_and_the_mail_arrives_once() {
    for told in [
        Told { rcpt: &["451 4.7.1 greylisted"], ..Told::default() },
        Told { data: &["452 4.3.1 no room"], ..Told::default() },
        Told { rcpt: &["cut"], ..Told::default() },
    ] {
        let (first, mails) = twice(&told);
        assert_eq!(first.unwrap_err().kind(), NotifyErrorKind::Unavailable);
        assert_eq!(mails.len(), 1);
    }
}

#[test]
fn n5_a_mail_whose_fate_is_unknown_is_sent_again_under_the_same_id() {
    let (first, mails) = twice(&Told { data: &["keep and cut"], ..Told::default() });
    assert_eq!(first.unwrap_err().kind(), NotifyErrorKind::Unavailable);
    let [one, two] = &mails[..] else { panic!("{}", mails.len()) };
    assert_eq!(one.header("Message-ID"), two.header("Message-ID"));
    assert_ne!(one.header("Date"), two.header("Date"));
}

#[test]
fn n5_a_refusal_for_good_is_not_tried_again() {
    for told in [
        Told { rcpt: &["550 5.1.1 no such user"], ..Told::default() },
        Told { data: &["554 5.7.1 not wanted here"], ..Told::default() },
    ] {
        let (first, _) = twice(&told);
        let error = first.unwrap_err();
        assert_eq!(error.kind(), NotifyErrorKind::Refused);
        assert!(!error.is_retryable());
        let report = error.report();
        assert!(report.contains("no such user") || report.contains("not wanted here"), "{report}");
    }
}

#[test]
fn n5_servers_that_say_nothing_are_left() {
    let hanging = MailServer::start(&Told { data: &["hang"], ..Told::default() });
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    for port in [hanging.port, mute.local_addr().unwrap().port()] {
        let notifier = sender("127.0.0.1", port).with_security(Security::Loopback);
        let notifier = notifier.with_limit(Duration::from_millis(700));
        let error = block_on(notifier.send(&published())).unwrap_err();
        assert_eq!(error.kind(), NotifyErrorKind::Unavailable);
        assert!(error.report().contains("within 0.7 seconds"), "{}", error.report());
    }
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let notifier = sender("127.0.0.1", closed).with_security(Security::Loopback);
    assert_eq!(block_on(notifier.send(&published())).unwrap_err().kind(), NotifyErrorKind::Unavailable);
}

#[test]
fn n2_only_addresses_are_subscribers() {
    let notifier = sender("mail.example.com", 587);
    let owner = Owner::default();
    notifier.check(&Subscriber::new("ada+x@example.com").unwrap(), &owner).unwrap();
    for name in ["host", "ada", "ada@localhost", "ada@bücher.example", "ada@b@example.com", "ä@example.com"]
    {
        let error = notifier.check(&Subscriber::new(name).unwrap(), &owner).unwrap_err();
        assert_eq!(error.kind(), NotifyErrorKind::Refused);
        let error = block_on(notifier.send(&message(NoticeKind::Failed, Channel::Email, name))).unwrap_err();
        assert_eq!(error.kind(), NotifyErrorKind::Refused, "{name}");
    }
    for bad in ["Exports <exports@example.com>", "exports", "exports@example.com\r\nBcc: eve@example.com"] {
        assert!(EmailNotifier::new("mail.example.com", bad, net()).is_err(), "{bad}");
    }
}

#[test]
fn n2_the_notifier_keeps_its_contract() {
    let subscribers = Subscribers::new("ada@example.com".parse().unwrap(), "ada".parse().unwrap());
    let server = MailServer::start(&Told::default());
    block_on(conformance::notifier::check(&local(&server), &subscribers)).assert();
    assert!(server.mails().is_empty());
}

#[test]
fn n2_links_lead_to_the_console_or_are_left_out() {
    let linked = sent(&published());
    let link = format!("https://exports.example.com/console/sets/{}", execution());
    let (text, page) = linked.parts();
    assert!(text.contains(&link) && page.contains(&format!("href=\"{link}\"")), "{page}");
    let server = MailServer::start(&Told::default());
    let bare = EmailNotifier::new("127.0.0.1", "exports@example.com", net()).unwrap();
    let bare = bare.with_port(server.port).with_security(Security::Loopback);
    block_on(bare.send(&published())).unwrap();
    let mail = server.mail();
    let (text, page) = mail.parts();
    assert!(!text.contains("http") && !page.contains("http"), "{page}");
}

#[test]
fn n2_a_test_says_that_nothing_has_happened_and_leads_nowhere() {
    let owner = Owner::default();
    let ada = Subscriber::new("ada@example.com").unwrap();
    let test = Message::test(
        owner,
        Channel::Email,
        ada,
        "00000000-0000-4000-8000-000000000007".parse().unwrap(),
        published().sent_at,
    );
    let mail = sent(&test);
    let (text, page) = mail.parts();
    for part in [&text, &page] {
        assert!(part.contains("Test of notices") && part.contains("Nothing has happened"), "{part}");
        assert!(!part.contains("http") && !part.contains("00000000-0000-0000"), "{part}");
    }
}

#[test]
fn n2_many_parts_are_decrypted_in_a_loop_and_plaintext_is_not() {
    let mut message = published();
    message.files_total.0 = 40;
    let mail = sent(&message);
    let (text, _) = mail.parts();
    assert!(text.contains("for part in export-") && text.contains("and 38 more files"), "{text}");
    for file in &mut message.files {
        file.name = file.name.replace(".smime", "");
    }
    message.sealed_for.clear();
    let mail = sent(&message);
    assert!(!mail.parts().0.contains("openssl"), "{}", mail.parts().0);
}
