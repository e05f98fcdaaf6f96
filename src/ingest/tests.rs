//! Whole files: what is read, and every fault word for word.

use proptest::prelude::*;

use super::*;
use crate::problem::{KEPT, Problems};
use crate::scenario::Dialect;

fn spec(granularity: Granularity) -> TableSpec {
    TableSpec {
        path: "t.csv".into(),
        channel: vec!["channel".into()],
        spend: "spend".into(),
        conversions: "conversions".into(),
        clicks: None,
        value: None,
        date: None,
        true_rate: None,
        granularity,
        dialect: Dialect::default(),
    }
}

/// A specification that names every column.
fn full(granularity: Granularity) -> TableSpec {
    TableSpec {
        clicks: Some("clicks".into()),
        value: Some("value".into()),
        date: Some("date".into()),
        true_rate: Some("true_rate".into()),
        ..spec(granularity)
    }
}

fn table(text: &str) -> Table {
    read_from(&spec(Granularity::Channel), text.as_bytes()).unwrap()
}

fn problems(spec: &TableSpec, text: &str) -> Problems {
    match read_from(spec, text.as_bytes()) {
        Err(Error::Input(problems)) => problems,
        other => panic!("expected problems of the input: {other:?}"),
    }
}

/// What the user is told about a table of channels.
fn refusal(text: &str) -> String {
    problems(&spec(Granularity::Channel), text).to_string()
}

#[test]
fn a_plain_table_is_read() {
    let table = table("channel,spend,conversions\nSearch,100.5,7\nSocial,50,0.5\n");
    assert_eq!(table.campaigns.names(), ["Search", "Social"]);
    assert_eq!(table.campaigns.spend(), [100.5, 50.0]);
    assert_eq!(table.campaigns.conversions(), [7.0, 0.5]);
    assert_eq!((table.lines, table.campaigns.rows()), (2, None));
}

#[test]
fn the_fingerprint_is_that_of_the_whole_file() {
    // printf 'channel,spend,conversions\na,1,1\n\n' | sha256sum
    let with_blank_line = table("channel,spend,conversions\na,1,1\n\n");
    assert_eq!(
        with_blank_line.sha256,
        "5eeb5ee33753f3c8e9fac9b936fdbd176977f30c3ab4ec59d761315a1ff1f3af"
    );
}

#[test]
fn marks_quotes_blanks_and_order_do_not_matter() {
    let text = "\u{feff}conversions , note,\"channel\",spend\r\n\
                \" 7 \",\"a, \"\"b\"\"\r\nc\",\" Search, \"\"brand\"\" \", 100.5\r\n\
                \r\n\
                0.5,,So\u{7}cial,50\r\n\
                ,,,\r\n\r\n";
    let table = table(text);
    assert_eq!(
        table.campaigns.names(),
        ["Search, \"brand\"", "So\u{7}cial"]
    );
    assert_eq!(table.campaigns.spend(), [100.5, 50.0]);
    assert_eq!(table.campaigns.conversions(), [7.0, 0.5]);
    assert_eq!(table.lines, 2);
}

#[test]
fn rows_are_summed_and_kept_by_channel() {
    let text = "date,channel,spend,conversions,clicks,value,true_rate\n\
                2025-07-02 08:00:00,B,3,0,1,10,0.5\n\
                2025-07-01,A,1,1,5,40,0.1\n\
                2025-07-03,A,3,3,6,20,0.3\n\
                2025-07-01,B,0,0,2,20,9\n";
    let table = read_from(&full(Granularity::Row), text.as_bytes()).unwrap();
    let campaigns = &table.campaigns;
    assert_eq!(campaigns.names(), ["B", "A"]);
    assert_eq!(campaigns.spend(), [3.0, 4.0]);
    assert_eq!(campaigns.conversions(), [0.0, 4.0]);
    assert_eq!(campaigns.clicks(), Some(&[3.0, 11.0][..]));
    assert_eq!(campaigns.value(), Some(&[15.0, 25.0][..]));
    assert_eq!(campaigns.true_rate(), Some(&[0.5, 0.25][..]));
    let rows = campaigns.rows().unwrap();
    assert_eq!(rows.start, [0, 2, 4]);
    assert_eq!(rows.spend, [3.0, 0.0, 1.0, 3.0]);
    assert_eq!(rows.conversions, [0.0, 0.0, 1.0, 3.0]);
    let days = ["2025-07-02", "2025-07-01", "2025-07-01", "2025-07-03"];
    assert_eq!(rows.date.as_ref().unwrap(), &days);
    assert_eq!(table.lines, 4);
}

