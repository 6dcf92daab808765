//! How to open the files of a set, with their own names, on each system.

use cdds_core::domain::archive::artifact::{Artifact, ArtifactSet};
use cdds_core::domain::archive::part_name::{PartName, PartPosition};
use maud::{Markup, html};

use super::keys::Keys;
use super::script::{in_folder, quoted};
use crate::texts::artifacts as said;

/// The most parts of which each has a command of its own.
const LISTED_MAX: usize = 4;

/// The most files whose digests are compared by a command; the download script compares those of any number.
const DIGESTS_MAX: usize = 100;

/// A system, and how its shell takes a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum System {
    Linux,
    MacOs,
    Windows,
}

impl System {
    const ALL: [Self; 3] = [Self::Linux, Self::MacOs, Self::Windows];

    const fn name(self) -> &'static str {
        match self {
            Self::Linux => "Linux",
            Self::MacOs => "macOS",
            Self::Windows => "Windows",
        }
    }

    /// Writes a name as an argument; one that says nothing to the shell stays as it is.
    fn argument(self, name: &str) -> String {
        if is_plain(name) {
            return name.to_owned();
        }
        let name = in_folder(name);
        match self {
            Self::Linux | Self::MacOs => quoted(&name),
            Self::Windows => format!("'{}'", name.replace('\'', "''")),
        }
    }
}

/// The names of the files.
struct Names {
    /// Of the last part, which stands for all.
    last: String,
    /// Of the last part when it is decrypted.
    plain: String,
    /// Of every part, in reading order.
    parts: Vec<String>,
    is_sealed: bool,
}

impl Names {
    fn of(set: &ArtifactSet) -> Option<Self> {
        let first = set.artifacts.first()?;
        let part = PartName::parse(&first.name)?.at(PartPosition::Last);
        let is_sealed = part.sealed;
        let parts = part.siblings(first.parts as usize);
        let last = part.to_string();
        let plain = PartName { sealed: false, ..part }.to_string();
        Some(Self { last, plain, parts, is_sealed })
    }
}

/// Returns the instructions; none for files whose names are not those of parts.
pub(super) fn told(set: &ArtifactSet, sealed_for: &str, keys: &Keys) -> Markup {
    let Some(names) = Names::of(set) else { return Markup::default() };
    html! {
        section.card.pad.rows aria-labelledby="open" {
            h2 #open { (said::OPENING) }
            p {
                (said::download_all(names.parts.len()))
                @if names.is_sealed { " " (said::needs_key(sealed_for)) }
            }
            p.hint { (said::SCRIPT_SAYS) }
            @if names.is_sealed { (keys.told()) }
            p.hint { (said::CDDS_FROM) }
            @for system in System::ALL {
                details name="os" open[system == System::Linux] {
                    summary { (system.name()) }
                    ol.rows {
                        (step(system, said::STEP_VERIFY, &verify(system, &names)))
                        @if set.artifacts.len() <= DIGESTS_MAX {
                            (step(system, said::STEP_DIGESTS, &digests(system, &set.artifacts)))
                        }
                        (step(system, said::step_extract(names.is_sealed, names.parts.len() > 1), &extract(system, &names)))
                        (step(system, said::STEP_WITHOUT, &without(system, &names)))
                    }
                }
            }
            @if names.is_sealed {
                p.hint { (said::OTHER_FORM) }
                p.hint { (said::OTHER_KEYS) }
                div.rows.tight {
                    h3 { (said::WRONG_KEY) }
                    p { (said::WRONG_KEY_SAYS) }
                    pre tabindex="0" role="group" aria-label=(said::WRONG_KEY_TRY) { (said::WRONG_KEY_COMMANDS) }
                }
            }
        }
    }
}

fn step(system: System, title: &str, commands: &str) -> Markup {
    html! {
        li {
            h3 { (title) }
            pre tabindex="0" role="group" aria-label={ (title) ", " (system.name()) } { (commands) }
        }
    }
}

/// The argument that names the private key.
fn key(names: &Names) -> &'static str {
    if names.is_sealed { " --key key.pem" } else { "" }
}

fn verify(system: System, names: &Names) -> String {
    format!("cdds verify {}{}", system.argument(&names.last), key(names))
}

fn extract(system: System, names: &Names) -> String {
    format!("cdds extract {}{} --to records", system.argument(&names.last), key(names))
}

/// Returns the commands that compare the files with their published digests, by what each system has.
fn digests(system: System, files: &[Artifact]) -> String {
    let sums = || files.iter().map(|file| format!("{}  {}", file.sha256, plainly(&file.name)));
    let lines: Vec<String> = match system {
        System::Linux => {
            ["sha256sum -c <<'END'".to_owned()].into_iter().chain(sums()).chain(["END".to_owned()]).collect()
        }
        System::MacOs => ["shasum -a 256 -c <<'END'".to_owned()]
            .into_iter()
            .chain(sums())
            .chain(["END".to_owned()])
            .collect(),
        System::Windows => files
            .iter()
            .map(|file| format!("(Get-FileHash {}).Hash -eq '{}'", system.argument(&file.name), file.sha256))
            .collect(),
    };
    lines.join("\n")
}

