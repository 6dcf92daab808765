//! Runs simulated worlds:
//! `cargo run --release -p cdds-core --features testing --example simulate -- --seeds 2000`.
//!
//! Ends with an error, and the seed, if an invariant does not hold in one of them. `--seed` runs one world
//! again and prints what happens in it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program prints")]
#![allow(clippy::disallowed_methods, reason = "how long the simulation takes is a matter of the real clock")]

use std::process::ExitCode;
use std::time::Instant;

use cdds_core::testing::sim::{PlantedBug, World, run_all};

const USAGE: &str = "\
usage: simulate [--seeds N] [--from SEED] [--days D] [--threads T] [--planted BUG] [--restores] [--zoned] [--subjects] [--covered]
       simulate --seed SEED [--days D] [--planted BUG] [--restores] [--zoned] [--subjects]

  --seeds N      run this many worlds (200)
  --from SEED    beginning with this seed (0)
  --days D       days with faults in each world (10)
  --threads T    worlds at the same time (one for each processor)
  --planted BUG  with a bug that is to be found; `--planted list` names them
  --restores     restore the catalog from backups in the middle of each world
  --zoned        begin before clocks are put forward or back, and let most jobs go by one of these
  --subjects     let people ask in each world what is kept about them, and not in every fourth alone
  --covered      end with an error if there is a call at which some fault never came
  --seed SEED    run this world alone and print what happens in it";

struct Arguments {
    seeds: u64,
    from: u64,
    days: u32,
    threads: usize,
    planted: Option<PlantedBug>,
    restores: bool,
    zoned: bool,
    subjects: bool,
    covered: bool,
    seed: Option<u64>,
}

impl Arguments {
    /// Whether people ask in the world of this seed: in every fourth one, unless something else is wanted.
    fn asks(&self, seed: u64) -> bool {
        let of_bug = self.planted.map(PlantedBug::is_of_requests);
        let mixed = !self.restores && !self.zoned && seed % 4 == 3;
        self.subjects || of_bug.unwrap_or(mixed)
    }
}

fn main() -> ExitCode {
    match arguments() {
        Ok(arguments) => run(&arguments),
        Err(mistake) => {
            eprintln!("{mistake}");
            ExitCode::from(2)
        }
    }
}

fn arguments() -> Result<Arguments, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut found = Arguments {
        seeds: 200,
        from: 0,
        days: 10,
        threads,
        planted: None,
        restores: false,
        zoned: false,
        subjects: false,
        covered: false,
        seed: None,
    };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        if name == "--help" {
            return Err(USAGE.to_owned());
        }
        if name == "--restores" {
            found.restores = true;
            continue;
        }
        if name == "--zoned" {
            found.zoned = true;
            continue;
        }
        if name == "--subjects" {
            found.subjects = true;
            continue;
        }
        if name == "--covered" {
            found.covered = true;
            continue;
        }
        let value = given.next().ok_or_else(|| format!("{name} needs a value\n\n{USAGE}"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("{name} needs a number, not {value:?}"));
        let small = || value.parse::<u32>().map_err(|_| format!("{name} needs a number, not {value:?}"));
        match name.as_str() {
            "--seeds" => found.seeds = number()?,
            "--from" => found.from = number()?,
            "--days" => found.days = small()?,
            "--threads" => found.threads = small()?.try_into().unwrap_or(threads),
            "--planted" => found.planted = Some(PlantedBug::parse(&value).ok_or_else(bugs)?),
            "--seed" => found.seed = Some(number()?),
            _ => return Err(format!("there is no {name}\n\n{USAGE}")),
        }
    }
    Ok(found)
}

fn bugs() -> String {
    PlantedBug::ALL.iter().map(|bug| format!("{bug:?}\n")).collect()
}

fn run(arguments: &Arguments) -> ExitCode {
    let world = |seed| {
        let world = World::new(seed).days(arguments.days);
        let world = if arguments.restores { world.restoring() } else { world };
        let world = if arguments.zoned { world.zoned() } else { world };
        let world = if arguments.asks(seed) { world.asking() } else { world };
        arguments.planted.into_iter().fold(world, World::planted)
    };
    let began = Instant::now();
    let outcome = match arguments.seed {
        Some(seed) => world(seed).traced(|event| println!("{event}")).run(),
        None => run_all(arguments.from..arguments.from + arguments.seeds, arguments.threads, world),
    };
    let seconds = began.elapsed().as_secs_f64();
    match outcome {
        Ok(figures) => {
            println!("{}\n\n{figures}\n{:<22} {seconds:>11.1}s", figures.coverage, "wall time");
            let missing: Vec<_> = figures.coverage.missing().filter(|_| arguments.covered).collect();
            for (call, fault) in &missing {
                eprintln!("there was no {} at {call}", fault.as_str());
            }
            if missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(violation) if arguments.seed.is_some() => {
            eprintln!("seed {}: {} does not hold: {}", violation.seed, violation.invariant, violation.what);
            ExitCode::FAILURE
        }
        Err(violation) => {
            let asks = if arguments.asks(violation.seed) { " --subjects" } else { "" };
            eprintln!(
                "{violation}\n\nsee all of it: --seed {} --days {}{asks}",
                violation.seed, arguments.days
            );
            ExitCode::FAILURE
        }
    }
}
