//! Sockets: on which runtime they live, and to which addresses they may connect.

#[cfg(any(feature = "object", feature = "sftp"))]
mod line;
mod policy;
#[cfg(any(feature = "object", feature = "ftp", feature = "email", feature = "webhook"))]
pub mod tls;

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use cdds_core::ports::error::{PortError, PortErrorKind};
use tokio::net::TcpStream;
use tokio::runtime::{Handle, Runtime};

#[cfg(any(feature = "object", feature = "sftp"))]
pub(crate) use self::line::Line;
pub use self::policy::{AddressPolicy, Forbidden};

/// The network as adapters use it. Cheap to clone; all clones share one runtime.
#[derive(Clone)]
pub struct Net {
    handle: Handle,
    /// Ends with the last clone.
    _owned: Option<Arc<Owned>>,
    policy: AddressPolicy,
}

/// A runtime that may be dropped anywhere.
#[derive(Debug)]
struct Owned(Option<Runtime>);

impl Drop for Owned {
    fn drop(&mut self) {
        // Dropping a runtime waits for its blocking calls, which is forbidden within another runtime.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Net {
    /// Starts a runtime with one thread of its own for services that have none, or another one than Tokio.
    ///
    /// # Errors
    /// If the system has no thread or no descriptor left.
    pub fn new() -> std::io::Result<Self> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).thread_name("cdds-delivery").enable_all().build()?;
        let handle = runtime.handle().clone();
        Ok(Self { handle, _owned: Some(Arc::new(Owned(Some(runtime)))), policy: AddressPolicy::default() })
    }

    /// Uses the Tokio runtime of the service, which must drive sockets and time and outlive all adapters.
    pub fn on(handle: Handle) -> Self {
        Self { handle, _owned: None, policy: AddressPolicy::default() }
    }

    /// Replaces which addresses may be used; by default only public ones.
    #[must_use]
    pub fn with_policy(self, policy: AddressPolicy) -> Self {
        Self { policy, ..self }
    }

    /// Returns which addresses may be used.
    pub fn policy(&self) -> &AddressPolicy {
        &self.policy
    }

    /// Polls a future in the context of the runtime, wherever the caller itself is polled. What the future holds must
    /// also be used in [`run`](Self::run).
    ///
    /// # Cancel safety
    /// That of the future.
    pub async fn run<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        std::future::poll_fn(|context| {
            let _entered = self.handle.enter();
            future.as_mut().poll(context)
        })
        .await
    }

    /// Calls something in the context of the runtime, for values that are dropped anywhere.
    #[cfg(any(feature = "object", feature = "sftp"))]
    pub(crate) fn within<R>(&self, call: impl FnOnce() -> R) -> R {
        let _entered = self.handle.enter();
        call()
    }

    /// Connects to a host. Its name is looked up once, and only the addresses found are tried, so that a name that
    /// changes in between leads nowhere else.
    ///
    /// # Errors
    /// [`ConnectError`], after all addresses were tried. There is no time limit.
    ///
    /// # Cancel safety
    /// A dropped call leaves no connection.
    pub async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, ConnectError> {
        let addresses = self.resolve(host, port).await?;
        let mut failure = None;
        for address in &addresses {
            match self.run(TcpStream::connect(address)).await {
                Ok(stream) => {
                    // Small requests and their replies follow one another; waiting to fill packets would slow them.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(why) => failure = Some(why),
            }
        }
        let why = failure.unwrap_or_else(|| std::io::Error::other("the name has no address"));
        Err(ConnectError::Io { host: host.to_owned(), port, why })
    }

    /// Looks a host up, by its name or its address in digits, and refuses it if one of its addresses may not be used.
    ///
    /// # Errors
    /// [`ConnectError`] if the name is not known, or if one of its addresses may not be used.
    ///
    /// # Cancel safety
    /// A dropped call changes nothing.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectError> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found = self.run(tokio::net::lookup_host((bare, port))).await;
        let io = |why| ConnectError::Io { host: host.to_owned(), port, why };
        let addresses: Vec<SocketAddr> = found.map_err(io)?.collect();
        for address in &addresses {
            self.policy
                .check(address.ip())
                .map_err(|why| ConnectError::Forbidden { host: host.to_owned(), why })?;
        }
        Ok(addresses)
    }
}

impl fmt::Debug for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Net").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// No connection was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address may not be used.
    #[error("{host} may not be reached: {why}")]
    Forbidden {
        /// The host.
        host: String,
        /// Why.
        why: Forbidden,
    },
    /// The host cannot be reached.
    #[error("{host}:{port} cannot be reached")]
    Io {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// Why.
        #[source]
        why: std::io::Error,
    },
}

impl ConnectError {
    /// Turns it into an error of a port: `refused` if the address may not be used, and otherwise `unavailable`.
    pub fn into_port<K: PortErrorKind>(self, refused: K, unavailable: K) -> PortError<K> {
        match self {
            Self::Forbidden { .. } => PortError::new(refused, self.to_string()),
            Self::Io { host, port, why } => {
                PortError::with_source(unavailable, format!("{host}:{port} cannot be reached"), why)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n9_a_name_that_leads_into_this_machine_is_refused_before_it_is_connected_to() {
        let net = Net::new().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        for host in ["localhost", "127.0.0.1", "[::1]", "127.1", "0x7f.1"] {
            let told = futures::executor::block_on(net.connect(host, port)).unwrap_err().to_string();
            assert!(
                told.contains("may not be reached") || told.contains("cannot be reached"),
                "{host}: {told}"
            );
        }
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err(), "nobody connected");
        let any = net.with_policy(AddressPolicy::any());
        assert!(futures::executor::block_on(any.connect("127.0.0.1", port)).is_ok());
    }

    #[test]
    fn a_runtime_may_end_within_another_one() {
        let outer = tokio::runtime::Runtime::new().unwrap();
        outer.block_on(async { drop(Net::new().unwrap()) });
    }
}
