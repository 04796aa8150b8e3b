//! Questions about the past over runs of many blocks and pieces in memory, against plain lists.

use super::super::limits::TIME_SEQS;
use super::super::*;
use super::model::mix;
use super::{merge_all, open};
use crate::files::MemoryFiles;
use std::collections::BTreeMap;

/// One change of a figure, one movement or count, and the lists that a seq stands in; two changes now and then.
struct Past {
    changes: Vec<(FigureKey, u64, u64, i64)>,
    moves: Vec<(BucketKey, i64, u64, i64)>,
    postings: Vec<(List, u64, u64)>,
    events: u64,
}

const LISTS: [List; 3] = [List::Kind, List::Item, List::Order];

impl Past {
    fn of(events: u64) -> Past {
        let mut past = Past { changes: Vec::new(), moves: Vec::new(), postings: Vec::new(), events };
        for seq in 0..events {
            for line in 0..1 + u64::from(seq % 9 == 0) * 300 * u64::from(seq % 81 == 0) + seq % 2 {
                past.line(seq, mix(seq * 1_000 + line));
            }
            let random = mix(!seq);
            past.postings.push((List::Kind, random % 5, seq));
            past.postings.push((List::Order, random / 5 % 400, seq));
            past.postings.push((List::Item, [1, random % 70][(random >> 40) as usize % 2], seq));
            if seq % TIME_SEQS == 0 {
                past.postings.push((List::Time, record::time_to_word(time_of(seq)), seq));
            }
        }
        past
    }

    fn line(&mut self, seq: u64, random: u64) {
        // One busy position, some others.
        let item = if random.is_multiple_of(4) { 3 } else { (random >> 8) as u32 % 90 };
        let (location, lot) = ((random >> 16) as u32 % 2, [0, u32::MAX][(random >> 24) as usize % 2]);
        let figure =
            FigureKey { item, location, lot, figure: (random >> 32) as u8 % 3, kind: (random >> 40) as u8 % 4 };
        self.changes.push((figure, seq, random % 3, (random >> 44) as i64 % 50 - 25));
        let bucket = BucketKey { item, location, lot, bucket: (random >> 32) as u8 % 5 };
        self.moves.push((bucket, (random >> 20) as i64 % 5_000 - 2_500, seq, (random >> 50) as i64 % 90));
    }

    fn segment(&self, from: u64, to: u64) -> Segment {
        let mut segment = Segment::new(from);
        let within = |seq: &u64| (from..to).contains(seq);
        let changes = self.changes.iter().filter(|(_, seq, ..)| within(seq));
        changes.for_each(|(key, seq, detail, delta)| segment.insert_change(*seq, key, *detail, *delta));
        let moves = self.moves.iter().filter(|(_, _, seq, _)| within(seq));
        moves.for_each(|(key, time, seq, value)| segment.insert_move(*seq, key, *time, *value));
        let postings = self.postings.iter().filter(|(_, _, seq)| within(seq));
        postings.for_each(|(list, id, seq)| segment.insert_posting(*seq, *list, *id));
        segment
    }
}

/// Some share an instant.
fn time_of(seq: u64) -> i64 {
    (seq / 700 * 10) as i64
}

fn compare(known: &Known, past: &Past) {
    assert_eq!(known.next_seq(), past.events);
    let busy = Reach::One(3, 0, 0);
    let reaches = [busy, Reach::One(3, 1, u32::MAX), Reach::One(88, 0, 0), Reach::Item(3), Reach::All];
    let in_reach = |reach: Reach, item: u32, location: u32, lot: u32| match reach {
        Reach::One(i, l, o) => (i, l, o) == (item, location, lot),
        Reach::Item(i) => i == item,
        Reach::All => true,
    };
    for n in 0..10 {
        let seq = if n == 0 { past.events } else { mix(n) % past.events };
        for reach in reaches {
            let mut wanted: BTreeMap<FigureKey, Change> = BTreeMap::new();
            for (key, at, _, delta) in &past.changes {
                if *at < seq && in_reach(reach, key.item, key.location, key.lot) {
                    let change = wanted.entry(*key).or_default();
                    *change = Change { sum: change.sum + i128::from(*delta), last_seq: change.last_seq.max(*at) };
                }
            }
            let mut found: BTreeMap<FigureKey, Change> = BTreeMap::new();
            let add = |key, part: Change| {
                let change = found.entry(key).or_default();
                *change = Change { sum: change.sum + part.sum, last_seq: change.last_seq.max(part.last_seq) };
            };
            known.changes_below(reach, seq, add).unwrap();
            assert_eq!(found, wanted, "{reach:?} below {seq}");
            let moment = mix(n * 7) as i64 % 2_600;
            compare_moves(known, past, reach, moment, |key| in_reach(reach, key.item, key.location, key.lot));
        }
    }
    compare_lists(known, past);
    compare_steps(known, past);
    compare_spans(known, past);
    for at in -1..time_of(past.events) + 2 {
        let wanted = (0..past.events).filter(|seq| seq % TIME_SEQS == 0 && time_of(*seq) <= at).max();
        assert_eq!(known.seq_near(at).unwrap(), wanted);
    }
}

