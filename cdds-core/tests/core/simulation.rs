//! A few simulated worlds over the catalog in memory. `examples/simulate.rs` runs as many as you like.

mod asking;
mod deliveries;
mod planted;
mod worlds;
