//! Which column is what, by the names that ad platforms give them in their exports.

use std::path::Path;

use super::sample::Sample;
use super::{Note, Wanted};
use crate::problem::{Error, Place, Problem, Problems, nearest};

/// What columns of spend are called, the likeliest first, in small letters and without brackets.
const SPEND: [&str; 36] = [
    "spend",
    "cost",
    "amount spent",
    "ad spend",
    "adspend",
    "media spend",
    "media cost",
    "total spend",
    "total spent",
    "total cost",
    "ads cost",
    "ad cost",
    "google ads cost",
    "advertiser cost",
    "cost usd",
    "costs",
    "ausgaben",
    "kosten",
    "ausgegebener betrag",
    "werbekosten",
    "coût",
    "coûts",
    "dépenses",
    "montant dépensé",
    "coste",
    "costo",
    "gasto",
    "importe gastado",
    "inversión",
    "spesa",
    "importo speso",
    "custo",
    "valor gasto",
    "valor usado",
    "besteed bedrag",
    "koszt",
];
/// What columns of conversions are called.
const CONVERSIONS: [&str; 43] = [
    "conversions",
    "total conversions",
    "results",
    "purchases",
    "website purchases",
    "key events",
    "orders",
    "leads",
    "transactions",
    "conversion",
    "conv",
    "convs",
    "all conversions",
    "all conv",
    "complete payment",
    "total complete payment",
    "total purchases",
    "ecommerce purchases",
    "sign ups",
    "signups",
    "installs",
    "app installs",
    "bookings",
    "sales",
    "qualified leads",
    "expected conversions",
    "konversionen",
    "ergebnisse",
    "käufe",
    "bestellungen",
    "résultats",
    "achats",
    "conversiones",
    "resultados",
    "compras",
    "conversioni",
    "risultati",
    "acquisti",
    "conversões",
    "conversies",
    "resultaten",
    "konwersje",
    "wyniki",
];
const CLICKS: [&str; 14] = [
    "clicks",
    "link clicks",
    "all clicks",
    "clicks all",
    "outbound clicks",
    "klicks",
    "link klicks",
    "clics",
    "clics en el enlace",
    "clic",
    "cliques",
    "click",
    "kliks",
    "kliknięcia",
];
/// Value per conversion; never a total.
const VALUE: [&str; 7] = [
    "value / conv",
    "value per conversion",
    "value per conv",
    "average order value",
    "avg order value",
    "aov",
    "value",
];
const DATE: [&str; 16] = [
    "date",
    "day",
    "week",
    "month",
    "by day",
    "reporting starts",
    "time period",
    "gregorian date",
    "tag",
    "datum",
    "jour",
    "fecha",
    "día",
    "giorno",
    "data",
    "dia",
];
/// What names a channel, the coarsest first: totals of few channels say more than those of many ads.
const CHANNEL: [&str; 40] = [
    "channel",
    "marketing channel",
    "session default channel group",
    "default channel group",
    "session primary channel group",
    "session default channel grouping",
    "default channel grouping",
    "platform",
    "publisher platform",
    "network",
    "kanal",
    "canal",
    "campaign",
    "campaign name",
    "session campaign",
    "campaign group name",
    "kampagne",
    "kampagnenname",
    "name der kampagne",
    "campagne",
    "nom de la campagne",
    "campaña",
    "nombre de la campaña",
    "campagna",
    "nome campagna",
    "campanha",
    "nome da campanha",
    "campagnenaam",
    "kampania",
    "session source / medium",
    "source / medium",
    "session source",
    "source",
    "ad group",
    "ad group name",
    "ad set name",
    "anzeigengruppe",
    "ad",
    "ad name",
    "name",
];

/// The columns of a table, by their position.
pub(super) struct Roles {
    pub(super) channel: Vec<usize>,
    pub(super) spend: usize,
    pub(super) conversions: usize,
    pub(super) clicks: Option<usize>,
    pub(super) value: Option<usize>,
    pub(super) date: Option<usize>,
}

