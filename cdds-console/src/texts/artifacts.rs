//! The texts of artifacts and of a set.

use cdds_view::words;

pub(crate) const NOTHING_YET: &str = "No files yet";
pub(crate) const NOTHING_YET_SAYS: &str = "A job that has run leaves its files here until they expire. The history says what ran, and why there may be no files.";
pub(crate) const TO_HISTORY: &str = "Go to the history";
pub(crate) const NO_MATCH: &str = "No file fits these filters.";
pub(crate) const SHOW_ALL: &str = "Show all files";
pub(crate) const SELECTED: &str = "Selected files";
pub(crate) const FILE_NAME: &str = "File name";
pub(crate) const HOLD_TITLE: &str = "Legal hold";
pub(crate) const ON_HOLD: &str = "On hold";
pub(crate) const NOT_ON_HOLD: &str = "Not on hold";
pub(crate) const CREATED_FROM: &str = "Published from (UTC)";
pub(crate) const CREATED_BEFORE: &str = "Published before (UTC)";
pub(crate) const EXPIRES_FROM: &str = "Expires from (UTC)";
pub(crate) const EXPIRES_BEFORE: &str = "Expires before (UTC)";
pub(crate) const SIZE_MIN: &str = "At least, like 64KiB";
pub(crate) const SIZE_MAX: &str = "At most, like 1GiB";
pub(crate) const OF_EXECUTION: &str = "Id of the execution";
pub(crate) const PART: &str = "Part";
pub(crate) const SCRIPT: &str = "Download script";
pub(crate) const MANIFEST: &str = "Manifest";
pub(crate) const MANIFEST_OF: &str = "Manifest of";
pub(crate) const SIGNATURE: &str = "Signature";
pub(crate) const OPEN: &str = "Open";
pub(crate) const OPEN_SET: &str = "Open the set of";
pub(crate) const DELETE_SAYS: &str = "What is deleted cannot be downloaded any more. Its execution stays in the history, and the audit keeps who downloaded which file, by its id.";
pub(crate) const HELD_SAYS: &str =
    "A legal hold keeps a whole set. Release it first, or take its files out of the selection.";
pub(crate) const TORN: &str = "The rest of the set cannot be read";
pub(crate) const WHOLE_SET: &str = "Delete the whole set instead";

pub(crate) const ITS_EXECUTION: &str = "Its execution";
pub(crate) const SET_OF: &str = "Files of the run for";
pub(crate) const HOLD: &str = "Hold";
pub(crate) const RELEASE: &str = "Release it";
pub(crate) const RELEASE_ASKS: &str = "Release…";
pub(crate) const RELEASE_THIS: &str = "Release this set from its hold?";
pub(crate) const RELEASE_SAYS: &str = "From then on it is kept as long as any other set. If its time is over by now, its files are deleted at once.";
pub(crate) const KEEP_HELD: &str = "Keep the hold";
pub(crate) const DELETE_THIS: &str = "Delete this set?";
pub(crate) const DELETE_SET: &str = "Delete the set";
pub(crate) const DELETE_SET_STAYS: &str =
    "Its execution stays in the history, and the audit keeps who downloaded which file, by its id.";
pub(crate) const LOG: &str = "Who downloaded it";
pub(crate) const NOBODY_YET: &str = "Nobody yet.";
pub(crate) const TO_AUDIT: &str = "See the audit of the manifest, of holds and of removals";

pub(crate) const SCRIPT_SAYS: &str = "The download script fetches them in one go, and checks them. It needs a token of the API, which whoever runs this service gives out.";
pub(crate) const NOT_DOWNLOADED: &str =
    "You may see these files. To have them, ask somebody who may download.";
