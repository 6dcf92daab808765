//! The form of `cdds.toml`, key by key.

use std::num::{NonZeroU32, NonZeroUsize};

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    pub(super) catalog: Catalog,
    #[serde(default)]
    pub(super) store: Store,
    #[serde(default)]
    pub(super) engine: Engine,
    #[serde(default)]
    pub(super) archive: Archive,
    #[serde(default)]
    pub(super) retention: Retention,
    #[serde(default)]
    pub(super) rules: Rules,
    #[serde(default)]
    pub(super) sealing: Sealing,
    pub(super) signing: Option<Signing>,
    #[serde(default)]
    pub(super) subjects: Subjects,
    #[serde(default)]
    #[cfg_attr(not(feature = "serve"), allow(dead_code, reason = "read by the server alone"))]
    pub(super) serve: Serve,
    #[serde(default)]
    #[cfg_attr(not(feature = "serve"), allow(dead_code, reason = "read by the server alone"))]
    pub(super) user: Vec<User>,
    #[serde(default)]
    pub(super) source: Vec<Source>,
    #[serde(default)]
    pub(super) destination: Vec<Destination>,
    pub(super) email: Option<Email>,
    #[serde(default)]
    pub(super) webhook: Vec<Webhook>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Catalog {
    pub(super) url: String,
    /// postgres: the schema; `cdds` if left out.
    pub(super) schema: Option<String>,
    /// postgres: the password of the role that signs in.
    pub(super) password_file: Option<String>,
    pub(super) password_env: Option<String>,
    /// postgres: the authorities that may vouch for the server; those of the machine if left out.
    pub(super) authorities: Option<String>,
}

impl Default for Catalog {
    fn default() -> Self {
        let url = "sqlite:cdds.db".to_owned();
        Self { url, schema: None, password_file: None, password_env: None, authorities: None }
    }
}

impl Catalog {
    /// Returns the first key that only a server has.
    pub(super) fn key_of_servers(&self) -> Option<&'static str> {
        first_given([
            ("schema", &self.schema),
            ("password_file", &self.password_file),
            ("password_env", &self.password_env),
            ("authorities", &self.authorities),
        ])
    }
}

