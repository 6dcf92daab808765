//! SFTP, with OpenSSH.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use cdds_core::domain::id::DestinationId;
use cdds_core::ports::destination::{Destination, DestinationErrorKind, ServerIdentity};
use cdds_core::ports::sink::SinkErrorKind;
use cdds_delivery::net::{AddressPolicy, Net};
use cdds_delivery::secret::Secret;
use cdds_delivery::sftp::SftpDestination;
use futures::executor::block_on;

use super::drill::{
    Abilities, connect, contents, deliver_a_set, fill_the_disk, lose_the_server, path, refusal, wait_in_vain,
    write,
};
use super::ftpd;
use super::process::{Server, folder, free_ports};
use super::sshd::{self, Options, PASSPHRASE, PASSWORD};

const ALL: Abilities = Abilities { renames: true };

fn with_key(server: &Server) -> SftpDestination {
    sshd::destination(server).with_key(Secret::file(server.folder.path().join("user.key")))
}

#[test]
fn n1_a_set_is_delivered_by_one_session() {
    let server = sshd::start(Options::default());
    deliver_a_set(&sshd::with_password(&server).with_folder("in"), ALL);
    let absolute = server.folder.path().join("data/deep/er").display().to_string();
    let key = with_key(&server).with_passphrase(Secret::ask(|| Ok(PASSPHRASE.to_owned())));
    deliver_a_set(&key.with_folder(absolute), ALL);
    assert!(server.folder.path().join("data/in/2026/11/manifest.json").exists());
    assert!(server.folder.path().join("data/deep/er/2026/11/manifest.json").exists());
}

#[test]
fn n1_a_set_is_delivered_to_servers_that_offer_less() {
    let few = "ForceCommand internal-sftp -P posix-rename,fsync,statvfs,limits,fstat,lstat,realpath";
    let server = sshd::start(Options { lines: few, ..Options::default() });
    deliver_a_set(&sshd::with_password(&server).with_folder("in"), ALL);
    let server = sshd::start(Options { lines: "ForceCommand internal-sftp -P rename", ..Options::default() });
    deliver_a_set(&sshd::with_password(&server).with_folder("in"), ALL);
}

#[test]
fn n1_a_set_is_delivered_to_a_server_of_another_make() {
    let server = ftpd::mod_sftp();
    let destination = sshd::destination(&server).with_password(Secret::ask(|| Ok(ftpd::PASSWORD.to_owned())));
    deliver_a_set(&destination, ALL);
    deliver_a_set(&destination.with_folder("in"), ALL);
}

#[test]
fn n1_a_server_that_forbids_renames_is_told_from_others() {
    let none = "ForceCommand internal-sftp -P rename,posix-rename";
    let server = sshd::start(Options { lines: none, ..Options::default() });
    let mut session = connect(&sshd::with_password(&server)).session;
    block_on(async {
        write(session.as_mut(), "a", &contents(10, 1)).await.unwrap();
        let error = session.rename(&path("a"), &path("b")).await.unwrap_err();
        assert_eq!(error.kind(), DestinationErrorKind::CannotRename, "{}", error.report());
    });
}

#[test]
fn n3_who_is_not_let_in_is_told_why() {
    let server = sshd::start(Options::default());
    let wrong = Secret::ask(|| Ok("s3cret".to_owned()));
    let (kind, told) = refusal(&sshd::destination(&server).with_password(wrong.clone()));
    assert_eq!(kind, DestinationErrorKind::Refused, "{told}");
    assert!(
        told.contains("does not let the user cdds in with its password") && !told.contains("s3cret"),
        "{told}"
    );
    let (kind, told) = refusal(&with_key(&server).with_passphrase(wrong));
    assert_eq!(kind, DestinationErrorKind::Refused, "{told}");
    assert!(told.contains("check the passphrase") && !told.contains("s3cret"), "{told}");
    let (_, told) = refusal(&with_key(&server));
    assert!(told.contains("configure its passphrase"), "{told}");
    let (_, told) = refusal(&sshd::destination(&server));
    assert!(told.contains("neither password nor key"), "{told}");
    let stranger = sshd::start(Options::default());
    let unknown = Secret::file(stranger.folder.path().join("user.key"));
    let unknown = sshd::destination(&server).with_key(unknown);
    let (kind, told) = refusal(&unknown.with_passphrase(Secret::ask(|| Ok(PASSPHRASE.to_owned()))));
    assert_eq!(kind, DestinationErrorKind::Refused, "{told}");
    assert!(told.contains("does not let the user cdds in with its key"), "{told}");
    assert!(!told.contains(PASSPHRASE) && !told.contains("PRIVATE KEY"), "{told}");
}

