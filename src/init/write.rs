//! The scenario file itself, with what was found and what was guessed in its comments.

use std::fmt::Write;

use super::Note;
use super::format::{Format, Scatter};
use super::roles::Roles;
use super::sample::Sample;
use crate::scenario::{DateOrder, Granularity};

/// What the head of the file says of a scenario that runs.
pub(super) const RUNS: &str = "It runs as it is: first `liftsweep check`, then `liftsweep run`.";

/// Longest line of a comment.
const WIDTH: usize = 100;

pub(super) fn scenario(
    as_named: &str,
    name: &str,
    sample: &Sample,
    roles: &Roles,
    format: &Format,
    notes: &[Note],
) -> String {
    let mut text = String::from("#:schema ./liftsweep.schema.json\n");
    comment(
        &mut text,
        "# ",
        &format!("A starter scenario for {as_named}, written by `liftsweep init`."),
    );
    let _ = writeln!(text, "# {RUNS}");
    text.push_str("#\n# About the table:\n");
    for note in notes {
        let mark = if note.is_guess {
            "#   guess: "
        } else {
            "#   - "
        };
        comment(&mut text, mark, &note.text);
    }
    let _ = write!(
        text,
        "\nname = {}\nseed = 1\n\n[data]\npath = {}\n",
        quoted(name),
        quoted(as_named)
    );
    data(&mut text, sample, roles, format);
    text.push_str(GRID);
    text.push_str(match format.scatter {
        Scatter::Enough => "# Variance over that of independent events. \"rows\" estimates it from the scatter of lines.\ndispersion = \"rows\"\n",
        Scatter::Few => "# Variance over that of independent events. The scatter of so few lines cannot tell it (\"rows\" would\n# estimate it): 1 is the calmest, more is usual.\ndispersion = [1.0, 3.0, 5.0]\n",
        Scatter::None => "# Variance over that of independent events. A table of totals cannot tell it: 1 is the calmest, more\n# is usual. With a line per day or ad, \"rows\" estimates it.\ndispersion = [1.0, 3.0]\n",
    });
    text.push_str(REST);
    text
}

fn data(text: &mut String, sample: &Sample, roles: &Roles, format: &Format) {
    let column = |at: usize| quoted(&sample.header[at]);
    let keys: Vec<String> = roles.channel.iter().map(|at| column(*at)).collect();
    let channel = if let [one] = keys.as_slice() {
        one.clone()
    } else {
        format!("[{}]", keys.join(", "))
    };
    // Writing to a string cannot fail.
    let mut line = |key: &str, value: String, comment: &str| {
        let line = format!("{key} = {value}");
        let _ = if comment.is_empty() {
            writeln!(text, "{line}")
        } else {
            writeln!(text, "{line:<32} # {comment}")
        };
    };
    line("channel", channel, "");
    line("spend", column(roles.spend), "");
    line("conversions", column(roles.conversions), "");
    if let Some(clicks) = roles.clicks {
        line("clicks", column(clicks), "");
    }
    if let Some(value) = format.value {
        line("value", column(value), "per conversion");
    }
    if let Some(date) = format.date {
        line("date", column(date), "");
    }
    let granularity = match format.granularity {
        Granularity::Channel => "one line per channel",
        Granularity::Row => "many lines per channel, summed",
    };
    line(
        "granularity",
        quoted(format.granularity.name()),
        granularity,
    );
    let dialect = &format.dialect;
    if let Some(encoding) = dialect.encoding {
        line("encoding", quoted(&encoding.name().to_lowercase()), "");
    }
    if dialect.delimiter != ',' {
        line(
            "delimiter",
            quoted(&dialect.delimiter.to_string()),
            "between cells",
        );
    }
    if dialect.skip_lines > 0 {
        line(
            "skip_lines",
            dialect.skip_lines.to_string(),
            "above the header",
        );
    }
    if dialect.decimal != '.' {
        line(
            "decimal",
            quoted(&dialect.decimal.to_string()),
            "before decimals",
        );
    }
    if let Some(mark) = dialect.thousands {
        line(
            "thousands",
            quoted(&mark.to_string()),
            "between groups of three digits",
        );
    }
    if let Some(currency) = &dialect.currency {
        line(
            "currency",
            quoted(currency),
            "may stand before or behind amounts",
        );
    }
    if !dialect.missing.is_empty() {
        line("missing", list(&dialect.missing), "stand for 0");
    }
    if !dialect.exclude.is_empty() {
        line(
            "exclude",
            list(&dialect.exclude),
            "lines that are no channels to plan",
        );
    }
    if format.date.is_some() && dialect.date_order != DateOrder::Iso {
        line("date_order", quoted(dialect.date_order.name()), "");
    }
}

const GRID: &str = "
# The rules: every combination of these values is one.
[grid]
score = [\"share\", \"tilted\"]      # by share of conversions; by today's share times efficiency
alpha = { from = 0.2, to = 1.0, step = 0.2 }   # how far to move: 0 is today's mix, 1 the score's
delta = [1.0, 2.0]               # how hard
max_change = [0.3]               # no channel changes by more than 30 % of its share of today

# [grid.channel.\"NAME\"]           # a channel's own bounds: min_share, max_share, min_ratio, max_ratio
# locked = true                  # or: it keeps its share

# The worlds that the rules are tried in.
[world]
truth = \"posterior\"              # rates that fit the table
";

const REST: &str = "# What 1 % more spend brings at today's spend: 1.0 % (linear), 0.7 % or 0.5 % more conversions. No table
# of totals can tell it; published estimates for advertising are mostly below 0.5.
elasticity = [1.0, 0.7, 0.5]

[run]
replicates = 2000

# What a run must show, for `liftsweep gate` and CI. Here, of today's plan by the rule that you mean to
# follow: in 95 % of replicates it loses no more than 2 %, whatever the world. Name your rule in where;
# without it, the gate holds every configuration to the bound.
# [[gate]]
# metric = \"recommended_p05\"
# where = { alpha = 1.0, delta = 1.0 }
# at_least = -0.02
";

/// Text as TOML writes it.
fn quoted(text: &str) -> String {
    // JSON's escapes are TOML's, but for one control character that JSON leaves as it is.
    let json = serde_json::to_string(text).unwrap_or_default();
    json.replace('\u{7f}', "\\u007f")
}

fn list(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", quoted.join(", "))
}

/// A comment, wrapped; text of the user's must not break out of it.
fn comment(text: &mut String, mark: &str, sentence: &str) {
    let plain: String = sentence
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let indent = format!("#{}", " ".repeat(mark.chars().count() - 1));
    let mut line = mark.trim_end().to_owned();
    let mut is_first = true;
    for word in plain.split_whitespace() {
        if !is_first && line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(&line);
            text.push('\n');
            line = format!(
                "{} {word}",
                indent.trim_end_matches(' ').to_owned()
                    + &" ".repeat(mark.chars().count().saturating_sub(2))
            );
        } else {
            line.push(' ');
            line.push_str(word);
        }
        is_first = false;
    }
    text.push_str(&line);
    text.push('\n');
}
