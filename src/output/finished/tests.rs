use super::*;

fn reference() -> FinishedRun {
    FinishedRun::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("results/reference")).unwrap()
}

/// A run folder with one table.
fn run_of(table: &str) -> (tempfile::TempDir, FinishedRun) {
    let folder = tempfile::tempdir().unwrap();
    let mut manifest = reference().manifest.raw;
    manifest["outputs"] = serde_json::json!([{
        "name": "t.csv",
        "bytes": table.len(),
        "sha256": crate::output::sha256(table.as_bytes()),
    }]);
    manifest["columns"] = serde_json::json!({
        "t": [{"name": "channel", "type": "name", "unit": "name", "meaning": "the channel"}],
    });
    fs::write(folder.path().join("t.csv"), table).unwrap();
    fs::write(folder.path().join(MANIFEST), manifest.to_string()).unwrap();
    let run = FinishedRun::open(folder.path()).unwrap();
    (folder, run)
}

/// What is told, without the folder's place.
fn told<T: std::fmt::Debug>(folder: &Path, outcome: Result<T, Error>) -> String {
    let text = outcome.unwrap_err().to_string();
    text.replace(&folder.display().to_string(), "RUN")
}

#[test]
fn cells_read_back_as_the_file_has_them() {
    let run = reference();
    run.verify().unwrap();
    assert_eq!(run.manifest().configurations, 6);
    assert_eq!(run.manifest().findings[0].gravity, "warning");
    for name in ["configurations.csv", "allocations.csv"] {
        let table = run.table(name, None).unwrap();
        let mut reader = csv::Reader::from_path(run.folder().join(name)).unwrap();
        assert!(reader.headers().unwrap().len() == table.columns().len() && table.rows() > 3);
        for (row, record) in reader.records().enumerate() {
            for ((_, values), cell) in table.columns().iter().zip(record.unwrap().iter()) {
                assert_eq!(values.text(row), cell);
            }
        }
    }
    let table = run
        .table("configurations.csv", Some(&["pareto", "flags", "alpha"]))
        .unwrap();
    assert_eq!(table.columns().len(), 3);
    assert_eq!(table.numbers("alpha").unwrap()[..3], [0.3, 0.3, 0.6]);
    assert_eq!(table.truths("pareto").unwrap()[0], Some(false));
    let flags = table.names("flags").unwrap();
    assert_eq!(flags.get(0), Some("W_BUDGET_NE_SPEND;W_EXTRAPOLATION"));
    assert!(told(run.folder(), table.names("alpha")).starts_with(
        "RUN/configurations.csv: error: column \"alpha\": holds numbers, not names [E_COLUMN]"
    ));
}

#[test]
fn empty_cells_have_no_value_and_names_may_look_like_numbers() {
    let (_folder, run) = run_of("channel,x,ok,word,none\n12,,,,\n,1.5,true,a,\n12,-2e-7,,b,\n");
    let table = run.table("t.csv", None).unwrap();
    let channels: Vec<_> = table.names("channel").unwrap().iter().collect();
    assert_eq!(channels, [Some("12"), None, Some("12")]);
    assert_eq!(table.names("channel").unwrap().different(), ["12"]);
    let x = table.get("x").unwrap();
    assert_eq!(
        [x.number(0), x.number(1), x.number(2)],
        [None, Some(1.5), Some(-2e-7)]
    );
    assert_eq!(table.truths("ok").unwrap(), [None, Some(true), None]);
    assert_eq!(table.names("word").unwrap().get(0), None);
    assert!(table.numbers("none").unwrap().iter().all(|x| x.is_nan()));
}