fn compare_moves(known: &Known, past: &Past, reach: Reach, moment: i64, in_reach: impl Fn(&BucketKey) -> bool) {
    let mut counts: BTreeMap<BucketKey, Count> = BTreeMap::new();
    let mut sums: BTreeMap<BucketKey, i128> = BTreeMap::new();
    let from = (moment - 900, 40);
    for (key, time, seq, value) in past.moves.iter().filter(|(key, ..)| in_reach(key)) {
        if key.bucket >= COUNTS && *time < moment {
            let bucket = BucketKey { bucket: key.bucket - COUNTS, ..*key };
            let count = Count { moment: *time, seq: *seq, counted: *value };
            let last = counts.entry(bucket).or_insert(count);
            // Of records with one key the greatest value stands last.
            if (last.moment, last.seq, last.counted) < (*time, *seq, *value) {
                *last = count;
            }
        }
        if key.bucket < COUNTS && (from..(moment, 0)).contains(&(*time, *seq)) {
            *sums.entry(*key).or_default() += i128::from(*value);
        }
    }
    assert_eq!(known.counts_below(reach, (moment, 0)).unwrap(), counts, "{reach:?} below {moment}");
    let span = |_: &BucketKey| Some(Span { from, behind: (moment, 0) });
    assert_eq!(known.moved_within(reach, span).unwrap(), sums, "{reach:?} from {from:?} to {moment}");
    let Reach::One(item, location, lot) = reach else { return };
    for bucket in [0, COUNTS] {
        let key = BucketKey { item, location, lot, bucket };
        let moves = past.moves.iter().filter(|(of, ..)| *of == key);
        let mut moves: Vec<Move> =
            moves.map(|(_, time, seq, value)| Move { occurred_at: *time, seq: *seq, delta: *value }).collect();
        moves.sort_unstable();
        let (before, behind) = moves.split_at(moves.partition_point(|found| (found.occurred_at, found.seq) < from));
        let of_events = |moves: Vec<Move>, events: usize| {
            let mut places: Vec<(i64, u64)> = moves.iter().map(|found| (found.occurred_at, found.seq)).collect();
            places.dedup();
            let is_near = |found: &Move| places.iter().take(events).any(|at| *at == (found.occurred_at, found.seq));
            moves.into_iter().filter(is_near).collect::<Vec<_>>()
        };
        for events in [1, 7] {
            let later = of_events(behind.to_vec(), events);
            assert_eq!(known.moves_from(&key, from, events).unwrap(), later, "{key:?} from {from:?}");
            let earlier = of_events(before.iter().rev().copied().collect(), events);
            assert_eq!(known.moves_below(&key, from, events).unwrap(), earlier, "{key:?} below {from:?}");
        }
    }
}

