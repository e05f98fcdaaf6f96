//! Numbers for readers.

use crate::units::{Money, Percent};

/// A percentage with its sign.
pub(super) fn lift(fraction: f64) -> String {
    // A number stays with its percent sign, and its minus is one.
    let text = Percent(fraction).to_string();
    text.replace('-', "\u{2212}").replace(" %", "\u{a0}%")
}

/// A percentage without a plus.
pub(super) fn share(fraction: f64) -> String {
    lift(fraction).trim_start_matches('+').to_owned()
}

/// `low to high`.
pub(super) fn range(low: f64, high: f64) -> String {
    format!("{} to {}", lift(low), lift(high))
}

/// An amount of money.
pub(super) fn money(amount: f64) -> String {
    Money(amount).to_string().replace('-', "\u{2212}")
}

/// An amount of money with its sign.
pub(super) fn change(amount: f64) -> String {
    let text = money(amount);
    if amount > 0.0 {
        format!("+{text}")
    } else {
        text
    }
}

/// The probability in a sentence: never "0 %" or "100 %" of what is only sampled.
pub(super) fn chance(probability: f64, replicates: f64) -> String {
    let least = 1.0 / replicates.max(1.0);
    if probability <= 0.0 {
        format!("fewer than {} of replicates", share(least))
    } else {
        format!("{} of replicates", share(probability))
    }
}

/// A count with its noun.
pub(super) fn counted(count: usize, noun: &str) -> String {
    let number = crate::units::Count(count as u128);
    if count == 1 {
        format!("{number} {noun}")
    } else {
        format!("{number} {noun}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(lift(0.4813), "+48.13\u{a0}%");
        assert_eq!(share(-0.0006), "\u{2212}0.06\u{a0}%");
        assert_eq!(change(1234.5), "+1,234.50");
        assert_eq!(chance(0.0, 2000.0), "fewer than 0.05\u{a0}% of replicates");
        assert_eq!(
            counted(1, "rule") + &counted(22_000, "rule"),
            "1 rule22,000 rules"
        );
    }
}
