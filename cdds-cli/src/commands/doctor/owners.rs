//! Asks whose the records of a data type are, if several owners see it (rule J16).

use std::collections::BTreeSet;

use cdds_core::domain::id::Owner;
use cdds_core::ports::source::{Ownership, RegisteredSource, SourceDescription, Sources, Visibility};
use cdds_storage::catalog::sqlite::SqliteCatalog;

use super::Finding;
use crate::config::Config;
use crate::session::Session;

/// Returns a finding about the data types that do not say whose their records are, although several owners
/// see them. Without any, and if the sources or the catalog cannot be read, there is nothing to ask: other
/// checks report that.
pub(super) async fn unstated(config: &Config, session: &Session) -> Option<Finding> {
    let sources = crate::compose::register(&config.sources).ok()?;
    let own = sources.for_owner(&session.principal.owner);
    let described: Vec<&SourceDescription> =
        own.iter().filter_map(|(_, source)| description(source)).collect();
    let mut unstated = Vec::new();
    let mut several_owners = None;
    for source in described {
        let is_unstated = |ownership| ownership == Ownership::Unstated;
        let mut types = source.types.iter().filter(|data_type| is_unstated(data_type.ownership)).peekable();
        if types.peek().is_none() {
            continue;
        }
        let seen_by_several = match &source.visibility {
            Visibility::Owners(owners) => owners.len() > 1,
            Visibility::AllOwners => match several_owners {
                Some(known) => known,
                None => *several_owners.insert(has_several_owners(config, &sources).await?),
            },
        };
        if seen_by_several {
            unstated.extend(types.map(|data_type| format!("{} of source {}", data_type.id, source.id)));
        }
    }
    (!unstated.is_empty()).then(|| {
        Finding::warning(
            "owners",
            format!(
                "several owners see these types, which do not say whose their records are, so that each owner exports \
                 all: {}",
                unstated.join(", ")
            ),
            "say `owner = \"…\"`, the field that holds the owner, or `shared = true` below each [[source.type]]",
        )
    })
}

fn description(source: &RegisteredSource) -> Option<&SourceDescription> {
    match source {
        RegisteredSource::Supported(source) => Some(source.describe()),
        RegisteredSource::Unsupported { .. } => None,
    }
}

/// Whether the configuration names several owners, or the catalog holds jobs of several. `None` if the
/// catalog cannot be read.
async fn has_several_owners(config: &Config, sources: &Sources) -> Option<bool> {
    let described = sources.of_all_owners().filter_map(|(_, source)| description(source));
    let named: BTreeSet<&Owner> = described
        .filter_map(|source| match &source.visibility {
            Visibility::Owners(owners) => Some(owners),
            Visibility::AllOwners => None,
        })
        .flatten()
        .collect();
    if named.len() > 1 {
        return Some(true);
    }
    SqliteCatalog::open(&config.catalog).ok()?.has_several_owners().await.ok()
}
