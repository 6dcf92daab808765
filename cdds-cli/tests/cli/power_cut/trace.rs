//! The file system calls of a process, as strace records them.

use std::collections::HashMap;
use std::fmt::{self, Debug};
use std::path::Path;
use std::process::{Command, Output};

/// All calls that change files or make them durable, and shared maps, since writes into those are not seen
/// here.
const CALLS: &str = "open,openat,creat,close,dup,dup2,dup3,fcntl,lseek,write,pwrite64,writev,pwritev,pwritev2,\
    sendfile,splice,copy_file_range,truncate,ftruncate,fallocate,mmap,fsync,fdatasync,sync_file_range,sync,syncfs,\
    rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,mkdir,mkdirat,chdir,fchdir,\
    io_uring_setup";

/// The largest number of bytes that strace shows of a write.
const SHOWN_MAX: &str = "16777216";

/// A system call.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) thread: u32,
    pub(super) name: String,
    pub(super) arguments: Vec<Argument>,
    /// Its result once it has returned. A negative result is a failure.
    pub(super) result: Option<i64>,
}

/// An argument of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Argument {
    Bytes(Vec<u8>),
    /// A number, flags or a structure.
    Word(String),
}

impl Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.name)?;
        for argument in &self.arguments {
            match argument {
                Argument::Bytes(bytes) => {
                    write!(f, "{:?}, ", String::from_utf8_lossy(&bytes[..bytes.len().min(99)]))?;
                }
                Argument::Word(word) => write!(f, "{word}, ")?,
            }
        }
        write!(f, ") = {:?}", self.result)
    }
}

impl Call {
    pub(super) fn word(&self, at: usize) -> &str {
        match &self.arguments[at] {
            Argument::Word(word) => word,
            Argument::Bytes(_) => panic!("no bytes are expected: {self:?}"),
        }
    }

    pub(super) fn number(&self, at: usize) -> i64 {
        self.word(at).parse().unwrap_or_else(|_| panic!("argument {at} is no number: {self:?}"))
    }

    pub(super) fn bytes(&self, at: usize) -> &[u8] {
        match &self.arguments[at] {
            Argument::Bytes(bytes) => bytes,
            Argument::Word(_) => panic!("bytes are expected: {self:?}"),
        }
    }

    pub(super) fn path(&self, at: usize) -> &Path {
        Path::new(std::str::from_utf8(self.bytes(at)).unwrap())
    }
}

/// Runs a command under strace. Returns its output, and each call twice: when it begins, and with its result.
pub(super) fn trace(command: &Command) -> (Output, Vec<Call>) {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-xx", "--seccomp-bpf", "-e", "signal=none", "-s", SHOWN_MAX]);
    strace.args(["-e", &format!("trace={CALLS}")]).arg("-o").arg(log.path());
    strace
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => strace.env(name, value),
            None => strace.env_remove(name),
        };
    }
    let output = strace.output().unwrap_or_else(|error| panic!("strace has to be installed: {error}"));
    let log = std::fs::read_to_string(log.path()).unwrap();
    assert!(!log.is_empty(), "strace may not trace here: {}", String::from_utf8_lossy(&output.stderr));
    (output, calls(&log))
}

fn calls(log: &str) -> Vec<Call> {
    let mut unfinished: HashMap<u32, String> = HashMap::new();
    let mut calls = Vec::new();
    for line in log.lines() {
        let (thread, rest) = line.split_once(' ').unwrap();
        let (thread, rest) = (thread.parse().unwrap(), rest.trim_start());
        if let Some(begun) = rest.strip_suffix(" <unfinished ...>") {
            calls.push(call(thread, begun, None));
            unfinished.insert(thread, begun.to_owned());
        } else if let Some(resumed) = rest.strip_prefix("<... ") {
            let (_, more) = resumed.split_once(" resumed>").unwrap();
            calls.extend(returned(thread, &(unfinished.remove(&thread).unwrap() + more)));
        } else if let Some(returned) = returned(thread, rest) {
            calls.push(Call { result: None, ..returned.clone() });
            calls.push(returned);
        }
    }
    calls
}

