//! A simulated disk that loses what was not synced.
//!
//! It follows every system call and keeps two states of each file and each folder: the one that processes
//! see, and the one that was synced, which is all that a power cut leaves. A real file system may keep more.
//! A program that survives on this disk survives on those.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::trace::Call;

/// SQLite's index of its log. It is kept in memory, and rebuilt whenever the catalog is opened.
const SHARED_INDEX: &str = "-shm";

#[derive(Debug, Clone)]
enum Content {
    File(Vec<u8>),
    /// The nodes in the folder, by name.
    Folder(BTreeMap<String, usize>),
}

#[derive(Debug)]
struct Node {
    seen: Content,
    synced: Content,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    node: usize,
    position: usize,
    appends: bool,
}

pub(super) struct Disk {
    root: PathBuf,
    nodes: Vec<Node>,
    /// The open files of the running process, by descriptor.
    open: HashMap<i64, Open>,
    /// The node that each thread is syncing, with its content when the call began.
    syncing: HashMap<u32, (usize, Content)>,
}

impl Disk {
    /// The root is the first node.
    const ROOT: usize = 0;

    /// Loads a folder as it is, all of it durable.
    pub(super) fn of(root: &Path) -> Self {
        let root = root.canonicalize().unwrap();
        let mut disk = Self { root, nodes: Vec::new(), open: HashMap::new(), syncing: HashMap::new() };
        disk.load(&disk.root.clone());
        disk
    }

