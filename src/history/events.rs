//! What happened: to an item, at a location, on an order, by an actor; from lists of seqs, page by page.

use super::{History, HistoryError};
use crate::domain::event::EventKind;
use crate::domain::event::Recorded;
use crate::domain::ids::{CommandId, ItemId, LocationId, Seq, Timestamp};
use crate::domain::text::{ActorId, ExternalId, OrderRef, Source};
use crate::index::records::{actor_word, external_key, order_word};
use crate::index::{IndexError, Known, List, Postings};
use crate::limits::PAGE_ROWS_MAX;
use crate::log::scan_from;
use crate::query::{Answer, Cursor, Direction, Paging, QueryError};
use serde::{Deserialize, Serialize};

/// Look-ups in lists that one page may take, beside those of its rows: about five milliseconds.
const LOOKUPS_MAX: usize = 2_048;

/// Which events are wanted: those that agree with every part that is set.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EventFilter {
    /// About this item: its making, names and status, its lots, and every line of it.
    pub item: Option<ItemId>,
    /// About this location: its making, names and status, and every line there or on the way there.
    pub location: Option<LocationId>,
    /// Of this order.
    pub order: Option<OrderRef>,
    /// Of the reservation that this command made: its making and all that became of it.
    pub reservation: Option<CommandId>,
    /// By this actor.
    pub actor: Option<ActorId>,
    /// The till's delta with this source and external id.
    pub external: Option<(Source, ExternalId)>,
    /// The event that answers this command.
    pub command: Option<CommandId>,
    /// Of one of these kinds; of any where none is named.
    pub kinds: Vec<EventKind>,
    /// This event or a later one.
    pub first: Option<Seq>,
    /// This event or an earlier one.
    pub last: Option<Seq>,
    /// Recorded at or after this instant.
    pub from: Option<Timestamp>,
    /// Recorded before this instant.
    pub until: Option<Timestamp>,
}

/// A part of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPage {
    /// The events, in order.
    pub rows: Vec<Recorded>,
    /// Where the next page starts; none at the end. A page may have fewer rows than were asked for, even none, and go
    /// on all the same: where a search through several lists takes long it stops and can be taken up again.
    pub next: Option<Cursor>,
}

/// What stands in some lists of seqs, or one seq, or both.
struct Lane<'k> {
    one: Option<u64>,
    lists: Vec<Postings<'k>>,
}

impl Lane<'_> {
    fn first_from(&mut self, seq: u64) -> Result<Option<u64>, IndexError> {
        let mut first = self.one.filter(|one| *one >= seq);
        for list in &mut self.lists {
            first = list.first_from(seq)?.into_iter().chain(first).min();
        }
        Ok(first)
    }

    fn last_below(&mut self, seq: u64) -> Result<Option<u64>, IndexError> {
        let mut last = self.one.filter(|one| *one < seq);
        for list in &mut self.lists {
            last = last.max(list.last_below(seq)?);
        }
        Ok(last)
    }
}

/// The seqs that stand in every lane, within a range.
struct Search<'k> {
    lanes: Vec<Lane<'k>>,
    from: u64,
    behind: u64,
    direction: Direction,
    lookups: usize,
}

/// What a step of a search comes to.
enum Met {
    /// This seq stands in every lane.
    Seq(u64),
    /// Nothing further does.
    End,
    /// Nothing up to here; it would take long to go on.
    Tired,
}

