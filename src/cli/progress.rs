//! Progress on standard error: a bar on a terminal, a plain line every few seconds elsewhere.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use liftsweep::engine::{Observer, Phase};
use liftsweep::output::{RunFolder, abandon};
use liftsweep::problem::Error;
use liftsweep::units::Count;

use super::arguments::Progress;
use super::clock::Stopwatch;
use super::screen::{complain, errors_go_to_a_terminal};
use super::told;

/// How long a plain report stays silent.
const SILENCE: Duration = Duration::from_secs(5);

/// How long a run that was told to stop has to stop by itself.
const PATIENCE: Duration = Duration::from_millis(700);

/// Set by Ctrl-C, by termination signals, and by the end of standard input where that is followed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt {
    raised: Arc<AtomicBool>,
    guarded: Arc<Mutex<Guarded>>,
}

#[derive(Debug, Default)]
struct Guarded {
    /// What must not stay behind when the process ends at once.
    partial: Option<PathBuf>,
    /// Whether the results are being moved to their place: that is not stopped any more.
    finishing: bool,
}

impl Interrupt {
    /// Listens for signals. The first one asks the run to stop, and ends the process if it does not; a
    /// second one ends it at once.
    pub(crate) fn listen() -> Result<Self, Error> {
        let interrupt = Self::default();
        let handler = interrupt.clone();
        let listening = ctrlc::set_handler(move || {
            if handler.raised() {
                handler.end();
            }
            handler.raise();
        });
        listening.map_err(|error| Error::Machine {
            action: "listen for signals at",
            path: "this process".into(),
            source: std::io::Error::other(error),
        })?;
        Ok(interrupt)
    }

    /// Stops when standard input ends: whoever holds it open is gone then.
    pub(crate) fn follow_standard_input(&self) {
        let interrupt = self.clone();
        std::thread::spawn(move || {
            // Whatever comes is not for us; a failure to read is an end, too.
            let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            interrupt.raise();
        });
    }

    fn raise(&self) {
        self.raised.store(true, Ordering::SeqCst);
        let interrupt = self.clone();
        std::thread::spawn(move || {
            std::thread::sleep(PATIENCE);
            let finishing = interrupt
                .guarded
                .lock()
                .is_ok_and(|guarded| guarded.finishing);
            if !finishing {
                interrupt.end();
            }
        });
    }

    /// Ends the process, cleaning up as far as it can.
    fn end(&self) {
        let partial = self
            .guarded
            .lock()
            .ok()
            .and_then(|mut guarded| guarded.partial.take());
        let mut error = Error::Interrupted;
        if let Some(partial) = partial {
            if partial.is_dir() {
                abandon(&partial);
            } else {
                // There is nobody left to tell if this fails.
                let _ = std::fs::remove_file(&partial);
            }
            if RunFolder::keeps_in(&partial) {
                error = Error::Kept { kept: partial };
            }
        }
        complain(&told(&error));
        std::process::exit(130);
    }

    /// Names the folder or file to clean up if the process has to end at once.
    pub(crate) fn guard(&self, partial: &Path) {
        if let Ok(mut guarded) = self.guarded.lock() {
            guarded.partial = Some(partial.to_path_buf());
        }
    }

    /// From here on the run is not stopped any more.
    fn finishing(&self) -> Result<(), Error> {
        if let Ok(mut guarded) = self.guarded.lock() {
            guarded.finishing = true;
            guarded.partial = None;
        }
        if self.raised() {
            Err(Error::Interrupted)
        } else {
            Ok(())
        }
    }

    pub(crate) fn raised(&self) -> bool {
        self.raised.load(Ordering::Relaxed)
    }
}

/// Shows the engine's progress and passes on the wish to stop.
pub(crate) struct Watch {
    interrupt: Interrupt,
    display: Display,
}

enum Display {
    Bar(ProgressBar),
    Plain(Plain),
    None,
}