/// Parses a line as a call with its result. Returns `None` if it is something else, or the call did not
/// return.
fn returned(thread: u32, line: &str) -> Option<Call> {
    let (text, result) = line.rsplit_once(" = ")?;
    // Results look like `0x1 (flags FD_CLOEXEC)` or `-1 ENOENT (No such file or directory)`.
    let result = result.split(' ').next().unwrap();
    let result = match result.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).unwrap().cast_signed(),
        None => result.parse().ok()?,
    };
    Some(call(thread, text.trim_end().strip_suffix(')').unwrap(), Some(result)))
}

/// Parses `name(argument, argument`.
fn call(thread: u32, text: &str, result: Option<i64>) -> Call {
    let (name, rest) = text.split_once('(').unwrap_or_else(|| panic!("no call: {text}"));
    let mut arguments = Vec::new();
    let (mut depth, mut quoted, mut start) = (0, false, 0);
    for (at, byte) in rest.bytes().chain([b',']).enumerate() {
        match byte {
            // Text between quotes consists of `\x…` alone, so it contains no quote.
            b'"' => quoted = !quoted,
            b'{' | b'[' | b'(' if !quoted => depth += 1,
            b'}' | b']' | b')' if !quoted => depth -= 1,
            b',' if !quoted && depth == 0 => {
                arguments.push(argument(rest[start..at].trim()));
                start = at + 1;
            }
            _ => {}
        }
    }
    let name = match name {
        // `open` is the older form of `openat`.
        "open" => {
            arguments.insert(0, Argument::Word("AT_FDCWD".to_owned()));
            "openat"
        }
        name => name,
    };
    Call { thread, name: name.to_owned(), arguments, result }
}

fn argument(text: &str) -> Argument {
    let Some(quoted) = text.strip_prefix('"') else { return Argument::Word(text.to_owned()) };
    let hex = quoted.strip_suffix('"').unwrap_or_else(|| panic!("cut short: {text}"));
    let bytes = hex.split("\\x").skip(1).map(|byte| u8::from_str_radix(byte, 16).unwrap());
    Argument::Bytes(bytes.collect())
}

#[test]
fn calls_are_read_as_strace_writes_them() {
    let log = "7 openat(AT_FDCWD, \"\\x61\\x2c\\x28\", O_RDWR|O_CREAT, 0600) = 3\n\
        7 fcntl(3, F_SETLK, {l_type=F_RDLCK, l_start=1}) = 0\n\
        7 write(3, \"\\x22\\x0a\", 2 <unfinished ...>\n\
        8 fsync(4)                   = -1 EIO (Input/output error)\n\
        7 <... write resumed>)              = 2\n\
        7 exit_group(0 <unfinished ...>\n";
    let calls = calls(log);
    let told: Vec<String> = calls.iter().map(|call| format!("{} {call:?}", call.thread)).collect();
    let expected = [
        "7 openat(AT_FDCWD, \"a,(\", O_RDWR|O_CREAT, 0600, ) = None",
        "7 openat(AT_FDCWD, \"a,(\", O_RDWR|O_CREAT, 0600, ) = Some(3)",
        "7 fcntl(3, F_SETLK, {l_type=F_RDLCK, l_start=1}, ) = None",
        "7 fcntl(3, F_SETLK, {l_type=F_RDLCK, l_start=1}, ) = Some(0)",
        "7 write(3, \"\\\"\\n\", 2, ) = None",
        "8 fsync(4, ) = None",
        "8 fsync(4, ) = Some(-1)",
        "7 write(3, \"\\\"\\n\", 2, ) = Some(2)",
        "7 exit_group(0, ) = None",
    ];
    assert_eq!(told, expected);
}
