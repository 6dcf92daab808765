//! The form of a job's settings from the body of a request.

use serde_json::error::Category;

use super::SettingsForm;
use crate::ProblemView;

impl SettingsForm {
    /// Reads a form from JSON, such as the body of a request.
    ///
    /// # Errors
    /// A problem with the code `invalid_json` and the status 400 if it is no JSON, or `invalid_form` and 422 if it is
    /// not a form: a key is missing or unknown, or a value has another type.
    ///
    /// ```
    /// use cdds_view::settings::SettingsForm;
    ///
    /// let problem = SettingsForm::from_json(br#"{"title": "Calls"}"#).unwrap_err();
    /// assert_eq!((problem.status, problem.code.as_str()), (422, "invalid_form"));
    /// assert_eq!(problem.detail, "missing field `source` at line 1 column 18");
    /// ```
    pub fn from_json(json: &[u8]) -> Result<Self, ProblemView> {
        serde_json::from_slice(json).map_err(|error| {
            let (status, code) = match error.classify() {
                Category::Data => (422, "invalid_form"),
                Category::Io | Category::Syntax | Category::Eof => (400, "invalid_json"),
            };
            ProblemView::new(status, code, error.to_string())
        })
    }
}
