use cdds_core::domain::source::Visibility;
use cdds_core::ports::destination::ServerIdentity;
use cdds_delivery::ftp::FtpSecurity;

use super::*;

/// Reads the tables of a configuration that are about deliveries and notices.
fn read(text: &str) -> Result<Delivery, String> {
    let file: file::File =
        toml::from_str(text).map_err(|error| super::super::mistake::explain(text, &error))?;
    check(file.destination, file.email, file.webhook, file.serve.link.as_deref(), Path::new("/srv"))
        .map_err(|mistake| mistake.in_text(text))
}

const SFTP: &str = "[[destination]]\nid = \"partner\"\nurl = \"sftp://exports@partner.example/in\"\n";
const FTP: &str = "[[destination]]\nid = \"partner\"\nurl = \"ftp://exports@partner.example/in\"\n";
const FOLDER: &str = "[[destination]]\nid = \"share\"\nurl = \"file:/mnt/share/in\"\n";
const S3: &str = "[[destination]]\nid = \"partner\"\nurl = \"s3://inbound/in/calls\"\n";
const GCS: &str = "[[destination]]\nid = \"partner\"\nurl = \"gs://inbound\"\n";
const AZURE: &str = "[[destination]]\nid = \"partner\"\nurl = \"azure://account/inbound/in\"\n";
const MAIL: &str = "[email]\nfrom = \"CDDS <exports@example.org>\"\n";
const HOOK: &str = "[[webhook]]\nid = \"ops\"\nurl = \"https://hooks.example/cdds\"\n";

fn with(begin: &str, more: &str) -> Result<Delivery, String> {
    read(&format!("{begin}{more}"))
}

#[test]
fn n1_the_kinds_of_destinations_are_understood() {
    let key = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
    let read = with(
        SFTP,
        &format!("key_file = \"id\"\npassphrase_env = \"P\"\nhost_key = \"{key}\"\nrename = false"),
    );
    let entry = read.unwrap().destinations.remove(0);
    assert!(!entry.renames && !entry.allows_private);
    let DestinationPlace::Sftp { url, password, key: Some(_), passphrase: Some(_), host_key } = entry.kind
    else {
        panic!("{:?}", entry.kind)
    };
    assert_eq!((url.folder.as_str(), password.is_none()), ("/in", true));
    assert_eq!(host_key, Some(ServerIdentity::new(key)));
    let shared = with(FOLDER, "mount = \"/mnt/share\"").unwrap().destinations.remove(0).kind;
    let DestinationPlace::Folder { folder, mount: Some(mount) } = shared else { panic!("{shared:?}") };
    assert_eq!((folder.as_path(), mount.as_path()), (Path::new("/mnt/share/in"), Path::new("/mnt/share")));
    for (begin, tls, security) in [
        (FTP, "tls = \"explicit\"", FtpSecurity::Explicit),
        (FTP, "tls = \"none\"", FtpSecurity::Plain),
        (&FTP.replace("ftp:", "ftps:"), "", FtpSecurity::Implicit),
        (&FTP.replace("ftp:", "ftps:"), "tls = \"explicit\"", FtpSecurity::Explicit),
    ] {
        let kind = with(begin, tls).unwrap().destinations.remove(0).kind;
        assert!(
            matches!(kind, DestinationPlace::Ftp { security: found, .. } if found == security),
            "{kind:?}"
        );
    }
}

