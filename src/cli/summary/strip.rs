//! Distributions in a line of text: the middle half as a heavy bar, 5 % to 95 % as a thin one, the mean as
//! a point, all of a summary on one axis, with a line at zero.

use liftsweep::scenario::{Lift, Scenario};
use liftsweep::{engine::ConfigurationRow, units::Percent};

/// What a distribution is drawn with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Glyphs {
    zero: char,
    thin: char,
    heavy: char,
    mean: char,
    ends: [char; 2],
}

impl Glyphs {
    const LINES: Self = Self {
        zero: '│',
        thin: '─',
        heavy: '━',
        mean: '●',
        ends: ['├', '┤'],
    };
    const PLAIN: Self = Self {
        zero: '|',
        thin: '-',
        heavy: '=',
        mean: 'o',
        ends: ['[', ']'],
    };

    pub(super) fn new(unicode: bool) -> Self {
        if unicode { Self::LINES } else { Self::PLAIN }
    }
}

/// Where a distribution lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    low: f64,
    /// The quartiles, where they were asked for.
    middle: Option<(f64, f64)>,
    mean: f64,
    high: f64,
}

impl Spread {
    /// Of a lift of a configuration.
    pub(super) fn of(scenario: &Scenario, row: &ConfigurationRow, lift: Lift) -> Option<Self> {
        let summary = row.summary(lift)?;
        let (low, high) = row.range(lift)?;
        let quantile = |probability: f64| {
            let mut all = scenario.metrics.quantiles.iter();
            let position = all.position(|p| *p == probability)?;
            summary.quantiles.get(position).copied()
        };
        Some(Self {
            low,
            // The spread over splits is none of the lift.
            middle: quantile(0.25)
                .zip(quantile(0.75))
                .filter(|_| row.split.is_none()),
            mean: summary.mean,
            high,
        })
    }
}

/// The common axis of some distributions; 0 is on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    from: f64,
    to: f64,
    columns: usize,
    glyphs: Glyphs,
}

impl Axis {
    /// `None` where there is nothing to draw, or no room for it.
    pub(super) fn over(spreads: &[Spread], columns: usize, glyphs: Glyphs) -> Option<Self> {
        const NARROWEST: usize = 20;
        let all = spreads.iter().flat_map(|s| [s.low, s.mean, s.high]);
        let (from, to) = all.fold((0.0_f64, 0.0_f64), |(from, to), x| (from.min(x), to.max(x)));
        let drawn = to > from && (to - from).is_finite() && columns >= NARROWEST;
        drawn.then_some(Self {
            from,
            to,
            columns,
            glyphs,
        })
    }

    /// The column of a number.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the number of columns"
    )]
    fn column(&self, number: f64) -> usize {
        let last = (self.columns - 1) as f64;
        let at = (number - self.from) / (self.to - self.from) * last;
        at.round().clamp(0.0, last) as usize
    }

    /// Its ends and its zero in numbers.
    pub(super) fn scale(&self) -> String {
        let zero = self.column(0.0);
        let mut line = vec![' '; self.columns];
        line[zero] = '0';
        let mut put = |text: &str, at: usize| {
            let room = at..at + text.chars().count();
            // A blank to both sides of zero keeps numbers apart.
            if room.start <= zero + 1 && zero <= room.end {
                return;
            }
            for (place, c) in line[room].iter_mut().zip(text.chars()) {
                *place = c;
            }
        };
        let (from, to) = (Percent(self.from).to_string(), Percent(self.to).to_string());
        put(&from, 0);
        put(&to, self.columns.saturating_sub(to.chars().count()));
        trimmed(&line)
    }

    /// A distribution.
    pub(super) fn draw(&self, spread: Spread) -> String {
        let glyphs = self.glyphs;
        let mut line = vec![' '; self.columns];
        line[self.column(0.0)] = glyphs.zero;
        let (low, high) = (self.column(spread.low), self.column(spread.high));
        line[low..=high].fill(glyphs.thin);
        if low < high {
            [line[low], line[high]] = glyphs.ends;
        }
        if let Some((lower, upper)) = spread.middle {
            line[self.column(lower)..=self.column(upper)].fill(glyphs.heavy);
        }
        line[self.column(spread.mean)] = glyphs.mean;
        trimmed(&line)
    }

    /// What the signs mean.
    pub(super) fn legend(&self) -> String {
        let Glyphs {
            zero,
            heavy,
            mean,
            ends: [left, right],
            ..
        } = self.glyphs;
        format!(
            "{left} {right} 5 % to 95 %   {heavy} middle half   {mean} mean   {zero} today's mix"
        )
    }
}

fn trimmed(line: &[char]) -> String {
    let text: String = line.iter().collect();
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(low: f64, middle: Option<(f64, f64)>, mean: f64, high: f64) -> Spread {
        Spread {
            low,
            middle,
            mean,
            high,
        }
    }

    #[test]
    fn distributions_share_an_axis_with_zero_on_it() {
        let sure = spread(0.1, Some((0.15, 0.25)), 0.2, 0.3);
        let doubtful = spread(-0.1, None, 0.0, 0.1);
        let axis = Axis::over(&[sure, doubtful], 41, Glyphs::PLAIN).unwrap();
        assert_eq!(axis.scale(), "-10.00 %  0                      +30.00 %");
        assert_eq!(axis.draw(sure), "          |         [----=====o=====----]");
        assert_eq!(axis.draw(doubtful), "[---------o---------]");
        let lines = Axis::over(&[sure], 21, Glyphs::LINES).unwrap();
        assert_eq!(lines.draw(sure), "│      ├──━━━●━━━━──┤");
        assert_eq!(lines.scale(), "0            +30.00 %");
    }

    #[test]
    fn what_has_no_width_or_no_room_is_not_drawn() {
        let still = spread(0.0, None, 0.0, 0.0);
        assert!(Axis::over(&[still], 40, Glyphs::PLAIN).is_none());
        assert!(Axis::over(&[], 40, Glyphs::PLAIN).is_none());
        let wide = spread(-0.1, None, 0.0, 0.1);
        assert!(Axis::over(&[wide], 19, Glyphs::PLAIN).is_none());
        // Zero in the middle leaves no room for the ends of a short axis.
        let short = Axis::over(&[wide], 20, Glyphs::PLAIN).unwrap();
        assert!(short.scale().contains('0'));
    }
}
