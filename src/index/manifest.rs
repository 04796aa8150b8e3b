//! The manifest: which runs there are and what they cover. The format is in the [module documentation](super).

use super::bytes::{Fields, put_words};
use super::record::Family;

/// The manifest's file name.
pub(crate) const MANIFEST_NAME: &str = "index.manifest";

/// More bytes than the manifest of the largest index has.
pub(crate) const MANIFEST_BYTES_MAX: u64 = 16 << 20;

const MAGIC: [u8; 8] = *b"CFOILIDX";
const VERSION: u16 = 3;
const HASH_BYTES: usize = 32;

/// What the manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub ledger_id: [u8; 16],
    /// Seqs below this one are indexed.
    pub covered_to: u64,
    /// The hash of the last covered event; zeros when none is.
    pub last_hash: [u8; 32],
    /// The number of the next run's file.
    pub next_number: u64,
    /// By family, then from the oldest to the newest.
    pub runs: Vec<RunEntry>,
}

/// A run, as the manifest names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunEntry {
    pub family: Family,
    pub level: u8,
    pub number: u64,
    pub from_seq: u64,
    pub to_seq: u64,
    pub records: u64,
    /// The hash of block index and filter, so that another file of the same number is noticed.
    pub section_hash: [u8; 32],
}

/// What the index of a ledger covers by the bytes of its manifest; none where they are not whole, or another ledger's.
pub(crate) fn manifest_reach(bytes: &[u8], ledger_id: [u8; 16]) -> Option<u64> {
    let manifest = Manifest::decode(bytes).ok()?;
    (manifest.ledger_id == ledger_id).then_some(manifest.covered_to)
}

impl Manifest {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(self.ledger_id);
        put_words(&mut bytes, &[self.covered_to]);
        bytes.extend(self.last_hash);
        put_words(&mut bytes, &[self.next_number]);
        bytes.extend((self.runs.len() as u32).to_le_bytes());
        for run in &self.runs {
            bytes.extend([run.family.number(), run.level]);
            put_words(&mut bytes, &[run.number, run.from_seq, run.to_seq, run.records]);
            bytes.extend(run.section_hash);
        }
        let hash = blake3::hash(&bytes);
        bytes.extend(hash.as_bytes());
        bytes
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Manifest, String> {
        let Some((content, hash)) = bytes.len().checked_sub(HASH_BYTES).and_then(|at| bytes.split_at_checked(at))
        else {
            return Err(format!("{} bytes are too few", bytes.len()));
        };
        if content.get(..8) != Some(&MAGIC[..]) {
            return Err("it does not begin like a manifest".to_owned());
        }
        if content.get(8..10) != Some(&VERSION.to_le_bytes()[..]) {
            return Err("its format version is not known".to_owned());
        }
        if blake3::hash(content).as_bytes() != hash {
            return Err("its checksum does not match".to_owned());
        }
        let manifest = Self::fields(&content[10..]).ok_or("it has impossible fields")?;
        manifest.check()?;
        Ok(manifest)
    }

    fn fields(bytes: &[u8]) -> Option<Manifest> {
        let mut fields = Fields(bytes);
        let ledger_id = fields.bytes()?;
        let covered_to = fields.u64()?;
        let last_hash = fields.bytes()?;
        let next_number = fields.u64()?;
        let count = fields.u32()? as usize;
        let mut runs = Vec::new();
        for _ in 0..count {
            let (family, level) = (Family::from_number(fields.u8()?)?, fields.u8()?);
            let [number, from_seq, to_seq, records] = fields.words()?;
            runs.push(RunEntry { family, level, number, from_seq, to_seq, records, section_hash: fields.bytes()? });
        }
        fields.0.is_empty().then_some(Manifest { ledger_id, covered_to, last_hash, next_number, runs })
    }

    /// Runs of a family must follow each other and stay below what is covered.
    fn check(&self) -> Result<(), String> {
        let mut before: Option<&RunEntry> = None;
        for run in &self.runs {
            let follows = before.is_none_or(|before| match before.family.cmp(&run.family) {
                std::cmp::Ordering::Equal => before.to_seq <= run.from_seq && before.level >= run.level,
                order => order.is_lt(),
            });
            if !follows || run.from_seq >= run.to_seq || run.to_seq > self.covered_to || run.number >= self.next_number
            {
                return Err(format!("run {} of seqs {}..{} does not fit in", run.number, run.from_seq, run.to_seq));
            }
            before = Some(run);
        }
        Ok(())
    }
}