#[test]
fn without_dates_rows_have_none_and_without_spend_the_true_rate_is_a_plain_mean() {
    let mut spec = full(Granularity::Row);
    spec.date = None;
    let text = "channel,spend,conversions,clicks,value,true_rate\nA,1,1,1,1,1\n\
                B,0,0,0,1,0.25\nB,0,0,0,1,0.75\n";
    let table = read_from(&spec, text.as_bytes()).unwrap();
    assert_eq!(table.campaigns.true_rate(), Some(&[1.0, 0.5][..]));
    assert_eq!(table.campaigns.rows().unwrap().date, None);
}

#[test]
fn a_constant_value_stays_exactly_itself() {
    let mut text = "channel,spend,conversions,clicks,value,true_rate,date\n".to_owned();
    for i in 1..50 {
        let cells = [
            "A",
            &format!("{i}.1"),
            &format!("0.{i}"),
            "1,0.1,0.7,2025-01-01\n",
        ];
        text += &cells.join(",");
    }
    let table = read_from(&full(Granularity::Row), text.as_bytes()).unwrap();
    assert_eq!(table.campaigns.value(), Some(&[0.1][..]));
    assert_eq!(table.campaigns.true_rate(), Some(&[0.7][..]));
}

#[test]
fn key_columns_are_joined() {
    let mut spec = spec(Granularity::Row);
    spec.channel = vec!["network".into(), "format".into()];
    let text = "format,network,spend,conversions\nvideo,X,1,1\nimage,X,2,1\nvideo,X,3,1\n";
    let table = read_from(&spec, text.as_bytes()).unwrap();
    assert_eq!(table.campaigns.names(), ["X / video", "X / image"]);
    assert_eq!(table.campaigns.spend(), [4.0, 2.0]);
    let text = "format,network,spend,conversions\nc,a / b,1,1\nb / c,a,2,1\n";
    assert_eq!(
        problems(&spec, text).to_string(),
        "t.csv:3: error: column \"network\" (2), column \"format\" (1): channel \"a / b / c\" appears twice [E_DUPLICATE_NAME]\n    fix: change a cell: joined by \" / \", different cells give this name"
    );
}

#[test]
fn ten_faults_are_ten_problems_in_order() {
    let text = "channel,spend,conversions,clicks,value,date,true_rate
A,\"$1,200.50\",7,1,1,2025-01-01,1
,1,,1,1,2025-01-01,1
C,1,-7,1,nan,2025-01-01,1
D,1,1,1
E,1,1,1,1,01/02/2025,1,
A,1,n/a,1,1,2025-01-01,1e999
";
    assert_eq!(
        problems(&full(Granularity::Channel), text).to_string(),
        "t.csv:2: error: column \"spend\" (2): \"$1,200.50\" is not a number [E_NUMBER]
    fix: write 1200.50, or set data.thousands = \",\" and data.currency = \"$\": `liftsweep init TABLE` finds it out
t.csv:3: error: column \"channel\" (1): is empty [E_CHANNEL_NAME]
    fix: give the channel a name, or remove the line
t.csv:3: error: column \"conversions\" (3): is empty [E_NUMBER]
    fix: write 0 if there were none, or remove the line
t.csv:4: error: column \"conversions\" (3): -7 is negative [E_NEGATIVE]
    fix: give a number of at least 0
t.csv:4: error: column \"value\" (5): nan is not a finite number [E_NAN]
    fix: give a finite number
t.csv:5: error: 4 fields where the header has 7 [E_CSV]
    fix: give every line a cell for each column, if only an empty one
t.csv:6: error: 8 fields where the header has 7 [E_CSV]
    fix: put cells that hold a comma in double quotes, and write numbers without commas
t.csv:7: error: column \"channel\" (1): channel \"A\" appears in lines 2 and 7 [E_DUPLICATE_NAME]
    fix: name it once, or set data.granularity = \"row\" to sum its lines
t.csv:7: error: column \"conversions\" (3): \"n/a\" is not a number [E_NUMBER]
    fix: write 0 if there were none, or remove the line
t.csv:7: error: column \"true_rate\" (7): 1e999 is not a finite number [E_NAN]
    fix: give a finite number"
    );
}

#[test]
fn twenty_problems_are_shown_and_the_rest_is_counted() {
    let header = "channel,spend,conversions\n";
    let text = refusal(&(header.to_owned() + "a,x,1\n" + &"b,1\n".repeat(24)));
    assert_eq!(text.matches(": error: ").count(), 20);
    assert!(text.ends_with("\n... and 5 more problems"), "{text}");
    let flood = header.to_owned() + &"a,1\n".repeat(5000);
    let problems = problems(&spec(Granularity::Channel), &flood);
    assert_eq!((problems.len(), problems.iter().count()), (5000, KEPT));
}

