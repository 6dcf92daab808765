//! FTP, with the servers that people run.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use cdds_core::domain::id::DestinationId;
use cdds_core::ports::destination::{Destination, DestinationErrorKind};
use cdds_core::ports::sink::SinkErrorKind;
use cdds_delivery::ftp::{FtpDestination, FtpSecurity};
use cdds_delivery::net::{AddressPolicy, Net};
use cdds_delivery::secret::Secret;
use futures::executor::block_on;

use super::drill::{
    Abilities, connect, contents, deliver_a_set, fill_the_disk, lose_the_server, path, refusal, wait_in_vain,
    write,
};
use super::ftpd::{self, Ftpd};

const ALL: Abilities = Abilities { renames: true };
const BOTH: &str = "TLSv1.2 TLSv1.3";

fn deliver_twice(destination: FtpDestination, ftpd: &Ftpd) {
    deliver_a_set(&destination, ALL);
    deliver_a_set(&destination.with_folder("in"), ALL);
    assert!(ftpd.server.folder.path().join("data/2026/11/manifest.json").exists());
    assert!(ftpd.server.folder.path().join("data/in/2026/11/manifest.json").exists());
}

#[test]
fn n1_vsftpd_takes_a_set_by_one_session_and_its_false_address_is_ignored() {
    for security in [FtpSecurity::Explicit, FtpSecurity::Implicit, FtpSecurity::Plain] {
        let ftpd = ftpd::vsftpd(security);
        deliver_twice(ftpd::on_vsftpd(&ftpd), &ftpd);
    }
    let ftpd = ftpd::vsftpd(FtpSecurity::Explicit);
    deliver_twice(ftpd::on_vsftpd(&ftpd).with_tls13(), &ftpd);
}

#[test]
fn n1_proftpd_takes_a_set() {
    for security in [FtpSecurity::Explicit, FtpSecurity::Implicit, FtpSecurity::Plain] {
        let ftpd = ftpd::proftpd(security, BOTH);
        deliver_twice(ftpd.destination(), &ftpd);
    }
}

#[test]
fn n1_proftpd_with_tls_13_alone_takes_a_set_by_several_sessions() {
    let ftpd = ftpd::proftpd(FtpSecurity::Explicit, "TLSv1.3");
    let (kind, told) = refusal(&ftpd.destination());
    assert_eq!(kind, DestinationErrorKind::Unavailable, "{told}");
    deliver_twice(ftpd.destination().with_tls13(), &ftpd);
}

#[test]
fn n1_pure_ftpd_takes_a_set() {
    for security in [FtpSecurity::Explicit, FtpSecurity::Plain] {
        let ftpd = ftpd::pure_ftpd(security);
        deliver_twice(ftpd.destination(), &ftpd);
    }
}

#[test]
fn n1_a_server_that_does_not_rename_is_told_from_others() {
    let ftpd = ftpd::pyftpdlib();
    deliver_a_set(&ftpd.destination().without_rename(), Abilities { renames: false });
    let mut session = connect(&ftpd.destination()).session;
    block_on(async {
        write(session.as_mut(), "a", &contents(10, 1)).await.unwrap();
        let error = session.rename(&path("a"), &path("b")).await.unwrap_err();
        assert_eq!(error.kind(), DestinationErrorKind::CannotRename, "{}", error.report());
    });
}

#[test]
fn n6_a_file_that_has_arrived_in_part_is_told_although_the_server_is_content() {
    let (port, server) = forgetful();
    let net = Net::new().unwrap().with_policy(AddressPolicy::any());
    let destination = FtpDestination::new(DestinationId::new("partner").unwrap(), "127.0.0.1", "cdds", net)
        .with_security(FtpSecurity::Plain)
        .with_port(port);
    let mut session = connect(&destination).session;
    let mut upload = block_on(session.create(&path("a"))).unwrap();
    block_on(upload.write(contents(1_000, 1))).unwrap();
    let error = block_on(upload.finish()).unwrap_err();
    assert_eq!(error.kind(), SinkErrorKind::Corrupt, "{}", error.report());
    assert!(error.to_string().contains("999 of 1000 bytes"), "{error}");
    block_on(session.close()).unwrap();
    server.join().unwrap();
}

/// Starts a server that takes files and loses a byte of each, and returns its port. No real one does it on demand.
fn forgetful() -> (u16, JoinHandle<()>) {
    let [control, data] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [port, data_port] = [&control, &data].map(|listener| listener.local_addr().unwrap().port());
    let server = std::thread::spawn(move || {
        let (mut answers, _) = control.accept().unwrap();
        let commands = BufReader::new(answers.try_clone().unwrap()).lines();
        answers.write_all(b"220 ready\r\n").unwrap();
        let mut stored = 0;
        for command in commands.map_while(Result::ok) {
            let answer = match command.split(' ').next().unwrap() {
                "USER" => "230 come in".to_owned(),
                "TYPE" => "200 binary".to_owned(),
                "PASV" => format!("227 passive (127,0,0,1,{},{})", data_port / 256, data_port % 256),
                "STOR" => {
                    answers.write_all(b"150 go on\r\n").unwrap();
                    stored = data.accept().unwrap().0.read_to_end(&mut Vec::new()).unwrap();
                    "226 stored".to_owned()
                }
                "SIZE" => format!("213 {}", stored - 1),
                _ => "221 goodbye".to_owned(),
            };
            answers.write_all(format!("{answer}\r\n").as_bytes()).unwrap();
        }
    });
    (port, server)
}

