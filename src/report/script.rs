//! The scripts of the page, and what lets only them run.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// Our own script: draws the charts and answers the controls.
pub(super) const OWN: &str = include_str!("page.js");

/// The style sheet.
pub(super) const STYLE: &str = include_str!("page.css");

/// plotly.js with its licence notice, as the plotly crate carries it: the first script of what it would
/// put into a page. The second one typesets formulas and is left out.
pub(super) fn plotly() -> String {
    let mut sources = plotly::Plot::offline_js_sources();
    // Cut in place: it is megabytes.
    if let Some(end) = sources.find("</script>") {
        sources.truncate(end);
    }
    if let Some(start) = sources.find('>') {
        sources.drain(..=start);
    }
    sources
}

/// The content security policy: these scripts, inline styles, pictures that the page itself makes.
pub(super) fn policy(scripts: &[&str]) -> String {
    let hashes: Vec<String> = scripts
        .iter()
        .map(|script| {
            format!(
                "'sha256-{}'",
                STANDARD.encode(Sha256::digest(script.as_bytes()))
            )
        })
        .collect();
    format!(
        "default-src 'none'; script-src {}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'",
        hashes.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_charting_library_is_whole_and_alone() {
        let plotly = plotly();
        assert!(
            plotly.starts_with("/**\n* plotly.js v")
                && plotly.contains("Licensed under the MIT license")
        );
        assert!(plotly.len() > 3_000_000 && !plotly.contains("MathJax.js is free"));
        assert!(!OWN.contains("</script") && !STYLE.contains("</style"));
    }

    #[test]
    fn a_policy_names_scripts_by_their_hash() {
        // The SHA-256 of nothing, in base64.
        let nothing = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert!(policy(&[""]).contains(&format!("script-src 'sha256-{nothing}';")));
    }
}