impl Roles {
    /// Finds the columns, as the user names them or by what they are called.
    pub(super) fn find(
        path: &Path,
        sample: &Sample,
        wanted: &Wanted,
        notes: &mut Vec<Note>,
    ) -> Result<Self, Error> {
        let header = &sample.header;
        let plain: Vec<String> = header.iter().map(|name| plain(name)).collect();
        let mut problems = Problems::new();
        let mut named = |name: &str| {
            let found = header.iter().position(|column| column == name);
            if found.is_none() {
                problems.push(stranger(path, sample, name));
            }
            found
        };
        let given: Vec<usize> = wanted
            .channel
            .iter()
            .filter_map(|name| named(name))
            .collect();
        let spend = wanted.spend.as_deref().map(&mut named);
        let conversions = wanted.conversions.as_deref().map(&mut named);
        let by_name = |known: &[&str]| {
            known
                .iter()
                .find_map(|known| plain.iter().position(|name| name == known))
        };
        let spend = match spend {
            Some(named) => named,
            None => by_name(&SPEND).or_else(|| containing(&plain, &["spend", "cost", "kosten"])),
        };
        let conversions = match conversions {
            Some(named) => named,
            None => by_name(&CONVERSIONS)
                .or_else(|| containing(&plain, &["conversion", "purchase", "key events"]))
                // One column cannot be both.
                .filter(|found| spend.is_none_or(|spend| header[spend] != header[*found])),
        };
        if let (Some(spend), Some(conversions)) = (spend, conversions)
            && header[spend] == header[conversions]
        {
            problems.push(both(path, sample, &header[spend]));
        }
        for (what, option, column) in [
            ("spend", "--spend", spend),
            ("conversions", "--conversions", conversions),
        ] {
            let was_named = if what == "spend" {
                wanted.spend.is_some()
            } else {
                wanted.conversions.is_some()
            };
            if column.is_none() && !was_named {
                problems.push(unknown(path, sample, what, option));
            }
        }
        let numeric = [spend, conversions];
        let channel = if given.is_empty() {
            channels(sample, &plain, &numeric, notes)
        } else {
            given
        };
        if channel.is_empty() && wanted.channel.is_empty() {
            problems.push(unknown(path, sample, "channels", "--channel"));
        }
        problems.into_result(())?;
        let (Some(spend), Some(conversions)) = (spend, conversions) else {
            unreachable!("columns that are not found are problems");
        };
        let quoted = |column: usize| format!("{:?}", header[column]);
        let columns: Vec<String> = channel.iter().map(|column| quoted(*column)).collect();
        notes.push(Note::found(format!(
            "channels are {}, spend is {}, conversions are {}",
            columns.join(" / "),
            quoted(spend),
            quoted(conversions)
        )));
        if wanted.conversions.is_none() {
            notes.extend(other_conversions(sample, &plain, conversions));
        }
        if plain
            .iter()
            .any(|name| name.contains("value") || name.contains("revenue"))
            && by_name(&VALUE).is_none()
        {
            notes.push(Note::found(
                "a column of total value or revenue is not used: data.value takes the value per conversion",
            ));
        }
        let taken = |column: &usize| {
            let others = channel.iter().chain([&spend, &conversions]);
            others
                .into_iter()
                .any(|other| header[*other] == header[*column])
        };
        Ok(Self {
            clicks: by_name(&CLICKS).filter(|column| !taken(column)),
            value: by_name(&VALUE).filter(|column| !taken(column)),
            channel,
            spend,
            conversions,
            date: by_name(&DATE),
        })
    }
}

/// Says which other columns could be the conversions.
fn other_conversions(sample: &Sample, plain: &[String], conversions: usize) -> Option<Note> {
    let others: Vec<String> = plain
        .iter()
        .zip(&sample.header)
        .enumerate()
        .filter(|(at, (name, _))| *at != conversions && CONVERSIONS.contains(&name.as_str()))
        .map(|(_, (_, column))| format!("{column:?}"))
        .collect();
    (!others.is_empty()).then(|| {
        Note::guess(format!(
            "{} could be the conversions too: choose the one that money is spent for",
            others.join(", ")
        ))
    })
}

