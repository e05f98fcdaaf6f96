//! Tables as platforms export them: what is found, and that the scenario runs.

use std::fs;
use std::path::Path;

use super::*;
use crate::config::Overrides;
use crate::scenario::Scenario;

/// Writes a table, makes a scenario for it and loads both.
fn started(bytes: &[u8]) -> (Starter, Scenario) {
    let folder = tempfile::tempdir().unwrap();
    let (table, file) = (folder.path().join("t.csv"), folder.path().join("t.toml"));
    fs::write(&table, bytes).unwrap();
    let starter = starter(&table, "t.csv", "t", &Wanted::default()).unwrap();
    fs::write(&file, &starter.text).unwrap();
    let loaded = crate::load(&file, &Overrides::default())
        .unwrap_or_else(|error| panic!("{error}\n{}", starter.text));
    (starter, loaded.scenario)
}

#[track_caller]
fn says(starter: &Starter, lines: &[&str]) {
    for line in lines {
        assert!(
            starter.text.contains(line),
            "{line} is not in\n{}",
            starter.text
        );
    }
}

#[track_caller]
fn guesses(starter: &Starter, count: usize) {
    let guesses: Vec<&Note> = starter.notes.iter().filter(|note| note.is_guess).collect();
    assert_eq!(guesses.len(), count, "{guesses:?}");
    let marked =
        starter.text.matches("# guess: ").count() + starter.text.matches("#   guess: ").count();
    assert_eq!(marked, count, "{}", starter.text);
}

#[test]
fn google_ads_with_titles_totals_and_thousands() {
    let text = "Campaign report\n\"January 1, 2025 - March 31, 2025\"\n\
        Campaign status,Campaign,Currency code,Cost,Clicks,Conv. rate,Conversions,Cost / conv.,Conv. value\n\
        Enabled,Brand,USD,\"1,204.55\",\"3,012\",4.00%,120.00,10.04,\"9,100.10\"\n\
        Enabled,Generic,USD,\"12,870.00\",\"8,100\",1.98%,160.50,80.19,\"8,000.00\"\n\
        Paused,Shopping,USD,\"3,100.10\",\"4,000\", --,80.00,38.75,\"2,000.00\"\n\
        Enabled,Video,USD,500.00, --,0.00%,0.00,0,0\n\
        Total: Account, --, --,\"17,674.65\",\"15,112\",2.39%,360.50,49.03,\"19,100.10\"\n\
        Total: Search, --, --,\"14,074.55\",\"11,112\",2.39%,280.50,49.03,\"17,100.10\"\n";
    let (starter, scenario) = started(text.as_bytes());
    assert_eq!(
        scenario.campaigns.names(),
        ["Brand", "Generic", "Shopping", "Video"]
    );
    assert_eq!(
        scenario.campaigns.spend(),
        [1204.55, 12_870.0, 3100.1, 500.0]
    );
    assert_eq!(scenario.campaigns.conversions(), [120.0, 160.5, 80.0, 0.0]);
    assert_eq!(
        scenario.campaigns.clicks(),
        Some(&[3012.0, 8100.0, 4000.0, 0.0][..])
    );
    says(
        &starter,
        &[
            "skip_lines = 2",
            "thousands = \",\"",
            "missing = [\"--\"]",
            "exclude = [\"--\"]",
            "dispersion = [1.0, 3.0]",
        ],
    );
    guesses(&starter, 2);
}

#[test]
fn google_ads_as_utf_16_with_tabs() {
    let text = "Kampagnenbericht\n1. Januar 2025 - 31. M\u{e4}rz 2025\nKampagne\tKosten\tKlicks\tConversions\n\
        Marke\t1.204,55\t3.012\t120,00\nGenerisch\t12.870,00\t8.100\t160,50\nB\u{f6}rse\t900,10\t500\t7,00\n\
        Gesamt\t14.974,65\t11.612\t287,50\n";
    let wide: Vec<u8> = [0xfeff_u16]
        .into_iter()
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let (starter, scenario) = started(&wide);
    assert_eq!(
        scenario.campaigns.names(),
        ["Marke", "Generisch", "B\u{f6}rse"]
    );
    assert_eq!(scenario.campaigns.spend(), [1204.55, 12_870.0, 900.1]);
    says(
        &starter,
        &[
            "delimiter = \"\\t\"",
            "decimal = \",\"",
            "thousands = \".\"",
            "exclude = [\"Gesamt\"]",
        ],
    );
}

