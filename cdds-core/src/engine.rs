//! Runs due jobs. Each step has a file of its own:
//!
//! ```text
//! schedule ─ claim ─ export ┬ prepare: source, recipients
//!    due slots become       ├ transfer: records → files → compressed → parts (sealed, digested, stored)
//!    entries of the record  ├ publish: names, manifest, signature
//!                           └ settle: the one commit, or retry, give up, cancel
//! heartbeat: leases and progress, once a second          house: expired sets, orphans, old rows,
//!                                                              and who is told of sets that expire (remind)
//! post: deliveries to destinations (deliver), notices to subscribers (notify) and erasures that data subjects ask for
//!       (subjects), beside the exports
//! attend: signs of life to the register of workers
//! run: all of them, for embedders without a loop of their own; own_loop: the parts of it, for others
//! ```

mod attend;
mod calls;
mod claim;
mod deliver;
mod error;
mod export;
mod failing;
mod heartbeat;
mod house;
#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub mod metered;
mod notify;
pub mod observe;
mod own_loop;
mod post;
mod probes;
mod remind;
mod retain;
mod run;
mod schedule;
mod settings;
mod subjects;
mod worker;
mod zones;

pub use self::claim::Tick;
pub use self::error::EngineError;
pub use self::run::{RunReport, Until};
pub use self::settings::EngineSettings;
pub use self::worker::{Engine, EngineBuilder};