#[test]
fn dates_are_checked() {
    let text = "channel,spend,conversions,clicks,value,date,true_rate\nA,1,1,1,1,01/02/2025,1\n";
    assert_eq!(
        problems(&full(Granularity::Row), text).to_string(),
        "t.csv:2: error: column \"date\" (6): \"01/02/2025\" is not a date [E_DATE]\n    fix: write dates as in 2024-01-18, or 2024-01-18 20:45:56 (ISO 8601), or set data.date_order = \"dmy\" or \"mdy\": `liftsweep init TABLE` finds it out"
    );
}

#[test]
fn what_to_set_is_said_once_per_column() {
    assert_eq!(
        refusal("channel,spend,conversions\nA,\"8500,50\",\"4,5\"\nB,\"6500,25\",7\n"),
        "t.csv:2: error: column \"spend\" (2): \"8500,50\" is not a number [E_NUMBER]
    fix: write 8500.50, or set data.decimal = \",\": `liftsweep init TABLE` finds it out
t.csv:2: error: column \"conversions\" (3): \"4,5\" is not a number [E_NUMBER]
    fix: write 4.5, or set data.decimal = \",\": `liftsweep init TABLE` finds it out
t.csv:3: error: column \"spend\" (2): \"6500,25\" is not a number [E_NUMBER]
    fix: write 6500.25"
    );
}

#[test]
fn names_have_a_limit() {
    let long = "é".repeat(1001);
    let expected = format!(
        "t.csv:2: error: column \"channel\" (1): \"{}...\" is 1001 characters long, more than 1000 [E_CHANNEL_NAME]\n    fix: give the channel a shorter name",
        "é".repeat(40)
    );
    assert_eq!(
        refusal(&format!("channel,spend,conversions\n{long},1,1\n")),
        expected
    );
    assert_eq!(
        table(&format!(
            "channel,spend,conversions\n{},1,1\n",
            "é".repeat(1000)
        ))
        .lines,
        1
    );
}

#[test]
fn files_without_data_are_named() {
    let fix = "    fix: give a header, and a line for each channel";
    for text in ["", "\u{feff}", "\n\r\n", ",,\n"] {
        assert_eq!(
            refusal(text),
            format!("t.csv: error: data.path: is empty [E_EMPTY]\n{fix}")
        );
    }
    assert_eq!(
        refusal("channel,spend,conversions\n\n"),
        format!("t.csv: error: data.path: has a header and no line below it [E_EMPTY]\n{fix}")
    );
}

#[test]
fn files_that_are_no_tables_are_named() {
    let fix = "    fix: save the table as \"CSV UTF-8\"";
    assert_eq!(
        refusal("PK\u{3}\u{4}..."),
        format!(
            "t.csv: error: data.path: is no CSV: it starts like a ZIP archive (xlsx?) [E_CSV]\n{fix}"
        )
    );
    let late = format!(
        "channel,spend,conversions\n{}b\0,1,1\n",
        "a,1,1,\n".repeat(1000)
    );
    assert_eq!(
        problems(&spec(Granularity::Row), &late)
            .iter()
            .last()
            .unwrap()
            .to_string(),
        "t.csv:1001: error: 4 fields where the header has 3 [E_CSV]\n    fix: put cells that hold a comma in double quotes, and write numbers without commas"
    );
    let late = format!(
        "channel,spend,conversions\n{}b\0,1,1\n",
        "a,1,1\n".repeat(1000)
    );
    assert_eq!(
        problems(&spec(Granularity::Row), &late).to_string(),
        format!("t.csv:1002: error: holds a NUL byte, as binary files do [E_CSV]\n{fix}")
    );
    let error = read_from(
        &spec(Granularity::Channel),
        &b"channel,spend,conversions\nCaf\xe9,1,1\n"[..],
    );
    assert_eq!(
        error.unwrap_err().to_string(),
        format!(
            "t.csv:2: error: column \"channel\" (1): byte 4 of the cell, 0xE9, is not UTF-8 text [E_CSV]\n{fix}, or name its encoding, such as data.encoding = \"windows-1252\""
        )
    );
    assert_eq!(
        refusal("channel,spend,conversions\na,1,1\n\"b,1,1\nc,1,1\n"),
        "t.csv:3: error: a quoted cell that starts here is never closed [E_CSV]\n    fix: close the quote, and write a quote inside a quoted cell twice (\"\")"
    );
}

