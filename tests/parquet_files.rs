//! The Parquet files of a run: the same values as in its CSV files, and every replicate's lift.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use tempfile::TempDir;

use crate::runs::program;

const TABLE: &str =
    "channel,spend,conversions\n=Search,500,3\n\"Video, long\",300,2\nÉmail,200,2\n";

/// Seven conversions: about one replicate in a thousand holds none.
const SCENARIO: &str = "\
name = \"few\"
seed = 11
[data]
path = \"table.csv\"
channel = \"channel\"
spend = \"spend\"
conversions = \"conversions\"
[grid]
alpha = [0.0, 0.5, 1.0]
bound_mode = [\"project\", \"clip\"]
max_share = 0.9
[world]
truth = \"observed\"
noise = \"poisson\"
elasticity = [1.0, 0.5]
[run]
replicates = 3000
lifts = [\"apparent\", \"decision\", \"recommended\", \"optimism\"]
[output]
formats = [\"csv\", \"parquet\"]
draws = true
allocations = \"all\"
";

const FILES: [&str; 3] = [
    "configurations.parquet",
    "allocations.parquet",
    "draws.parquet",
];

fn run_into(out: &str, folder: &TempDir, extra: &[&str]) {
    std::fs::write(folder.path().join("s.toml"), SCENARIO).unwrap();
    std::fs::write(folder.path().join("table.csv"), TABLE).unwrap();
    let ran = program(folder)
        .args(["run", "s.toml", "--out", out])
        .args(extra)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(ran.status.success(), "{told}");
}

fn open(path: &Path) -> SerializedFileReader<std::fs::File> {
    SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap()
}

/// The rows of a Parquet file.
fn rows(path: &Path) -> Vec<Vec<(String, Field)>> {
    let rows = open(path).into_iter().map(Result::unwrap);
    rows.map(|row| {
        row.get_column_iter()
            .map(|(name, field)| (name.clone(), field.clone()))
            .collect()
    })
    .collect()
}

/// Configuration and replicate of every row of a file of draws.
pub(crate) fn draws(path: &Path) -> Vec<(u64, u64)> {
    let rows = open(path).into_iter().map(Result::unwrap);
    let number = |field: Option<(&String, &Field)>| match field {
        Some((_, Field::Long(number))) => u64::try_from(*number).unwrap(),
        other => panic!("{other:?}"),
    };
    rows.map(|row| {
        let mut fields = row.get_column_iter();
        (number(fields.next()), number(fields.next()))
    })
    .collect()
}

/// Holds a Parquet file to a CSV file, bit for bit.
pub(crate) fn same_as_csv(folder: &Path, table: &str) {
    let mut reader = csv::Reader::from_path(folder.join(format!("{table}.csv"))).unwrap();
    let header = reader.headers().unwrap().clone();
    let records: Vec<_> = reader.records().map(Result::unwrap).collect();
    let rows = rows(&folder.join(format!("{table}.parquet")));
    assert_eq!(rows.len(), records.len());
    for (record, row) in records.iter().zip(&rows) {
        assert_eq!(header.len(), row.len());
        for ((text, title), (name, field)) in record.iter().zip(&header).zip(row) {
            assert_eq!(title, name);
            let same = match field {
                Field::Null => text.is_empty(),
                Field::Double(number) => text.parse::<f64>().unwrap().to_bits() == number.to_bits(),
                Field::Long(number) => text.parse::<i64>().unwrap() == *number,
                Field::Bool(truth) => text.parse::<bool>().unwrap() == *truth,
                Field::Str(word) => text.trim_start_matches('\'') == word,
                other => panic!("{name} is {other:?}"),
            };
            assert!(same, "{table}: {name} is {field:?}, not {text}");
        }
    }
}

#[test]
fn parquet_files_hold_the_numbers_of_the_csv_files() {
    let folder = tempfile::tempdir().unwrap();
    run_into("out", &folder, &[]);
    let out = folder.path().join("out");
    same_as_csv(&out, "configurations");
    same_as_csv(&out, "allocations");
    let manifest = std::fs::read_to_string(out.join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    for file in FILES {
        let metadata = open(&out.join(file)).metadata().file_metadata().clone();
        let entries = metadata.key_value_metadata().unwrap();
        let value = |key: &str| {
            let entry = entries.iter().find(|entry| entry.key == key).unwrap();
            entry.value.clone().unwrap()
        };
        assert_eq!(value("liftsweep.version"), env!("CARGO_PKG_VERSION"));
        assert_eq!(value("liftsweep.scenario"), "few");
        let described: serde_json::Value =
            serde_json::from_str(&value("liftsweep.columns")).unwrap();
        let table = file.trim_end_matches(".parquet");
        assert_eq!(described, manifest["columns"][table], "{file}");
        let names = metadata.schema_descr().columns().iter();
        let described = described.as_array().unwrap().iter();
        assert!(
            names
                .map(|c| c.name())
                .eq(described.map(|c| c["name"].as_str().unwrap()))
        );
    }
}

/// The statistics of every configuration come back out of its draws.
#[test]
fn draws_are_what_the_statistics_were_made_of() {
    let folder = tempfile::tempdir().unwrap();
    run_into("out", &folder, &[]);
    let out = folder.path().join("out");
    let mut lifts: BTreeMap<(i64, String), Vec<f64>> = BTreeMap::new();
    let mut undefined: BTreeMap<i64, u64> = BTreeMap::new();
    for (position, row) in rows(&out.join("draws.parquet")).iter().enumerate() {
        let [
            (_, Field::Long(configuration)),
            (_, Field::Long(replicate)),
            of_row @ ..,
        ] = row.as_slice()
        else {
            panic!("{row:?}")
        };
        let at = i64::try_from(position).unwrap();
        assert_eq!((*configuration, *replicate), (at / 3000, at % 3000));
        let nulls = of_row.iter().filter(|(_, f)| *f == Field::Null).count();
        assert!(nulls == 0 || nulls == 4, "{row:?}");
        *undefined.entry(*configuration).or_default() += u64::from(nulls > 0);
        for (name, field) in of_row {
            if let Field::Double(lift) = field {
                let column = lifts.entry((*configuration, name.clone())).or_default();
                column.push(*lift);
            }
        }
    }
    let mut seen = 0;
    for row in rows(&out.join("configurations.parquet")) {
        let row: BTreeMap<String, Field> = row.into_iter().collect();
        let Field::Long(index) = row["configuration"] else {
            panic!("no index")
        };
        let Field::Long(degenerate) = row["degenerate_replicates"] else {
            panic!("no count")
        };
        assert!(degenerate > 0, "the case is meant to have some");
        assert_eq!(undefined[&index], u64::try_from(degenerate).unwrap());
        for lift in ["apparent", "decision", "recommended", "optimism"] {
            let draws = &lifts[&(index, lift.to_owned())];
            let of = |statistic: &str| match row[&format!("{lift}_{statistic}")] {
                Field::Double(number) => number,
                ref other => panic!("{statistic} is {other:?}"),
            };
            let mean = draws.iter().sum::<f64>() / draws.len() as f64;
            assert!((mean - of("mean")).abs() < 1e-12, "{lift} of {index}");
            let lowest = draws.iter().copied().fold(f64::INFINITY, f64::min);
            let highest = draws.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            assert!(lowest == of("worst") && highest == of("best"));
            seen += 1;
        }
    }
    assert_eq!(seen, 48);
}

#[test]
fn parquet_files_have_the_same_bytes_for_any_threads_and_memory() {
    let folder = tempfile::tempdir().unwrap();
    run_into("one", &folder, &["--threads", "1"]);
    run_into("two", &folder, &["--threads", "2", "--memory", "16MiB"]);
    run_into(
        "three",
        &folder,
        &["--threads", "3", "--kernel", "portable"],
    );
    for file in FILES {
        let bytes = |out: &str| std::fs::read(folder.path().join(out).join(file)).unwrap();
        let one = bytes("one");
        assert!(one.len() > 1_000);
        assert!(one == bytes("two"), "{file} differs");
        assert!(one == bytes("three"), "{file} differs");
    }
}

#[test]
fn only_what_is_asked_for_is_written() {
    let folder = tempfile::tempdir().unwrap();
    run_into("out", &folder, &[]);
    let plain = SCENARIO
        .replace(", \"parquet\"", "")
        .replace("draws = true", "draws = false");
    std::fs::write(folder.path().join("plain.toml"), plain).unwrap();
    let ran = program(&folder)
        .args(["run", "plain.toml"])
        .output()
        .unwrap();
    assert!(ran.status.success());
    for file in FILES {
        assert!(folder.path().join("out").join(file).is_file());
        assert!(!folder.path().join("results/few").join(file).exists());
    }
    let csv =
        |out: &str| std::fs::read(folder.path().join(out).join("configurations.csv")).unwrap();
    assert!(
        csv("out") == csv("results/few"),
        "writing draws changes a number"
    );
}

const READERS: &str = r#"
import csv, json, struct, sys
folder = sys.argv[1]
def bits(x):
    return None if x is None else struct.pack("<d", x)
def expected(table):
    with open(f"{folder}/{table}.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
def held(table, columns):
    rows = expected(table)
    for name in rows[0]:
        got = columns[name]
        assert len(got) == len(rows), (table, name, len(got))
        for row, value in zip(rows, got):
            text = row[name]
            if isinstance(value, bool):
                same = text == str(value).lower()
            elif isinstance(value, float):
                same = bits(float(text)) == bits(value)
            elif isinstance(value, int):
                same = int(text) == value
            elif value is None:
                same = text == ""
            else:
                same = text.lstrip("'") == value
            assert same, (table, name, text, value)
def with_pyarrow():
    import pyarrow.parquet as pq
    for table in ("configurations", "allocations"):
        held(table, pq.read_table(f"{folder}/{table}.parquet").to_pydict())
    meta = pq.read_schema(f"{folder}/draws.parquet").metadata
    described = json.loads(meta[b"liftsweep.columns"])
    assert described[1]["name"] == "replicate" and described[2]["unit"] == "fraction", described
    return pq.read_table(f"{folder}/draws.parquet").to_pydict()
def with_polars():
    import polars as pl
    for table in ("configurations", "allocations"):
        held(table, pl.read_parquet(f"{folder}/{table}.parquet").to_dict(as_series=False))
    return pl.read_parquet(f"{folder}/draws.parquet").to_dict(as_series=False)
def with_duckdb():
    import duckdb
    def columns(table):
        found = duckdb.sql(f"from '{folder}/{table}.parquet'")
        return dict(zip(found.columns, map(list, zip(*found.fetchall()))))
    for table in ("configurations", "allocations"):
        held(table, columns(table))
    keys = duckdb.sql(f"select key::varchar from parquet_kv_metadata('{folder}/draws.parquet')").fetchall()
    assert ("liftsweep.columns",) in keys, keys
    return columns("draws")
draws = None
for reader in (with_pyarrow, with_polars, with_duckdb):
    name = reader.__name__.removeprefix("with_")
    try:
        __import__(name)
    except ImportError:
        print(f"skipped: {name} is not installed")
        continue
    read = reader()
    assert draws is None or draws == read, name
    assert len(read["decision"]) == 36000 and None in read["decision"], name
    draws = read
    print(f"read by {name}")
"#;

/// What analysts read them with, where it is installed.
#[test]
fn pyarrow_polars_and_duckdb_read_the_same() {
    let folder = tempfile::tempdir().unwrap();
    run_into("out", &folder, &[]);
    let python = Command::new("python3")
        .args(["-c", READERS])
        .arg(folder.path().join("out"))
        .output();
    let Ok(output) = python else {
        println!("skipped: python3 is not installed");
        return;
    };
    print!("{}", String::from_utf8_lossy(&output.stdout));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
}
