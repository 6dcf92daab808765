//! What a configuration says, key by key, without its secrets.

use toml::de::{DeTable, DeValue};

/// What stands in place of a value that lets somebody in.
const HIDDEN: &str = "(hidden)";

/// The keys whose values let somebody in: a URL of a webhook may hold a token, a hash can be guessed at.
const SECRET: [&str; 2] = ["webhook.url", "user.hash"];

/// A key that is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    /// Its path with the names of tables that may be given several times: `source[calls].url`.
    pub(crate) key: String,
    /// Its path in the reference: `source.url`.
    pub(crate) path: String,
    pub(crate) value: String,
    pub(crate) line: usize,
}

/// Returns all keys that a file gives, in its order. The file has been checked, so one that cannot be parsed gives none.
pub(crate) fn given(text: &str) -> Vec<Given> {
    let mut found = Vec::new();
    if let Ok(document) = DeTable::parse(text) {
        collect(text, document.get_ref(), ("", ""), &mut found);
    }
    found.sort_by_key(|given| given.line);
    found
}

fn collect(text: &str, table: &DeTable<'_>, (shown, path): (&str, &str), found: &mut Vec<Given>) {
    for (name, value) in table {
        let (key, path) = (format!("{shown}{}", name.get_ref()), format!("{path}{}", name.get_ref()));
        match value.get_ref() {
            DeValue::Table(inner) => collect(text, inner, (&format!("{key}."), &format!("{path}.")), found),
            DeValue::Array(items) if items.iter().any(|item| item.get_ref().is_table()) => {
                for (number, item) in items.iter().enumerate() {
                    let Some(inner) = item.get_ref().as_table() else { continue };
                    let shown = format!("{key}[{}].", named(inner, number));
                    collect(text, inner, (&shown, &format!("{path}.")), found);
                }
            }
            _ => {
                let span = name.span();
                let line = 1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count();
                let value = if SECRET.contains(&&*path) {
                    HIDDEN.to_owned()
                } else {
                    text.get(value.span()).unwrap_or_default().to_owned()
                };
                found.push(Given { key, path, value, line });
            }
        }
    }
}

/// Returns what people call a table of several.
fn named(table: &DeTable<'_>, number: usize) -> String {
    let name = ["id", "name"].into_iter().find_map(|key| table.get(key)?.get_ref().as_str());
    name.map_or_else(|| (number + 1).to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_by_their_tables_and_secrets_are_hidden() {
        let text = "[engine]\nlease = \"5s\"\n[[source]]\nid = \"calls\"\n[[source.type]]\nid = \"call\"\n\
                    category = { name = \"m\", values = [\"a\"] }\n[[webhook]]\nurl = \"https://h.example/s3cret\"\n\
                    [[user]]\nname = \"ada\"\nhash = \"$argon2id$s3cret\"\n";
        let told: Vec<String> =
            given(text).iter().map(|one| format!("{} {}: {}", one.line, one.key, one.value)).collect();
        let expected = [
            "2 engine.lease: \"5s\"",
            "4 source[calls].id: \"calls\"",
            "6 source[calls].type[call].id: \"call\"",
            "7 source[calls].type[call].category.name: \"m\"",
            "7 source[calls].type[call].category.values: [\"a\"]",
            "9 webhook[1].url: (hidden)",
            "11 user[ada].name: \"ada\"",
            "12 user[ada].hash: (hidden)",
        ];
        assert_eq!(told, expected);
    }
}
