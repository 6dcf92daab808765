//! A script of the shell that downloads files and compares them with their published digests.

use std::fmt::Write as _;

use axum::response::{IntoResponse, Response};
use cdds_core::ExecutionId;
use cdds_core::domain::archive::artifact::{Artifact, ArtifactSet, Sha256Digest};
use http::header;

/// What every script begins with. The token is given to curl through a pipe, since other users of the machine can read
/// the arguments of a program. A file whose download broke off is gone on with. The store may answer in place of the
/// console; curl does not send the token there.
const BEGIN: &str = r#"set -eu
: "${CDDS_TOKEN:?set it to an API token: CDDS_TOKEN=... sh download.sh}"

sum() {
    if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -c 1-64
}

# get ADDRESS FILE SHA-256
get() {
    if [ -e "$2" ] && [ "$(sum <"$2")" = "$3" ]; then
        return
    fi
    printf 'header = "Authorization: Bearer %s"\n' "$CDDS_TOKEN" |
        curl --config - --fail --show-error --location --continue-at - --output "$2" "$console/$1"
    if [ "$(sum <"$2")" != "$3" ]; then
        printf '%s is not the published file: remove it, and run this again\n' "$2" >&2
        exit 1
    fi
}

"#;

/// Returns the script of some files.
pub(in crate::pages) fn of_files(console: &str, files: &[Artifact]) -> String {
    let mut script = begin(console, "Downloads the chosen files");
    files.iter().for_each(|file| artifact(&mut script, file));
    script
}

/// Returns the script of a whole set, with its manifest and signature.
pub(super) fn of_set(console: &str, execution: ExecutionId, set: &ArtifactSet) -> String {
    let mut script = begin(console, &format!("Downloads the set of execution {execution}"));
    set.artifacts.iter().for_each(|file| artifact(&mut script, file));
    let manifest = &set.manifest;
    line(&mut script, &format!("api/v1/sets/{execution}/manifest"), &manifest.name, manifest.sha256);
    if let Some(signature) = &set.signature {
        line(&mut script, &format!("api/v1/sets/{execution}/signature"), &signature.name, signature.sha256);
    }
    script
}

/// Returns a script as a file to save.
pub(in crate::pages) fn answer(name: &str, script: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, script.to_owned()).into_response()
}

fn begin(console: &str, says: &str) -> String {
    format!(
        "#!/bin/sh\n# {says} into the current folder, and compares each with its published SHA-256.\n\
         # CDDS_TOKEN is an API token; CDDS_CONSOLE is the address of the console, if it is another one.\n\
         console=${{CDDS_CONSOLE:-{}}}\n{BEGIN}",
        quoted(console)
    )
}

fn artifact(script: &mut String, file: &Artifact) {
    line(script, &format!("api/v1/artifacts/{}/content", file.id), &file.name, file.sha256);
}

fn line(script: &mut String, address: &str, name: &str, digest: Sha256Digest) {
    let _infallible = writeln!(script, "get {} {} {digest}", quoted(address), quoted(&in_folder(name)));
}

/// Returns the name of a file of the current folder: no other folder, and no option of a program.
pub(super) fn in_folder(name: &str) -> String {
    let name: String =
        name.chars().map(|c| if c == '/' || c == '\\' || c.is_control() { '_' } else { c }).collect();
    format!("./{name}")
}

/// Quotes a text for the shell, which then takes each character as it is.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_shell_takes_hostile_names_and_addresses_as_they_are() {
        let digest = Sha256Digest([7; 32]);
        let names = [
            "a b.zip",
            "$(touch owned)",
            "`id`",
            "it's; rm -rf .",
            "-rf",
            "../../up",
            "a\nb",
            "\u{202e}x",
            "%s\\n",
        ];
        let mut script = begin("https://x.example/'$(id)'", "Downloads the chosen files");
        // In place of curl: what the shell understood.
        script.push_str("get() { printf '%s|%s|%s\\n' \"$console/$1\" \"$2\" \"$3\"; }\n");
        for name in names {
            line(&mut script, "api/v1/artifacts/7/content", name, digest);
        }
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(&script).env("CDDS_TOKEN", "t").env_remove("CDDS_CONSOLE");
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), names.len(), "{said}");
        for (line, name) in lines.into_iter().zip(names) {
            let [address, file, sum] = line.split('|').collect::<Vec<_>>().try_into().unwrap();
            assert_eq!(address, "https://x.example/'$(id)'/api/v1/artifacts/7/content");
            assert_eq!(sum, digest.to_string());
            let name = name.replace(['/', '\\', '\n'], "_");
            assert_eq!(file, format!("./{name}"));
        }
    }
}
