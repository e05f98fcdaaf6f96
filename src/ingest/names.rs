//! Names, numbered in the order of their first appearance.

use std::hash::{DefaultHasher, Hash, Hasher};

/// Different names, all in one text, and a table to find them by their hashes.
///
/// Looking a name up takes O(length) time, as long as hashes differ. Numbers depend on the order of
/// names alone, never on their hashes.
#[derive(Debug, Default)]
pub(super) struct Names {
    text: String,
    /// Where each name ends in the text.
    ends: Vec<usize>,
    /// Hash of each name.
    hashes: Vec<u64>,
    /// Numbers plus 1, each in the first free slot from its hash on; 0 where a slot is free. At most
    /// half of them are taken, and their count is a power of two.
    slots: Vec<u32>,
}

impl Names {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A name by its number.
    pub(super) fn get(&self, number: usize) -> &str {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[number]]
    }

    /// The number of a name, which is [`Names::len`] of before where the name is new.
    pub(super) fn number(&mut self, name: &str) -> usize {
        if 2 * self.len() >= self.slots.len() {
            self.grow();
        }
        let hash = hash(name);
        let mut slot = self.first_slot(hash);
        while let Some(number) = self.slots[slot].checked_sub(1) {
            let number = number as usize;
            if self.hashes[number] == hash && self.get(number) == name {
                return number;
            }
            slot = self.next_slot(slot);
        }
        self.text.push_str(name);
        self.ends.push(self.text.len());
        self.hashes.push(hash);
        self.slots[slot] = taken(self.len());
        self.len() - 1
    }

    fn grow(&mut self) {
        self.slots = vec![0; (2 * self.slots.len()).max(16)];
        for number in 0..self.len() {
            let mut slot = self.first_slot(self.hashes[number]);
            while self.slots[slot] > 0 {
                slot = self.next_slot(slot);
            }
            self.slots[slot] = taken(number + 1);
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "only the lowest bits are used"
    )]
    fn first_slot(&self, hash: u64) -> usize {
        hash as usize & (self.slots.len() - 1)
    }

    fn next_slot(&self, slot: usize) -> usize {
        (slot + 1) & (self.slots.len() - 1)
    }
}

/// What stands in a slot: half the memory of a position, which costs more to hand out than to fill.
fn taken(number: usize) -> u32 {
    u32::try_from(number).expect("fewer than 2^32 names")
}

fn hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn names_are_numbered_as_they_appear(names in proptest::collection::vec("[a-c]{0,4}", 0..200)) {
            let (mut found, mut expected) = (Names::default(), BTreeMap::new());
            for name in &names {
                let next = expected.len();
                prop_assert_eq!(found.number(name), *expected.entry(name).or_insert(next));
                prop_assert_eq!(found.len(), expected.len());
            }
            for (name, number) in expected {
                prop_assert_eq!(found.get(number), name);
            }
        }
    }
}
