//! Examples of every command: shown below its help, and run by the tests.

use clap::{Command, CommandFactory};

use super::{Cli, times};

/// Returns the command line with its examples.
pub(crate) fn command() -> Command {
    with_examples(Cli::command(), "")
}

fn with_examples(mut command: Command, path: &str) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in names {
        let path = format!("{path} {name}");
        command = command.mut_subcommand(&name, |sub| with_examples(sub, &path));
    }
    let path = path.trim_start();
    let said = command.get_after_help().map(ToString::to_string);
    let examples =
        EXAMPLES.iter().find(|(of, _)| *of == path).map(|(_, lines)| format!("Examples:\n{lines}"));
    let parts: Vec<String> = said.into_iter().chain(times::of(&command, path)).chain(examples).collect();
    if parts.is_empty() { command } else { command.after_help(parts.join("\n\n")) }
}

/// The examples by command, each line indented as it is shown.
const EXAMPLES: &[(&str, &str)] = &[
    (
        "init",
        "  cdds init                     here\n  \
           cdds init exports             in a folder of its own",
    ),
    (
        "status",
        "  cdds status\n  \
           cdds status --output json | jq .next",
    ),
    (
        "doctor",
        "  cdds doctor\n  \
           cdds doctor --output json     for monitoring; exit code 1 if something failed",
    ),
    ("bundle", "  cdds bundle\n  cdds bundle --to - | less"),
    (
        "config",
        "  cdds config show\n  \
           cdds config reference source.type",
    ),
    ("config show", "  cdds config show\n  cdds config show --output json"),
    ("config check", "  cdds config check\n  cdds config check --config /etc/cdds/cdds.toml"),
    (
        "config reference",
        "  cdds config reference\n  \
           cdds config reference engine.lease",
    ),
    (
        "demo",
        "  cdds demo\n  \
           cdds demo /tmp/demo --records 100000
             cdds demo --serve             then the console, in a browser",
    ),
    (
        "serve",
        "  cdds serve                    on this machine alone; prints its address\n  \
           cdds serve --listen 127.0.0.1:9000 -v",
    ),
    ("user", "  cdds user hash"),
    ("user hash", "  cdds user hash                asks for the password, or reads a line of standard input"),
    (
        "token",
        "  cdds token create --role viewer --name reports\n  \
           cdds token list",
    ),
    (
        "token create",
        "  cdds token create --role viewer --name reports\n  \
           cdds token create --role operator --owner acme --expires 90d",
    ),
    ("token list", "  cdds token list\n  cdds token list --owner acme"),
    ("token revoke", "  cdds token revoke 3f8a01c2b4d5"),
    (
        "source",
        "  cdds source list\n  \
           cdds source check contact-history",
    ),
    ("source list", "  cdds source list\n  cdds source list --output json"),
    ("source check", "  cdds source check contact-history"),
    (
        "source fields",
        "  cdds source fields contact-history\n  \
           cdds source fields contact-history interaction --output json",
    ),
    (
        "destination",
        "  cdds destination check partner\n  \
           cdds destination list",
    ),
    ("destination list", "  cdds destination list\n  cdds destination list --state failing"),
    ("destination show", "  cdds destination show partner"),
    ("destination check", "  cdds destination check partner"),
    ("destination enable", "  cdds destination enable partner"),
    ("destination disable", "  cdds destination disable partner"),
    (
        "destination pin",
        "  cdds destination pin partner SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\n  \
           cdds destination pin partner none     the key that is seen next",
    ),
    (
        "recipient",
        "  cdds recipient add ops certificate.pem\n  \
           cdds recipient test ops",
    ),
    ("recipient add", "  cdds recipient add ops certificate.pem"),
    ("recipient renew", "  cdds recipient renew ops certificate-2027.pem"),
    ("recipient list", "  cdds recipient list"),
    (
        "recipient test",
        "  cdds recipient test ops\n  \
           cdds recipient test ops --to for-ops.zip.smime --force",
    ),
    ("recipient remove", "  cdds recipient remove ops"),
    (
        "job",
        "  cdds job list\n  \
           cdds job create --help        every frequency, by example",
    ),
    (
        "job create",
        "  cdds job create --title Voice --source contact-history --type interaction --category voice \\\n      \
             --run daily --at 02:00 --timeframe rolling:1d --recipient ops\n  \
           cdds job create --title New --source contact-history --type interaction \\\n      \
             --run hourly --every 4 --timeframe since-last --recipient ops --recipient audit\n  \
           cdds job create --title Months --source contact-history --type interaction \\\n      \
             --run monthly --day 31 --at 04:00 --missing-day last --timeframe previous:1mo \\\n      \
             --split-size 1024 --recipient ops\n  \
           cdds job create --title Once --source contact-history --type interaction \\\n      \
             --run once --plaintext\n  \
           cdds job create --file job.toml --dry-run   check it, show what it would export when",
    ),
    (
        "job edit",
        "  cdds job edit ID --at 03:00\n  \
           cdds job edit ID --category all --watermark continue\n  \
           cdds job edit ID --recipient audit --dry-run\n  \
           cdds job edit ID --file job.toml              as `cdds job show ID --output toml` prints it",
    ),
    (
        "job clone",
        "  cdds job clone ID\n  \
           cdds job clone ID --title 'Chat of the week' --category chat",
    ),
    (
        "job list",
        "  cdds job list --sort next_starts_at\n  \
           cdds job list --search voice --state active --latest-status failed",
    ),
    (
        "job show",
        "  cdds job show ID\n  \
           cdds job show ID --output toml               a job file, for `cdds job create --file`",
    ),
    ("job preview", "  cdds job preview ID -n 12"),
    (
        "job suspend",
        "  cdds job suspend ID\n  \
           cdds job suspend --source crm --all           everything of one source\n  \
           cdds job suspend --all --dry-run",
    ),
    (
        "job resume",
        "  cdds job resume ID\n  \
           cdds job resume --source crm --all            everything of one source",
    ),
    ("job bring-back", "  cdds job bring-back ID"),
    ("job run", "  cdds job run ID && cdds run --until-idle"),
    ("job backfill", "  cdds job backfill ID --from 2026-01-01T00:00:00Z --to 2026-02-01T00:00:00Z"),
    (
        "job delete",
        "  cdds job delete ID\n  \
           cdds job delete --search 'test ' --all --dry-run\n  \
           cdds job delete ID ID                         what `cdds audit --principal bob` shows, say",
    ),
    (
        "run",
        "  cdds run                      until it is stopped, as a service\n  \
           cdds run --until-idle         as from cron; exit code 1 if an execution failed",
    ),
    (
        "history",
        "  cdds history list --status failed\n  \
           cdds history show ID",
    ),
    (
        "history list",
        "  cdds history list --job ID --sort started_at:desc\n  \
           cdds history list --status failed --from 2026-01-01T00:00:00Z",
    ),
    ("history show", "  cdds history show ID"),
    ("history watch", "  cdds history watch ID"),
    ("history clone", "  cdds history clone ID --title 'Once more' --run once"),
    ("history rerun", "  cdds history rerun ID && cdds run --until-idle"),
    (
        "history redeliver",
        "  cdds history redeliver ID && cdds run --until-idle\n  \
           cdds history redeliver ID --destination partner",
    ),
    ("history cancel", "  cdds history cancel ID"),
    ("history delete", "  cdds history delete ID --with-artifacts"),
    (
        "subject",
        "  cdds subject create --identifier - --kind access --certificate ada.pem < identifiers.txt\n  \
           cdds subject list --open --sort due_at",
    ),
    (
        "subject create",
        "  cdds subject create --identifier - --kind both --certificate ada.pem < identifiers.txt\n  \
           cdds subject create --identifier phone='+49 30 123456' --kind access --plaintext\n  \
           cdds subject create --identifier customer-id=17 --kind erasure --source shop/order --due 45d",
    ),
    ("subject verify", "  cdds subject verify ID --by 'the desk in Berlin' --how 'passport shown in person'"),
    ("subject approve", "  cdds subject approve ID"),
    (
        "subject copies",
        "  cdds subject copies ID\n  cdds subject copies ID --notify\n  cdds subject copies ID --notify --delete --yes",
    ),
    ("subject extend", "  cdds subject extend ID\n  cdds subject extend ID --until 2027-03-01"),
    ("subject refuse", "  cdds subject refuse ID --reason 'identity could not be confirmed'"),
    ("subject withdraw", "  cdds subject withdraw ID"),
    ("subject preview", "  cdds subject preview ID"),
    ("subject run", "  cdds subject run ID"),
    ("subject reapply", "  cdds subject reapply --dry-run\n  cdds subject reapply"),
    ("subject show", "  cdds subject show ID"),
    (
        "subject list",
        "  cdds subject list --open --sort due_at\n  cdds subject list --state refused --output json",
    ),
    ("subject key", "  cdds subject key\n  cdds subject key 2027"),
    ("check", "  cdds check --job ID --within 26h"),
    (
        "notice",
        "  cdds notice list --state failed\n  \
           cdds notice test mailto:ada@example.com",
    ),
    ("notice list", "  cdds notice list --state failed\n  cdds notice list --job ID --kind expiring"),
    ("notice replay", "  cdds notice replay ID && cdds run --until-idle"),
    (
        "notice test",
        "  cdds notice test mailto:ada@example.com\n  \
           cdds notice test webhook:billing",
    ),
    ("notice enable", "  cdds notice enable webhook:billing"),
    ("notice disable", "  cdds notice disable webhook:billing"),
    (
        "artifact",
        "  cdds artifact list\n  \
           cdds artifact download --execution ID --to out",
    ),
    (
        "artifact list",
        "  cdds artifact list --execution ID\n  \
           cdds artifact list --sort remaining_days --on-hold=false",
    ),
    (
        "artifact download",
        "  cdds artifact download --execution ID --to out     the whole set with its manifest\n  \
           cdds artifact download ID ID --to out",
    ),
    (
        "artifact delete",
        "  cdds artifact delete --execution ID\n  \
           cdds artifact delete ID ID --dry-run",
    ),
    ("artifact hold", "  cdds artifact hold --execution ID"),
    ("artifact adopt", "  cdds artifact adopt --all"),
    ("artifact release", "  cdds artifact release --execution ID"),
    ("retention", "  cdds retention preview"),
    (
        "retention preview",
        "  cdds retention preview\n  \
           cdds retention preview --until 30d --output json",
    ),
    (
        "audit",
        "  cdds audit --since 2026-01-01T00:00:00Z --principal ada\n  \
           cdds audit --object ID                       who changed this job, or downloaded this file\n  \
           cdds audit --object EXECUTION --action download   who downloaded a set\n  \
           cdds audit --principal bob --action create_job    which jobs somebody made\n  \
           cdds audit --action delete_artifacts --output json",
    ),
    (
        "workers",
        "  cdds workers\n  cdds workers --output json\n  cdds workers drain ID --wait                  before it is stopped",
    ),
    ("workers list", "  cdds workers list"),
    ("workers show", "  cdds workers show ID"),
    (
        "workers drain",
        "  cdds workers drain ID\n  cdds workers drain ID --wait                  return when it runs nothing any more",
    ),
    ("workers resume", "  cdds workers resume ID"),
    ("catalog", "  cdds catalog copy cdds.db      into the one in PostgreSQL that cdds.toml names"),
    (
        "catalog copy",
        "  cdds catalog copy cdds.db\n  \
           cdds catalog copy /var/lib/cdds/cdds.db --config fleet.toml --yes",
    ),
    (
        "verify",
        "  cdds verify export-ID.zip.smime                   sizes, digests and structure of the whole set\n  \
           cdds verify export-ID.zip.smime --key key.pem     every record file inside as well\n  \
           cdds verify --manifest export-ID.manifest.json --signer signer.pem",
    ),
    ("decrypt", "  cdds decrypt export-ID.z01.smime --key key.pem --to plain"),
    (
        "join",
        "  cdds join plain/export-ID.zip --to export.zip\n  \
           cdds join export-ID.zip.smime --key key.pem --to export.zip",
    ),
    (
        "extract",
        "  cdds extract export-ID.zip.smime --key key.pem --to records\n  \
           cdds extract from-a-stranger.zip --to records \\\n      \
             --max-size 10GiB --max-files 1000 --max-ratio 100",
    ),
    (
        "completions",
        "  cdds completions bash > ~/.local/share/bash-completion/completions/cdds\n  \
           cdds completions zsh > ~/.zfunc/_cdds\n  \
           cdds completions fish > ~/.config/fish/completions/cdds.fish",
    ),
    (
        "man",
        "  cdds man | man -l -\n  \
           cdds man job create | man -l -\n  \
           cdds man --to /usr/local/share/man/man1",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the path of every command below `command`.
    fn paths(command: &Command, path: &str) -> Vec<String> {
        let below = command.get_subcommands().flat_map(|sub| {
            let path = format!("{path} {}", sub.get_name()).trim_start().to_owned();
            std::iter::once(path.clone()).chain(paths(sub, &path)).collect::<Vec<_>>()
        });
        below.collect()
    }

    /// Splits a line into words as a shell does, up to a comment or the next program.
    fn words(line: &str) -> Vec<String> {
        let line = line.trim_start();
        let line = line.split("   ").next().unwrap_or_default();
        let line = line.split([';', '|', '<', '>', '&']).next().unwrap_or_default();
        let mut quoted = false;
        let mut words = vec![String::new()];
        for c in line.trim_end().chars() {
            match c {
                '\'' => quoted = !quoted,
                ' ' if !quoted => words.push(String::new()),
                _ => words.last_mut().unwrap().push(c),
            }
        }
        words
    }

    #[test]
    fn every_command_has_examples_that_can_be_typed() {
        let known = paths(&Cli::command(), "");
        for path in &known {
            let (_, lines) = EXAMPLES.iter().find(|(of, _)| of == path).unwrap_or_else(|| panic!("{path}"));
            for line in lines.replace(" \\\n      ", " ").lines() {
                let words = words(line);
                let typed = words.join(" ");
                assert!(typed.starts_with("cdds "), "{path}: {line}");
                let read = command().try_get_matches_from(&words);
                let fine = read.as_ref().err().is_none_or(|error| !error.use_stderr());
                assert!(fine, "{line}: {}", read.unwrap_err());
                assert!(typed.starts_with(&format!("cdds {path}")), "{path}: {line}");
            }
        }
    }
}
