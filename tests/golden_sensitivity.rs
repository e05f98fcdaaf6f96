//! Indices of sensitivity against the oracle's golden values.

use crate::support::{cases, golden, number, numbers};
use liftsweep::stats::{Anova, Component, Effects, RangeEffects, Saltelli, halved};
use serde_json::Value;

/// A nested list as its lengths and its numbers, the last axis fastest.
fn table(value: &Value) -> (Vec<usize>, Vec<f64>) {
    let list = value.as_array().expect("a list");
    if list[0].is_number() {
        return (vec![list.len()], numbers(value));
    }
    let mut lengths = vec![list.len()];
    let parts: Vec<_> = list.iter().map(table).collect();
    lengths.extend(&parts[0].0);
    (lengths, parts.into_iter().flat_map(|part| part.1).collect())
}

/// A table in which every level stands as often as its weight says: weights are whole numbers.
fn repeated(lengths: &[usize], y: &[f64], weights: &Value) -> (Vec<usize>, Vec<f64>) {
    let (mut lengths, mut y) = (lengths.to_vec(), y.to_vec());
    for axis in 0..lengths.len() {
        let Some(weights) = weights.get(axis).filter(|weights| !weights.is_null()) else {
            continue;
        };
        let weights: Vec<usize> = numbers(weights)
            .iter()
            .map(|weight| format!("{weight}").parse().expect("a whole weight"))
            .collect();
        let block: usize = lengths[axis + 1..].iter().product();
        let levels = y.chunks(block).zip(weights.iter().cycle());
        y = levels
            .flat_map(|(level, times)| level.repeat(*times))
            .collect();
        lengths[axis] = weights.iter().sum();
    }
    (lengths, y)
}

fn effects(lengths: &[usize], cells: impl Iterator<Item = [f64; 2]>) -> Effects {
    let mut anova = Anova::new(lengths, 1);
    for cell in cells {
        anova.observe(&[cell]);
    }
    anova.finish().expect("all cells").remove(0)
}

/// An index; where nothing varies there is none, and the oracle says 0.
fn index(component: Component, whole: Component) -> f64 {
    component.index(whole).unwrap_or(0.0)
}

fn indices(components: impl Iterator<Item = Component>, whole: Component) -> Vec<f64> {
    components.map(|part| index(part, whole)).collect()
}

#[test]
fn functional_anova() {
    for case in cases(&golden("golden_sensitivity.json"), "anova") {
        let (lengths, y) = table(&case.input["y"]);
        let (lengths, y) = repeated(&lengths, &y, &case.input["weights"]);
        let got = effects(&lengths, y.iter().map(|y| [*y, 0.0]));
        let whole = got.variance;
        case.check("mean", &case.expect["mean"], got.mean);
        case.check("variance", &case.expect["variance"], whole.raw);
        let first = indices(got.first.iter().copied(), whole);
        case.check_all("first", &case.expect["first"], &first);
        let total = got.total.iter().map(|total| total.unwrap());
        case.check_all("total", &case.expect["total"], &indices(total, whole));
        if whole.raw == 0.0 {
            assert_eq!(case.expect["interaction"].as_object().unwrap().len(), 0);
            continue;
        }
        let mut higher = 0.0;
        for (name, expected) in case.expect["interaction"].as_object().unwrap() {
            let axes: Vec<usize> = name.split(',').map(|axis| axis.parse().unwrap()).collect();
            match axes.as_slice() {
                [axis] => case.check(name, expected, index(got.first[*axis], whole)),
                [i, j] => {
                    let pair = got
                        .pairs
                        .iter()
                        .find(|(axes, _)| *axes == (*i, *j))
                        .unwrap();
                    case.check(name, expected, index(pair.1.unwrap(), whole));
                }
                _ => higher += number(expected),
            }
        }
        let expected = serde_json::json!(higher);
        case.check("higher", &expected, index(got.higher().unwrap(), whole));
    }
}

#[test]
fn indices_from_two_halves_of_the_replicates() {
    for case in cases(&golden("golden_sensitivity.json"), "anova_split") {
        let ((lengths, even), (_, odd)) = (table(&case.input["y1"]), table(&case.input["y2"]));
        let cells = even
            .iter()
            .zip(&odd)
            .map(|(even, odd)| halved(f64::midpoint(*even, *odd), [*even, *odd], 1_000));
        let got = effects(&lengths, cells);
        let whole = got.variance;
        case.check("variance", &case.expect["variance"], whole.corrected());
        let first = indices(got.first.iter().copied(), whole);
        case.check_all("first", &case.expect["first"], &first);
        let total = got.total.iter().map(|total| total.unwrap());
        case.check_all("total", &case.expect["total"], &indices(total, whole));
    }
}

/// The indices of a design, with `SALib`'s beside them where the oracle has asked it.
#[test]
fn saltelli_and_jansen() {
    let mut seen = 0;
    for case in cases(&golden("golden_sensitivity.json"), "saltelli") {
        let (a, b) = (numbers(&case.input["fA"]), numbers(&case.input["fB"]));
        let mixed: Vec<Vec<f64>> = case.input["fAB"]
            .as_array()
            .unwrap()
            .iter()
            .map(numbers)
            .collect();
        let axes = mixed.len();
        let mut saltelli = Saltelli::new(axes, 1);
        for row in 0..a.len() {
            let of_row = std::iter::once(a[row]);
            let of_row = of_row.chain(mixed.iter().map(|f| f[row])).chain([b[row]]);
            of_row.for_each(|y| saltelli.observe(&[[y, 0.0]]));
        }
        let RangeEffects {
            variance,
            first,
            total,
            ..
        } = saltelli.finish(0, |_, _, _| 0).unwrap().remove(0);
        let first = indices(first.into_iter(), variance);
        let total = indices(total.into_iter(), variance);
        case.check_all("first", &case.expect["first"], &first);
        case.check_all("total", &case.expect["total"], &total);
        seen += axes;
    }
    assert!(seen >= 6, "{seen} axes");
}