    fn load(&mut self, path: &Path) -> usize {
        if path.is_file() {
            return self.add(Content::File(fs::read(path).unwrap()));
        }
        let node = self.add(Content::Folder(BTreeMap::new()));
        for entry in fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            let child = self.load(&entry.path());
            self.entries(node).insert(entry.file_name().into_string().unwrap(), child);
        }
        self.nodes[node].synced = self.nodes[node].seen.clone();
        node
    }

    /// Adds a node whose content is durable.
    fn add(&mut self, content: Content) -> usize {
        self.nodes.push(Node { seen: content.clone(), synced: content });
        self.nodes.len() - 1
    }

    fn entries(&mut self, folder: usize) -> &mut BTreeMap<String, usize> {
        match &mut self.nodes[folder].seen {
            Content::Folder(entries) => entries,
            Content::File(_) => panic!("a file in the place of a folder"),
        }
    }

    fn bytes(&mut self, file: usize) -> &mut Vec<u8> {
        match &mut self.nodes[file].seen {
            Content::File(bytes) => bytes,
            Content::Folder(_) => panic!("a folder in the place of a file"),
        }
    }

    /// Follows a new process, which has no files open yet.
    pub(super) fn begin(&mut self) {
        self.open.clear();
        self.syncing.clear();
    }

    /// Creates an unsynced folder, as a killed process would leave it.
    pub(super) fn make_unsynced_folder(&mut self, name: &str) {
        let path = self.root.join(name);
        fs::create_dir(&path).unwrap();
        let (parent, name) = self.place(&path).unwrap();
        self.name_new(parent, name, Content::Folder(BTreeMap::new()));
    }

    fn name_new(&mut self, parent: usize, name: String, content: Content) -> usize {
        let node = self.add(content);
        self.entries(parent).insert(name, node);
        node
    }

    /// Follows a call. Returns whether it made anything durable that was not.
    pub(super) fn hear(&mut self, call: &Call) -> bool {
        let is_sync = matches!(call.name.as_str(), "fsync" | "fdatasync");
        match call.result {
            None if is_sync => {
                // Data that is written during the sync may be too late for it.
                if let Some(open) = self.open.get(&call.number(0)) {
                    let content = self.nodes[open.node].seen.clone();
                    self.syncing.insert(call.thread, (open.node, content));
                }
                false
            }
            Some(0) if is_sync => self.syncing.remove(&call.thread).is_some_and(|(node, content)| {
                let changes = !same(&self.nodes[node].synced, &content);
                self.nodes[node].synced = content;
                changes
            }),
            Some(result) if result >= 0 => {
                self.follow(call, result);
                false
            }
            _ => false,
        }
    }

    fn follow(&mut self, call: &Call, result: i64) {
        match call.name.as_str() {
            "openat" => self.open(call, result),
            "close" => drop(self.open.remove(&call.number(0))),
            "fcntl" if call.word(1).starts_with("F_DUPFD") => self.copy(call.number(0), result),
            "dup" | "dup2" | "dup3" => self.copy(call.number(0), result),
            "lseek" => self.move_to(call.number(0), result),
            "write" | "pwrite64" => self.write(call, result),
            "ftruncate" => self.truncate(call),
            "mkdir" => self.make_folder(call.path(0)),
            "rename" => self.rename(call.path(0), call.path(1)),
            "renameat" | "renameat2" if is_here(call, 0) && is_here(call, 2) => {
                assert!(
                    !call.arguments.get(4).is_some_and(|flags| format!("{flags:?}").contains("EXCHANGE"))
                );
                self.rename(call.path(1), call.path(3));
            }
            "linkat" if is_here(call, 0) && is_here(call, 2) => self.link(call.path(1), call.path(3)),
            "unlink" | "rmdir" => self.remove(call.path(0)),
            "unlinkat" if is_here(call, 0) => self.remove(call.path(1)),
            "fcntl" | "exit_group" => {}
            // A private map: only the process sees what is written to it.
            "mmap" if !call.word(3).contains("MAP_SHARED") || call.word(4) == "-1" => {}
            "mmap" => {
                let open = self.open.get(&call.number(4)).map(|open| open.node);
                let shared = open.map(|node| self.path_of(node));
                assert!(shared.is_none_or(|path| path.ends_with(SHARED_INDEX)), "unseen writes: {call:?}");
            }
            "writev" => {
                assert!(!self.open.contains_key(&call.number(0)), "this disk cannot do that: {call:?}");
            }
            _ => panic!("this disk cannot do that: {call:?}"),
        }
    }

    fn open(&mut self, call: &Call, file: i64) {
        let flags = call.word(2).to_owned();
        self.open.remove(&file);
        if !is_here(call, 0) {
            let outside = !self.open.contains_key(&call.number(0));
            return assert!(outside, "this disk cannot do that: {call:?}");
        }
        let path = call.path(1);
        let node = if flags.contains("O_TMPFILE") {
            self.find(path).map(|_| self.add(Content::File(Vec::new())))
        } else {
            let Some((parent, name)) = self.place(path) else { return };
            match self.find(path) {
                None if flags.contains("O_CREAT") => {
                    Some(self.name_new(parent, name, Content::File(Vec::new())))
                }
                found => found,
            }
        };
        let Some(node) = node else { return };
        if flags.contains("O_TRUNC") {
            self.bytes(node).clear();
        }
        self.open.insert(file, Open { node, position: 0, appends: flags.contains("O_APPEND") });
    }

    /// Copies a descriptor. The two share one position in the system, but not here: no program writes through
    /// copies.
    fn copy(&mut self, from: i64, to: i64) {
        match self.open.get(&from).copied() {
            Some(open) => self.open.insert(to, open),
            None => self.open.remove(&to),
        };
    }

    fn move_to(&mut self, file: i64, position: i64) {
        if let Some(open) = self.open.get_mut(&file) {
            open.position = usize::try_from(position).unwrap();
        }
    }

    fn write(&mut self, call: &Call, written: i64) {
        let Some(open) = self.open.get(&call.number(0)).copied() else { return };
        let data = &call.bytes(1)[..usize::try_from(written).unwrap()];
        let positioned = call.name == "pwrite64";
        let length = self.bytes(open.node).len();
        let at = match (positioned, open.appends) {
            (true, _) => usize::try_from(call.number(3)).unwrap(),
            (false, true) => length,
            (false, false) => open.position,
        };
        let bytes = self.bytes(open.node);
        bytes.resize(length.max(at + data.len()), 0);
        bytes[at..at + data.len()].copy_from_slice(data);
        if !positioned {
            self.move_to(call.number(0), i64::try_from(at + data.len()).unwrap());
        }
    }

    fn truncate(&mut self, call: &Call) {
        if let Some(open) = self.open.get(&call.number(0)).copied() {
            self.bytes(open.node).resize(usize::try_from(call.number(1)).unwrap(), 0);
        }
    }

    fn make_folder(&mut self, path: &Path) {
        if let Some((parent, name)) = self.place(path) {
            self.name_new(parent, name, Content::Folder(BTreeMap::new()));
        }
    }

    fn rename(&mut self, from: &Path, to: &Path) {
        let (Some((from, old)), Some((to, new))) = (self.place(from), self.place(to)) else { return };
        let node = self.entries(from).remove(&old).unwrap();
        self.entries(to).insert(new, node);
    }

    fn link(&mut self, from: &Path, to: &Path) {
        let Some((to, name)) = self.place(to) else { return };
        let node = match from.strip_prefix("/proc/self/fd") {
            Ok(file) => self.open[&file.to_str().unwrap().parse().unwrap()].node,
            Err(_) => self.find(from).unwrap(),
        };
        self.entries(to).insert(name, node);
    }

    fn remove(&mut self, path: &Path) {
        if let Some((parent, name)) = self.place(path) {
            self.entries(parent).remove(&name);
        }
    }

    /// Returns the components of a path below the root, or `None` if it lies elsewhere.
    fn names(&self, path: &Path) -> Option<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        let absolute = self.root.join(path);
        for component in absolute.strip_prefix(&self.root).ok()?.components() {
            match component {
                Component::CurDir => {}
                Component::Normal(name) => names.push(name.to_str().unwrap().to_owned()),
                _ => panic!("{} leads out", path.display()),
            }
        }
        Some(names)
    }

    fn find(&mut self, path: &Path) -> Option<usize> {
        let names = self.names(path)?;
        names.iter().try_fold(Self::ROOT, |node, name| self.entries(node).get(name).copied())
    }

    /// Returns the folder of a path, and its name in there.
    fn place(&mut self, path: &Path) -> Option<(usize, String)> {
        let mut names = self.names(path)?;
        let Some(name) = names.pop() else { return Some((Self::ROOT, String::from("."))) };
        let parent = names.iter().try_fold(Self::ROOT, |node, name| self.entries(node).get(name).copied())?;
        Some((parent, name))
    }

    fn path_of(&self, wanted: usize) -> String {
        let within = |node: &Node| match &node.seen {
            Content::Folder(entries) => {
                entries.iter().find(|(_, node)| **node == wanted).map(|(name, _)| name.clone())
            }
            Content::File(_) => None,
        };
        self.nodes.iter().find_map(within).unwrap_or_default()
    }

    /// Returns every file that a power cut would leave, with its contents, and every folder without.
    pub(super) fn left(&self) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        self.tree(|node| &node.synced)
    }

    /// Returns the same for the state that processes see.
    pub(super) fn seen(&self) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        self.tree(|node| &node.seen)
    }

    fn tree(&self, state: impl Fn(&Node) -> &Content) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        let mut tree = BTreeMap::new();
        let mut folders = vec![(PathBuf::new(), Self::ROOT)];
        while let Some((path, folder)) = folders.pop() {
            let Content::Folder(entries) = state(&self.nodes[folder]) else { panic!("no folder") };
            for (name, node) in entries {
                let path = path.join(name);
                match state(&self.nodes[*node]) {
                    Content::File(_) if name.ends_with(SHARED_INDEX) => {}
                    Content::File(bytes) => drop(tree.insert(path, Some(bytes.clone()))),
                    Content::Folder(_) => {
                        tree.insert(path.clone(), None);
                        folders.push((path, *node));
                    }
                }
            }
        }
        tree
    }

    /// Cuts the power: writes what is left to `folder`.
    pub(super) fn cut(&self, folder: &Path) {
        for (path, contents) in self.left() {
            match contents {
                Some(contents) => fs::write(folder.join(path), contents).unwrap(),
                None => fs::create_dir(folder.join(path)).unwrap(),
            }
        }
    }
}

/// Whether the path of a call is relative to the working folder, which is the root.
fn is_here(call: &Call, at: usize) -> bool {
    call.word(at) == "AT_FDCWD"
}

fn same(one: &Content, other: &Content) -> bool {
    match (one, other) {
        (Content::File(one), Content::File(other)) => one == other,
        (Content::Folder(one), Content::Folder(other)) => one == other,
        _ => false,
    }
}
