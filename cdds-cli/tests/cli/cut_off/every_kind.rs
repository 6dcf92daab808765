//! A set that goes to every kind of server in one run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cdds_delivery::ftp::FtpSecurity::{Explicit, Implicit};

use super::place::{Waiting, contents};
use super::remote::{Folder, Remote};
use super::steps::five_parts;
use super::store::{Make, Store};
use crate::delivering::ftpd::{self, Ftpd};
use crate::delivering::process::Server;
use crate::delivering::sshd;
use crate::support::Place;

/// An SSH or FTP server, and how it is configured.
struct Plain {
    server: Server,
    lines: String,
    roots: Option<String>,
    url: String,
    password: &'static str,
}

impl Plain {
    fn ssh(server: Server, password: &'static str) -> Self {
        let url = format!("sftp://cdds@127.0.0.1:{}/~/in", server.port);
        Self { server, lines: String::new(), roots: None, url, password }
    }

    fn ftp(Ftpd { server, roots, .. }: Ftpd, scheme: &str, user: &str, more: &str) -> Self {
        let url = format!("{scheme}://{user}@127.0.0.1:{}/in", server.port);
        let lines = format!("authorities = \"roots.pem\"\n{more}");
        Self { server, lines, roots: Some(roots), url, password: ftpd::PASSWORD }
    }

    fn data(&self, folder: &str) -> PathBuf {
        self.server.folder.path().join("data/in").join(folder)
    }
}

impl Remote for Plain {
    fn lines(&self, place: &Place, folder: &str) -> String {
        std::fs::write(place.path("password"), self.password).unwrap();
        if let Some(roots) = &self.roots {
            std::fs::write(place.path("roots.pem"), roots).unwrap();
        }
        format!(
            "\n[[destination]]\nid = \"partner\"\nurl = \"{}/{folder}\"\npassword_file = \"password\"\n\
             allow_private = true\n{}",
            self.url, self.lines
        )
    }

    fn arrived(&self, _: &Place, folder: &str) -> BTreeMap<String, Vec<u8>> {
        contents(&self.data(folder))
    }
}

/// Delivers five parts and a manifest by one run.
fn deliver(remote: &dyn Remote, waiting: &mut Waiting, case: &str) {
    let copy = waiting.copy(remote);
    let told = copy.place.json(&["run", "--until-idle"]);
    assert_eq!(told["delivered"], 1, "{case}: {told}");
    waiting.is_delivered(&copy, remote, case);
}

#[test]
fn n1_five_parts_and_a_manifest_arrive_at_every_kind_of_server_in_one_go() {
    let explicit = "tls = \"explicit\"\n";
    let servers: [(&str, Box<dyn Remote>); 11] = [
        ("a folder", Box::new(Folder)),
        ("OpenSSH", Box::new(Plain::ssh(sshd::start(sshd::Options::default()), sshd::PASSWORD))),
        ("ProFTPD, SFTP", Box::new(Plain::ssh(ftpd::mod_sftp(), ftpd::PASSWORD))),
        ("vsftpd", Box::new(Plain::ftp(ftpd::vsftpd(Explicit), "ftp", "anonymous", explicit))),
        ("vsftpd, implicit", Box::new(Plain::ftp(ftpd::vsftpd(Implicit), "ftps", "anonymous", ""))),
        (
            "ProFTPD",
            Box::new(Plain::ftp(ftpd::proftpd(Explicit, "TLSv1.2 TLSv1.3"), "ftp", "cdds", explicit)),
        ),
        ("Pure-FTPd", Box::new(Plain::ftp(ftpd::pure_ftpd(Explicit), "ftp", "cdds", explicit))),
        (
            "pyftpdlib without renames",
            Box::new(Plain::ftp(ftpd::pyftpdlib(), "ftp", "cdds", "tls = \"explicit\"\nrename = false\n")),
        ),
        ("S3", Box::new(Store::start(Make::S3rver))),
        ("Google", Box::new(Store::start(Make::MotoForGoogle))),
        ("Azure", Box::new(Store::start(Make::Azurite))),
    ];
    let mut waiting = five_parts(&Folder);
    for (name, remote) in servers {
        deliver(remote.as_ref(), &mut waiting, name);
    }
}
