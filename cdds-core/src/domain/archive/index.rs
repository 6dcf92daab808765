//! Rule D9: `index.html`, the page by which a person finds what an archive holds about them.
//!
//! It is the archive's last entry, at its root. It has no script and loads no other file, and it escapes all text that comes
//! from sources. Like every other file, it depends only on the sequence of records, on the window, and on what the
//! sources declare (rule A6).

use std::fmt::{self, Write as _};

use chrono::{DateTime, Utc};

use super::cut::CutFile;
use crate::domain::id::SubjectRequestId;

/// The path inside the archive. [`layout`](super::layout) gives no other file or folder this path.
pub const PATH: &str = "index.html";

/// What an archive holds about a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// The request that it answers.
    pub request: SubjectRequestId,
    /// The end of the exported window: when it was made, by every attempt alike.
    pub made_at: DateTime<Utc>,
    /// What was asked, by source and type in the order in which they were read.
    pub types: Vec<IndexedType>,
    /// What was not asked.
    pub not_asked: Vec<NotIndexed>,
}

/// One data type that was asked for records about the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedType {
    /// The name of the source, as its owner shows it to people.
    pub source: String,
    /// The name of the type.
    pub data_type: String,
    /// Which of their fields the records have, in words; `None` for all.
    pub shown: Option<String>,
    /// The files that hold the records; none if nothing was found.
    pub files: Vec<IndexedFile>,
}

/// A file of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedFile {
    /// The path inside the archive.
    pub path: String,
    /// How many records it holds.
    pub records: u64,
}

/// What was not asked for records about the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotIndexed {
    /// The name of the source, as its owner shows it to people.
    pub source: String,
    /// The name of the type; `None` for all types of the source.
    pub data_type: Option<String>,
    /// Why, in words for the person.
    pub why: &'static str,
}

impl IndexedFile {
    /// Describes a file: each of its lines is a record.
    pub fn of(file: &CutFile) -> Self {
        let records = memchr::memchr_iter(b'\n', &file.contents).count() as u64;
        Self { path: file.path.clone(), records }
    }

    /// Returns the last segment of the path.
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

impl IndexedType {
    /// Returns how many records were found.
    fn records(&self) -> u64 {
        self.files.iter().map(|file| file.records).sum()
    }
}

impl Index {
    /// Returns the page as a file of the archive.
    pub fn file(&self) -> CutFile {
        CutFile { path: PATH.to_owned(), contents: self.to_string().into_bytes() }
    }

    fn write_head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{STYLE_DIGEST}'; \
             base-uri 'none'; form-action 'none'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n<title>Records about you</title>\n\
             <style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>Records about you</h1>\n\
             <p>Made on {}, in answer to request <code>{}</code>.</p>",
            self.made_at.format("%-d %B %Y at %H:%M UTC"),
            self.request
        )
    }

    fn write_sum(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records = self.types.iter().map(IndexedType::records).sum();
        let files = self.types.iter().map(|one| one.files.len() as u64).sum();
        if records == 0 {
            return writeln!(
                f,
                "<p><strong>No record about you was found.</strong> What was asked is listed below.</p>"
            );
        }
        writeln!(
            f,
            "<p><strong>{}</strong> about you in {}. The names of the files lead to them once the whole archive is \
             extracted.</p>",
            Counted(records, "record"),
            Counted(files, "file")
        )
    }

    /// Writes a table for each source.
    fn write_sources(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for types in self.types.chunk_by(|one, other| one.source == other.source) {
            let source = types.first().map_or("", |one| one.source.as_str());
            writeln!(
                f,
                "<section>\n<h2>{}</h2>\n<table>\n<thead><tr><th scope=\"col\">Kind<th scope=\"col\" class=\"n\">Records\
                 <th scope=\"col\">Files</thead>\n<tbody>",
                Text(source)
            )?;
            for one in types {
                write!(f, "<tr><th scope=\"row\">{}", Text(&one.data_type))?;
                if let Some(shown) = &one.shown {
                    write!(f, "<br><small>{}</small>", Text(shown))?;
                }
                write!(f, "<td class=\"n\">{}<td>", Grouped(one.records()))?;
                if one.files.is_empty() {
                    f.write_str("none")?;
                }
                for (at, file) in one.files.iter().enumerate() {
                    let gap = if at == 0 { "" } else { "<br>" };
                    write!(f, "{gap}<a href=\"{}\">{}</a>", Address(&file.path), Text(file.name()))?;
                }
                f.write_char('\n')?;
            }
            f.write_str("</tbody>\n</table>\n</section>\n")?;
        }
        Ok(())
    }

    fn write_not_asked(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.not_asked.is_empty() {
            return Ok(());
        }
        f.write_str("<section>\n<h2>Not asked</h2>\n<ul>\n")?;
        for one in &self.not_asked {
            write!(f, "<li>{}", Text(&one.source))?;
            if let Some(data_type) = &one.data_type {
                write!(f, ", {}", Text(data_type))?;
            }
            writeln!(f, ": {}", Text(one.why))?;
        }
        f.write_str("</ul>\n</section>\n")
    }
}

