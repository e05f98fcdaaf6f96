//! Results as bytes and back, bit for bit: what resuming and merging rest on.
//!
//! The layout is that of the types themselves, so a field that is added is in it too. It says nothing
//! about itself: bytes are read by the version that wrote them, which whoever keeps them has to see to.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Appends a value.
///
/// # Panics
///
/// Never for results, which are plain data; only for a type that describes itself wrongly.
pub fn write<T: Serialize>(value: &T, bytes: &mut Vec<u8>) {
    let taken = std::mem::take(bytes);
    *bytes = postcard::to_extend(value, taken).expect("results are plain data");
}

/// The value that some bytes begin with, and the bytes behind it; `None` if they are no such value.
#[must_use]
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<(T, &[u8])> {
    postcard::take_from_bytes(bytes).ok()
}

/// As many values as the bytes hold; `None` if they are not whole values of that kind.
#[must_use]
pub fn read_all<T: DeserializeOwned>(mut bytes: &[u8]) -> Option<Vec<T>> {
    let mut values = Vec::new();
    while !bytes.is_empty() {
        let (value, rest) = read(bytes)?;
        values.push(value);
        bytes = rest;
    }
    Some(values)
}