fn first_given<const N: usize>(keys: [(&'static str, &Option<String>); N]) -> Option<&'static str> {
    keys.into_iter().find_map(|(key, value)| value.is_some().then_some(key))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(not(feature = "buckets"), allow(dead_code, reason = "read for buckets alone"))]
pub(super) struct Store {
    pub(super) url: String,
    /// s3: the region of the bucket.
    pub(super) region: Option<String>,
    /// Buckets: the address of a service other than the maker's own.
    pub(super) endpoint: Option<String>,
    /// Buckets: whether that may be one over which others can read along.
    pub(super) allow_http: bool,
    /// s3: to which key the secret belongs.
    pub(super) access_key_id: Option<String>,
    /// Buckets: the secret access key, the key of a service account, or the key of an account.
    pub(super) secret_file: Option<String>,
    pub(super) secret_env: Option<String>,
    /// az: the account to which the container belongs.
    pub(super) account: Option<String>,
    /// az: a shared access signature in place of the account's key.
    pub(super) sas_file: Option<String>,
    pub(super) sas_env: Option<String>,
    /// s3: whether the bucket is in the name of the host.
    pub(super) virtual_host: Option<bool>,
    /// s3: whether SHA-256 checksums are stored beside the objects.
    pub(super) checksums: bool,
    /// Buckets: the authorities that may vouch for the service; those of the machine if left out.
    pub(super) authorities: Option<String>,
    /// Buckets: whether downloads are answered by links to the bucket itself.
    pub(super) links: bool,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            url: "file:artifacts".to_owned(),
            region: None,
            endpoint: None,
            allow_http: false,
            access_key_id: None,
            secret_file: None,
            secret_env: None,
            account: None,
            sas_file: None,
            sas_env: None,
            virtual_host: None,
            checksums: false,
            authorities: None,
            links: false,
        }
    }
}

impl Store {
    /// Returns the first key that only a bucket has.
    pub(super) fn key_of_buckets(&self) -> Option<&'static str> {
        let texts = first_given([
            ("region", &self.region),
            ("endpoint", &self.endpoint),
            ("access_key_id", &self.access_key_id),
            ("secret_file", &self.secret_file),
            ("secret_env", &self.secret_env),
            ("account", &self.account),
            ("sas_file", &self.sas_file),
            ("sas_env", &self.sas_env),
            ("authorities", &self.authorities),
        ]);
        let switches = [
            ("allow_http", self.allow_http),
            ("virtual_host", self.virtual_host.is_some()),
            ("checksums", self.checksums),
            ("links", self.links),
        ];
        texts.or_else(|| switches.into_iter().find_map(|(key, is_given)| is_given.then_some(key)))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Engine {
    pub(super) concurrency: NonZeroUsize,
    pub(super) deliveries: NonZeroUsize,
    pub(super) notices: NonZeroUsize,
    pub(super) lease: String,
    pub(super) stall: String,
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            concurrency: NonZeroUsize::MIN.saturating_add(1),
            deliveries: NonZeroUsize::MIN.saturating_add(3),
            notices: NonZeroUsize::MIN.saturating_add(7),
            lease: "60s".to_owned(),
            stall: "1h".to_owned(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Archive {
    pub(super) level: Level,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    Store,
    Fast,
    #[default]
    Default,
    Best,
}

impl From<Level> for cdds_storage::archive::Level {
    fn from(typed: Level) -> Self {
        match typed {
            Level::Store => Self::Store,
            Level::Fast => Self::Fast,
            Level::Default => Self::Default,
            Level::Best => Self::Best,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Retention {
    pub(super) days: u16,
    /// 400, or 30 more than `days`, if left out.
    pub(super) record_days: Option<u16>,
}

impl Default for Retention {
    fn default() -> Self {
        Self { days: 30, record_days: None }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Rules {
    pub(super) one_time_edit: OneTimeEdit,
    pub(super) catch_up_limit: String,
    pub(super) accept_older_zones: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            one_time_edit: OneTimeEdit::UntilStarted,
            catch_up_limit: "7d".to_owned(),
            accept_older_zones: false,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Sealing {
    pub(super) profile: Profile,
    pub(super) form: Form,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Form {
    #[default]
    Binary,
    Mime,
}

impl From<Form> for cdds_crypto::Form {
    fn from(typed: Form) -> Self {
        match typed {
            Form::Binary => Self::Binary,
            Form::Mime => Self::Mime,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Profile {
    #[default]
    Compat,
    Oaep,
    AuthGcm,
}

impl From<Profile> for cdds_crypto::Profile {
    fn from(typed: Profile) -> Self {
        match typed {
            Profile::Compat => Self::Compat,
            Profile::Oaep => Self::Oaep,
            Profile::AuthGcm => Self::AuthGcm,
        }
    }
}

/// Both or neither: a certificate without its key cannot sign.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signing {
    pub(super) key: String,
    pub(super) certificate: String,
}

/// Requests of data subjects.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Subjects {
    /// The file with the keys under which identifiers are kept; without it no requests are taken.
    pub(super) key_file: Option<String>,
}

/// How the server is reached. A build without the server checks its keys all the same.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(not(feature = "serve"), allow(dead_code, reason = "read by the server alone"))]
pub(super) struct Serve {
    pub(super) listen: String,
    pub(super) tls_certificate: Option<String>,
    pub(super) tls_key: Option<String>,
    pub(super) behind_proxy: bool,
    pub(super) hosts: Vec<String>,
    /// Under which address people open the console; links in notices begin with it.
    pub(super) link: Option<String>,
}

impl Default for Serve {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8750".to_owned(),
            tls_certificate: None,
            tls_key: None,
            behind_proxy: false,
            hosts: Vec::new(),
            link: None,
        }
    }
}

/// Somebody who signs in to the console.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(feature = "serve"), allow(dead_code, reason = "read by the server alone"))]
pub(super) struct User {
    pub(super) name: String,
    pub(super) hash: String,
    pub(super) role: String,
    pub(super) owner: Option<String>,
}

/// The hash stays out of everything that is printed.
impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OneTimeEdit {
    UntilStarted,
    Never,
}

impl From<OneTimeEdit> for cdds_core::domain::job::edit::OneTimeEdit {
    fn from(typed: OneTimeEdit) -> Self {
        match typed {
            OneTimeEdit::UntilStarted => Self::UntilStarted,
            OneTimeEdit::Never => Self::Never,
        }
    }
}

/// A source: either a kind, a place and types, or the reason why it is not supported.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    pub(super) id: String,
    pub(super) title: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) url: Option<String>,
    pub(super) unsupported: Option<String>,
    /// How many executions may read it at the same time; as many as are wanted if left out.
    pub(super) max_concurrent: Option<NonZeroU32>,
    /// The only owners who see it; all if left out.
    pub(super) owners: Option<Vec<String>>,
    /// postgres: the role that reads take on; the one that signs in if left out.
    pub(super) role: Option<String>,
    /// postgres: the password of the one that signs in.
    pub(super) password_file: Option<String>,
    pub(super) password_env: Option<String>,
    /// postgres: the authorities that may vouch for the server; those of the machine if left out.
    pub(super) authorities: Option<String>,
    #[serde(default)]
    pub(super) r#type: Vec<DataType>,
}

impl Source {
    /// Returns the first key that only a server has.
    pub(super) fn key_of_servers(&self) -> Option<&'static str> {
        first_given([
            ("role", &self.role),
            ("password_file", &self.password_file),
            ("password_env", &self.password_env),
            ("authorities", &self.authorities),
        ])
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DataType {
    pub(super) id: String,
    /// sqlite, postgres: the table or view.
    pub(super) table: Option<String>,
    /// sqlite, postgres: a query instead.
    pub(super) query: Option<String>,
    /// json-lines: a path or glob of its own.
    pub(super) path: Option<String>,
    /// Where the event instant is.
    pub(super) time: Option<String>,
    /// How it is written: iso, unix, unix-ms, unix-us, unix-ns, yyyymmdd, yyyymmddhhmmss or julian-day. If
    /// left out, ISO text and epoch numbers from 1990 to 2099 are told apart by themselves, and nothing else
    /// is read.
    pub(super) time_format: Option<String>,
    /// Where the change instant is.
    pub(super) changed: Option<String>,
    /// How it is written; like the event instant if left out.
    pub(super) changed_format: Option<String>,
    pub(super) category: Option<Category>,
    /// Where people are named.
    #[serde(default)]
    pub(super) subject: Vec<SubjectField>,
    /// What an erasure does with records about a person; nothing is erased if left out.
    pub(super) erase: Option<Erase>,
    /// What copies for people show of records about them; all of it if left out.
    pub(super) copy: Option<Copy>,
    /// sqlite, postgres: the column that keeps a record from being erased.
    pub(super) hold: Option<String>,
    pub(super) settle_lag: Option<String>,
    /// The smallest step of the instants.
    pub(super) granularity: Option<String>,
    /// The fields that records have, and that templates may name; any if left out.
    pub(super) fields: Option<Vec<String>>,
    /// Where the owner is named.
    pub(super) owner: Option<String>,
    /// Whether every owner who sees the source may export all records.
    pub(super) shared: Option<bool>,
}

/// What an erasure does with records about a person.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected \"delete\", { empty = [\"…\"] } or { keep = \"why\" }")]
pub(super) enum Erase {
    Word(EraseWord),
    Empty(EraseEmpty),
    Keep(EraseKeep),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum EraseWord {
    Delete,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EraseEmpty {
    pub(super) empty: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EraseKeep {
    pub(super) keep: String,
}

/// What copies for people show of records about them.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected { only = [\"…\"] } or { without = [\"…\"] }")]
pub(super) enum Copy {
    Only(CopyOnly),
    Without(CopyWithout),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CopyOnly {
    pub(super) only: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CopyWithout {
    pub(super) without: Vec<String>,
}

/// A field that names people.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected the name of a field, or a table { field = \"…\", kind = \"…\" }")]
pub(super) enum SubjectField {
    /// The field of a kind that has the same name.
    Name(String),
    Table(SubjectTable),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SubjectTable {
    pub(super) field: String,
    /// phone, email or another name.
    pub(super) kind: String,
    /// Whether values are stored in the form in which they are compared, and in no other.
    #[serde(default)]
    pub(super) normalised: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Category {
    pub(super) name: String,
    pub(super) column: String,
    pub(super) values: Vec<String>,
}

/// A place to which sets are delivered besides the store. A build without deliveries checks its keys all the same.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(feature = "delivery"), allow(dead_code, reason = "read by deliveries alone"))]
pub(super) struct Destination {
    pub(super) id: String,
    pub(super) title: Option<String>,
    pub(super) url: String,
    /// ftp, ftps: none, explicit or implicit.
    pub(super) tls: Option<String>,
    pub(super) password_file: Option<String>,
    pub(super) password_env: Option<String>,
    /// sftp: the private key.
    pub(super) key_file: Option<String>,
    pub(super) key_env: Option<String>,
    /// sftp: what the private key is encrypted with.
    pub(super) passphrase_file: Option<String>,
    pub(super) passphrase_env: Option<String>,
    /// sftp: the fingerprint of the server's key; the one that is seen first if left out.
    pub(super) host_key: Option<String>,
    /// ftp, ftps: the authorities that may vouch for the server; those of the machine if left out.
    pub(super) authorities: Option<String>,
    /// s3: the region of the bucket.
    pub(super) region: Option<String>,
    /// Buckets: the address of a service other than the maker's own.
    pub(super) endpoint: Option<String>,
    /// s3: to which key the secret belongs.
    pub(super) access_key_id: Option<String>,
    /// Buckets: the secret access key, the key of a service account, or the key of an account.
    pub(super) secret_file: Option<String>,
    pub(super) secret_env: Option<String>,
    /// azure: a shared access signature in place of the account's key.
    pub(super) sas_file: Option<String>,
    pub(super) sas_env: Option<String>,
    /// Buckets: whether the credentials of the machine are used.
    #[serde(default)]
    pub(super) environment: bool,
    /// file: where the file system of the folder is mounted.
    pub(super) mount: Option<String>,
    #[serde(default = "yes")]
    pub(super) rename: bool,
    #[serde(default)]
    pub(super) allow_private: bool,
    /// The only owners who see it; all if left out.
    pub(super) owners: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(feature = "delivery"), allow(dead_code, reason = "read by deliveries alone"))]
pub(super) struct Email {
    pub(super) from: String,
    pub(super) server: String,
    /// none or starttls.
    pub(super) tls: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password_file: Option<String>,
    pub(super) password_env: Option<String>,
    pub(super) authorities: Option<String>,
    #[serde(default)]
    pub(super) allow_private: bool,
}

/// An endpoint that jobs may call. Its URL may hold a token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(feature = "delivery"), allow(dead_code, reason = "read by deliveries alone"))]
pub(super) struct Webhook {
    pub(super) id: String,
    pub(super) url: String,
    pub(super) secret_file: Option<String>,
    pub(super) secret_env: Option<String>,
    /// Signs too, while receivers go over to it.
    pub(super) next_secret_file: Option<String>,
    pub(super) next_secret_env: Option<String>,
    #[serde(default)]
    pub(super) allow_http: bool,
    #[serde(default)]
    pub(super) allow_private: bool,
    /// The only owners whose jobs may call it; all if left out.
    pub(super) owners: Option<Vec<String>>,
}

/// The URL stays out of everything that is printed.
impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("id", &self.id).finish_non_exhaustive()
    }
}

fn yes() -> bool {
    true
}
