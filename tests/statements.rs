//! Every statement of the summary, with a table that makes it true and one that makes it false.

use std::fmt::Write;
use std::fs;

use crate::runs::program;

const SEED_A: &str = "channel,spend,conversions\nA,8500,400\nB,6500,250\nC,4000,150\nD,1000,200\n";
const EQUAL: &str = "channel,spend,conversions\nA,1000,100\nB,800,82\nC,600,58\nD,400,41\n";
const NOISY: &str = "channel,spend,conversions\nA,100,5\nB,300,24\nC,90,16\n";

const RULES: &str = "[grid]\nscore = \"tilted\"\nalpha = [0.5, 1.0]\ndelta = [1.0, 2.0]\n[run]\nreplicates = 2000\n";

/// What a run says, its lines joined.
fn said(table: &str, rest: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("table.csv"), table).unwrap();
    let data = "path = \"table.csv\"\nchannel = \"channel\"\nspend = \"spend\"\nconversions = \"conversions\"";
    let scenario = format!("name = \"t\"\nseed = 7\n[data]\n{data}\n{rest}");
    fs::write(folder.path().join("s.toml"), scenario).unwrap();
    let output = program(&folder).args(["run", "s.toml"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn only_in(statement: &str, fits: &str, does_not: &str) {
    assert!(fits.contains(statement), "{statement:?} is not in: {fits}");
    assert!(
        !does_not.contains(statement),
        "{statement:?} is in: {does_not}"
    );
}

#[test]
fn the_answer_is_one_of_four() {
    let seed = said(SEED_A, RULES);
    let equal = said(EQUAL, RULES);
    let noisy = said(NOISY, &format!("{RULES}[world]\nelasticity = 0.5\n"));
    // Sizes are no reason to move where returns diminish.
    let sizes = said(
        SEED_A,
        "[grid]\nscore = \"share\"\nalpha = 1.0\ndelta = 20.0\n[world]\nelasticity = 0.5\n[run]\nreplicates = 500\n",
    );
    only_in(
        "Best rule: tilted, alpha 1, delta 2. It moves 49.01 % of the budget and promises +155.63 %",
        &seed,
        &equal,
    );
    only_in(
        "Do not move money on this table. The best rule (",
        &equal,
        &seed,
    );
    only_in(
        "!! no detectable difference between channels: p = 0.987",
        &equal,
        &seed,
    );
    only_in("No rule is safe. The best one (", &noisy, &seed);
    only_in(", which includes losses.", &noisy, &seed);
    only_in(
        "Keep today's mix: no rule of the grid has a higher mean lift.",
        &sizes,
        &seed,
    );
    for (name, text) in [
        ("seed", &seed),
        ("equal", &equal),
        ("noisy", &noisy),
        ("sizes", &sizes),
    ] {
        let answers = [
            "Best rule",
            "Do not move money",
            "No rule is safe",
            "Keep today's mix",
        ];
        let given = answers
            .iter()
            .filter(|answer| text.contains(**answer))
            .count();
        assert_eq!(given, 1, "{name}: {text}");
    }
}

#[test]
fn a_plan_that_stays_is_no_recommendation() {
    let stay = said(SEED_A, "[grid]\nalpha = 0.0\n[run]\nreplicates = 200\n");
    let go = said(SEED_A, "[grid]\nalpha = 1.0\n[run]\nreplicates = 200\n");
    only_in("Keep today's mix", &stay, &go);
    // With one rule there was nothing to choose.
    only_in("Chosen by apparent lift", &said(SEED_A, RULES), &go);
}

#[test]
fn the_judge_is_named() {
    let by = |truth: &str| said(SEED_A, &format!("{RULES}[world]\ntruth = \"{truth}\"\n"));
    let (posterior, observed) = (by("posterior"), by("observed"));
    only_in(
        "judged by truths that fit the table, recommended lift",
        &posterior,
        &observed,
    );
    only_in(
        "if the table were exactly true, recommended lift",
        &observed,
        &posterior,
    );
    let decision = said(SEED_A, &format!("{RULES}lifts = [\"decision\"]\n"));
    only_in(
        "judged by truths that fit the table, decision lift",
        &decision,
        &posterior,
    );
    let apparent = said(SEED_A, &format!("{RULES}lifts = [\"apparent\"]\n"));
    only_in(
        "Neither decision nor recommended lifts were asked for.",
        &apparent,
        &decision,
    );
    let rates = "channel,spend,conversions,rate\nA,8500,400,0.05\nB,6500,250,0.05\nC,4000,150,0.05\nD,1000,200,0.1\n";
    let fixed = RULES.replacen("[grid]", "true_rate = \"rate\"\n[grid]", 1);
    let fixed = said(rates, &format!("{fixed}[world]\ntruth = \"fixed\"\n"));
    only_in(
        "under the given rates, recommended lift",
        &fixed,
        &posterior,
    );
}

#[test]
fn worlds_are_told_apart_and_counted() {
    let one = said(SEED_A, RULES);
    let two = said(
        SEED_A,
        &format!("{RULES}[world]\nelasticity = [1.0, 0.5]\n"),
    );
    only_in(
        "Best rule over all 2 worlds: tilted, alpha 1, delta 2. ",
        &two,
        &one,
    );
    only_in(
        "on this table in the world that suits it least (elasticity 0.5); judged",
        &two,
        &one,
    );
    only_in("world: elasticity 0.5", &two, &one);
    // What chose a rule flatters it: fresh replicates speak where there are any.
    let chosen_by = said(
        SEED_A,
        &format!("{RULES}holdout = 0\n[world]\nelasticity = [1.0, 0.5]\n"),
    );
    only_in(
        "+87.99 % on average over the worlds in 400 fresh replicates.",
        &two,
        &chosen_by,
    );
    only_in(" % on average over the worlds. ", &chosen_by, &two);
    // Nobody can choose the world: which is listed first says nothing.
    let turned = said(
        SEED_A,
        &format!("{RULES}[world]\nelasticity = [0.5, 1.0]\n"),
    );
    let answer = |text: &str| text.split(" Where it fails").next().map(str::to_owned);
    let answer = |text: &str| answer(text.split(" apparent decision").next().unwrap());
    assert_eq!(answer(&turned), answer(&two));
    let seven = said(
        SEED_A,
        &format!("{RULES}[world]\nelasticity = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4]\n"),
    );
    only_in("... and 1 more worlds in configurations.csv", &seven, &two);
}

#[test]
fn a_rule_that_fails_in_a_world_is_no_advice() {
    let all_to_one = |elasticity: &str| {
        said(
            SEED_A,
            &format!(
                "[grid]\nscore = \"efficiency\"\nalpha = 1.0\ndelta = 20.0\n[world]\nelasticity = {elasticity}\n[run]\nreplicates = 500\n"
            ),
        )
    };
    let (kind, both) = (all_to_one("1.0"), all_to_one("[1.0, 0.3]"));
    let (harsh, harsher) = (all_to_one("0.3"), all_to_one("[0.3, 0.2]"));
    only_in(
        "It depends on the world: no rule of the grid gains in all 2; in 1 of them some rule does (below). Keep today's mix unless you know which world is yours.",
        &both,
        &kind,
    );
    only_in(
        "Keep today's mix: no rule of the grid has a higher mean lift.",
        &harsh,
        &both,
    );
    only_in(
        "Keep today's mix: in none of the 2 worlds has a rule of the grid a higher mean lift.",
        &harsher,
        &harsh,
    );
}

#[test]
fn assumptions_name_the_stretch_of_the_named_plans() {
    let free = said(SEED_A, RULES);
    let bound = said(SEED_A, &RULES.replace("[run]", "max_change = 0.3\n[run]"));
    only_in(
        "the response holds up to 1.3x of a channel's spend of today",
        &bound,
        &free,
    );
    only_in(
        "10,000 allocations in ",
        &said(SEED_A, &RULES.replace("2000", "2500")),
        &free,
    );
}

#[test]
fn what_a_rule_brings_is_told_period_by_period() {
    let periods = |periods: u32| {
        said(
            SEED_A,
            &format!("{RULES}[world]\nelasticity = 0.5\nperiods = {periods}\n"),
        )
    };
    let (one, three, seven) = (periods(1), periods(3), periods(7));
    only_in(
        "recommended lift +21.03 % over 3 periods [5 % to 95 %: ",
        &three,
        &one,
    );
    only_in(
        "Its recommended lift by period: +21.02 %, +21.04 %, +21.03 %.",
        &three,
        &seven,
    );
    only_in(
        "Its recommended lift is +21.02 % in the first period and ",
        &seven,
        &three,
    );
    only_in("in the last one; periods.csv has each.", &seven, &one);
    only_in(
        "10.8x of a channel's spend of today, and further where later periods move on.",
        &three,
        &one,
    );
    only_in("24,000 allocations in ", &three, &one);
    // What the table promises is about one period, and so is its correction.
    only_in(
        "less that, without any prior, it is +21.33 % (Efron-Harrell).",
        &three,
        &said(EQUAL, RULES),
    );
}

#[test]
fn what_could_be_had_is_told_where_it_is_known() {
    let clairvoyant = |rest: &str| said(SEED_A, &format!("{rest}[metrics]\nclairvoyant = true\n"));
    let (plain, known) = (said(SEED_A, RULES), clairvoyant(RULES));
    only_in(
        "Whoever knew the truth of every world would get +294.72 % within the same bounds; the best rule captures 51.88 % of it.",
        &known,
        &plain,
    );
    let loses = clairvoyant(
        "[grid]\nscore = \"share\"\nalpha = 1.0\ndelta = 20.0\n[world]\nelasticity = 0.5\n[run]\nreplicates = 500\n",
    );
    only_in("the best rule captures none of it.", &loses, &known);
    let fixed = clairvoyant("[grid]\nalpha = 1.0\nmax_change = 0.0\n[run]\nreplicates = 500\n");
    only_in(
        "Within its bounds there is nothing to be had.",
        &fixed,
        &known,
    );
    let infeasible = clairvoyant(
        "[grid]\nalpha = 1.0\nmin_share = 0.3\nbound_mode = \"clip\"\n[run]\nreplicates = 500\n",
    );
    only_in(
        "What the best plan would get is not known: its returns increase, or its bounds cannot all hold.",
        &infeasible,
        &known,
    );
}

#[test]
fn a_promise_is_corrected_where_apparent_lifts_can_be_made() {
    let (seed, equal) = (said(SEED_A, RULES), said(EQUAL, RULES));
    only_in("of such a promise +2.", &equal, &seed);
    only_in("less that, without any prior, it is -2.", &equal, &seed);
    only_in("The posterior disagrees: rather trust this.", &equal, &seed);
    let apparent = said(SEED_A, &format!("{RULES}lifts = [\"apparent\"]\n"));
    only_in("(Efron-Harrell)", &seed, &apparent);
    // A rule's decision lift is a promise too.
    let decision = said(SEED_A, &format!("{RULES}lifts = [\"decision\"]\n"));
    only_in(
        "less that, without any prior, it is +154.17 % (Efron-Harrell)",
        &decision,
        &apparent,
    );
}

/// Ten days of each channel that differ in nothing, or in a channel's rate.
fn days(rates: [f64; 4]) -> String {
    let mut text = "channel,spend,conversions\n".to_owned();
    for (position, (channel, rate)) in ["A", "B", "C", "D"].iter().zip(rates).enumerate() {
        for day in 0..10 {
            let swing = f64::from((day * 7 + 3 * u32::try_from(position).unwrap()) % 10) - 4.5;
            writeln!(text, "{channel},100,{}", 100.0 * rate + swing).unwrap();
        }
    }
    text
}

#[test]
fn rows_dealt_at_random_speak_where_there_are_rows() {
    let rules = RULES.replacen("[grid]", "granularity = \"row\"\n[grid]", 1);
    let (differ, same) = (
        said(&days([0.5, 0.5, 0.9, 0.2]), &rules),
        said(&days([0.5; 4]), &rules),
    );
    only_in(
        "Rows dealt to the channels at random seldom promise as much: ",
        &differ,
        &same,
    );
    only_in("p = 0.001.", &differ, &same);
    only_in(
        "Rows dealt to the channels at random promise about as much: ",
        &same,
        &differ,
    );
    only_in("Rows dealt", &same, &said(EQUAL, RULES));
}

#[test]
fn fresh_replicates_are_counted() {
    let with = said(SEED_A, RULES);
    let without = said(SEED_A, &format!("{RULES}holdout = 0\n"));
    only_in(
        "In 400 fresh replicates its mean recommended lift is +15",
        &with,
        &without,
    );
    only_in("fresh replicates", &with, &without);
}

#[test]
fn choosing_by_appearance_delivers_less_than_it_promises() {
    let equal = said(EQUAL, &format!("{RULES}[world]\nelasticity = 0.5\n"));
    let seed = said(SEED_A, RULES);
    only_in("promised +0.7", &equal, &seed);
    only_in(", a loss.", &equal, &seed);
    let decision = said(
        SEED_A,
        &format!("{RULES}lifts = [\"decision\", \"recommended\"]\n"),
    );
    only_in(
        "Chosen by apparent lift in every replicate: promised +15",
        &seed,
        &decision,
    );
}

#[test]
fn the_page_and_the_terminal_give_the_same_advice() {
    for (scenario, action, headline) in [
        ("held_out.toml", "unproven", "Not shown to beat chance."),
        ("robustness.toml", "move", "Move 14.87"),
        (
            "campaigns_216.toml",
            "no_signal",
            "Do not move money on this table.",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = format!("{}/configs/{scenario}", env!("CARGO_MANIFEST_DIR"));
        let arguments = [
            "run",
            &path,
            "--replicates",
            "200",
            "--out",
            "out",
            "--json",
        ];
        let output = program(&folder).args(arguments).output().unwrap();
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told["verdict"]["action"], action, "{scenario}");
        let page = fs::read_to_string(folder.path().join("out/report.html")).unwrap();
        assert!(page.contains(&format!(">{headline}")), "{scenario}");
    }
}

#[test]
fn with_one_channel_there_is_nothing_to_decide() {
    let rules = "[grid]\nalpha = [0.5, 1.0]\n[run]\nreplicates = 100\n";
    let one = said("channel,spend,conversions\nA,1000,100\n", rules);
    let two = said(SEED_A, rules);
    only_in(
        "Nothing to decide: with one channel there is no mix to change.",
        &one,
        &two,
    );
    only_in("every lift is 0; bring at least two channels", &one, &two);
    // Checks, table and assumptions would speak of nothing.
    for silent in ["Checks", "highest", "This assumes"] {
        only_in(silent, &two, &one);
    }
}