/// Writes the page.
impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_head(f)?;
        self.write_sum(f)?;
        self.write_sources(f)?;
        self.write_not_asked(f)?;
        f.write_str(HOW_TO_READ)?;
        f.write_str("</main>\n</body>\n</html>\n")
    }
}

const HOW_TO_READ: &str = "<section>\n<h2>How to read the files</h2>\n\
    <p>They are plain text, which every text editor opens. Each line is one record, with the names and the values of its \
    fields: <code>{\"name\":\"Ada\",\"city\":\"London\"}</code>. Programs know this form as JSON Lines.</p>\n\
    <p>Records name a person in other ways, too. Only records that hold one of the identifiers that the request names \
    were looked for.</p>\n</section>\n";

/// System colours, so that light and dark both have their contrast, and print stays black on white.
const STYLE: &str = ":root{color-scheme:light dark}body{margin:0;font:1rem/1.5 system-ui,sans-serif}main{max-width:46rem;\
    margin:0 auto;padding:1.5rem 1rem 3rem;overflow-wrap:anywhere}h1{font-size:1.6rem;line-height:1.25;margin:0 0 .5rem}\
    h2{font-size:1.15rem;margin:2rem 0 .5rem}p,ul{margin:.5rem 0}ul{padding-left:1.25rem}table{width:100%;\
    table-layout:fixed;border-collapse:collapse}th,td{text-align:left;vertical-align:top;padding:.4rem .75rem .4rem 0;border-bottom:1px solid \
    GrayText}thead th{font-size:.9rem}tbody th{font-weight:normal}th:last-child,td:last-child{padding-right:0}.n{\
    width:5rem;text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}code{font-size:.9em}a{color:LinkText}@media \
    print{main{max-width:none;padding:0}section{break-inside:avoid}a{color:inherit;text-decoration:none}}";

/// The digest by which the page allows its own style and no other.
const STYLE_DIGEST: &str = "sha256-qFyPOWMyqhZxlQ8Xk3bW8HFBX4KmBD1XWwLPyiGxVgA=";

/// Text that nothing in a page takes for anything else, neither between tags nor in a quoted attribute.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // Marks that change the direction of text would disguise what follows.
                '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
                c if c.is_control() => f.write_char(' ')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A path as a relative address (RFC 3986): everything but unreserved characters and slashes is encoded.
struct Address<'a>(&'a str);

impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            match byte {
                b'/' | b'-' | b'.' | b'_' | b'~' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                    f.write_char(char::from(byte))?;
                }
                _ => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

/// A number in groups of three digits.
struct Grouped(u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (at, digit) in digits.char_indices() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                f.write_char(',')?;
            }
            f.write_char(digit)?;
        }
        Ok(())
    }
}

