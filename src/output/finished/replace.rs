//! A file of a finished run, made again.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use super::FinishedRun;
use crate::output::folder::MANIFEST;
use crate::output::manifest::OutputFile;
use crate::output::sha256;
use crate::problem::Error;

/// Writes a file that is made of the others into a finished run, and its fingerprint into the manifest.
/// Either is whole at any time, and nothing is written that is there already.
///
/// # Errors
///
/// [`Error::Machine`] if the folder cannot be written.
pub fn replace_output(run: &FinishedRun, name: &str, bytes: &[u8]) -> Result<OutputFile, Error> {
    let output = OutputFile {
        name: name.to_owned(),
        bytes: bytes.len() as u64,
        sha256: sha256(bytes),
    };
    if run.output(name) == Some(&output) && run.verify_output(&output).is_ok() {
        return Ok(output);
    }
    let path = run.folder.join(name);
    write_whole(&path, bytes)?;
    let place = run.folder.join(MANIFEST);
    let text = fs::read_to_string(&place).map_err(Error::machine("read", &place))?;
    let text = with_output(&text, run, &output);
    write_whole(&place, text.as_bytes())?;
    Ok(output)
}

/// The manifest with an output in place of the one of its name, or behind all others. Nothing else of the
/// text changes, not even the last digit of a number.
fn with_output(text: &str, run: &FinishedRun, output: &OutputFile) -> String {
    let new = entry(output);
    let old = run.output(&output.name).map(entry);
    let last = run.manifest.outputs.last().map(entry);
    match (old, last) {
        (Some(old), _) if text.contains(&old) => text.replacen(&old, &new, 1),
        (None, Some(last)) if text.contains(&last) => {
            text.replacen(&last, &format!("{last},\n    {new}"), 1)
        }
        // Somebody laid it out anew.
        _ => laid_out(&run.manifest.raw, output),
    }
}

/// An output as a manifest writes it.
fn entry(output: &OutputFile) -> String {
    let OutputFile {
        name,
        bytes,
        sha256,
    } = output;
    let name = Value::from(name.as_str());
    format!(
        "{{\n      \"name\": {name},\n      \"bytes\": {bytes},\n      \"sha256\": \"{sha256}\"\n    }}"
    )
}

/// The manifest, written anew.
fn laid_out(manifest: &Value, output: &OutputFile) -> String {
    let mut manifest = manifest.clone();
    if let Some(outputs) = manifest["outputs"].as_array_mut() {
        let entry = json!({
            "name": output.name,
            "bytes": output.bytes,
            "sha256": output.sha256,
        });
        match outputs
            .iter_mut()
            .find(|other| other["name"] == output.name.as_str())
        {
            Some(other) => *other = entry,
            None => outputs.push(entry),
        }
    }
    format!("{manifest:#}\n")
}

/// Writes a file beside its place and moves it there.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let partial = path.with_file_name(format!(".{name}.partial-{}", std::process::id()));
    let written = File::create(&partial)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&partial, path));
    written.map_err(|error| {
        // The first failure is what is told.
        let _ = fs::remove_file(&partial);
        Error::machine("write", path)(error)
    })
}