#[test]
fn what_is_no_run_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let fix = "\n    fix: name a folder that `liftsweep run` wrote, such as results/<name of the scenario>";
    assert_eq!(
        told(root, FinishedRun::open(&root.join("x"))),
        format!("RUN/x: error: there is no such folder [E_RUN]{fix}")
    );
    assert_eq!(
        told(root, FinishedRun::open(root)),
        format!("RUN: error: holds no manifest.json: it is no finished run [E_RUN]{fix}")
    );
    let manifest = root.join(MANIFEST);
    assert_eq!(
        told(
            root,
            FinishedRun::open(&{
                fs::write(&manifest, "{\"program\": ").unwrap();
                manifest.clone()
            })
        ),
        format!("RUN/manifest.json: error: is a file, not the folder of a run [E_RUN]{fix}")
    );
    assert!(told(root, FinishedRun::open(root)).starts_with(
        "RUN/manifest.json:1:12: error: manifest.json cannot be understood: EOF while parsing a value [E_DAMAGED]"
    ));
    fs::write(
        &manifest,
        "{\"program\": \"liftsweep\", \"version\": \"9.1.0\", \"format\": 7}",
    )
    .unwrap();
    assert_eq!(
        told(root, FinishedRun::open(root)),
        format!(
            "RUN/manifest.json: error: was written by liftsweep 9.1.0 in format 7; this is {}, which reads format 1 [E_VERSION]\n    fix: use the version that wrote it, or run the scenario again with --force",
            env!("CARGO_PKG_VERSION")
        )
    );
    let mut leaves = reference().manifest.raw;
    leaves["outputs"][0]["name"] = "../secret".into();
    fs::write(&manifest, leaves.to_string()).unwrap();
    assert!(
        told(root, FinishedRun::open(root))
            .contains("lists \"../secret\", which is no plain file name [E_DAMAGED]")
    );
}

#[test]
fn files_that_are_gone_or_changed_are_told() {
    let (folder, run) = run_of("channel,x\na,1\n");
    let path = folder.path();
    run.verify().unwrap();
    assert_eq!(
        told(path, run.table("u.csv", None)),
        "RUN: error: this run did not write u.csv; it wrote t.csv [E_NO_FILE]\n    fix: ask for it under [output] in the scenario, and run it again"
    );
    assert_eq!(
        told(path, run.table("t.csv", Some(&["chanel", "y"]))),
        "RUN/t.csv: error: column \"chanel\": there is no such column [E_COLUMN]\n    fix: did you mean \"channel\"?\nRUN/t.csv: error: column \"y\": there is no such column [E_COLUMN]\n    fix: did you mean \"x\"?"
    );
    fs::write(path.join("t.csv"), "channel,x\nb,1\n").unwrap();
    let changed = told(path, run.verify());
    assert!(changed.starts_with(
        "RUN/t.csv: error: is not the file that the run wrote: its SHA-256 begins with "
    ));
    fs::write(path.join("t.csv"), "channel,x\nab,1\n").unwrap();
    assert_eq!(
        told(path, run.table("t.csv", None)),
        format!(
            "RUN/t.csv: error: is not the file that the run wrote: it has 15 bytes, manifest.json says 14 [E_DAMAGED]\n    fix: {AGAIN}"
        )
    );
    fs::remove_file(path.join("t.csv")).unwrap();
    assert_eq!(
        told(path, run.verify()),
        format!(
            "RUN/t.csv: error: is listed in manifest.json and is not there [E_MISSING_FILE]\n    fix: {AGAIN}"
        )
    );
}

#[test]
fn cells_that_do_not_belong_are_told_with_their_line() {
    let (folder, run) = run_of("x,ok\n1,true\ninf,true\n");
    assert_eq!(
        told(folder.path(), run.table("t.csv", None)),
        format!(
            "RUN/t.csv:3: error: column \"x\": \"inf\" is not a number [E_DAMAGED]\n    fix: {AGAIN}"
        )
    );
    let (folder, run) = run_of("x,ok\n1,true\n2\n");
    assert_eq!(
        told(folder.path(), run.table("t.csv", None)),
        format!("RUN/t.csv:3: error: 1 cells where the header has 2 [E_DAMAGED]\n    fix: {AGAIN}")
    );
}