#[test]
fn n3_a_password_answers_what_is_asked_interactively() {
    let server = sshd::start(Options {
        lines: "UsePAM yes\nKbdInteractiveAuthentication yes\nAuthenticationMethods keyboard-interactive",
        ..Options::default()
    });
    connect(&sshd::with_password(&server));
    let wrong = sshd::destination(&server).with_password(Secret::ask(|| Ok("s3cret".to_owned())));
    let (kind, told) = refusal(&wrong);
    assert_eq!(kind, DestinationErrorKind::Refused, "{told}");
}

#[test]
fn n3_a_key_and_a_password_are_both_given_where_both_are_asked_for() {
    let server =
        sshd::start(Options { lines: "AuthenticationMethods publickey,password", ..Options::default() });
    let key = || with_key(&server).with_passphrase(Secret::ask(|| Ok(PASSPHRASE.to_owned())));
    assert_eq!(refusal(&key()).0, DestinationErrorKind::Refused);
    connect(&key().with_password(Secret::ask(|| Ok(PASSWORD.to_owned()))));
}

#[test]
fn n3_a_changed_host_key_is_refused_before_anything_secret_is_sent() {
    let ([port], options) = (free_ports(), Options::default());
    let server = sshd::start_at(folder(), port, options);
    let first = ServerIdentity::new(sshd::fingerprint(&server));
    assert_eq!(connect(&sshd::with_password(&server)).identity, Some(first.clone()));
    assert!(server.output().contains("userauth-request for user cdds"), "the log tells of sign-ins");
    let again = block_on(sshd::with_password(&server).connect(Some(&first)));
    assert!(again.is_ok(), "the same key is let through");
    drop(server);

    let server = sshd::start_at(folder(), port, options);
    let second = ServerIdentity::new(sshd::fingerprint(&server));
    assert_ne!(first, second);
    let configured = sshd::with_password(&server).with_host_key(first.clone());
    for refused in [
        block_on(sshd::with_password(&server).connect(Some(&first))),
        block_on(configured.connect(Some(&second))),
    ] {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), DestinationErrorKind::IdentityChanged);
        assert!(
            error.to_string().contains(first.as_str()) && error.to_string().contains(second.as_str()),
            "{error}"
        );
    }
    assert!(!server.output().contains("userauth-request"), "{}", server.output());
    let configured = sshd::with_password(&server).with_host_key(second);
    assert!(block_on(configured.connect(Some(&first))).is_ok(), "the configuration comes first");
}

#[test]
fn n3_a_server_with_rsa_keys_only_is_refused_plainly() {
    let server = sshd::start(Options { host_key: "rsa", ..Options::default() });
    let (kind, told) = refusal(&sshd::with_password(&server));
    assert_eq!(kind, DestinationErrorKind::Refused);
    assert!(told.contains("rsa-sha2-512") && told.contains("add an Ed25519 key"), "{told}");
    let server = sshd::start(Options { host_key: "ecdsa", ..Options::default() });
    let shown = connect(&sshd::with_password(&server)).identity;
    assert_eq!(shown, Some(ServerIdentity::new(sshd::fingerprint(&server))));
}