#[test]
fn meta_ads_with_days_empty_results_and_currency_in_the_header() {
    let text = "\u{feff}Reporting starts,Campaign name,Amount spent (EUR),Results,Link clicks,Cost per results\n\
        ,,\"460\",20,,\n\
        2025-01-01,Prospecting,100.5,4,40,25\n2025-01-02,Prospecting,109.5,,35,\n2025-01-03,Prospecting,90,5,30,18\n\
        2025-01-01,Retargeting,50,5,20,10\n2025-01-02,Retargeting,60,2,22,30\n2025-01-03,Retargeting,50,4,19,12.5\n";
    let (starter, scenario) = started(text.as_bytes());
    assert_eq!(scenario.campaigns.names(), ["Prospecting", "Retargeting"]);
    assert_eq!(scenario.campaigns.spend(), [300.0, 160.0]);
    assert_eq!(scenario.campaigns.conversions(), [9.0, 11.0]);
    assert_eq!(scenario.campaigns.rows().unwrap().len(), 6);
    says(
        &starter,
        &[
            "granularity = \"row\"",
            "missing = [\"\"]",
            "exclude = [\"\"]",
            "dispersion = [1.0, 3.0, 5.0]",
            "date = \"Reporting starts\"",
        ],
    );
}

#[test]
fn the_scatter_of_lines_is_trusted_from_twenty_degrees_of_freedom_on() {
    let days = |days: usize, lines: usize| {
        let line = |day: usize, channel: &str, odd: usize| {
            format!(
                "2025-01-{:02},{channel},{},{}\n",
                day + 1,
                50 + day,
                4 + (day + odd) % 3
            )
        };
        let of_day = |day: usize| {
            let lines: Vec<String> = (0..lines)
                .map(|odd| line(day, "A", odd) + &line(day, "B", odd))
                .collect();
            lines.concat()
        };
        let days: Vec<String> = (0..days).map(of_day).collect();
        format!("date,channel,spend,conversions\n{}", days.concat())
    };
    let (starter, _) = started(days(11, 1).as_bytes());
    says(&starter, &["dispersion = \"rows\""]);
    // Lines of a day are one.
    for few in [days(10, 1), days(10, 2)] {
        let (starter, _) = started(few.as_bytes());
        says(
            &starter,
            &["date = \"date\"", "dispersion = [1.0, 3.0, 5.0]"],
        );
    }
}

#[test]
fn analytics_with_comments_and_channels_without_spend() {
    let text = "# ----------------------------------------\n# Traffic acquisition\n# Account: Shop\n# Start date: 20250101\n# ----\n\n\
        Session default channel group,Sessions,Key events,Total revenue,Ads cost\n\
        Organic Search,12000,340,34000,0\nPaid Search,5400,150,15000,6200.5\nPaid Social,4100,44,3900,3900\nDirect,9000,500,60000,0\n";
    let (starter, scenario) = started(text.as_bytes());
    assert_eq!(scenario.campaigns.names(), ["Paid Search", "Paid Social"]);
    assert_eq!(scenario.campaigns.conversions(), [150.0, 44.0]);
    says(
        &starter,
        &[
            "skip_lines = 6",
            "exclude = [\"Direct\", \"Organic Search\"]",
            "spend = \"Ads cost\"",
        ],
    );
}