fn compare_lists(known: &Known, past: &Past) {
    for (list, ids) in LISTS.into_iter().zip([0..6_u64, 0..9, 0..9]) {
        for id in ids {
            let mine = past.postings.iter().filter(|posting| (posting.0, posting.1) == (list, id));
            let mut wanted: Vec<u64> = mine.map(|posting| posting.2).collect();
            let mut postings = known.postings(list, id);
            let mut forward = Vec::new();
            let mut at = 0;
            while let Some(seq) = postings.first_from(at).unwrap() {
                forward.push(seq);
                at = seq + 1;
            }
            assert_eq!(forward, wanted, "{list:?} {id}");
            let mut backward = Vec::new();
            at = past.events;
            while let Some(seq) = postings.last_below(at).unwrap() {
                backward.push(seq);
                at = seq;
            }
            wanted.reverse();
            assert_eq!(backward, wanted, "{list:?} {id} backward");
            for n in 0..40 {
                let at = mix(n) % (past.events + 9);
                let (above, below) = (forward.iter().find(|seq| **seq >= at), wanted.iter().find(|seq| **seq < at));
                assert_eq!(postings.first_from(at).unwrap().as_ref(), above);
                assert_eq!(postings.last_below(at).unwrap().as_ref(), below);
            }
        }
    }
}

fn compare_steps(known: &Known, past: &Past) {
    let mut figures: Vec<FigureKey> = past.changes.iter().map(|change| change.0).filter(|key| key.item == 3).collect();
    figures.sort_unstable();
    figures.dedup();
    let mut wanted: BTreeMap<u64, Vec<(u8, u8, u64, i64)>> = BTreeMap::new();
    for (key, seq, detail, delta) in past.changes.iter().filter(|change| change.0.item == 3) {
        wanted.entry(*seq).or_default().push((key.figure, key.kind, *detail, *delta));
    }
    let mut changes = known.changes(&figures);
    let mut at = 0;
    for (seq, mut steps) in wanted.clone() {
        assert_eq!(changes.first_from(at).unwrap(), Some(seq));
        let found = changes.steps_at(seq).unwrap();
        let mut found: Vec<_> = found.iter().map(|step| (step.figure, step.kind, step.detail, step.delta)).collect();
        found.sort_unstable();
        steps.sort_unstable();
        assert_eq!(found, steps);
        at = seq + 1;
    }
    assert_eq!(changes.first_from(at).unwrap(), None);
    at = past.events;
    for seq in wanted.keys().rev() {
        assert_eq!(changes.last_below(at).unwrap(), Some(*seq));
        at = *seq;
    }
}

/// The changes of spans, each figure by itself.
fn compare_spans(known: &Known, past: &Past) {
    let mut figures: Vec<FigureKey> = past.changes.iter().map(|change| change.0).filter(|key| key.item == 3).collect();
    figures.sort_unstable();
    figures.dedup();
    for (n, figure) in figures.iter().enumerate() {
        let from = mix(n as u64) % past.events;
        for seqs in [0..past.events, from..past.events, 0..from, from..from + 81, from..from, 0..u64::MAX] {
            let mine = past.changes.iter().filter(|(key, seq, ..)| key == figure && seqs.contains(seq));
            let mut wanted: Vec<_> = mine.map(|(_, _, detail, delta)| (*detail, *delta)).collect();
            let mut found = Vec::new();
            let mut see = |step: Step| {
                assert_eq!((step.figure, step.kind), (figure.figure, figure.kind));
                found.push((step.detail, step.delta));
            };
            known.each_change(figure, seqs.clone(), &mut see).unwrap();
            wanted.sort_unstable();
            found.sort_unstable();
            assert_eq!(found, wanted, "{figure:?} within {seqs:?}");
        }
    }
}

#[test]
fn the_past_is_found_in_runs_of_many_blocks_and_in_pieces_however_they_are_cut() {
    let past = Past::of(6_000);
    let mut digests = Vec::new();
    for (segment, piece) in [(6_000, 6_000), (500, 130), (2_048, 64), (900, 7)] {
        let mut index = open(&MemoryFiles::new()).0;
        let mut seq = 0;
        while seq < past.events {
            let end = (seq / segment * segment + segment).min(past.events);
            let to = (seq + piece).min(end);
            match to == end && to < past.events {
                true => index.add_segment(past.segment(seq, to), to, [0; 32]).unwrap(),
                false => index.show(past.segment(seq, to), to).unwrap(),
            }
            seq = to;
        }
        compare(&index.reader().known(), &past);
        index.add_segment(Segment::new(past.events), past.events, [0; 32]).unwrap();
        merge_all(&mut index).unwrap();
        compare(&index.reader().known(), &past);
        digests.push(index.view().digest().unwrap());
    }
    assert!(digests.windows(2).all(|pair| pair[0] == pair[1]), "what is in it does not follow from how it was cut");
}
