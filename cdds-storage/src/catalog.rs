//! Where jobs, executions and artifacts are kept.