impl Watch {
    pub(crate) fn new(progress: Progress, interrupt: Interrupt) -> Self {
        let display = match progress {
            Progress::Never => Display::None,
            Progress::Auto if errors_go_to_a_terminal() => Display::Bar(bar()),
            Progress::Auto | Progress::Plain => Display::Plain(Plain::default()),
        };
        Self { interrupt, display }
    }

    /// Shows nothing.
    pub(crate) fn silent(interrupt: Interrupt) -> Self {
        Self::new(Progress::Never, interrupt)
    }

    /// Says that the results are about to be moved to their place.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`] if the run was told to stop before.
    pub(crate) fn finishing(&self) -> Result<(), Error> {
        self.interrupt.finishing()
    }

    /// Takes the bar off the screen.
    pub(crate) fn clear(&self) {
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    let template =
        "{msg:22} {wide_bar} {percent:>3} %  {human_pos} allocations, {rate}, {eta} left";
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    // The rate that the bar's own key shows has decimals.
    let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        // A rate is shown rounded; writing to the bar's line cannot fail.
        let _ = write!(out, "{}/s", Count(rounded(state.per_sec())));
    };
    let style = style.with_key("rate", rate);
    bar.set_style(style.progress_chars("=> "));
    bar
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates are shown rounded"
)]
fn rounded(rate: f64) -> u128 {
    rate.round() as u128
}

fn doing(phase: Phase) -> &'static str {
    match phase {
        Phase::Best => "best of each replicate",
        Phase::Sweep => "sweeping",
        Phase::Shares => "spread of the plans",
        Phase::Settle => "how many replicates",
        Phase::Winners => "checking the winners",
        Phase::Permutations => "dealing rows at random",
    }
}

impl Observer for Watch {
    fn begin(&self, phase: Phase, allocations: u64) {
        match &self.display {
            Display::Bar(bar) => {
                bar.reset();
                bar.set_length(allocations);
                bar.set_message(doing(phase));
            }
            Display::Plain(plain) => plain.begin(phase, allocations),
            Display::None => {}
        }
    }

    fn advance(&self, allocations: u64) {
        match &self.display {
            Display::Bar(bar) => bar.inc(allocations),
            Display::Plain(plain) => plain.advance(allocations),
            Display::None => {}
        }
    }

    fn cancelled(&self) -> bool {
        self.interrupt.raised()
    }
}

/// Counts silently and speaks up every few seconds.
#[derive(Default)]
struct Plain {
    done: AtomicU64,
    state: Mutex<Option<PlainPhase>>,
}

struct PlainPhase {
    phase: Phase,
    total: u64,
    watch: Stopwatch,
    spoke: Duration,
}

impl Plain {
    fn begin(&self, phase: Phase, total: u64) {
        self.done.store(0, Ordering::Relaxed);
        if let Ok(mut state) = self.state.lock() {
            *state = Some(PlainPhase {
                phase,
                total,
                watch: Stopwatch::start(),
                spoke: Duration::ZERO,
            });
        }
    }

    fn advance(&self, allocations: u64) {
        let done = self.done.fetch_add(allocations, Ordering::Relaxed) + allocations;
        // Whoever cannot get in leaves the report to the one inside.
        let Ok(mut state) = self.state.try_lock() else {
            return;
        };
        let Some(state) = state.as_mut() else { return };
        let elapsed = state.watch.elapsed();
        if elapsed >= state.spoke + SILENCE {
            state.spoke = elapsed;
            complain(&state.line(done, elapsed));
        }
    }
}

impl PlainPhase {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rates and times are shown rounded"
    )]
    fn line(&self, done: u64, elapsed: Duration) -> String {
        let fraction = done as f64 / self.total.max(1) as f64;
        let rate = done as f64 / elapsed.as_secs_f64();
        let left = (self.total.saturating_sub(done)) as f64 / rate.max(1.0);
        format!(
            "{}: {:.0} % of {} allocations, {} per second, about {} s left\n",
            doing(self.phase),
            100.0 * fraction,
            Count(u128::from(self.total)),
            Count(rate as u128),
            left.ceil() as u64
        )
    }
}
