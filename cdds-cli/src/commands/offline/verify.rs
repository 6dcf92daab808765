//! `cdds verify`: checks that a set is complete and as published.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::Path;

use cdds_core::domain::archive::{index, manifest};
use cdds_crypto::{PrivateKey, check_sealed};
use cdds_storage::archive::{PartSet, SteadyFile, extract};
use cdds_view::words;
use serde::Serialize;

use super::identity::SetId;
use super::private_key::read_key;
use super::published::{Published, is_manifest};
use super::reading::bytes_of;
use super::signature::Signer;
use super::{Reading, find_set, open_code, plaintext};
use crate::args::VerifyArgs;
use crate::error::CliError;
use crate::session::Session;

/// The verdict on one set.
#[derive(Debug, Serialize)]
struct Verdict {
    set: String,
    /// The folder of the set, as it was named.
    folder: String,
    ok: bool,
    /// The manifest whose digests were compared; null if there is none.
    manifest: Option<String>,
    /// When the manifest was signed, by the signer's clock; null unless its signature was checked.
    signed_at: Option<String>,
    parts: Vec<PartVerdict>,
    /// Files whose contents were checked; null if they could not be looked at.
    files: Option<u64>,
    /// Whether one of them is the page of a copy that a data subject asked for, and no file of records.
    #[serde(skip)]
    has_page: bool,
    /// What is wrong with the set as a whole.
    problem: Option<String>,
}

#[derive(Debug, Serialize)]
struct PartVerdict {
    name: String,
    ok: bool,
    problem: Option<String>,
}

pub(in crate::commands) fn verify(args: &VerifyArgs, session: &Session) -> Result<(), CliError> {
    let key = args.key.as_deref().map(|file| read_key(file, &args.passphrase)).transpose()?;
    let signer = args.signer.as_deref().map(Signer::read).transpose()?;
    let reading = Reading::shown(session);
    let mut checked = Checked::default();
    for file in args.files.iter().chain(&args.manifest) {
        checked.add(file, key.as_ref(), signer.as_ref(), &reading);
    }
    drop(reading);
    if !checked.verdicts.is_empty() {
        let words: Vec<String> = checked.verdicts.iter().map(|verdict| checked.words(verdict)).collect();
        session.output.outcome(&checked.verdicts, &words.join("\n"))?;
    }
    checked.into_result()
}

/// The verdicts on all named sets, each once. A failure is always reported, whatever else was named.
#[derive(Debug, Default)]
struct Checked {
    verdicts: Vec<Verdict>,
    /// The index of each set's verdict.
    sets: BTreeMap<SetId, usize>,
    /// The errors of sets without a verdict.
    errors: Vec<CliError>,
}

impl Checked {
    fn add(&mut self, file: &Path, key: Option<&PrivateKey>, signer: Option<&Signer>, reading: &Reading) {
        if let Err(error) = self.try_add(file, key, signer, reading) {
            self.errors.push(error);
        }
    }

    fn try_add(
        &mut self,
        file: &Path,
        key: Option<&PrivateKey>,
        signer: Option<&Signer>,
        reading: &Reading,
    ) -> Result<(), CliError> {
        let id = SetId::of(file)?;
        let known = id.as_ref().and_then(|id| self.verdicts.get(*self.sets.get(id)?));
        if known.is_some_and(|verdict| verdict.covers(file)) {
            return Ok(());
        }
        // A manifest counts only once its signer is known.
        let published = Published::of(file)?;
        let signed_at = signer.map(|signer| signer.check(file, published.as_ref())).transpose()?;
        let mut verdict = verify_set(file, published.as_ref(), key, reading)?;
        verdict.signed_at = signed_at;
        self.sets.extend(id.map(|id| (id, self.verdicts.len())));
        self.verdicts.push(verdict);
        Ok(())
    }

    /// Returns the name of a set, with its folder where sets of one name lie in several.
    fn label(&self, verdict: &Verdict) -> String {
        let namesakes = self.verdicts.iter().filter(|other| other.set == verdict.set).count();
        if namesakes > 1 { format!("{}/{}", verdict.folder, verdict.set) } else { verdict.set.clone() }
    }

    fn words(&self, verdict: &Verdict) -> String {
        verdict.words(&self.label(verdict))
    }

    /// Succeeds only if every set was found to be in order.
    fn into_result(mut self) -> Result<(), CliError> {
        let bad: Vec<&Verdict> = self.verdicts.iter().filter(|verdict| !verdict.ok).collect();
        if bad.is_empty() && self.errors.len() < 2 {
            return self.errors.pop().map_or(Ok(()), Err);
        }
        let names: Vec<String> = bad.iter().map(|verdict| self.label(verdict)).collect();
        let reasons: Vec<String> = bad.iter().flat_map(|verdict| verdict.problems()).collect();
        let of_bad = (!bad.is_empty()).then(|| format!("{}: {}", names.join(", "), reasons.join("; ")));
        let of_others = self.errors.iter().map(|error| error.message().to_owned());
        let all: Vec<String> = of_bad.into_iter().chain(of_others).collect();
        Err(CliError::failed("verification_failed", all.join("; ")))
    }
}