/// A number of things with their name.
struct Counted(u64, &'static str);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, name) = self;
        write!(f, "{} {name}{}", Grouped(*count), if *count == 1 { "" } else { "s" })
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use sha2::{Digest, Sha256};
    use uuid::Uuid;

    use super::*;

    fn indexed(source: &str, data_type: &str, files: &[(&str, u64)]) -> IndexedType {
        let file =
            |(path, records): &(&str, u64)| IndexedFile { path: (*path).to_owned(), records: *records };
        IndexedType {
            source: source.to_owned(),
            data_type: data_type.to_owned(),
            shown: None,
            files: files.iter().map(file).collect(),
        }
    }

    fn index(types: Vec<IndexedType>) -> Index {
        Index {
            request: SubjectRequestId(Uuid::from_u128(7)),
            made_at: DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(9 * 60 + 5),
            types,
            not_asked: Vec::new(),
        }
    }

    #[test]
    fn d9_the_page_says_what_is_there_and_where() {
        let files = [("crm/call/call-00001.json", 1_000), ("crm/call/call-00002.json", 234)];
        let types = vec![
            indexed("Customers", "customer", &[("crm/customer/customer-00001.json", 1)]),
            indexed("Customers", "call", &files),
            indexed("Shop", "order", &[]),
        ];
        let not_asked = vec![NotIndexed {
            source: "Shop".to_owned(),
            data_type: Some("price".to_owned()),
            why: "names nobody",
        }];
        let mut page = Index { not_asked, ..index(types) };
        page.types[2].shown = Some("without <b>".to_owned());
        let page = page.to_string();
        for part in [
            "4 October 2024 at 09:05 UTC",
            "<code>00000000-0000-0000-0000-000000000007</code>",
            "<strong>1,235 records</strong> about you in 3 files",
            "<h2>Customers</h2>",
            "<th scope=\"row\">call<td class=\"n\">1,234<td><a href=\"crm/call/call-00001.json\">call-00001.json</a>",
            "<th scope=\"row\">order<br><small>without &lt;b&gt;</small><td class=\"n\">0<td>none",
            "<li>Shop, price: names nobody",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
        assert_eq!(
            page.matches("<h2>").count(),
            4,
            "one for each source, one for what was not asked, one for how"
        );
        assert!(page.len() < 4_096, "{}", page.len());
    }

    #[test]
    fn d9_a_page_about_nothing_says_so() {
        let page = index(vec![indexed("Shop", "order", &[])]).to_string();
        assert!(page.contains("No record about you was found."), "{page}");
        assert!(!page.contains("href"), "{page}");
    }

    #[test]
    fn d9_names_of_others_are_text_and_nothing_else() {
        let hostile = "<script>alert(1)</script>\" onload='x' &amp;\u{202e}\u{7}";
        let path = "a b/%2E?#\u{e9}\"'<>/x-00001.json";
        let mut page = index(vec![indexed(hostile, hostile, &[(path, 1)])]);
        page.not_asked.push(NotIndexed { source: hostile.to_owned(), data_type: None, why: "names nobody" });
        let page = page.to_string();
        let told = "&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&#39;x&#39; &amp;amp; ";
        assert_eq!(page.matches(told).count(), 3, "{page}");
        assert!(page.contains("href=\"a%20b/%252E%3F%23%C3%A9%22%27%3C%3E/x-00001.json\""), "{page}");
        assert!(!page.contains("<script") && !page.contains('\u{202e}') && !page.contains('\u{7}'), "{page}");
    }

    #[test]
    fn d9_the_page_allows_its_own_style_and_loads_nothing() {
        const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let digest: Vec<u8> = Sha256::digest(STYLE.as_bytes()).iter().copied().chain([0]).collect();
        let base64: String = digest
            .chunks(3)
            .flat_map(|three| {
                let bits = three.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
                [18, 12, 6, 0].map(|shift| char::from(DIGITS[bits >> shift & 63]))
            })
            .collect();
        // 32 bytes are eleven groups, the last of which lacks one.
        assert_eq!(STYLE_DIGEST, format!("sha256-{}=", &base64[..43]));
        let page = index(vec![indexed("Shop", "order", &[("a/b.json", 1)])]).to_string();
        for part in ["src=", "url(", "@import", "<link", "http:", "https:", "style="] {
            assert!(!page.contains(part), "{part}");
        }
    }

    #[test]
    fn d9_files_count_their_lines() {
        let file = CutFile { path: "a/b-00001.json".to_owned(), contents: b"{}\n{}\n".to_vec() };
        assert_eq!(IndexedFile::of(&file), IndexedFile { path: "a/b-00001.json".to_owned(), records: 2 });
    }
}
