//! What an object of an event says of all that stands in it, read once.
//!
//! Enters: objects of one indexed event, in the order of the text, each as often as something in it asks. Leaves: what was
//! read of it. Only the objects around the last one are remembered, so memory is bounded by the depth; whoever asks in
//! another order has objects read again.

use crate::body::json::{Index, Node};

/// What was read of the objects that are open.
pub(super) struct Once<T>(Vec<(Node, T)>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy> Once<T> {
    /// Another event begins.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What `read` finds in this object, or has found.
    pub(super) fn of(&mut self, index: &Index, object: Node, read: impl FnOnce() -> T) -> T {
        let place = index.range(object).start;
        while self.0.pop_if(|(open, _)| !index.range(*open).contains(&place)).is_some() {}
        match self.0.last() {
            Some((known, said)) if *known == object => *said,
            _ => {
                let said = read();
                self.0.push((object, said));
                said
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::BodyLimits;
    use crate::body::json::{Kind, index};

    #[test]
    fn each_object_is_read_once_however_many_members_ask() {
        let texts = r#""text":"a","x":[{"text":"b","text":"c"}],"#.repeat(50);
        let json = format!("{{{texts}\"text\":\"d\"}}");
        let index = index(json.as_bytes(), &BodyLimits::default()).unwrap();
        let mut once = Once::default();
        for _ in 0..2 {
            let mut read = Vec::new();
            for text in index.nodes().filter(|node| index.kind(*node) == Kind::String) {
                let object = index.parent(text).unwrap();
                let said = once.of(&index, object, || {
                    read.push(object);
                    object
                });
                assert_eq!(said, object);
            }
            assert_eq!(read.len(), 51);
            once.clear();
        }
    }
}