#[test]
fn microsoft_tiktok_linkedin_and_a_spreadsheet() {
    let microsoft = "\"Report Name: Campaigns\"\n\"Report Time: 1/1/2025 - 3/31/2025\"\n\n\"Gregorian date\",\"Campaign name\",\"Clicks\",\"Spend\",\"Conversions\"\n\
        \"1/31/2025\",\"Brand\",\"10\",\"$1,020.50\",\"3\"\n\"1/31/2025\",\"Generic\",\"30\",\"$60.00\",\"2\"\n\"2/28/2025\",\"Brand\",\"12\",\"$22.50\",\"5\"\n\"2/28/2025\",\"Generic\",\"31\",\"$61.00\",\"1\"\n\
        \"\u{a9}2025 Microsoft Corporation. All rights reserved. \"\n";
    let (starter, scenario) = started(microsoft.as_bytes());
    assert_eq!(scenario.campaigns.spend(), [1043.0, 121.0]);
    says(
        &starter,
        &["currency = \"$\"", "date_order = \"mdy\"", "skip_lines = 3"],
    );
    let tiktok = "Campaign name,Cost,Currency,Total complete payment,CPC\nA,100.00,USD,5,0.5\nB,200.00,USD,20,0.4\nTotal of 2 results,300.00,USD,25,0.45\n";
    let (_, scenario) = started(tiktok.replace("Total of 2 results", "Total").as_bytes());
    assert_eq!(scenario.campaigns.conversions(), [5.0, 20.0]);
    let linkedin = "Campaign Group Name\tTotal Spent\tConversions\nX\t1200.5\t14\nY\t800\t3\n";
    let (_, scenario) = started(linkedin.as_bytes());
    assert_eq!(scenario.campaigns.spend(), [1200.5, 800.0]);
    // Windows-1252, narrow blanks, a euro sign behind.
    let spreadsheet = b"Canal;D\xe9penses;Conversions\nRecherche;1\xa0234,50 \x80;30\nR\xe9seaux;2\xa0000,00 \x80;12\n";
    let (starter, scenario) = started(spreadsheet);
    assert_eq!(scenario.campaigns.names(), ["Recherche", "R\u{e9}seaux"]);
    assert_eq!(scenario.campaigns.spend(), [1234.5, 2000.0]);
    says(
        &starter,
        &[
            "encoding = \"windows-1252\"",
            "thousands = \" \"",
            "currency = \"\u{20ac}\"",
        ],
    );
}

#[test]
fn what_can_be_read_in_two_ways_is_said_to_be_a_guess() {
    let (starter, scenario) = started(b"channel;cost;conversions\nA;1.234;10\nB;2.500;20\n");
    assert_eq!(scenario.campaigns.spend(), [1234.0, 2500.0]);
    assert!(
        starter
            .notes
            .iter()
            .any(|note| note.is_guess && note.text.contains("1.234 may be read in two ways")),
        "{:?}",
        starter.notes
    );
    let (_, scenario) = started(b"channel,cost,conversions\nA,\"1,234\",10\nB,\"2,500\",20\n");
    assert_eq!(scenario.campaigns.spend(), [1234.0, 2500.0]);
    // Points with three decimals between commas stay decimals.
    let (starter, scenario) = started(b"channel,cost,conversions\nA,1.234,10\nB,2.500,20\n");
    assert_eq!(scenario.campaigns.spend(), [1.234, 2.5]);
    assert!(
        starter.notes.iter().any(|note| note.is_guess),
        "{:?}",
        starter.notes
    );
}

/// The bundled tables are plain: nothing but their columns has to be found.
#[test]
fn bundled_tables_start_without_a_word_on_their_format() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/data");
    for (name, channels) in [
        ("q1_channels.csv", 4),
        ("retail_12.csv", 12),
        ("ads_daily.csv", 6),
        ("campaigns_216.csv", 216),
    ] {
        let (starter, scenario) = started(&fs::read(folder.join(name)).unwrap());
        assert_eq!(scenario.campaigns.len(), channels, "{name}");
        for key in [
            "decimal",
            "thousands",
            "skip_lines",
            "exclude",
            "missing",
            "currency",
            "delimiter",
        ] {
            assert!(
                !starter.text.contains(&format!("\n{key} =")),
                "{name}: {}",
                starter.text
            );
        }
    }
}

