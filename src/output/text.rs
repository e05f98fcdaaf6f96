//! Text that is made once and written many times, and the quoting of names.

/// Many short texts in one piece of memory.
#[derive(Debug, Default)]
pub(super) struct Texts {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Texts {
    /// Texts that `write` appends, one for each item.
    pub(super) fn new<T>(
        items: impl IntoIterator<Item = T>,
        write: impl Fn(&mut Vec<u8>, T),
    ) -> Self {
        let mut texts = Self::default();
        for item in items {
            write(&mut texts.text, item);
            texts.ends.push(texts.text.len());
        }
        texts
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// One of them.
    #[inline]
    pub(super) fn get(&self, position: usize) -> &[u8] {
        let start = position
            .checked_sub(1)
            .map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[position]]
    }
}

/// Appends a field of a CSV file, in quotes where it needs them.
pub(super) fn push_field(text: &mut Vec<u8>, field: &str) {
    let special = |byte: u8| matches!(byte, b'"' | b',' | b'\n' | b'\r');
    if !field.bytes().any(special) {
        text.extend_from_slice(field.as_bytes());
        return;
    }
    text.push(b'"');
    for byte in field.bytes() {
        if byte == b'"' {
            text.push(b'"');
        }
        text.push(byte);
    }
    text.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_are_kept_apart() {
        let words = ["efficiency", "", "raw"];
        let texts = Texts::new(words, |text, word: &str| {
            text.extend_from_slice(word.as_bytes());
        });
        assert_eq!(texts.len(), 3);
        for (position, word) in words.iter().enumerate() {
            assert_eq!(texts.get(position), word.as_bytes());
        }
    }

    proptest! {
        #[test]
        fn fields_are_quoted_as_the_csv_crate_does(field in "([a-c\",\n\r ;'é]|\\PC){0,12}") {
            let mut csv = csv::Writer::from_writer(Vec::new());
            csv.write_record(["x", &field]).unwrap();
            let mut text = b"x,".to_vec();
            push_field(&mut text, &field);
            text.push(b'\n');
            prop_assert_eq!(text, csv.into_inner().unwrap());
        }
    }
}
