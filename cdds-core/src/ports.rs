//! The traits through which the engine meets the world.

pub mod catalog;
pub mod clock;
pub mod error;
pub mod ids;
pub mod packager;
pub mod sealer;
pub mod sink;
pub mod source;
pub mod workers;