#[test]
fn n3_an_rsa_key_of_the_user_is_refused_plainly() {
    let folder = folder();
    let key = folder.path().join("rsa.key");
    let made =
        std::process::Command::new("ssh-keygen").args(["-q", "-t", "rsa", "-N", "", "-f"]).arg(&key).status();
    assert!(made.unwrap().success());
    let net = Net::new().unwrap();
    let id = DestinationId::new("partner").unwrap();
    let (kind, told) =
        refusal(&SftpDestination::new(id, "127.0.0.1", "cdds", net).with_key(Secret::file(key)));
    assert_eq!(kind, DestinationErrorKind::Refused);
    assert!(told.contains("is an RSA key, which is not supported"), "{told}");
}

#[test]
fn n9_a_private_address_is_refused_by_default() {
    let net = Net::new().unwrap();
    let id = DestinationId::new("partner").unwrap();
    let destination = SftpDestination::new(id, "127.0.0.1", "cdds", net);
    let (kind, told) = refusal(&destination.with_password(Secret::ask(|| Ok("s3cret".to_owned()))));
    assert_eq!(kind, DestinationErrorKind::Refused);
    assert!(told.contains("may not be reached"), "{told}");
}

#[test]
fn a_full_disk_is_told() {
    let server = sshd::start(Options::default());
    fill_the_disk(&sshd::with_password(&server), SinkErrorKind::Full);
}

#[test]
fn a_folder_that_may_not_be_written_is_told() {
    let server = sshd::start(Options::default());
    let forbidden = server.folder.path().join("data/forbidden");
    std::fs::create_dir(&forbidden).unwrap();
    let mut session = connect(&sshd::with_password(&server)).session;
    for to in ["forbidden/a", "forbidden/b/a"] {
        let error = block_on(session.create(&path(to))).unwrap_err();
        assert_eq!(error.kind(), DestinationErrorKind::Refused, "{}", error.report());
        assert!(error.to_string().contains("forbidden"), "{error}");
    }
}

#[test]
fn a_server_that_is_killed_breaks_the_upload_off() {
    let server = sshd::start(Options::default());
    lose_the_server(&sshd::with_password(&server), || server.signal("KILL", true));
}

#[test]
fn a_server_that_is_stopped_holds_nobody_who_gives_up() {
    let server = sshd::start(Options::default());
    wait_in_vain(&sshd::with_password(&server), || server.signal("STOP", true));
    server.signal("CONT", true);
}

#[test]
fn uploads_and_readers_that_are_dropped_are_closed() {
    let server = sshd::start(Options { before: "ulimit -n 64", ..Options::default() });
    let mut session = connect(&sshd::with_password(&server)).session;
    block_on(async {
        write(session.as_mut(), "file", &contents(200_000, 1)).await.unwrap();
        for _ in 0..70 {
            let mut upload = session.create(&path("other")).await.unwrap();
            upload.write(contents(10, 1)).await.unwrap();
        }
        for _ in 0..70 {
            drop(session.read(&path("file")).await.unwrap());
        }
        session.close().await.unwrap();
    });
}

#[test]
fn a_connection_that_nobody_waits_for_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mute = std::thread::spawn(move || {
        let (mut near, _) = listener.accept().unwrap();
        near.write_all(b"SSH-2.0-mute\r\n").unwrap();
        // Until the other side ends it.
        near.read_to_end(&mut Vec::new()).unwrap()
    });
    let net = Net::new().unwrap().with_policy(AddressPolicy::any());
    let id = DestinationId::new("partner").unwrap();
    let destination = SftpDestination::new(id, "127.0.0.1", "cdds", net.clone()).with_port(port);
    let destination = destination.with_password(Secret::ask(|| Ok(PASSWORD.to_owned())));
    let soon = Duration::from_secs(1);
    let waited = block_on(net.run(async { tokio::time::timeout(soon, destination.connect(None)).await }));
    assert!(waited.is_err(), "it is mute");
    assert!(mute.join().unwrap() > 0, "it was spoken to");
    drop(destination);
}