fn verify_set(
    file: &Path,
    published: Option<&Published>,
    key: Option<&PrivateKey>,
    reading: &Reading,
) -> Result<Verdict, CliError> {
    let Some(published) = published else {
        let set = find_set(file)?;
        let verdict = inspect(&set, key, reading, Verdict::new(&set, folder_of(file)));
        if verdict.ok && verdict.files.is_none() {
            return Err(CliError::failed(
                "cannot_verify",
                format!(
                    "{}: the parts are whole, but sealed, and there is no manifest beside them to compare \
                     digests with: fetch it, or name a recipient's private key with --key",
                    verdict.set
                ),
            ));
        }
        return Ok(verdict);
    };
    // With a manifest, missing or altered parts are reported before any part is inspected.
    let findings = published.compare(reading);
    let intact = findings.iter().all(|finding| finding.problem.is_none());
    let parts = findings
        .iter()
        .map(|finding| PartVerdict {
            ok: finding.problem.is_none(),
            problem: finding.problem.as_ref().map(ToString::to_string),
            name: finding.name.clone(),
        })
        .collect();
    let verdict = Verdict {
        set: manifest::stem(published.manifest.execution_id),
        folder: folder_of(file),
        ok: intact,
        manifest: Some(published.path.display().to_string()),
        signed_at: None,
        parts,
        files: None,
        has_page: false,
        problem: None,
    };
    if !intact {
        return Ok(verdict);
    }
    let set = published.compared_set(&findings)?;
    let verdict = inspect(&set, key, reading, verdict);
    Ok(match verdict.files {
        Some(files) if files != published.manifest.files => Verdict {
            ok: false,
            problem: Some(format!(
                "it holds {}, but {} were published",
                words::counted(files, "file"),
                published.manifest.files
            )),
            ..verdict
        },
        _ => verdict,
    })
}

/// Inspects the parts: the record files if they can be read, the envelopes if not.
fn inspect(set: &PartSet, key: Option<&PrivateKey>, reading: &Reading, mut verdict: Verdict) -> Verdict {
    if set.is_sealed() && key.is_none() {
        reading.begin("checking", bytes_of(set.files()));
        for file in set.files() {
            if let Err(problem) = check_envelope(file, reading) {
                verdict.fail(file.path(), problem);
            }
        }
        return verdict;
    }
    let mut has_page = false;
    let checked = plaintext(set, key, reading).and_then(|plain| {
        reading.begin_archive("checking", set);
        Ok(extract::verify(&plain.parts, |path| has_page |= path == index::PATH)?)
    });
    match checked {
        Ok(summary) => {
            verdict.files = Some(summary.entries);
            verdict.has_page = has_page;
        }
        Err(error) => {
            verdict.ok = false;
            verdict.problem = Some(error.message().to_owned());
        }
    }
    verdict
}

/// Returns the folder of a file as it was named.
fn folder_of(file: &Path) -> String {
    let folder = file.parent().filter(|folder| *folder != Path::new(""));
    folder.unwrap_or(Path::new(".")).display().to_string()
}

fn check_envelope(file: &SteadyFile, reading: &Reading) -> Result<(), String> {
    let file = file.open().map_err(|error| error.to_string())?;
    match check_sealed(BufReader::with_capacity(256 << 10, reading.reader(file))) {
        Ok(_facts) => Ok(()),
        Err(error) => Err(format!("{error} ({})", open_code(&error))),
    }
}

impl Verdict {
    fn new(set: &PartSet, folder: String) -> Self {
        let parts: Vec<PartVerdict> = set
            .names()
            .iter()
            .map(|name| PartVerdict { name: name.clone(), ok: true, problem: None })
            .collect();
        let last = set.names().last().map(String::as_str).unwrap_or_default();
        let stem = last.strip_suffix(".smime").unwrap_or(last);
        let stem = stem.strip_suffix(".zip").unwrap_or(stem);
        Self {
            set: stem.to_owned(),
            folder,
            ok: true,
            manifest: None,
            signed_at: None,
            parts,
            files: None,
            has_page: false,
            problem: None,
        }
    }

    /// Returns whether a file of the same set was checked.
    fn covers(&self, file: &Path) -> bool {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        is_manifest(file) && self.manifest.is_some() || self.parts.iter().any(|part| part.name == name)
    }

    fn fail(&mut self, path: &Path, problem: String) {
        self.ok = false;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some(part) = self.parts.iter_mut().find(|part| part.name == name) {
            part.ok = false;
            part.problem = Some(problem);
        }
    }

    fn problems(&self) -> Vec<String> {
        let parts = self
            .parts
            .iter()
            .filter_map(|part| part.problem.as_ref().map(|problem| format!("{}: {problem}", part.name)));
        parts.chain(self.problem.clone()).collect()
    }

    /// Words the verdict for people, including what was not checked.
    fn words(&self, label: &str) -> String {
        let mut lines: Vec<String> = self
            .parts
            .iter()
            .map(|part| match &part.problem {
                None => format!("  ok      {}", part.name),
                Some(problem) => format!("  BROKEN  {}: {problem}", part.name),
            })
            .collect();
        lines.extend(self.problem.iter().map(|problem| format!("  BROKEN  {problem}")));
        let verdict = if self.ok { "verified" } else { "NOT as published" };
        let digests = match (&self.manifest, &self.signed_at) {
            (Some(_), Some(at)) => format!("manifest signed at {at}; digests compared with it"),
            (Some(_), None) => "digests compared with the manifest".to_owned(),
            (None, _) => "no manifest beside it, so digests were not compared".to_owned(),
        };
        let contents = match self.files {
            Some(files) if self.has_page => {
                let records = words::counted(files.saturating_sub(1), "record file");
                format!("{records} and {} read and checked", index::PATH)
            }
            Some(files) => format!("{} read and checked", words::counted(files, "record file")),
            None if self.ok => "contents not checked: they are sealed, --key opens them".to_owned(),
            None => "contents not checked".to_owned(),
        };
        lines.insert(0, format!("{label}: {verdict} ({digests}; {contents})"));
        lines.join("\n")
    }
}