#[test]
fn what_is_no_table_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let refused = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let error = starter(&path, "t.csv", "t", &Wanted::default()).unwrap_err();
        error
            .to_string()
            .replace(&*folder.path().to_string_lossy(), "dir")
    };
    for (bytes, told) in [
        (
            &b""[..],
            "dir/t.csv: error: has no header with lines below it [E_EMPTY]",
        ),
        (b"channel,spend\n", "[E_EMPTY]"),
        (
            b"PK\x03\x04abc",
            "it starts like a ZIP archive (xlsx?) [E_CSV]",
        ),
        (
            b"a,b\n1,2\n",
            "no column of conversions can be told; the header has \"a\", \"b\" [E_COLUMN]\n    fix: name it: --conversions COLUMN",
        ),
    ] {
        assert!(refused(bytes).contains(told), "{}", refused(bytes));
    }
    fs::write(&path, "medium,euros,wins\nA,10,1\nB,20,3\n").unwrap();
    let wanted = Wanted {
        channel: vec!["medium".into()],
        spend: Some("euros".into()),
        conversions: Some("wins".into()),
    };
    assert!(
        starter(&path, "t.csv", "t", &wanted)
            .unwrap()
            .text
            .contains("spend = \"euros\"")
    );
    let wanted = Wanted {
        spend: Some("euro".into()),
        ..wanted
    };
    let told = starter(&path, "t.csv", "t", &wanted)
        .unwrap_err()
        .to_string();
    assert!(
        told.contains("column \"euro\": is missing [E_COLUMN]\n    fix: did you mean \"euros\"?"),
        "{told}"
    );
}

/// A column's name cannot break out of the file.
#[test]
fn names_are_quoted() {
    let (_, scenario) = started(
        "\"chan\"\"nel\\\",spend,conversions\nx,1,1\ny,2,3\n"
            .replace("\"chan\"\"nel\\\"", "channel")
            .as_bytes(),
    );
    assert_eq!(scenario.campaigns.len(), 2);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    fs::write(&path, "\"a\"\"\n\\b\",spend,conversions\nx,1,1\ny,2,3\n").unwrap();
    let wanted = Wanted {
        channel: vec!["a\"\n\\b".into()],
        ..Wanted::default()
    };
    let text = starter(&path, "t.csv", "t", &wanted);
    if let Ok(starter) = text {
        let parsed =
            crate::config::parse(Path::new("t.toml"), &starter.text, &Overrides::default());
        assert!(parsed.problems.is_empty(), "{}", parsed.problems);
        assert_eq!(parsed.table.unwrap().channel, ["a\"\n\\b"]);
    }
}

/// Whatever the columns are called, no column is taken for two things.
#[test]
fn no_column_means_two_things() {
    let starter_of = |text: &str, wanted: &Wanted| {
        starter_from(
            text.as_bytes(),
            std::path::Path::new("t.csv"),
            "t.csv",
            "t",
            wanted,
        )
    };
    let one = "campaign;channel,spend,conversions\nA;1\nB;2\n";
    let told = starter_of(one, &Wanted::default()).unwrap_err().to_string();
    assert!(
        told.starts_with("t.csv:1: error: no column of conversions can be told; the header has \"campaign\", \"channel,spend,conversions\" [E_COLUMN]"),
        "{told}"
    );
    let wanted = |spend: &str, conversions: &str| Wanted {
        spend: Some(spend.to_owned()),
        conversions: Some(conversions.to_owned()),
        ..Wanted::default()
    };
    let table = "campaign,clicks,leads,value\nA,1,5,1\nB,2,6,2\n";
    let told = starter_of(table, &wanted("leads", "leads"))
        .unwrap_err()
        .to_string();
    assert_eq!(
        told,
        "t.csv:1: error: column \"leads\": cannot be spend and conversions at once [E_COLUMN]\n    fix: name two columns: --spend COLUMN --conversions COLUMN"
    );
    // Clicks that are paid for are the spend, and no clicks.
    let starter = starter_of(table, &wanted("clicks", "value")).unwrap();
    assert!(!starter.text.contains("clicks = "), "{}", starter.text);
    assert!(!starter.text.contains("value = "), "{}", starter.text);
}
