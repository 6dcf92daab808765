//! Programs that judge: installed by `.ci/tools`.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Where `.ci/tools` puts what notices are checked with.
pub(crate) fn tools() -> PathBuf {
    let tools = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/tools/notify");
    assert!(tools.join("python/aiosmtpd").exists(), "run `bash .ci/tools`, which installs the verifiers");
    tools
}

/// Python with those packages.
pub(crate) fn python() -> Command {
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", tools().join("python"));
    python
}

/// Node with those packages.
pub(crate) fn node() -> Command {
    let mut node = Command::new("node");
    node.env("NODE_PATH", tools().join("node_modules"));
    node
}

/// Runs a program with `input`.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Output {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("`bash .ci/tools` installs node and python3");
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}
