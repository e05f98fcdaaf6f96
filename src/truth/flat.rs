//! The flat posterior: every channel by itself, nothing shrunk. For comparison only.

use super::RateLaw;

/// The law of a channel's expected conversions at today's spend: `mu = D G(c / D + 1/2, 1)`, with `G`
/// the gamma law; 0 for a channel that spends nothing.
///
/// It is the posterior of a Poisson mean under Jeffreys' prior, on the scale `y = c / D` on which
/// conversions with dispersion `D > 0` are nearly Poisson. The law is in conversions. Rates observed
/// apart by noise stay apart, so draws have more heterogeneity than the truth: prefer the hierarchical
/// posterior. O(1).
#[must_use]
pub fn flat_rate_law(spend: f64, conversions: f64, dispersion: f64) -> RateLaw {
    if spend > 0.0 {
        RateLaw::Gamma {
            shape: conversions / dispersion + 0.5,
            rate: 1.0 / dispersion,
        }
    } else {
        RateLaw::Degenerate(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_variance_are_those_of_the_table() {
        let RateLaw::Gamma { shape, rate } = flat_rate_law(100.0, 40.0, 4.0) else {
            panic!("expected a gamma law")
        };
        // Mean c + D/2, variance D c + D^2/2
        assert_eq!((shape / rate, shape / rate / rate), (42.0, 168.0));
    }

    #[test]
    fn a_channel_without_spend_never_converts() {
        assert_eq!(flat_rate_law(0.0, 0.0, 4.0), RateLaw::Degenerate(0.0));
    }

    #[test]
    fn a_channel_without_conversions_may_still_convert() {
        assert_eq!(
            flat_rate_law(5.0, 0.0, 2.0),
            RateLaw::Gamma {
                shape: 0.5,
                rate: 0.5
            }
        );
    }
}