#[test]
fn n1_buckets_are_understood_with_their_credentials() {
    let bucket = |begin: &str, more: &str| match with(begin, more).unwrap().destinations.remove(0).kind {
        DestinationPlace::Bucket(bucket) => bucket,
        other => panic!("{other:?}"),
    };
    let s3 = bucket(S3, "access_key_id = \"A\"\nsecret_file = \"s\"\nregion = \"eu-central-1\"");
    let BucketKind::S3 { bucket: name, region, keys: Some((id, _)) } = s3.kind else { panic!("{s3:?}") };
    assert_eq!((name.as_str(), s3.folder.as_str(), s3.uses_environment), ("inbound", "in/calls", false));
    assert_eq!((region.as_deref(), id.as_str()), (Some("eu-central-1"), "A"));
    let own = bucket(GCS, "environment = true\nendpoint = \"https://storage.example\"");
    assert!(own.uses_environment && own.folder.is_empty(), "{own:?}");
    assert!(matches!(own.kind, BucketKind::Gcs { account: None, .. }));
    let azure = bucket(AZURE, "sas_env = \"SAS\"");
    assert_eq!(azure.folder, "in");
    let BucketKind::Azure { account, container, login: Some(AzureLogin::Signature(_)) } = azure.kind else {
        panic!("{:?}", azure.kind)
    };
    assert_eq!((account.as_str(), container.as_str()), ("account", "inbound"));
    for (begin, more, told) in [
        (S3, "", "say how requests are signed: access_key_id with"),
        (S3, "secret_file = \"s\"", "access_key_id: name the key"),
        (S3, "access_key_id = \"A\"\nenvironment = true", "access_key_id: it needs secret_file"),
        (
            S3,
            "access_key_id = \"A\"\nsecret_file = \"s\"\nenvironment = true",
            "environment: there are other",
        ),
        (S3, "sas_env = \"S\"", "sas_file: it goes with azure"),
        (S3, "password_env = \"P\"", "password_env: it goes with sftp and ftp"),
        (S3, "key_file = \"k\"", "key_file: it goes with sftp"),
        (S3, "mount = \"/mnt\"", "mount: it goes with file"),
        (&S3.replace("//inbound", "//A@inbound"), "environment = true", "url: it names a bucket"),
        (GCS, "secret_env = \"S\"\nregion = \"x\"", "region: it goes with s3"),
        (AZURE, "secret_env = \"S\"\nsas_env = \"S\"", "sas_file: there is a key"),
        (&AZURE.replace("/inbound/in", ""), "environment = true", "azure://ACCOUNT/CONTAINER"),
        (SFTP, "key_file = \"k\"\nregion = \"x\"", "region: it goes with s3, gs and azure"),
        (FOLDER, "environment = true", "environment: it goes with s3, gs and azure"),
    ] {
        let error = with(begin, more).unwrap_err();
        assert!(error.contains(told), "{begin}{more}: {error}");
    }
}

#[test]
fn n2_mail_goes_over_tls_unless_the_server_is_here_or_it_is_said() {
    for (server, more, security) in [
        ("smtp://mail.example:587", "", Security::StartTls),
        ("smtps://mail.example", "", Security::Tls),
        ("smtp://127.0.0.1:25", "", Security::Loopback),
        ("smtp://127.0.0.1:25", "tls = \"starttls\"", Security::StartTls),
        ("smtp://relay.example", "tls = \"none\"", Security::Open),
    ] {
        let email = with(MAIL, &format!("server = \"{server}\"\n{more}")).unwrap().email.unwrap();
        assert_eq!(email.security, security, "{server}");
        assert_eq!((email.name.as_deref(), email.from.as_str()), (Some("CDDS"), "exports@example.org"));
    }
    assert_eq!(sender("ada@example.org"), (None, "ada@example.org".to_owned()));
}

#[test]
fn n9_endpoints_have_keys_and_owners() {
    let read = with(HOOK, "secret_file = \"hook\"\nnext_secret_env = \"NEXT\"\nowners = [\"north\"]");
    let entry = read.unwrap().webhooks.remove(0);
    assert!(entry.next_secret.is_some() && entry.visibility != Visibility::AllOwners);
    assert!(read_links("https://exports.example").is_ok() && read_links("exports.example").is_err());
}

fn read_links(address: &str) -> Result<Delivery, String> {
    read(&format!("[serve]\nlink = \"{address}\"\n"))
}