pub(crate) const OPENING: &str = "Open the files";
pub(crate) const STEP_VERIFY: &str = "1. Check that nothing is missing or changed";
pub(crate) const STEP_DIGESTS: &str = "Or check that the files came over whole, without cdds or a key";
pub(crate) const CDDS_FROM: &str = "cdds is a program of one file: whoever runs this service has it, and gives it out. Without it, OpenSSL and an unpacker do as well, as the last step says.";
pub(crate) const PRESENT_KEY: &str = "The present certificate is another one, SHA-256";
pub(crate) const STORED_ON: &str = "stored on";
pub(crate) const NEEDED_KEY: &str = "Needed is the private key of the earlier certificate with SHA-256";
pub(crate) const WRONG_KEY: &str = "If the key is the wrong one";
pub(crate) const WRONG_KEY_SAYS: &str = "OpenSSL then says “Error decrypting CMS structure”, mostly with “bad decrypt”. Delete the file that it began, and use the private key of a certificate that these files are encrypted for. Two lines alike say that a key and a certificate belong together, and the third gives the fingerprint to compare:";
pub(crate) const WRONG_KEY_TRY: &str = "Commands that compare a key with a certificate";
pub(crate) const WRONG_KEY_COMMANDS: &str = "openssl pkey -in key.pem -pubout -outform DER | openssl dgst -sha256\nopenssl x509 -in certificate.pem -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256\nopenssl x509 -in certificate.pem -noout -fingerprint -sha256";
pub(crate) const STEP_WITHOUT: &str = "With OpenSSL and unzip";
pub(crate) const OTHER_FORM: &str = "If a part begins with MIME-Version, write -inform SMIME in place of -inform DER. OpenSSL comes with Linux and macOS, and on Windows with Git; run its commands in PowerShell there.";
pub(crate) const OTHER_KEYS: &str = "cdds also takes a key as a .p12 or .pfx file, or one with a passphrase, and joins the parts of a set into one file: cdds join.";

/// `Delete 3 files?`
pub(crate) fn delete_many(files: usize) -> String {
    format!("Delete {}?", words::counted(files as u64, "file"))
}

/// `Delete 3 files`
pub(crate) fn delete_them(files: usize) -> String {
    format!("Delete {}", words::counted(files as u64, "file"))
}

/// `2 of them are on hold, so nothing can be deleted`
pub(crate) fn held(files: usize) -> String {
    format!("{files} of them {} on hold, so none can be deleted", if files == 1 { "is" } else { "are" })
}

/// Says what deleting parts of a set does to the others.
pub(crate) fn torn(going: usize, staying: usize) -> String {
    format!(
        "{} of a set would go, and its other {} cannot be read without {}.",
        words::counted(going as u64, "file"),
        words::counted(staying as u64, "file"),
        if going == 1 { "it" } else { "them" }
    )
}

/// Says that a set was torn before.
pub(crate) fn missing(files: usize) -> String {
    format!(
        "{} of this set {} deleted. Run the export again to have a whole set.",
        words::counted(files as u64, "file"),
        if files == 1 { "was" } else { "were" }
    )
}

/// `Its 5 files and the manifest go …`
pub(crate) fn delete_set(files: usize) -> String {
    format!(
        "{} and the manifest go: nobody can download them any more.",
        words::counted(files as u64, "file")
    )
}

/// `Download all 5 files …`
pub(crate) fn download_all(files: usize) -> String {
    match files {
        1 => "Download the file and the manifest into one folder.".to_owned(),
        files => format!("Download all {files} files and the manifest into one folder."),
    }
}

/// Says whose private key opens the files.
pub(crate) fn needs_key(sealed_for: &str) -> String {
    let one_of = if sealed_for.contains(", ") { "one of: " } else { "" };
    format!("key.pem stands for the private key of {one_of}{sealed_for}. It never leaves your computer.")
}

/// Says that the present key opens the files.
pub(crate) fn present_key(name: &str) -> String {
    format!("They open with the private key of the present certificate of {name}, SHA-256")
}

/// Says that the present key does not open the files.
pub(crate) fn earlier_key(name: &str) -> String {
    format!(
        "The certificate of {name} was renewed since. The private key that belonged to the one before opens these files; that of the present one opens them only if it is the same key."
    )
}

/// Says that the present key may not open the files, as long as the manifest cannot be read.
pub(crate) fn perhaps_earlier_key(name: &str) -> String {
    format!(
        "The certificate of {name} was renewed after this run began: these files may need the key of the one before. \
         The manifest names the fingerprint of the one that they are encrypted for, and cannot be read now."
    )
}

/// Returns the title of the step that unpacks.
pub(crate) const fn step_extract(is_sealed: bool, is_split: bool) -> &'static str {
    match (is_sealed, is_split) {
        (true, true) => "2. Decrypt and unpack; the other parts are found by themselves",
        (true, false) => "2. Decrypt and unpack",
        (false, true) => "2. Unpack; the other parts are found by themselves",
        (false, false) => "2. Unpack",
    }
}