impl Search<'_> {
    fn next(&mut self) -> Result<Met, IndexError> {
        let mut agreeing = 0;
        while self.from < self.behind {
            let seq = match self.direction {
                Direction::Ascending => self.from,
                Direction::Descending => self.behind - 1,
            };
            let lanes = self.lanes.len();
            if agreeing >= lanes {
                self.pass(seq);
                return Ok(Met::Seq(seq));
            }
            if self.lookups >= LOOKUPS_MAX {
                return Ok(Met::Tired);
            }
            self.lookups += 1;
            let Some(lane) = self.lanes.get_mut(self.lookups % lanes) else { return Ok(Met::End) };
            let found = match self.direction {
                Direction::Ascending => lane.first_from(seq)?,
                Direction::Descending => lane.last_below(seq + 1)?,
            };
            let Some(found) = found else { return Ok(Met::End) };
            agreeing = if found == seq { agreeing + 1 } else { 1 };
            match self.direction {
                Direction::Ascending => self.from = found,
                Direction::Descending => self.behind = found + 1,
            }
        }
        Ok(Met::End)
    }

    /// Where to go on; none at the end.
    fn cursor(&self) -> Option<Cursor> {
        if self.from >= self.behind {
            return None;
        }
        let seq = match self.direction {
            Direction::Ascending => self.from.saturating_sub(1),
            Direction::Descending => self.behind,
        };
        Some(Cursor::at_seq(name(self.direction), seq))
    }

    fn pass(&mut self, seq: u64) {
        match self.direction {
            Direction::Ascending => self.from = seq + 1,
            Direction::Descending => self.behind = seq,
        }
    }
}

impl History<'_> {
    /// The events that a filter admits, oldest first (ascending) or newest first, page by page.
    ///
    /// Costs a few look-ups per row in each list that the filter names, and reading the rows from the log; one page
    /// never takes long, see [`EventPage::next`]. The answer's instant is now.
    ///
    /// # Errors
    /// [`HistoryError`]; [`QueryError`] for a page or cursor that can't be used.
    ///
    /// # Example
    /// ```
    /// use counterfoil::history::EventFilter;
    /// use counterfoil::query::{Direction, Paging};
    /// use counterfoil::{ItemId, Ledger};
    /// # fn show(ledger: &Ledger) -> Result<(), counterfoil::history::HistoryError> {
    /// let filter = EventFilter { item: Some(ItemId(1)), ..EventFilter::default() };
    /// let newest = ledger.history().events(&filter, Direction::Descending, &Paging::first(20))?.value;
    /// for row in newest.rows {
    ///     println!("{} {}", row.seq, row.event.envelope.actor.id);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn events(
        &self,
        filter: &EventFilter,
        direction: Direction,
        paging: &Paging,
    ) -> Result<Answer<EventPage>, HistoryError> {
        self.asked(|| self.events_once(filter, direction, paging))
    }

    fn events_once(
        &self,
        filter: &EventFilter,
        direction: Direction,
        paging: &Paging,
    ) -> Result<Answer<EventPage>, HistoryError> {
        if !(1..=PAGE_ROWS_MAX).contains(&paging.rows) {
            return Err(QueryError::PageRows { given: paging.rows }.into());
        }
        let after = paging.after.as_ref().map(|cursor| cursor.seq_of(&name(direction))).transpose()?;
        let (head, as_of) = self.published.read(|durable| {
            let state = &durable.state;
            (state.next_seq(), self.clock.wall().max(state.recorded_at()))
        });
        let known = self.known(head.0)?;
        let answer = |value| Answer { seq: Seq(known.next_seq().saturating_sub(1)), as_of, value };
        let Some(lanes) = lanes(&known, filter)? else {
            return Ok(answer(EventPage { rows: Vec::new(), next: None }));
        };
        let before = |at: Timestamp| self.events_by(&known, at.plus_micros(-1));
        let mut search = Search {
            lanes,
            from: filter.from.map(before).transpose()?.unwrap_or(0),
            behind: filter.until.map(before).transpose()?.unwrap_or(known.next_seq()),
            direction,
            lookups: 0,
        };
        search.from = search.from.max(filter.first.map_or(0, |first| first.0));
        search.behind = search.behind.min(filter.last.map_or(u64::MAX, |last| last.0.saturating_add(1)));
        match (after, direction) {
            (Some(after), Direction::Ascending) => search.from = search.from.max(after.saturating_add(1)),
            (Some(after), Direction::Descending) => search.behind = search.behind.min(after),
            (None, _) => {}
        }
        Ok(answer(self.page(&mut search, filter, paging.rows)?))
    }

    fn page(&self, search: &mut Search<'_>, filter: &EventFilter, rows_max: usize) -> Result<EventPage, HistoryError> {
        let mut rows = Vec::new();
        if search.lanes.is_empty() && search.direction == Direction::Ascending {
            let wanted = search.behind.saturating_sub(search.from).min(rows_max as u64);
            for scanned in scan_from(self.log.as_ref(), Seq(search.from)).take(wanted as usize) {
                rows.push(scanned?.into());
            }
            search.from += wanted;
            return Ok(EventPage { rows, next: search.cursor() });
        }
        let mut events = self.event_reader();
        while rows.len() < rows_max && search.from < search.behind {
            match search.next()? {
                Met::End => return Ok(EventPage { rows, next: None }),
                Met::Tired => break,
                Met::Seq(seq) => {
                    let recorded = events.event(Seq(seq))?;
                    if is_meant(filter, &recorded) {
                        rows.push(recorded);
                    }
                }
            }
        }
        Ok(EventPage { rows, next: search.cursor() })
    }
}

