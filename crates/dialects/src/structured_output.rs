//! Answers in JSON from targets that cannot be held to it.
//!
//! A Messages target without structured outputs is made to call a tool whose input is the schema. Its decoders
//! turn that call back into text, so that nobody else knows of it.

use crate::RawJson;

/// The tool whose input is the answer. No client may name a tool of its own like this.
pub(crate) const TOOL: &str = "orchestra_structured_output";

/// Asks for any JSON object.
pub(crate) const JSON_OBJECT: &str = "Answer with exactly one JSON object and nothing else: no words before or behind it, and no Markdown fence around it.";

/// Asks for JSON that follows a schema.
pub(crate) fn schema_instructions(schema: &RawJson, description: Option<&str>) -> String {
    let mut text = "Answer with exactly one JSON value that follows the JSON Schema below, and nothing else: no words before or behind it, and no Markdown fence around it.".to_owned();
    for more in [description, Some(schema.as_str())].into_iter().flatten() {
        text.push_str("\n\n");
        text.push_str(more);
    }
    text
}
