//! Names the data types that do not say whose their records are, although owners see them who must know
//! (rule J16).

use cdds_core::domain::id::Owner;
use cdds_core::domain::violation::Code;
use cdds_core::ports::source::{Ownership, RegisteredSource, SourceDescription, Sources, Visibility};

use super::Finding;
use crate::compose;
use crate::config::Config;
use crate::session::Session;

/// Returns a finding about the data types that do not say whose their records are, although owners other than
/// the default one see them: jobs of these are refused. Without such types, and if the sources or the catalog
/// cannot be read, there is nothing to say: other checks report that.
pub(super) async fn unstated(config: &Config, session: &Session) -> Option<Finding> {
    let sources = crate::compose::register(&config.sources).ok()?;
    let owner = &session.principal.owner;
    let own = sources.for_owner(owner);
    let described: Vec<&SourceDescription> =
        own.iter().filter_map(|(_, source)| description(source)).collect();
    let mut unstated = Vec::new();
    let mut other_owners = None;
    for source in described {
        let is_unstated = |ownership| ownership == Ownership::Unstated;
        let mut types = source.types.iter().filter(|data_type| is_unstated(data_type.ownership)).peekable();
        if types.peek().is_none() {
            continue;
        }
        let seen_by_others = match &source.visibility {
            _ if !owner.is_default() => true,
            Visibility::Owners(owners) => owners.iter().any(|owner| !owner.is_default()),
            Visibility::AllOwners => match other_owners {
                Some(known) => known,
                None => *other_owners.insert(has_other_owners(config, &sources).await?),
            },
        };
        if seen_by_others {
            unstated.extend(types.map(|data_type| format!("{} of source {}", data_type.id, source.id)));
        }
    }
    (!unstated.is_empty()).then(|| {
        Finding::warning(
            "owners",
            format!(
                "these types do not say whose their records are, so jobs of every owner but {} are refused and do not \
                 run ({}): {}",
                Owner::default(),
                Code::OwnershipUnstated,
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

/// Whether the configuration names an owner other than the default one, or the catalog holds jobs of one.
/// `None` if the catalog cannot be read.
async fn has_other_owners(config: &Config, sources: &Sources) -> Option<bool> {
    let mut described = sources.of_all_owners().filter_map(|(_, source)| description(source));
    let is_named = described.any(|source| match &source.visibility {
        Visibility::Owners(owners) => owners.iter().any(|owner| !owner.is_default()),
        Visibility::AllOwners => false,
    });
    if is_named {
        return Some(true);
    }
    compose::has_other_owners(&config.catalog).await.ok()
}