/// A header's name in small letters, without brackets, points and doubled blanks.
fn plain(name: &str) -> String {
    let mut depth = 0_usize;
    let bare: String = name
        .chars()
        .filter(|c| {
            match c {
                '(' | '[' => depth += 1,
                ')' | ']' => depth = depth.saturating_sub(1),
                _ => return depth == 0,
            }
            false
        })
        .map(|c| if "_-.:#".contains(c) { ' ' } else { c })
        .collect();
    let words: Vec<String> = bare
        .to_lowercase()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    words.join(" ")
}

/// A column whose name contains one of these words, and none that makes it a rate.
fn containing(plain: &[String], words: &[&str]) -> Option<usize> {
    const RATES: [&str; 9] = [
        "per ", "/", "rate", "avg", "average", "value", "share", "%", "cost per",
    ];
    let of = |word: &&str| {
        plain
            .iter()
            .position(|name| name.contains(word) && !RATES.iter().any(|rate| name.contains(rate)))
    };
    words.iter().find_map(of)
}

/// The column that names channels; where none is known by its name, all columns of text together.
fn channels(
    sample: &Sample,
    plain: &[String],
    numeric: &[Option<usize>],
    notes: &mut Vec<Note>,
) -> Vec<usize> {
    let is_filled = |column: usize| sample.whole_rows().any(|row| !row[column].is_empty());
    let header = &sample.header;
    let is_free = |column: usize| {
        let mut numeric = numeric.iter().flatten();
        !header[column].is_empty() && numeric.all(|other| header[*other] != header[column])
    };
    let known = CHANNEL
        .iter()
        .filter_map(|known| plain.iter().position(|name| name == known))
        .find(|column| is_filled(*column) && is_free(*column));
    if let Some(column) = known {
        return vec![column];
    }
    let is_text = |column: usize| {
        let digits = |cell: &str| {
            cell.chars().any(|c| c.is_ascii_digit()) && !cell.chars().any(char::is_alphabetic)
        };
        let mut cells = sample
            .whole_rows()
            .map(|row| row[column].as_str())
            .filter(|cell| !cell.is_empty());
        is_free(column) && is_filled(column) && cells.all(|cell| !digits(cell))
    };
    let is_first = |column: usize| !header[..column].contains(&header[column]);
    let texts: Vec<usize> = (0..header.len())
        .filter(|column| is_first(*column) && is_text(*column))
        .filter(|column| !DATE.contains(&plain[*column].as_str()))
        .take(4)
        .collect();
    if !texts.is_empty() {
        notes.push(Note::guess(
            "no column is called channel or campaign: the columns of text together name one",
        ));
    }
    texts
}

fn listed(sample: &Sample) -> String {
    let names: Vec<String> = sample
        .header
        .iter()
        .take(20)
        .map(|name| format!("{name:?}"))
        .collect();
    let more = if sample.header.len() > 20 {
        ", ..."
    } else {
        ""
    };
    format!("{}{more}", names.join(", "))
}

fn unknown(path: &Path, sample: &Sample, what: &str, option: &str) -> Problem {
    Problem {
        code: "E_COLUMN",
        place: Place::line(path, sample.skip_lines + 1),
        subject: String::new(),
        message: format!(
            "no column of {what} can be told; the header has {}",
            listed(sample)
        ),
        remedy: format!("name it: {option} COLUMN"),
    }
}

fn both(path: &Path, sample: &Sample, name: &str) -> Problem {
    Problem {
        code: "E_COLUMN",
        place: Place::line(path, sample.skip_lines + 1),
        subject: format!("column {name:?}"),
        message: "cannot be spend and conversions at once".to_owned(),
        remedy: "name two columns: --spend COLUMN --conversions COLUMN".to_owned(),
    }
}

fn stranger(path: &Path, sample: &Sample, name: &str) -> Problem {
    let remedy = match nearest(name, sample.header.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("the header has {}", listed(sample)),
    };
    Problem {
        code: "E_COLUMN",
        place: Place::line(path, sample.skip_lines + 1),
        subject: format!("column {name:?}"),
        message: "is missing".to_owned(),
        remedy,
    }
}
