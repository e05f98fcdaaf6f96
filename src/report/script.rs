//! The scripts of the page, and what lets only them run.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// Our own script: draws the charts and answers the controls.
pub(super) const OWN: &str = include_str!("page.js");

/// The style sheet.
pub(super) const STYLE: &str = include_str!("page.css");

/// plotly.js with its licence notice: megabytes, which the build script has cut out of the plotly crate.
pub(super) const PLOTLY: &str = include_str!(concat!(env!("OUT_DIR"), "/plotly.js"));

/// Its SHA-256 in base64.
const PLOTLY_HASH: &str = include_str!(concat!(env!("OUT_DIR"), "/plotly.sha256"));

/// The content security policy: our two scripts, inline styles, pictures that the page itself makes.
pub(super) fn policy() -> String {
    format!(
        "default-src 'none'; script-src 'sha256-{PLOTLY_HASH}' 'sha256-{}'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'",
        hash(OWN)
    )
}

fn hash(script: &str) -> String {
    STANDARD.encode(Sha256::digest(script.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_charting_library_is_whole_and_alone() {
        assert!(
            PLOTLY.starts_with("/**\n* plotly.js v")
                && PLOTLY.contains("Licensed under the MIT license")
        );
        assert!(PLOTLY.len() > 3_000_000 && !PLOTLY.contains("MathJax.js is free"));
        for script in [PLOTLY, OWN] {
            assert!(!script.contains("</script"));
        }
        assert!(!STYLE.contains("</style"));
    }

    #[test]
    fn the_policy_names_scripts_by_their_hash() {
        // The SHA-256 of nothing, in base64.
        assert_eq!(hash(""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
        assert_eq!(PLOTLY_HASH, hash(PLOTLY));
        let own = hash(OWN);
        assert!(policy().contains(&format!(
            "script-src 'sha256-{PLOTLY_HASH}' 'sha256-{own}';"
        )));
    }
}