#[test]
fn n3_who_is_not_let_in_is_told_why() {
    for ftpd in [
        ftpd::proftpd(FtpSecurity::Explicit, BOTH),
        ftpd::pure_ftpd(FtpSecurity::Explicit),
        ftpd::pyftpdlib(),
    ] {
        let wrong = ftpd.destination().with_password(Secret::ask(|| Ok("s3cret".to_owned())));
        let (kind, told) = refusal(&wrong);
        assert_eq!(kind, DestinationErrorKind::Refused, "{told}");
        assert!(told.contains("does not let the user cdds in") && !told.contains("s3cret"), "{told}");
        let missing = ftpd.destination().with_password(Secret::file("/nowhere"));
        assert!(refusal(&missing).1.contains("/nowhere"));
    }
}

#[test]
fn n3_a_certificate_that_nobody_vouches_for_is_refused() {
    for security in [FtpSecurity::Explicit, FtpSecurity::Implicit] {
        let ftpd = ftpd::proftpd(security, BOTH);
        let (kind, told) = refusal(&ftpd.untrusted());
        assert_eq!(kind, DestinationErrorKind::Refused, "{told}");
        assert!(told.contains("configure the root certificate"), "{told}");
    }
}

#[test]
fn n3_a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let ftpd = ftpd::proftpd(FtpSecurity::Plain, BOTH);
    let (kind, told) = refusal(&ftpd.destination().with_security(FtpSecurity::Explicit));
    assert_eq!(kind, DestinationErrorKind::Refused, "{told}");
    assert!(told.contains("by TLS"), "{told}");
}

#[test]
fn n9_a_private_address_is_refused_by_default() {
    for security in [FtpSecurity::Explicit, FtpSecurity::Implicit, FtpSecurity::Plain] {
        let id = DestinationId::new("partner").unwrap();
        let destination = FtpDestination::new(id, "127.0.0.1", "cdds", Net::new().unwrap());
        let (kind, told) = refusal(&destination.with_security(security));
        assert_eq!(kind, DestinationErrorKind::Refused);
        assert!(told.contains("may not be reached"), "{told}");
    }
}

#[test]
fn a_quota_that_is_used_up_is_told() {
    for security in [FtpSecurity::Explicit, FtpSecurity::Plain] {
        fill_the_disk(&ftpd::pure_ftpd_with_quota(security).destination(), SinkErrorKind::Full);
    }
}

#[test]
fn a_full_disk_breaks_the_upload_off() {
    // All of these tell of some failure: "Input/output error", "Failure writing to local file".
    let vague = SinkErrorKind::Unavailable;
    for security in [FtpSecurity::Explicit, FtpSecurity::Plain] {
        fill_the_disk(&ftpd::pure_ftpd(security).destination(), vague);
        fill_the_disk(&ftpd::proftpd(security, BOTH).destination(), vague);
        fill_the_disk(&ftpd::on_vsftpd(&ftpd::vsftpd(security)), vague);
    }
    fill_the_disk(&ftpd::pyftpdlib().destination(), vague);
}

#[test]
fn a_folder_that_may_not_be_written_is_told() {
    for ftpd in [ftpd::proftpd(FtpSecurity::Explicit, BOTH), ftpd::pure_ftpd(FtpSecurity::Explicit)] {
        std::fs::create_dir(ftpd.server.folder.path().join("data/forbidden")).unwrap();
        let mut session = connect(&ftpd.destination()).session;
        for to in ["forbidden/a", "forbidden/b/a"] {
            let error = block_on(session.create(&path(to))).unwrap_err();
            assert_eq!(error.kind(), DestinationErrorKind::Refused, "{}", error.report());
        }
        assert_eq!(
            block_on(write(session.as_mut(), "allowed", &contents(10, 1))),
            Ok(10),
            "the session goes on"
        );
    }
}

/// Servers of several makes, each with a destination.
fn several() -> [(Ftpd, Box<dyn Destination>); 5] {
    let with = |ftpd: Ftpd| {
        let destination: Box<dyn Destination> = Box::new(ftpd.destination());
        (ftpd, destination)
    };
    let vsftpd = ftpd::vsftpd(FtpSecurity::Implicit);
    let on_vsftpd: Box<dyn Destination> = Box::new(ftpd::on_vsftpd(&vsftpd));
    [
        (vsftpd, on_vsftpd),
        with(ftpd::proftpd(FtpSecurity::Explicit, BOTH)),
        with(ftpd::proftpd(FtpSecurity::Plain, BOTH)),
        with(ftpd::pure_ftpd(FtpSecurity::Explicit)),
        with(ftpd::pyftpdlib()),
    ]
}

#[test]
fn a_server_that_is_killed_breaks_the_upload_off() {
    for (ftpd, destination) in several() {
        lose_the_server(destination.as_ref(), || ftpd.server.signal("KILL", true));
    }
}

#[test]
fn a_server_that_is_stopped_holds_nobody_who_gives_up() {
    for (ftpd, destination) in several() {
        wait_in_vain(destination.as_ref(), || ftpd.server.signal("STOP", true));
        ftpd.server.signal("CONT", true);
    }
}

#[test]
fn a_transfer_that_is_dropped_is_followed_by_a_new_session() {
    for (_ftpd, destination) in several() {
        let mut session = connect(destination.as_ref()).session;
        block_on(async {
            for n in 0..3 {
                let mut upload = session.create(&path("dropped")).await.unwrap();
                upload.write(contents(100_000, n)).await.unwrap();
                drop(upload);
                assert_eq!(write(session.as_mut(), "file", &contents(300_000, n)).await, Ok(300_000));
                drop(session.read(&path("file")).await.unwrap());
                assert_eq!(session.size(&path("file")).await.unwrap(), Some(300_000));
            }
            session.close().await.unwrap();
        });
    }
}
