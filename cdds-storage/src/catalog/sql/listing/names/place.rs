//! Where the names of an owner's files can hold a text, by the forms of these names.

use std::collections::BTreeSet;

/// The id of an execution in a form.
const ID: char = '/';

/// The number of a part in a form.
const NUMBER: &str = "//";

/// The number of characters of an id.
const ID_LENGTH: usize = 36;

/// The marks before and behind an id where it is searched.
const MARKS: (char, char) = ('-', '.');

/// The form of some names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) text: String,
    /// The greatest number of a part in these names; 0 if they have none.
    pub(super) numbers_max: u32,
}

/// Where names hold a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In each name.
    EachName,
    /// In the names of these forms, and nowhere else.
    Forms(Vec<String>),
    /// At the id of the execution, in the names of all forms or of some of them.
    Ids { at: AtId, in_all: bool },
    /// In names that one of these finds, but not in all of them.
    Several(Several),
    /// The form does not tell.
    Anywhere,
}

/// Several places of a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Several {
    /// Forms whose names all hold it.
    pub(super) forms: Vec<String>,
    /// Forms with the numbers of the parts whose names hold it.
    pub(super) numbers: Vec<(String, Vec<u32>)>,
    pub(super) ids: BTreeSet<AtId>,
}

/// A text at an id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum AtId {
    /// Its beginning.
    Beginning(String),
    /// A part of the marked id.
    Part(String),
}

/// A form, cut at the id and at the number.
struct Pieces<'a> {
    /// The text before the id, if there is one.
    before_id: Option<&'a str>,
    /// The text behind the id and before the number.
    middle: &'a str,
    /// The text behind the number, if there is one.
    after_number: Option<&'a str>,
}

impl<'a> Pieces<'a> {
    /// Returns `None` if there is more than one id or number.
    fn of(form: &'a str) -> Option<Self> {
        let (head, after_number) = match form.split_once(NUMBER) {
            Some((head, after)) => (head, Some(after)),
            None => (form, None),
        };
        let (before_id, middle) = match head.split_once(ID) {
            Some((before, middle)) => (Some(before), middle),
            None => (None, head),
        };
        let is_cut = !middle.contains(ID) && after_number.is_none_or(|after| !after.contains(ID));
        is_cut.then_some(Self { before_id, middle, after_number })
    }

    /// Whether the text is in one of the pieces, and so in each name.
    fn hold(&self, text: &str) -> bool {
        let pieces = [self.before_id, Some(self.middle), self.after_number];
        pieces.into_iter().flatten().any(|piece| piece.contains(text))
    }

    /// Returns the numbers up to a greatest one with which names hold a text that is in none of the pieces, behind
    /// the id.
    fn numbers(&self, text: &str, max: u32) -> Vec<u32> {
        let Some(after) = self.after_number else { return Vec::new() };
        let longest = self.middle.len() + after.len() + max.to_string().len().max(2);
        if text.len() > longest || !text.contains(|one: char| one.is_ascii_digit()) {
            return Vec::new();
        }
        (1..=max).filter(|number| format!("{}{number:02}{after}", self.middle).contains(text)).collect()
    }

    /// Whether what is behind the id can begin with a text.
    fn can_follow_id(&self, text: &str) -> bool {
        let Some(after) = self.after_number else { return self.middle.starts_with(text) };
        let Some(rest) = text.strip_prefix(self.middle) else { return self.middle.starts_with(text) };
        let end = rest.trim_start_matches(|one: char| one.is_ascii_digit());
        end.is_empty() || (end.len() < rest.len() && after.starts_with(end))
    }

    /// Returns how ids can take part in a text, and whether the text goes on to the number for one of them.
    fn at_ids(&self, text: &str) -> (BTreeSet<AtId>, bool) {
        let Some(before) = self.before_id else { return (BTreeSet::new(), false) };
        let bounds = || (0..=text.len()).filter(|at| text.is_char_boundary(*at));
        let begins = bounds().filter(|at| before.ends_with(&text[..*at]));
        let places = begins.flat_map(|begin| {
            let ends = bounds().filter(move |end| begin < *end && self.can_follow_id(&text[*end..]));
            ends.map(move |end| (begin, end))
        });
        let (mut ids, mut reaches_number) = (BTreeSet::new(), false);
        for (begin, end) in places {
            if let Some(at) = at_id(text, begin, end) {
                ids.insert(at);
                reaches_number |= text.len() - end > self.middle.len();
            }
        }
        (ids, reaches_number)
    }
}

