//! Where parts are stored.
