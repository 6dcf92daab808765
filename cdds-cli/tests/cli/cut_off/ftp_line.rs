//! A line to an FTP server over explicit TLS, at whose steps a test may break off what it wants. Real servers tell no
//! steps, and all of them are encrypted, so the line ends both connections and shows the server's own certificate.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::ops::DerefMut;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::TLS12;
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, ConnectionCommon, RootCertStore, ServerConfig, ServerConnection,
    SideData, StreamOwned,
};

use crate::delivering::steps::{Phase, Step, Steps};

/// Starts a line to a port of this machine, and returns the port of its near end. The server's `leaf.pem` and
/// `leaf.key` are in the folder.
pub(super) fn line(to: u16, folder: &Path, steps: &Steps) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (folder, steps) = (folder.to_owned(), steps.clone());
    std::thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            // The server may be gone just now.
            let Ok(far) = TcpStream::connect(("127.0.0.1", to)) else { continue };
            let (steps, folder) = (steps.clone(), folder.clone());
            std::thread::spawn(move || Control::new(near, far, &folder, steps).carry());
        }
    });
    port
}

/// One side of a connection, encrypted or not yet.
trait Side: Read + Write {
    fn socket(&self) -> &TcpStream;

    /// Says that nothing follows, and waits until the other end has heard it.
    fn end(&mut self) -> Result<()>;
}

impl Side for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }

    fn end(&mut self) -> Result<()> {
        self.shutdown(Shutdown::Write)?;
        std::io::copy(self, &mut std::io::sink()).map(|_| ())
    }
}

impl<C, S> Side for StreamOwned<C, TcpStream>
where
    C: DerefMut<Target = ConnectionCommon<S>>,
    S: SideData,
{
    fn socket(&self) -> &TcpStream {
        &self.sock
    }

    fn end(&mut self) -> Result<()> {
        self.conn.send_close_notify();
        self.flush()?;
        self.sock.end()
    }
}

/// What both sides of a session encrypt with. Data connections resume the session of their control connection.
struct Secrets {
    near: Arc<ServerConfig>,
    far: Arc<ClientConfig>,
}

impl Secrets {
    fn read(folder: &Path) -> Self {
        let certificate = CertificateDer::from_pem_file(folder.join("leaf.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(folder.join("leaf.key")).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let provider = Arc::new(default_provider());
        let near = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS12])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let far = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS12])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { near: Arc::new(near), far: Arc::new(far) }
    }

    /// Encrypts both sides.
    fn encrypt(&self, near: TcpStream, far: TcpStream) -> Result<[Box<dyn Side>; 2]> {
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let far_end = ClientConnection::new(Arc::clone(&self.far), name).unwrap();
        let near_end = ServerConnection::new(Arc::clone(&self.near)).unwrap();
        Ok([Box::new(shaken(near_end, near)?), Box::new(shaken(far_end, far)?)])
    }
}

fn shaken<C, S>(mut end: C, mut socket: TcpStream) -> Result<StreamOwned<C, TcpStream>>
where
    C: DerefMut<Target = ConnectionCommon<S>>,
    S: SideData,
{
    end.complete_io(&mut socket)?;
    Ok(StreamOwned::new(end, socket))
}

/// A control connection.
struct Control {
    near: Box<dyn Side>,
    far: Box<dyn Side>,
    session: Arc<Session>,
}

/// What a control connection and its data connections share.
struct Session {
    secrets: Secrets,
    steps: Steps,
    /// The last command, and its file.
    asked: Mutex<(String, String)>,
}

impl Session {
    fn reach(&self, phase: Phase, name: Option<&str>) {
        let (asked, path) = self.asked.lock().unwrap().clone();
        self.steps.reach(Step { phase, name: name.map_or(asked, str::to_owned), path });
    }
}

impl Control {
    fn new(near: TcpStream, far: TcpStream, folder: &Path, steps: Steps) -> Self {
        let asked = Mutex::new(("connect".to_owned(), String::new()));
        let session = Arc::new(Session { secrets: Secrets::read(folder), steps, asked });
        Self { near: Box::new(near), far: Box::new(far), session }
    }

