use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use proptest::{prop_assert, prop_assert_eq, prop_assume, proptest};

use super::*;

fn cursor() -> impl Strategy<Value = Cursor> {
    let key = prop_oneof![
        any::<i64>().prop_map(SortKey::Number),
        any::<String>().prop_map(SortKey::Text),
        Just(SortKey::Missing),
    ];
    (key, any::<i64>(), any::<String>(), any::<u32>()).prop_map(|(key, at, id, part)| Cursor {
        key,
        at,
        id,
        part,
    })
}

fn sort() -> impl Strategy<Value = Sort<JobColumn>> {
    (select(JobColumn::ALL), any::<bool>()).prop_map(|(column, descending)| Sort { column, descending })
}

const BY_TITLE: Sort<JobColumn> = Sort { column: JobColumn::Title, descending: false };

#[test]
fn the_token_of_version_1() {
    let cursor = Cursor { key: SortKey::Text("voice".to_owned()), at: 5, id: "7".to_owned(), part: 0 };
    let token = encode(BY_TITLE, &cursor);
    insta::assert_snapshot!(token, @"1WyJqb2JzIiwidGl0bGUiLGZhbHNlLHsidCI6InZvaWNlIn0sNSwiNyIsMF0");
    assert_eq!(decode(BY_TITLE, &token), Ok(cursor));
}

#[test]
fn other_lists_orders_and_versions_are_named() {
    let cursor = Cursor { key: SortKey::Number(7), at: 5, id: "7".to_owned(), part: 0 };
    let token = encode(BY_TITLE, &cursor);
    let other = Sort { column: ExecutionColumn::Title, descending: false };
    assert_eq!(decode(other, &token), Err(TokenError::OtherList));
    for other in [Sort { column: JobColumn::Source, ..BY_TITLE }, Sort { descending: true, ..BY_TITLE }] {
        assert_eq!(decode(other, &token), Err(TokenError::OtherOrder));
    }
    assert_eq!(decode(BY_TITLE, &token.replacen('1', "2", 1)), Err(TokenError::Version));
    let padded =
        format!("1{}", Base64UrlUnpadded::encode_string(br#"["jobs", "title",false,{"n":7},5,"7",0]"#));
    for bad in ["", "1", "1e30", "é", "1é", &token[..token.len() - 1], &padded, &"1".repeat(CHARS_MAX + 1)]
    {
        assert_eq!(decode(BY_TITLE, bad), Err(TokenError::Malformed), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn a_token_names_its_place_and_needs_no_escaping(cursor in cursor(), sort in sort()) {
        let token = encode(sort, &cursor);
        prop_assert!(token.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)), "{}", token);
        prop_assert_eq!(decode(sort, &token), Ok(cursor));
    }

    #[test]
    fn no_text_makes_it_panic(text in "1?[A-Za-z0-9_-]{0,40}|.{0,40}") {
        if let Ok(cursor) = decode(BY_TITLE, &text) {
            prop_assert_eq!(encode(BY_TITLE, &cursor), text);
        }
    }

    #[test]
    fn a_changed_token_is_another_place_or_an_error(
        cursor in cursor(),
        at in any::<proptest::sample::Index>(),
        with in "[A-Za-z0-9_-]",
    ) {
        let token = encode(BY_TITLE, &cursor);
        let at = at.index(token.len());
        let changed = format!("{}{with}{}", &token[..at], &token[at + 1..]);
        prop_assume!(changed != token);
        prop_assert!(decode(BY_TITLE, &changed) != Ok(cursor));
    }
}