/// Returns a name as a list of digests takes it: in the current folder, if there is anything unusual about it.
fn plainly(name: &str) -> String {
    if is_plain(name) { name.to_owned() } else { in_folder(name) }
}

fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    name.chars().all(plain) && !name.starts_with('-')
}

/// Returns the commands of programs that others made: OpenSSL decrypts each part, then the parts are unpacked, together
/// if there are several.
fn without(system: System, names: &Names) -> String {
    let mut commands = Vec::new();
    if names.is_sealed && names.parts.len() > LISTED_MAX {
        commands.push(decrypt_all(system, names));
    } else if names.is_sealed {
        commands.extend(names.parts.iter().map(|part| {
            let plain = part.strip_suffix(".smime").unwrap_or(part);
            format!(
                "openssl cms -decrypt -binary -inform DER -in {} -inkey key.pem -out {}",
                system.argument(part),
                system.argument(plain)
            )
        }));
    }
    let plain = system.argument(&names.plain);
    let is_split = names.parts.len() > 1;
    commands.push(match (system, is_split) {
        (System::Linux, false) => format!("unzip {plain} -d records"),
        (System::Linux, true) => format!("7zz x {plain} -orecords"),
        (System::MacOs, false) => format!("ditto -x -k {plain} records"),
        (System::MacOs, true) => format!("zip -s 0 {plain} --out whole.zip && ditto -x -k whole.zip records"),
        (System::Windows, false) => format!("Expand-Archive {plain} -DestinationPath records"),
        (System::Windows, true) => format!("& \"$env:ProgramFiles\\7-Zip\\7z.exe\" x {plain} -orecords"),
    });
    commands.join("\n")
}

/// Returns the commands that decrypt many parts.
fn decrypt_all(system: System, names: &Names) -> String {
    let stem = system.argument(names.plain.strip_suffix(".zip").unwrap_or(&names.plain));
    match system {
        System::Linux | System::MacOs => format!(
            "for part in {stem}.z*.smime; do\n  \
             openssl cms -decrypt -binary -inform DER -in \"$part\" -inkey key.pem -out \"${{part%.smime}}\"\ndone"
        ),
        System::Windows => format!(
            "Get-ChildItem {stem}.z*.smime | ForEach-Object {{\n  \
             openssl cms -decrypt -binary -inform DER -in $_.Name -inkey key.pem -out $_.BaseName\n}}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(is_sealed: bool, parts: usize) -> Names {
        let part = PartName { stem: "export-7".to_owned(), position: PartPosition::Last, sealed: is_sealed };
        let parts = part.siblings(parts);
        Names { last: part.to_string(), plain: "export-7.zip".to_owned(), parts, is_sealed }
    }

    #[test]
    fn each_part_is_decrypted_under_its_own_name_and_all_are_unpacked_together() {
        let sealed = names(true, 2);
        assert_eq!(verify(System::Linux, &sealed), "cdds verify export-7.zip.smime --key key.pem");
        assert_eq!(
            without(System::Linux, &sealed),
            "openssl cms -decrypt -binary -inform DER -in export-7.z01.smime -inkey key.pem -out export-7.z01\n\
             openssl cms -decrypt -binary -inform DER -in export-7.zip.smime -inkey key.pem -out export-7.zip\n\
             7zz x export-7.zip -orecords"
        );
        assert!(
            without(System::MacOs, &sealed)
                .ends_with("zip -s 0 export-7.zip --out whole.zip && ditto -x -k whole.zip records")
        );
        assert_eq!(
            without(System::Linux, &names(true, 5)),
            "for part in export-7.z*.smime; do\n  openssl cms -decrypt -binary -inform DER -in \"$part\" \
             -inkey key.pem -out \"${part%.smime}\"\ndone\n7zz x export-7.zip -orecords"
        );
        let plain = names(false, 1);
        assert_eq!(extract(System::Windows, &plain), "cdds extract export-7.zip --to records");
        assert_eq!(without(System::Linux, &plain), "unzip export-7.zip -d records");
    }

    #[test]
    fn a_name_says_nothing_to_a_shell() {
        assert_eq!(System::Linux.argument("a'b $(x).zip"), r"'./a'\''b $(x).zip'");
        assert_eq!(System::Windows.argument("a'b $(x).zip"), "'./a''b $(x).zip'");
        assert_eq!(System::MacOs.argument("-rf"), "'./-rf'");
    }
}
