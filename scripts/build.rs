//! Records the commit the binary was built from, for `manifest.json`, and cuts out plotly.js for the page of a run.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

fn main() {
    println!("cargo::rerun-if-changed=.git/HEAD");
    println!("cargo::rerun-if-changed=.git/refs/heads");
    let commit = Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .output()
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok());
    if let Some(commit) = commit {
        println!("cargo::rustc-env=LIFTSWEEP_COMMIT={}", commit.trim());
    }
    write_plotly().expect("writes plotly.js for src/report/script.rs");
}

/// Writes plotly.js with its licence notice, as the plotly crate carries it, and its SHA-256 in base64. It is the
/// first script of what the crate would put into a page; the second one typesets formulas and is left out.
fn write_plotly() -> std::io::Result<()> {
    let sources = plotly::Plot::offline_js_sources();
    let script = sources
        .split_once('>')
        .and_then(|(_, from_start)| from_start.split_once("</script>"))
        .map(|(script, _)| script)
        .ok_or_else(|| std::io::Error::other("the plotly crate carries no script"))?;
    let out = std::env::var_os("OUT_DIR").unwrap_or_default();
    let out = Path::new(&out);
    std::fs::write(out.join("plotly.js"), script)?;
    let hash = STANDARD.encode(Sha256::digest(script.as_bytes()));
    std::fs::write(out.join("plotly.sha256"), hash)
}
