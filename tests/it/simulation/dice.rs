//! Random choices that follow from a seed.

use crate::spine::mixed;

pub struct Dice {
    seed: u64,
    thrown: u64,
}

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self { seed: mixed(seed), thrown: 0 }
    }

    pub fn number(&mut self) -> u64 {
        self.thrown += 1;
        mixed(self.seed ^ self.thrown.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    /// A number below the bound, 0 for the bound 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.number() % (bound.max(1) as u64)) as usize
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}
