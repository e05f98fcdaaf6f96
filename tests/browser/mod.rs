//! `report.html` in a real browser, where one is installed.

mod driver;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use self::driver::Browser;
use crate::runs::program;

/// What keeps a page from being right whatever it shows: charts not drawn, a page wider than its window.
const HEALTH: &str = "return {
    ready: document.readyState,
    charts: document.querySelectorAll('.js-plotly-plot .main-svg').length,
    wanted: [...document.querySelectorAll('.chart')].filter((chart) => chart.closest('[hidden]') === null).length,
    wide: document.documentElement.scrollWidth - innerWidth,
    images: document.querySelectorAll('img').length,
    seconds: performance.now() / 1000,
}";

fn run(folder: &TempDir, scenario: &Path, out: &str, extra: &[&str]) -> PathBuf {
    program(folder)
        .arg("run")
        .arg(scenario)
        .args(["--out", out])
        .args(extra)
        .assert()
        .success();
    let run = folder.path().join(out);
    if !run.join("report.html").exists() {
        program(folder).args(["report", out]).assert().success();
    }
    run
}

/// Opens a page and holds it to what every page must do.
fn healthy(browser: &Browser, page: &Path, width: u32, dark: bool) -> Value {
    browser.open(page, width, dark);
    let mut health = browser.run(HEALTH);
    // The driver may answer before the page has drawn, or is there at all, where a machine is busy.
    for _ in 0..600 {
        if drawn(&health) {
            break;
        }
        thread::sleep(Duration::from_millis(100));
        health = browser.run(HEALTH);
    }
    let about = format!("{} at {width}, dark {dark}: {health}", page.display());
    assert_eq!(browser.console(), Vec::<String>::new(), "{about}");
    assert_eq!(browser.requests(), Vec::<String>::new(), "{about}");
    assert!(drawn(&health), "{about}");
    assert!(health["wide"].as_i64().unwrap() <= 0, "{about}");
    assert_eq!(health["images"], 0, "{about}");
    health
}

/// Whether all charts are drawn. A page of points that nobody compares has fewer of them than others.
fn drawn(health: &Value) -> bool {
    let count = |what: &str| health[what].as_u64().unwrap();
    health["ready"] == "complete" && count("wanted") >= 3 && count("charts") >= count("wanted")
}

/// The number of a column in the CSV file, as the file has it.
fn cell(run: &Path, configuration: usize, column: &str) -> f64 {
    let mut reader = csv::Reader::from_path(run.join("configurations.csv")).unwrap();
    let header = reader.headers().unwrap().clone();
    let position = header.iter().position(|name| name == column).unwrap();
    let record = reader.records().nth(configuration).unwrap().unwrap();
    record[position].parse().unwrap()
}

/// The chosen configuration and its numbers, exactly as the page has them.
const CHOSEN: &str = "return {
    configuration: Number(/configuration (\\d+)/.exec(document.getElementById('chosen-words').textContent)[1]),
    numbers: [...document.querySelectorAll('#chosen-numbers td')].map((td) => [td.dataset.column, td.title, td.textContent]),
}";

fn holds_the_numbers_of_the_table(browser: &Browser, run: &Path) -> usize {
    let chosen = browser.run(CHOSEN);
    let configuration = usize::try_from(chosen["configuration"].as_u64().unwrap()).unwrap();
    let numbers = chosen["numbers"].as_array().unwrap();
    assert!(numbers.len() >= 8);
    for number in numbers {
        let column = number[0].as_str().unwrap();
        let expected = cell(run, configuration, column);
        let exact: f64 = number[1].as_str().unwrap().parse().unwrap();
        assert_eq!(
            exact.to_bits(),
            expected.to_bits(),
            "{column} of {configuration}"
        );
        if ["apparent_mean", "decision_mean", "recommended_mean"].contains(&column) {
            let shown = number[2].as_str().unwrap();
            let shown = shown.replace('\u{2212}', "-").replace('\u{a0}', " ");
            assert_eq!(
                shown,
                liftsweep::units::Percent(expected).to_string(),
                "{column}"
            );
        }
    }
    configuration
}

/// Chooses an option of a selector, by the selector's place in the page.
fn choose(browser: &Browser, selector: &str, value: &str) {
    browser.run(&format!(
        "const select = document.querySelector({selector:?}); select.value = {value:?}; select.dispatchEvent(new Event('change'));"
    ));
}

const COLOURS: &str = "return JSON.stringify(document.getElementById('heat-chart').data[0].z)";