    fn carry(mut self) {
        self.session.reach(Phase::Before, Some("session"));
        // It ends with either side.
        let _ = self.converse();
        let _ = self.near.socket().shutdown(Shutdown::Both);
        // What the server was asked for last is over once it has ended its connection.
        let mut far = self.far.socket();
        let _ = far.shutdown(Shutdown::Write);
        let _ = std::io::copy(&mut far, &mut std::io::sink());
        self.session.reach(Phase::After, Some("session"));
    }

    fn converse(&mut self) -> Result<()> {
        self.answer()?;
        loop {
            let line = read_line(&mut self.near)?;
            let (name, path) = line.trim_end().split_once(' ').unwrap_or((line.trim_end(), ""));
            let name = name.to_ascii_lowercase();
            let path = if name == "pass" { "" } else { path };
            *self.session.asked.lock().unwrap() = (name.clone(), path.to_owned());
            self.session.reach(Phase::Before, None);
            self.far.write_all(line.as_bytes())?;
            self.far.flush()?;
            if self.answer()?.starts_with("234") {
                let clones = (self.near.socket().try_clone()?, self.far.socket().try_clone()?);
                [self.near, self.far] = self.session.secrets.encrypt(clones.0, clones.1)?;
            }
        }
    }

    /// Passes answers on until one ends the command, and returns that one.
    fn answer(&mut self) -> Result<String> {
        loop {
            let mut answer = read_line(&mut self.far)?;
            // More lines follow until one begins with the code alone (RFC 959, section 4.2).
            let end = format!("{} ", answer.get(..3).unwrap_or_default());
            let mut last = answer.clone();
            while !last.starts_with(&end) {
                last = read_line(&mut self.far)?;
                answer.push_str(&last);
            }
            // Those of 100 and more only tell that a transfer begins.
            let is_over = !answer.starts_with('1');
            if is_over {
                self.session.reach(Phase::After, None);
            }
            if answer.starts_with("227") {
                answer = self.passive(&answer)?;
            }
            self.near.write_all(answer.as_bytes())?;
            self.near.flush()?;
            if is_over {
                return Ok(answer);
            }
        }
    }

    /// Waits for a data connection at another port than the server's, and returns the answer that tells of it.
    fn passive(&self, answer: &str) -> Result<String> {
        let numbers = answer.split(['(', ')']).nth(1).unwrap_or_default().split(',');
        let numbers: Vec<u16> = numbers.filter_map(|number| number.parse().ok()).collect();
        let [.., high, low] = numbers[..] else { return Err(Error::from(ErrorKind::InvalidData)) };
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (port, to, session) =
            (listener.local_addr()?.port(), high * 256 + low, Arc::clone(&self.session));
        std::thread::spawn(move || transfer(&listener, to, &session));
        Ok(format!("227 Passive (127,0,0,1,{},{}).\r\n", port / 256, port % 256))
    }
}

/// Carries a file, or a list of files. A connection that breaks off does so at the other side, too.
fn transfer(listener: &TcpListener, to: u16, session: &Session) -> Result<()> {
    let (near, _) = listener.accept()?;
    let far = TcpStream::connect(("127.0.0.1", to))?;
    let sockets = [near.try_clone()?, far.try_clone()?];
    let carried = session.secrets.encrypt(near, far).and_then(|[mut near, mut far]| {
        let is_stored = session.asked.lock().unwrap().0 == "stor";
        let (from, to) = if is_stored { (&mut near, &mut far) } else { (&mut far, &mut near) };
        let mut piece = vec![0; 16 * 1024];
        loop {
            match from.read(&mut piece)? {
                0 => break,
                bytes => {
                    if is_stored {
                        session.reach(Phase::Before, Some("write"));
                    }
                    to.write_all(&piece[..bytes])?;
                }
            }
        }
        to.end()
    });
    for socket in sockets {
        let _ = socket.shutdown(Shutdown::Both);
    }
    carried
}

fn read_line(from: &mut impl Read) -> Result<String> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while line.last() != Some(&b'\n') {
        from.read_exact(&mut byte)?;
        line.push(byte[0]);
    }
    String::from_utf8(line).map_err(|why| Error::new(ErrorKind::InvalidData, why))
}