#[test]
fn other_encodings_in_columns_nobody_reads_do_no_harm() {
    let bytes = b"channel,spend,conversions,note\xe9\na,1,1,\xe9\n";
    let table = read_from(&spec(Granularity::Channel), &bytes[..]).unwrap();
    assert_eq!(table.lines, 1);
}

#[test]
fn faults_of_the_table_point_into_the_file() {
    assert_eq!(
        refusal("channel,conversions,spend\na,1,1\n\nOrganic,3,0\n"),
        "t.csv:4: error: column \"conversions\" (2): channel \"Organic\": 3 conversions without any spend: no response to spend can be inferred [E_CONV_WITHOUT_SPEND]\n    fix: remove this channel (organic traffic has no budget), or give its spend"
    );
    assert_eq!(
        refusal("channel,conversions,spend\na,0,0\n"),
        "t.csv: error: column \"spend\" (3): total spend is zero: there is no status quo to compare with [E_ZERO_SPEND]\n    fix: give at least one channel its spend"
    );
    assert_eq!(
        problems(
            &spec(Granularity::Row),
            "channel,conversions,spend\na,1,1\nb,0,1e308\nb,0,1e308\n"
        )
        .to_string(),
        "t.csv:3: error: column \"spend\" (3): channel \"b\", summed over its lines: inf is not a finite number [E_NAN]\n    fix: give a finite number"
    );
}

#[test]
fn a_failing_disk_is_no_fault_of_the_table() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::TimedOut.into())
        }
    }
    let start = &b"channel,spend,conversions\na,1,1\n"[..];
    for bytes in [
        Box::new(Failing) as Box<dyn Read>,
        Box::new(start.chain(Failing)),
    ] {
        let error = read_from(&spec(Granularity::Channel), bytes).unwrap_err();
        assert_eq!(error.to_string(), "could not read t.csv: timed out");
    }
}

/// Texts close to a table: the header, then pieces of what tables are made of.
fn almost_a_table() -> impl Strategy<Value = Vec<u8>> {
    let pieces = vec![
        "a", ",", "\"", "\n", "\r\n", "1", "1e999", "-", ".", " ", "\u{feff}", "é", "\0", "\u{4}",
        ",1,1\n",
    ];
    let piece = prop_oneof![
        8 => proptest::sample::select(pieces).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 1..3),
    ];
    let header = proptest::sample::select(vec!["channel,spend,conversions\n", "channel,spend", ""]);
    (header, proptest::collection::vec(piece, 0..60))
        .prop_map(|(header, pieces)| [header.as_bytes(), &pieces.concat()].concat())
}

proptest! {
    #[test]
    fn any_bytes_give_a_table_or_problems(
        bytes in prop_oneof![almost_a_table(), proptest::collection::vec(any::<u8>(), 0..200)],
        granularity in proptest::sample::select(vec![Granularity::Channel, Granularity::Row]),
    ) {
        match read_from(&spec(granularity), &bytes[..]) {
            Ok(table) => prop_assert!(table.lines >= table.campaigns.len()),
            Err(Error::Input(problems)) => prop_assert!(!problems.is_empty()),
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn a_written_table_reads_back_equal(
        channels in proptest::collection::btree_map("\\PC{0,5}[\\PC\n\r\",;]{0,5}", (1e-3..1e9_f64, 0.0..1e9_f64), 1..20),
        crlf in any::<bool>(),
    ) {
        let channels: std::collections::BTreeMap<_, _> = channels
            .into_iter()
            .map(|(name, numbers)| (name.trim().to_owned(), numbers))
            .filter(|(name, _)| !name.is_empty())
            .collect();
        prop_assume!(!channels.is_empty());
        let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new().terminator(terminator).from_writer(Vec::new());
        writer.write_record(["spend", "channel", "conversions"]).unwrap();
        for (name, (spend, conversions)) in &channels {
            writer.write_record([&spend.to_string(), name, &conversions.to_string()]).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        for granularity in [Granularity::Channel, Granularity::Row] {
            let table = read_from(&spec(granularity), &bytes[..]).unwrap();
            let campaigns = &table.campaigns;
            prop_assert_eq!(campaigns.names(), channels.keys().cloned().collect::<Vec<_>>());
            let numbers = campaigns.spend().iter().copied().zip(campaigns.conversions().iter().copied());
            prop_assert_eq!(numbers.collect::<Vec<_>>(), channels.values().copied().collect::<Vec<_>>());
        }
    }
}