#[test]
fn mistakes_are_named_with_line_and_way_out() {
    for (text, told) in [
        (
            format!("{SFTP}password = \"s3cret\""),
            "line 4: a secret is not written here: instead of \"password\"",
        ),
        (format!("{SFTP}key = \"s3cret\""), "key_file"),
        (format!("{HOOK}secret = \"s3cret\""), "secret_file"),
        (format!("{MAIL}server = \"smtp://h\"\npassword = \"s3cret\""), "password_env"),
        (
            SFTP.replace("exports@", "exports:s3cret@"),
            "line 3: destination \"partner\": url: it holds a password",
        ),
        (SFTP.to_owned(), "line 1: destination \"partner\": say how the user signs in"),
        (SFTP.replace("exports@", ""), "line 3: destination \"partner\": url: name the user"),
        (
            SFTP.replace("sftp:", "gopher:"),
            "line 3: destination \"partner\": url: \"gopher\" is not supported",
        ),
        (
            format!("{SFTP}password_file = \"a\"\npassword_env = \"B\""),
            "line 5: destination \"partner\": password_env: there is password_file too",
        ),
        (format!("{SFTP}password_env = \"A B\""), "password_env: write the name"),
        (
            format!("{SFTP}password_file = \"~/a\""),
            "line 4: destination \"partner\": password_file: ~ is not",
        ),
        (
            format!("{SFTP}key_file = \"a\"\nhost_key = \"MD5:1\""),
            "line 5: destination \"partner\": host_key: ",
        ),
        (format!("{SFTP}key_file = \"a\"\ntls = \"none\""), "tls: it goes with ftp"),
        (
            format!("{SFTP}password_env = \"A\"\npassphrase_env = \"B\""),
            "passphrase_env: it goes with key_file",
        ),
        (
            format!("{FOLDER}password_env = \"A\""),
            "line 4: destination \"share\": password_env: it goes with sftp and ftp",
        ),
        (format!("{FOLDER}rename = false"), "rename: it goes with"),
        (FOLDER.replace("/mnt/share/in", "~/in"), "line 3: destination \"share\": url: ~ is not"),
        (format!("{SFTP}key_file = \"a\"\nmount = \"/mnt\""), "mount: it goes with file"),
        (FTP.to_owned(), "tls = \"explicit\""),
        (format!("{FTP}tls = \"implicit\""), "line 4: destination \"partner\": tls: write explicit"),
        (format!("{FTP}tls = \"none\"\nhost_key = \"x\""), "host_key: it goes with sftp"),
        (
            format!("{FTP}tls = \"none\"\nowners = []"),
            "line 5: destination \"partner\": owners: name at least one",
        ),
        (
            format!("{FTP}tls = \"none\"\n{FTP}tls = \"none\""),
            "line 5: destination \"partner\": it is declared twice",
        ),
        (SFTP.replace("partner\"\n", "a/b\"\n"), "line 1: destination \"a/b\": "),
        (format!("{SFTP}passwrd_file = \"a\""), "did you mean \"password_file\"?"),
        (format!("{MAIL}server = \"mail.example\""), "line 3: email.server: write it like"),
        (format!("{MAIL}server = \"smtp://u@mail.example\""), "line 3: email.server: "),
        (format!("{MAIL}server = \"smtps://h\"\ntls = \"none\""), "line 4: email.tls: "),
        (
            format!("{MAIL}server = \"smtp://h\"\nuser = \"u\""),
            "line 4: email.user: it needs email.password_file",
        ),
        (MAIL.to_owned(), "the key \"server\" is missing"),
        (HOOK.to_owned(), "line 1: webhook \"ops\": say where its secret is"),
        ("[serve]\nlink = \"exports.example\"\n".to_owned(), "line 2: serve.link: "),
    ] {
        let error = read(&text).unwrap_err();
        assert!(error.contains(told), "{text:?} gave {error:?}");
        assert!(!error.contains("s3cret"), "{error:?}");
    }
}