/// Returns how an id takes part in a text, of which it has this piece; `None` if it cannot.
fn at_id(text: &str, begin: usize, end: usize) -> Option<AtId> {
    let (id, is_whole) = (&text[begin..end], end - begin == ID_LENGTH);
    let is_id = id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'));
    let (follows, is_followed) = (begin > 0, end < text.len());
    if !is_id || id.len() > ID_LENGTH || (follows && is_followed && !is_whole) {
        return None;
    }
    Some(match (follows || is_whole, is_followed) {
        (true, _) => AtId::Beginning(id.to_owned()),
        (false, true) => AtId::Part(format!("{id}{}", MARKS.1)),
        (false, false) => AtId::Part(id.to_owned()),
    })
}

impl AtId {
    fn into_part(self) -> Self {
        match self {
            Self::Beginning(id) => Self::Part(format!("{}{id}", MARKS.0)),
            part @ Self::Part(_) => part,
        }
    }
}

/// Returns an id with its marks.
pub(super) fn marked(id: &str) -> String {
    format!("{}{id}{}", MARKS.0, MARKS.1)
}

/// Finds out where the names of these forms hold a text.
pub(super) fn place(forms: &[Form], text: &str) -> Place {
    let (mut several, mut reaching, mut reaches_numbers) = (Several::default(), 0, false);
    for form in forms {
        let Some(pieces) = Pieces::of(&form.text) else { return Place::Anywhere };
        if pieces.hold(text) {
            several.forms.push(form.text.clone());
            continue;
        }
        let numbers = pieces.numbers(text, form.numbers_max);
        if !numbers.is_empty() {
            several.numbers.push((form.text.clone(), numbers));
        }
        let (ids, reaches_number) = pieces.at_ids(text);
        reaching += usize::from(!ids.is_empty());
        reaches_numbers |= reaches_number;
        several.ids.extend(ids);
    }
    if several.forms.len() == forms.len() {
        return Place::EachName;
    }
    // A part that begins the id is found among the parts as well.
    if several.ids.len() > 1 && several.ids.iter().any(|at| matches!(at, AtId::Part(_))) {
        several.ids = several.ids.into_iter().map(AtId::into_part).collect();
    }
    if !several.numbers.is_empty() || several.ids.len() > 1 {
        return Place::Several(several);
    }
    match several.ids.first() {
        None => Place::Forms(several.forms),
        Some(at) if several.forms.is_empty() => {
            Place::Ids { at: at.clone(), in_all: reaching == forms.len() && !reaches_numbers }
        }
        Some(_) => Place::Several(several),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZIP: &str = "export-/.zip";
    const SEALED: &str = "export-/.zip.smime";
    const VOLUME: &str = "export-/.z//";
    const SEALED_VOLUME: &str = "export-/.z//.smime";

    fn placed(forms: &[&str], text: &str) -> Place {
        let form = |text: &&str| Form { text: (*text).to_owned(), numbers_max: 130 };
        place(&forms.iter().map(form).collect::<Vec<_>>(), text)
    }

    fn part(text: &str) -> Place {
        Place::Ids { at: AtId::Part(text.to_owned()), in_all: true }
    }

    fn several(forms: &[&str], numbers: &[(&str, &[u32])], ids: &[AtId]) -> Place {
        let owned = |one: &(&str, &[u32])| (one.0.to_owned(), one.1.to_vec());
        Place::Several(Several {
            forms: forms.iter().map(|form| (*form).to_owned()).collect(),
            numbers: numbers.iter().map(owned).collect(),
            ids: ids.iter().cloned().collect(),
        })
    }

    #[test]
    fn texts_of_forms_are_found_in_their_forms() {
        let all = [VOLUME, ZIP, SEALED];
        for text in ["", "e", "port-", ".z", "-"] {
            assert_eq!(placed(&all, text), Place::EachName, "{text}");
        }
        assert_eq!(placed(&all, "zip.s"), Place::Forms(vec![SEALED.to_owned()]));
        for text in
            ["q", "nowhere", "ü", "t-g", "a/b", "//", "0.zap", "t-f.zip", ".z0z", ".z131", "z00", "z0.s"]
        {
            assert_eq!(placed(&all, text), Place::Forms(Vec::new()), "{text}");
        }
        assert_eq!(placed(&["manual"], "man"), Place::EachName);
        assert_eq!(placed(&["manual", ZIP], "man"), Place::Forms(vec!["manual".to_owned()]));
    }

    #[test]
    fn texts_of_ids_are_found_at_ids() {
        let all = [VOLUME, ZIP, SEALED];
        let begins = |id: &str| Place::Ids { at: AtId::Beginning(id.to_owned()), in_all: true };
        assert_eq!(placed(&all, "t-3f"), begins("3f"));
        assert_eq!(placed(&all, "-3f"), part("-3f"), "it may be within the id, too");
        assert_eq!(placed(&all, "3f2a"), part("3f2a"));
        assert_eq!(placed(&all, "3f."), part("3f."));
        let id = "cb524978-a819-59cf-9759-c710c1a5b1d0";
        assert_eq!(placed(&all, id), begins(id));
        assert_eq!(placed(&all, &format!("{id}.")), begins(id));
        assert_eq!(placed(&all, &format!("t-{id}.")), begins(id));
        let sealed = format!("export-{id}.zip.smime");
        assert_eq!(placed(&all, &sealed), Place::Ids { at: AtId::Beginning(id.to_owned()), in_all: false });
    }

    #[test]
    fn texts_of_numbers_are_found_at_numbers() {
        let all = [VOLUME, SEALED_VOLUME, ZIP];
        let twelve = [12, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129];
        assert_eq!(placed(&all, ".z12"), several(&[], &[(VOLUME, &twelve), (SEALED_VOLUME, &twelve)], &[]));
        assert_eq!(placed(&all, "z05"), several(&[], &[(VOLUME, &[5]), (SEALED_VOLUME, &[5])], &[]));
        assert_eq!(placed(&all, "27.s"), several(&[], &[(SEALED_VOLUME, &[27, 127])], &[]));
        let manual = [112];
        assert_eq!(placed(&["manual.z//"], "al.z112"), several(&[], &[("manual.z//", &manual)], &[]));
    }

    #[test]
    fn texts_that_go_from_the_id_to_the_number_are_found_at_ids() {
        let at = AtId::Part("1d0.".to_owned());
        let some = |at: AtId| Place::Ids { at, in_all: false };
        assert_eq!(placed(&[VOLUME], "1d0.z"), part("1d0."));
        for text in ["1d0.z1", "1d0.z12", "1d0.z99999"] {
            assert_eq!(placed(&[VOLUME, SEALED_VOLUME, ZIP], text), some(at.clone()), "{text}");
            assert_eq!(placed(&[VOLUME], text), some(at.clone()), "{text}");
        }
        assert_eq!(placed(&[VOLUME, SEALED_VOLUME], "1d0.z12.smi"), some(at));
        assert_eq!(placed(&[VOLUME], "1d0.z12.smi"), Place::Forms(Vec::new()));
        let id = "cb524978-a819-59cf-9759-c710c1a5b1d0";
        let name = format!("export-{id}.z7");
        assert_eq!(placed(&[VOLUME], &name), some(AtId::Beginning(id.to_owned())));
    }

    #[test]
    fn texts_in_numbers_and_ids_may_be_at_either() {
        let at = |text: &str| AtId::Part(text.to_owned());
        assert_eq!(placed(&[VOLUME, ZIP], "123"), several(&[], &[(VOLUME, &[123])], &[at("123")]));
        assert_eq!(placed(&["a1/.z//", "b/"], "1"), several(&["a1/.z//"], &[], &[at("1")]));
        assert_eq!(placed(&["/-/"], "01"), Place::Anywhere);
        assert_eq!(placed(&["/.z//-/"], "01"), Place::Anywhere);
    }
}
