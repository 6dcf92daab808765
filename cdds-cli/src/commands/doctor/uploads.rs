//! Checks what becomes of the parts of unfinished uploads in a bucket, which cost space and are seen by nobody.

use cdds_storage::sink::UnfinishedUploads;

use super::Finding;
use crate::compose;
use crate::config::{Config, StorePlace};

const CHECK: &str = "unfinished uploads";

/// Returns nothing for a folder, and for a bucket that cannot be opened, which the check of the store reports.
pub(super) async fn unfinished(config: &Config) -> Option<Finding> {
    let StorePlace::Bucket(place) = &config.store else { return None };
    let bucket = compose::bucket(place).ok()?;
    if !bucket.lists_uploads() {
        return Some(Finding::ok(CHECK, "Azure removes the blocks of one that was left after a week"));
    }
    let way_out = "give the bucket a rule that ends unfinished uploads after some days \
                   (AbortIncompleteMultipartUpload), or have these keys allowed to list them";
    Some(match bucket.unfinished(&String::new().into()).await {
        Ok(found) if found.is_empty() => Finding::ok(CHECK, "there are none"),
        Ok(found) => Finding::ok(
            CHECK,
            format!(
                "{} under way or left by workers that have died; the hourly sweep ends these",
                found.len()
            ),
        ),
        Err(error) => Finding::warning(
            CHECK,
            format!("{place} does not list them: {error}", place = place.url),
            way_out,
        ),
    })
}
