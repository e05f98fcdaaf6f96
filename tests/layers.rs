//! The house: a module imports only from lower layers.

use std::fs;
use std::path::{Path, PathBuf};

/// The layer of every top-level module of the library. A new module must be given one here.
const LAYERS: [(&str, u8); 24] = [
    ("flag", 0),
    ("lanes", 0),
    ("problem", 0),
    ("seed", 0),
    ("special", 0),
    ("units", 0),
    ("vector", 0),
    ("allocate", 1),
    ("resample", 1),
    ("response", 1),
    ("score", 1),
    ("stats", 1),
    ("truth", 1),
    ("scenario", 2),
    ("engine", 3),
    ("config", 4),
    ("ingest", 4),
    ("output", 4),
    ("gate", 5),
    ("report", 5),
    ("compare", 6),
    ("load", 6),
    ("store", 7),
    ("init", 7),
];

fn layer(module: &str) -> Option<u8> {
    LAYERS
        .iter()
        .find(|(name, _)| *name == module)
        .map(|(_, layer)| *layer)
}

/// All source files below a folder, with the top-level module they belong to.
fn sources(folder: &Path) -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let inside = path.strip_prefix(&root).unwrap();
            let first = inside.components().next().unwrap().as_os_str();
            let module = first.to_str().unwrap().trim_end_matches(".rs").to_owned();
            found.push((module, path));
        }
    }
    found.sort();
    found
}

/// The modules that a source names as `crate::module`.
fn imports(text: &str) -> Vec<String> {
    let names = text.split("crate::").skip(1).map(|rest| {
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        rest[..end].to_owned()
    });
    names.filter(|name| !name.is_empty()).collect()
}

#[test]
fn no_module_imports_from_its_own_layer_or_above() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut upward, mut seen) = (Vec::new(), 0);
    for (module, path) in sources(&root) {
        if ["main", "lib", "cli"].contains(&module.as_str()) {
            continue;
        }
        let own = layer(&module)
            .unwrap_or_else(|| panic!("module {module} has no layer in this test: give it one"));
        for name in imports(&fs::read_to_string(&path).unwrap()) {
            let Some(other) = layer(&name) else { continue };
            seen += 1;
            if name != module && other >= own {
                upward.push(format!(
                    "{}: {module} ({own}) -> {name} ({other})",
                    path.display()
                ));
            }
        }
    }
    assert!(upward.is_empty(), "upward imports:\n{}", upward.join("\n"));
    assert!(seen > 100, "found only {seen} imports: is this test blind?");
}

#[test]
fn only_the_engine_knows_threads_and_only_the_terminal_knows_the_terminal() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (module, path) in sources(&root) {
        let text = fs::read_to_string(&path).unwrap();
        let knows = |name: &str| text.contains(&format!("{name}::"));
        let place = path.display();
        assert!(
            !knows("rayon") || ["engine", "cli"].contains(&module.as_str()),
            "{place}"
        );
        for terminal in ["clap", "indicatif", "comfy_table", "ctrlc"] {
            assert!(
                !knows(terminal) || module == "cli",
                "{place} knows {terminal}"
            );
        }
    }
}

#[test]
fn only_one_module_is_unsafe() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let with: Vec<String> = sources(&root)
        .into_iter()
        .filter(|(_, path)| fs::read_to_string(path).unwrap().contains("unsafe {"))
        .map(|(module, _)| module)
        .collect();
    assert_eq!(with, ["vector"]);
}

#[test]
fn the_check_itself_sees_an_upward_import() {
    assert_eq!(imports("use crate::engine::run; // crate::"), ["engine"]);
    assert!(layer("engine") > layer("stats"));
}
