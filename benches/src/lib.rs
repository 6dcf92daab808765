//! Data and composition shared by the benchmarks.
