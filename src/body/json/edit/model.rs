//! The model of a request that goes to another server than it was written for.
//!
//! Enters: the place of a value that begins. Leaves: where it is the root's `model`, another name in its stead.

use super::Edit;
use crate::body::json::escape;

impl Edit {
    /// Writes another name in place of the model's, where the value that begins is that; whether it is not to leave itself.
    pub(super) fn names_model(&mut self, out: &mut Vec<u8>) -> bool {
        if self.edits.model.is_none() || self.place.depth() != 1 || self.place.key() != Some(b"model") {
            return false;
        }
        let Some(model) = self.edits.model.clone() else { return false };
        self.emit_gap(out);
        out.push(b'"');
        escape(model.as_bytes(), out);
        out.push(b'"');
        true
    }
}