#[test]
fn every_bundled_scenario_makes_a_page_that_works_alone() {
    let Some(browser) = Browser::start() else {
        println!("skipped: the report in a browser (chromedriver is not installed)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let mut scenarios: Vec<PathBuf> = fs::read_dir(configs)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    scenarios.sort();
    assert!(scenarios.len() >= 5);
    for (position, scenario) in scenarios.iter().enumerate() {
        let run = run(
            &folder,
            scenario,
            &position.to_string(),
            &["--replicates", "100"],
        );
        let page = run.join("report.html");
        for (width, dark) in [(390, false), (390, true), (1400, true), (1400, false)] {
            healthy(&browser, &page, width, dark);
        }
        holds_the_numbers_of_the_table(&browser, &run);
    }
}

#[test]
fn the_controls_change_the_charts_and_names_only_appear() {
    let Some(browser) = Browser::start() else {
        println!("skipped: the report's controls in a browser (chromedriver is not installed)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let names = [
        "<img src=x onerror=alert(1)>",
        "=cmd|' /C calc'!A0",
        "</script><script>document.title='run'</script>",
        "<b>bold</b> &lt;i&gt;",
    ];
    let mut table = "channel,spend,conversions\n".to_owned();
    for (position, name) in names.iter().enumerate() {
        writeln!(
            table,
            "{name},{},{}",
            100 * (position + 1),
            30 + 9 * position
        )
        .unwrap();
    }
    fs::write(folder.path().join("table.csv"), table).unwrap();
    let scenario = folder.path().join("s.toml");
    fs::write(
        &scenario,
        "name = \"hostile\"\n[data]\npath = \"table.csv\"\nchannel = \"channel\"\nspend = \"spend\"\nconversions = \"conversions\"\n[grid]\nscore = [\"share\", \"tilted\"]\nalpha = [0.3, 1.0]\ndelta = [1.0, 2.0]\n[world]\nelasticity = [1.0, 0.5]\n[run]\nreplicates = 100\n",
    )
    .unwrap();
    let run = run(&folder, &scenario, "out", &[]);
    healthy(&browser, &run.join("report.html"), 1400, false);

    // Names appear as they are, in the table and in the chart, and nothing of them runs.
    let cells = browser.run(
        "return [...document.querySelectorAll('#plan-table tbody th')].map((th) => th.textContent)",
    );
    let labels = browser.run("return [...document.querySelectorAll('#plan-chart .ytick text')].map((text) => text.textContent.replaceAll('\\u200b', ''))");
    for name in names {
        let has = |list: &Value, start: &str| {
            let mut list = list.as_array().unwrap().iter();
            list.any(|text| text.as_str().unwrap().starts_with(start))
        };
        assert!(has(&cells, name), "{name} is not in {cells}");
        // Long labels keep both ends.
        let start: String = name.chars().take(17).collect();
        assert!(has(&labels, &start), "{name} is not in {labels}");
    }
    assert_eq!(
        browser.run("return document.querySelectorAll('script:not([type])').length"),
        2
    );
    let title = browser.run("return document.title");
    assert!(title.as_str().unwrap().starts_with("hostile"), "{title}");

    // Selectors change what is chosen and what is coloured.
    let first = holds_the_numbers_of_the_table(&browser, &run);
    let before = browser.run(COLOURS);
    choose(&browser, "#metric", "regret_mean");
    assert_ne!(browser.run(COLOURS), before);
    // The answer is about the world that suits its rule least: the second one.
    choose(&browser, "#values select[data-axis=elasticity]", "0");
    let second = holds_the_numbers_of_the_table(&browser, &run);
    assert_eq!(second + 1, first);
    choose(&browser, "#x-axis", "2");
    choose(&browser, "#metric", "decision_mean");
    let curves = "return document.getElementById('shape-chart').data.length";
    let compared = browser.run(curves).as_u64().unwrap();
    browser.run("document.getElementById('add').click()");
    assert_eq!(browser.run(curves).as_u64().unwrap(), compared + 1);
    browser.run("document.querySelector('#compared button').click()");
    assert_eq!(browser.run(curves).as_u64().unwrap(), compared);
    choose(&browser, "#shape-kind", "shape");
    choose(&browser, "#plan-choice", "0");
    assert_eq!(browser.console(), Vec::<String>::new());

    // Everything that can be clicked can be reached by the keyboard and has a name.
    let nameless = browser.run("return [...document.querySelectorAll('select, button')].filter((e) => e.tabIndex < 0 || !(e.closest('label') || e.textContent.trim() || e.getAttribute('aria-label'))).length");
    assert_eq!(nameless, 0);
}

#[test]
fn a_page_of_22000_configurations_is_light_and_quick() {
    let Some(browser) = Browser::start() else {
        println!("skipped: a large report in a browser (chromedriver is not installed)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/data/retail_12.csv");
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/robustness.toml"))
            .unwrap();
    let data = text
        .split("[data]")
        .nth(1)
        .unwrap()
        .split("\n[")
        .next()
        .unwrap();
    let data: String = data
        .lines()
        .filter(|line| !line.trim_start().starts_with("path"))
        .fold(String::new(), |all, line| all + line + "\n");
    let scenario = folder.path().join("large.toml");
    fs::write(
        &scenario,
        format!(
            "name = \"large\"\n[data]\npath = {table:?}\n{data}\n[grid]\nscore = [\"share\", \"tilted\"]\nalpha = {{ from = 0.0, to = 1.0, step = 0.1 }}\ndelta = {{ from = 1.0, to = 3.0, step = 0.5 }}\nmin_share = {{ from = 0.0, to = 0.019, step = 0.001 }}\nmax_share = {{ from = 0.5, to = 0.95, step = 0.05 }}\nbound_mode = [\"clip\"]\n[run]\nreplicates = 20\nlifts = [\"apparent\", \"decision\", \"recommended\"]\n"
        ),
    )
    .unwrap();
    let run = run(&folder, &scenario, "out", &[]);
    let page = run.join("report.html");
    let size = fs::metadata(&page).unwrap().len();
    assert!(size < 15_000_000, "{size} bytes");
    let health = healthy(&browser, &page, 1400, false);
    println!(
        "22,000 configurations: {size} bytes, drawn after {} s",
        health["seconds"]
    );
    holds_the_numbers_of_the_table(&browser, &run);
    let milliseconds = browser.run("const start = performance.now(); const select = document.getElementById('metric'); select.value = 'decision_cvar'; select.dispatchEvent(new Event('change')); return performance.now() - start;");
    println!("an answer to a selector: {milliseconds} ms");
    // A slow machine under load is allowed five times what a reader should wait.
    assert!(milliseconds.as_f64().unwrap() < 5_000.0);
    healthy(&browser, &page, 390, true);
}
