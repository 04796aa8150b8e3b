//! Every call of the store, and every call on derived files, fails once, in every way; then everything is checked.

use super::{Checked, Question, World};
use counterfoil::files::{Fault as FileFault, MemoryFiles};
use counterfoil::log::memory_store::{Fault, FaultPlan};

const SEED: u64 = 4;
const STEPS: usize = 32;

/// The same commands every time: two in each group, asked again until it is answered for good.
fn script(world: &mut World, each: fn(&mut World) -> Checked) -> Checked {
    while world.steps.len() > 0 {
        // Two in a group, which takes more than one frame then.
        let commands: Vec<_> = (0..2).filter_map(|_| world.next_command()).collect();
        let commands: Vec<_> = commands.into_iter().map(|command| world.named(command)).collect();
        for _ in 0..3 {
            for command in &commands {
                world.ask(Question::One(command.clone()))?;
            }
            world.settle()?;
            if world.latched {
                world.reopen()?;
            }
        }
        each(world)?;
    }
    Ok(())
}

fn begun() -> World {
    let mut world = World::new(SEED, STEPS);
    world.calm = true;
    world.begin().expect("nothing goes wrong at the beginning");
    world
}

fn store_calls() -> u64 {
    let mut world = begun();
    world.machine.disk.plan(FaultPlan::none());
    script(&mut world, |_| Ok(())).expect("nothing goes wrong");
    world.machine.disk.calls()
}

#[test]
fn every_store_call_may_fail_in_every_way() {
    let calls = store_calls();
    assert!(calls > 20, "{calls} calls only");
    let ways = [
        Fault::FailedAndLost,
        Fault::FailedButPersisted,
        Fault::ShortWrite { frames: 0 },
        Fault::ShortWrite { frames: 1 },
        Fault::Full,
    ];
    for fault in ways {
        for nth in 1..=calls {
            // The call after it may fail too: that which drops a tail when the disk is opened again.
            for then in [None, Some(Fault::FailedAndLost), Some(Fault::FailedButPersisted)] {
                let mut world = begun();
                let plan = FaultPlan::none().fail(nth, fault);
                world.machine.disk.plan(then.map_or(plan.clone(), |then| plan.fail(nth + 1, then)));
                let checked = script(&mut world, |_| Ok(())).and_then(|()| world.finish());
                assert_eq!(checked, Ok(()), "call {nth}: {fault:?}, then {then:?}");
            }
        }
    }
}

/// The follower works after each command; halfway everything is opened again.
fn with_files(world: &mut World) -> Checked {
    world.follow()?;
    world.checkpoint()?;
    match world.steps.len() == STEPS / 2 {
        true => world.restart(),
        false => Ok(()),
    }
}

fn index(world: &World) -> &MemoryFiles {
    &world.machine.index
}

fn checkpoints(world: &World) -> &MemoryFiles {
    &world.machine.checkpoints
}

#[test]
fn every_call_on_derived_files_may_fail_in_both_ways() {
    let both: [fn(&World) -> &MemoryFiles; 2] = [index, checkpoints];
    for files in both {
        // Calls are counted from 0 again when files are opened again: more than either life makes.
        let mut world = begun();
        let mut calls = 0;
        let before = files(&world).clone();
        script(&mut world, with_files).expect("nothing goes wrong");
        calls = calls.max(before.calls()).max(files(&world).calls());
        assert!(calls > 10, "{calls} calls only");
        for fault in [FileFault::Lost, FileFault::Persisted] {
            for nth in 0..=calls {
                let mut world = begun();
                world.files_are_bad = true;
                files(&world).fail_call(nth, fault);
                let checked = script(&mut world, with_files).and_then(|()| {
                    // Once more while it is opened.
                    files(&world).fail_call(files(&world).calls() + nth, fault);
                    drop(world.opened.take());
                    world.open()?;
                    world.finish()
                });
                assert_eq!(checked, Ok(()), "call {nth}: {fault:?}");
            }
        }
    }
}