fn name(direction: Direction) -> String {
    match direction {
        Direction::Ascending => "events.seq.ascending".to_owned(),
        Direction::Descending => "events.seq.descending".to_owned(),
    }
}

/// A lane for each part of the filter that has a list; none where a name leads nowhere.
fn lanes<'k>(known: &'k Known, filter: &EventFilter) -> Result<Option<Vec<Lane<'k>>>, HistoryError> {
    let mut lanes = Vec::new();
    let mut list = |list: List, id: Option<u64>| {
        lanes.extend(id.map(|id| Lane { one: None, lists: vec![known.postings(list, id)] }));
    };
    list(List::Item, filter.item.map(|item| u64::from(item.0)));
    list(List::Location, filter.location.map(|location| u64::from(location.0)));
    list(List::Order, filter.order.as_ref().map(order_word));
    list(List::Actor, filter.actor.as_ref().map(actor_word));
    if !filter.kinds.is_empty() {
        let of_kind = |kind: &EventKind| known.postings(List::Kind, u64::from(kind.number()));
        lanes.push(Lane { one: None, lists: filter.kinds.iter().map(of_kind).collect() });
    }
    if let Some(id) = filter.reservation {
        let Some(made) = known.command(&id.bytes())? else { return Ok(None) };
        // Another command's id is no reservation's.
        if known.postings(List::Kind, u64::from(EventKind::Reserved.number())).first_from(made)? != Some(made) {
            return Ok(None);
        }
        lanes.push(Lane { one: Some(made), lists: vec![known.postings(List::Reservation, made)] });
    }
    if let Some(id) = filter.command {
        let Some(seq) = known.command(&id.bytes())? else { return Ok(None) };
        lanes.push(Lane { one: Some(seq), lists: Vec::new() });
    }
    if let Some((source, external_id)) = &filter.external {
        let Some(seq) = known.external(&external_key(source, external_id))? else { return Ok(None) };
        lanes.push(Lane { one: Some(seq), lists: Vec::new() });
    }
    Ok(Some(lanes))
}

/// Whether the event is what was searched for, where lists go by hashes of names.
fn is_meant(filter: &EventFilter, recorded: &Recorded) -> bool {
    let envelope = &recorded.event.envelope;
    filter.actor.as_ref().is_none_or(|actor| envelope.actor.id == *actor)
        && filter.order.as_ref().is_none_or(|order| envelope.order.as_ref() == Some(order))
        && filter.command.is_none_or(|id| envelope.command_id == Some(id))
        && filter.external.as_ref().is_none_or(|(source, id)| recorded.event.body.external() == Some((source, id)))
}
