#!/usr/bin/env python3
"""The second verifier of Counterfoil: checks an exported log from its first event to its last.

It was written from three texts alone, src/domain/RULES.md ("What makes an event legal"), src/audit/EXPORT.md ("The
export") and src/log/FORMAT.md ("The stored format, byte by byte"), and shares no code with the ledger, so that an
error in one of the two shows as a disagreement between them. Its parts are in the order of those texts, under the
names used there.

    python3 verify_export.py EXPORT [--expect SEQ:HASHHEX ...]

It prints one JSON object. `events` and `head` say how far everything was in order; `first_fault` names the
rule broken first. Beside the rules of the text there are five names for what is not a rule about stock:
`export` (the form of the file), `format` (the stored bytes), `chain` (the hashes), `readable` (a readable
field that differs from the bytes) and `expected` (a hash kept elsewhere that is not the log's). `anchored` is
true when at least one hash was expected and all of them were met.

It exits with 0 when the export is in order, 1 when it is not, 2 when it was called wrongly or when the file
cannot be opened.
"""

from __future__ import annotations

import argparse
import json
import re
import struct
import sys
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Any, BinaryIO, NamedTuple, NoReturn

from blake3 import blake3


class Fault(Exception):
    """The first thing found wrong: the rule that it breaks and a sentence with the figures."""

    def __init__(self, rule: str, what: str, seq: int | None = None) -> None:
        super().__init__(what)
        self.rule = rule
        self.what = what
        self.seq = seq  # where it is not the event that is being looked at


# --------------------------------------------------------------------------------------------------
# Words
# --------------------------------------------------------------------------------------------------

NEVER = 2**63 - 1
DAY = 86_400_000_000
EPOCH = datetime(1970, 1, 1)
SELLABLE, UNSELLABLE = "sellable", "unsellable"
OTHER_BUCKET = {SELLABLE: UNSELLABLE, UNSELLABLE: SELLABLE}
ACCOUNTS = ("supplier", "customer", "loss", "found", "variance", "transit", SELLABLE, UNSELLABLE)
LEDGER_KINDS = frozenset({"genesis", "rules_changed", "clock_accepted", "expired"})
FACTS = frozenset({"received", "pos_delta", "returned", "adjusted", "counted",
                   "transfer_shipped", "transfer_received", "transfer_closed"})
LISTS_OF_POSITIONS = ("lines", "referenced", "unreferenced", "closes", "unreserved")


class Position(NamedTuple):
    """Where stock is; lot 0 means that the item is not lot-tracked."""

    item: int
    location: int
    lot: int

    def __str__(self) -> str:
        return f"item {self.item}, location {self.location}, lot {self.lot}"

    def readable(self) -> dict[str, Any]:
        return {"item": self.item, "location": self.location, "lot": self.lot}


BucketKey = tuple[Position, str]
Side = str | BucketKey  # an account by its name, or a bucket


class Line(NamedTuple):
    """A line of most events; `disposition` is there in returns only."""

    position: Position
    bucket: str
    quantity: int
    disposition: str | None
    detail: dict[str, Any] | None

    def readable(self) -> dict[str, Any]:
        return {**self.position.readable(), "bucket": self.bucket, "quantity": self.quantity,
                "disposition": self.disposition, "detail": self.detail}


class CountedLine(NamedTuple):
    """What was counted in a bucket, and the sum of what moved there after the count."""

    position: Position
    bucket: str
    counted: int
    later: int

    def readable(self) -> dict[str, Any]:
        return {**self.position.readable(), "bucket": self.bucket, "counted": self.counted,
                "later": self.later}


class Close(NamedTuple):
    """What a fulfilment or a release takes off one position of one reservation."""

    reservation: int
    position: Position
    quantity: int

    def readable(self) -> dict[str, Any]:
        return {**self.position.readable(), "reservation": self.reservation, "quantity": self.quantity}


class Rest(NamedTuple):
    """What was still in transit of an item and lot when a transfer was closed."""

    item: int
    lot: int
    quantity: int

    def readable(self) -> dict[str, Any]:
        return self._asdict()


class Alias(NamedTuple):
    """A name: of a kind, and for lots within an item (0 for the other kinds)."""

    kind: str
    item: int
    text: str

    def readable(self) -> dict[str, Any]:
        return {"kind": self.kind, "text": self.text, "item": self.item if self.kind == "lot" else None}


class Until(NamedTuple):
    """Up to where a period goes by local clocks: the end of a day, or a time of day."""

    day: bool
    number: int  # days or microseconds since 1970-01-01T00:00 by those clocks

    @property
    def local(self) -> int:
        """What the clocks show there, in microseconds as if it were UTC."""
        return (self.number + 1) * DAY if self.day else self.number

    def readable(self) -> str:
        shown = EPOCH + timedelta(microseconds=self.number * DAY if self.day else self.number)
        return shown.date().isoformat() if self.day else shown_time(shown)


def shown_time(time: datetime) -> str:
    """ISO 8601 with no, three or six digits of fraction: as many as are needed."""
    micros = time.microsecond
    return time.isoformat(timespec="microseconds" if micros % 1000 else "milliseconds" if micros else "seconds")


class Target(NamedTuple):
    """What an alias names."""

    kind: str
    id: int

    def readable(self) -> dict[str, Any]:
        return {kind: self.id if kind == self.kind else None for kind in ("item", "location", "lot")}


@dataclass(slots=True)
class Event:
    """An event as its bytes say it; `body` has the payload under the names that an export uses."""

    seq: int
    kind: str
    recorded_at: int
    actor: str
    established: str
    order: str | None = None
    command_id: bytes | None = None
    digest: bytes | None = None
    occurred_at: int | None = None
    reason: str | None = None
    continues: bool = False
    private: bytes | None = None
    cause: dict[str, Any] | None = None
    documents: list[dict[str, Any]] | None = None
    extensions: list[dict[str, Any]] | None = None
    body: dict[str, Any] = field(default_factory=dict)
    entries: list[Any] = field(default_factory=list)  # the members of all its lists that have a position

    @property
    def moment(self) -> int:
        """*e*: orders movements and counts; what was recorded at an instant is behind what is dated at it."""
        return 2 * self.recorded_at + 1 if self.occurred_at is None else 2 * self.occurred_at

    @property
    def action(self) -> str:
        """The kind, or for a till's delta what it is: `sale`, `return`, `waste`, `receipt`, `correction`."""
        return self.body["delta"] if self.kind == "pos_delta" else self.kind

    @property
    def is_fact(self) -> bool:
        return self.kind in FACTS or (self.kind == "fulfilled" and self.body["departure"] == "already_left")


# --------------------------------------------------------------------------------------------------
# The state
# --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Item:
    decimals: int
    status: str = "active"
    moved: bool = False
    accounts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ACCOUNTS, 0))


@dataclass(slots=True)
class Location:
    status: str = "active"
    closed_until: int | None = None


@dataclass(slots=True)
class Lot:
    item: int
    status: str = "active"


@dataclass(slots=True)
class Bucket:
    """Stock at a position. `moments` and `deltas` are its movements, ascending; the last is its *latest*."""

    quantity: int = 0
    anchor: int | None = None
    moments: list[int] = field(default_factory=list)
    deltas: list[int] = field(default_factory=list)

    def settles(self, moment: int) -> bool:
        """Whether a later count has settled what moved at this moment."""
        if self.anchor is None or moment > self.anchor:
            return False
        return moment < self.anchor or moment % 2 == 0

    def count_holds(self, moment: int) -> bool:
        return self.anchor is None or moment >= self.anchor

    def note(self, moment: int, delta: int) -> None:
        place = bisect_right(self.moments, moment)
        self.moments.insert(place, moment)
        self.deltas.insert(place, delta)

    def moved_after(self, moment: int) -> int:
        return sum(self.deltas[bisect_right(self.moments, moment):])


@dataclass(slots=True)
class Reservation:
    """An open reservation; `open` keeps the order of its positions."""

    order: str | None
    deadline: int
    open: dict[Position, int]
    lapsed: bool = False


@dataclass(slots=True)
class Transfer:
    destination: int
    quantities: dict[tuple[int, int], int] = field(default_factory=dict)


@dataclass(slots=True)
class Alert:
    id: bytes
    status: str = "open"


@dataclass(slots=True)
class ReorderPoint:
    point: int
    alerts: dict[int, Alert] = field(default_factory=dict)


class State:
    """What is so after the events folded. Time only goes forward, so *held* is kept up with the clock."""

    def __init__(self) -> None:
        self.clock: int | None = None
        self.rules = 0
        self.items: dict[int, Item] = {}
        self.locations: dict[int, Location] = {}
        self.lots: dict[int, Lot] = {}
        self.tables: dict[str, dict[int, Any]] = {
            "item": self.items, "location": self.locations, "lot": self.lots}
        self.aliases: dict[Alias, Target] = {}
        self.buckets: dict[BucketKey, Bucket] = {}
        self.reservations: dict[int, Reservation] = {}
        self.reservations_of: dict[str, set[int]] = {}
        self.transfers: dict[bytes, Transfer] = {}
        self.points: dict[Position, ReorderPoint] = {}
        self.alerts: dict[bytes, tuple[Position, int]] = {}
        self.command_ids: set[bytes] = set()
        self.external_ids: set[tuple[str, str]] = set()
        self.out: defaultdict[tuple[str, int], int] = defaultdict(int)
        self.open_sums: defaultdict[Position, int] = defaultdict(int)  # lapsed ones too
        self.held: defaultdict[Position, int] = defaultdict(int)  # of reservations not lapsed at the clock
        self.inbound: defaultdict[Position, int] = defaultdict(int)
        self.deadlines: list[tuple[int, int]] = []  # a heap of (deadline, seq), old deadlines too

    def lapse(self, now: int) -> None:
        """Lets *held* forget the reservations whose deadline is not later than `now`."""
        while self.deadlines and self.deadlines[0][0] <= now:
            deadline, seq = heappop(self.deadlines)
            reservation = self.reservations.get(seq)
            if reservation is None or reservation.deadline != deadline or reservation.lapsed:
                continue
            reservation.lapsed = True
            for position, quantity in reservation.open.items():
                self.held[position] -= quantity

    def quantity(self, position: Position, bucket: str) -> int:
        found = self.buckets.get((position, bucket))
        return 0 if found is None else found.quantity

    def available(self, position: Position) -> int:
        return self.quantity(position, SELLABLE) - self.held.get(position, 0)

    def alert(self, alert_id: bytes) -> Alert | None:
        """The alert, where it is the last one of its kind at a position with a reorder point."""
        place = self.alerts.get(alert_id)
        return None if place is None else self.points[place[0]].alerts[place[1]]


# --------------------------------------------------------------------------------------------------
# What an event does
# --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Changes:
    """What one event changed, for the alerts and for the rules that are judged on the state after it."""

    touched: set[Position]
    items: set[int] = field(default_factory=set)
    inbound: set[Position] = field(default_factory=set)
    transit: dict[tuple[int, int], int] = field(default_factory=dict)


def fold(state: State, event: Event) -> Changes:
    """Lets the event change the state. Every entry of a list that has a position touches it."""
    changes = Changes({entry.position for entry in event.entries})
    fold_movements(state, event, changes)
    FOLDS.get(event.kind, fold_setting)(state, event, changes)
    fold_out(state, event)
    fold_ids(state, event)
    if event.kind != "reorder_point_set":
        for position in changes.touched:
            state.items[position.item].moved = True
    fold_alerts(state, event, changes)
    return changes


def fold_ids(state: State, event: Event) -> None:
    state.clock = event.recorded_at
    if event.command_id is not None:
        state.command_ids.add(event.command_id)
    if event.kind == "pos_delta":
        state.external_ids.add((event.body["source"], event.body["external_id"]))


# Movements


class Movement(NamedTuple):
    item: int
    lot: int
    source: Side
    target: Side
    quantity: int


# From and to; "line" is the line's bucket, "other" the other one of its position.
SIDES = {
    "received": ("supplier", "line"),
    "receipt": ("supplier", "line"),
    "sale": ("line", "customer"),
    "waste": ("line", "loss"),
    "transfer_shipped": ("line", "transit"),
    "transfer_received": ("transit", "line"),
    "reclassified": ("line", "other"),
}


def movements(event: Event) -> Iterator[Movement]:
    """The movements of an event, one per line."""
    body, action = event.body, event.action
    if action in SIDES:
        source, target = SIDES[action]
        for line in body["lines"]:
            yield moved(line, side_of(line, source), side_of(line, target))
    elif action in ("adjusted", "correction"):
        for line in body["lines"]:
            bucket = (line.position, line.bucket)
            yield moved(line, "found", bucket) if line.quantity > 0 else moved(line, bucket, "loss")
    elif action in ("returned", "return"):
        for line in event.entries:
            yield moved(line, "customer", side_of_return(line))
    elif action == "transfer_closed":
        for rest in body["rest"]:
            source, target = ("transit", "loss") if rest.quantity > 0 else ("found", "transit")
            yield Movement(rest.item, rest.lot, source, target, abs(rest.quantity))
    elif action == "fulfilled":
        for close in body["closes"]:
            yield moved(close, (close.position, SELLABLE), "customer")
        for line in body["unreserved"]:
            yield moved(line, (line.position, line.bucket), "customer")


def moved(line: Line | Close, source: Side, target: Side) -> Movement:
    return Movement(line.position.item, line.position.lot, source, target, abs(line.quantity))


def side_of(line: Line, name: str) -> Side:
    if name == "line":
        return (line.position, line.bucket)
    if name == "other":
        return (line.position, OTHER_BUCKET[line.bucket])
    return name


def side_of_return(line: Line) -> Side:
    if line.disposition == "scrap":
        return "loss"
    return (line.position, SELLABLE if line.disposition == "restock" else UNSELLABLE)


def fold_movements(state: State, event: Event, changes: Changes) -> None:
    for movement in movements(event):
        changes.items.add(movement.item)
        move(state, event, changes, movement, movement.source, -movement.quantity)
        move(state, event, changes, movement, movement.target, movement.quantity)
    transfer_id = event.body.get("transfer")
    if transfer_id is not None and not state.transfers[transfer_id].quantities:
        del state.transfers[transfer_id]


def move(state: State, event: Event, changes: Changes, movement: Movement, side: Side, delta: int) -> None:
    """Adds a signed delta to one side of a movement."""
    accounts = state.items[movement.item].accounts
    if isinstance(side, str):
        accounts[side] += delta
        if side == "transit":
            move_transit(state, event, changes, (movement.item, movement.lot), delta)
        return
    bucket = state.buckets.get(side)
    if bucket is None:
        bucket = state.buckets[side] = Bucket()
    bucket.note(event.moment, delta)
    if bucket.settles(event.moment):
        accounts["variance"] += delta
    else:
        bucket.quantity += delta
        accounts[side[1]] += delta


def move_transit(state: State, event: Event, changes: Changes, stock: tuple[int, int], delta: int) -> None:
    """Adds to a transfer's quantity of (item, lot), and to what is inbound at its destination."""
    transfer = state.transfers.get(event.body["transfer"])
    if transfer is None:
        destination = event.body["to"] if "to" in event.body else event.body["lines"][0].position.location
        transfer = state.transfers[event.body["transfer"]] = Transfer(destination)
    before = transfer.quantities.pop(stock, 0)
    after = before + delta
    changes.transit[stock] = after
    if after != 0:
        transfer.quantities[stock] = after
    inbound = max(0, after) - max(0, before)
    if inbound != 0:
        position = Position(stock[0], transfer.destination, stock[1])
        state.inbound[position] += inbound
        changes.inbound.add(position)


# Counts


def fold_counted(state: State, event: Event, changes: Changes) -> None:
    for line in event.body["lines"]:
        bucket = state.buckets.setdefault((line.position, line.bucket), Bucket())
        if not bucket.count_holds(event.moment):
            continue
        change = line.counted + line.later - bucket.quantity
        bucket.anchor = event.moment
        bucket.quantity += change
        accounts = state.items[line.position.item].accounts
        accounts[line.bucket] += change
        accounts["variance"] -= change
        changes.items.add(line.position.item)


# Holds


def fold_reserved(state: State, event: Event, changes: Changes) -> None:
    reservation = Reservation(event.order, deadline_of(event), {})
    state.reservations[event.seq] = reservation
    heappush(state.deadlines, (reservation.deadline, event.seq))
    if event.order is not None:
        state.reservations_of.setdefault(event.order, set()).add(event.seq)
    for line in event.body["lines"]:
        set_open(state, reservation, line.position, line.quantity)


def fold_amended(state: State, event: Event, changes: Changes) -> None:
    seq = event.body["reservation"]
    reservation = state.reservations[seq]
    for line in event.body["lines"]:
        set_open(state, reservation, line.position, line.quantity)
    forget_if_empty(state, seq)


def fold_extended(state: State, event: Event, changes: Changes) -> None:
    seq = event.body["reservation"]
    reservation = state.reservations[seq]
    reservation.deadline = deadline_of(event)
    heappush(state.deadlines, (reservation.deadline, seq))
    changes.touched.update(reservation.open)


def fold_closes(state: State, event: Event, changes: Changes) -> None:
    for close in event.body["closes"]:
        reservation = state.reservations[close.reservation]
        set_open(state, reservation, close.position, reservation.open[close.position] - close.quantity)
    for close in event.body["closes"]:
        forget_if_empty(state, close.reservation)


def fold_expired(state: State, event: Event, changes: Changes) -> None:
    for seq in event.body["reservations"]:
        reservation = state.reservations[seq]
        changes.touched.update(reservation.open)
        for position in list(reservation.open):
            set_open(state, reservation, position, 0)
        forget_if_empty(state, seq)


def deadline_of(event: Event) -> int:
    deadline = event.body["deadline_micros"]
    return NEVER if deadline is None else deadline


def set_open(state: State, reservation: Reservation, position: Position, quantity: int) -> None:
    """Sets what is open at a position: in its place, at the end of the list, or out of it at 0."""
    change = quantity - reservation.open.get(position, 0)
    state.open_sums[position] += change
    if not reservation.lapsed:
        state.held[position] += change
    if quantity > 0:
        reservation.open[position] = quantity
    else:
        reservation.open.pop(position, None)


def forget_if_empty(state: State, seq: int) -> None:
    reservation = state.reservations.get(seq)
    if reservation is None or reservation.open:
        return
    del state.reservations[seq]
    if reservation.order is not None:
        siblings = state.reservations_of[reservation.order]
        siblings.discard(seq)
        if not siblings:
            del state.reservations_of[reservation.order]


# Settings


def fold_setting(state: State, event: Event, changes: Changes) -> None:
    body = event.body
    match event.kind:
        case "genesis" | "rules_changed":
            state.rules = body["rules"]
        case "item_created":
            state.items[body["item"]] = Item(body["decimals"])
            state.aliases[new_alias(event)] = Target("item", body["item"])
        case "location_created":
            state.locations[body["location"]] = Location()
            state.aliases[new_alias(event)] = Target("location", body["location"])
        case "lot_created":
            state.lots[body["lot"]] = Lot(body["item"])
            state.aliases[new_alias(event)] = Target("lot", body["lot"])
        case "decimals_set":
            state.items[body["item"]].decimals = body["decimals"]
        case "item_status_set" | "location_status_set" | "lot_status_set":
            name = event.kind.removesuffix("_status_set")
            state.tables[name][body[name]].status = body["status"]
        case "alias_added":
            state.aliases[body["alias"]] = body["target"]
        case "alias_merged":
            state.aliases[body["alias"]] = body["into"]
        case "alias_renamed":
            state.aliases[new_alias(event)] = state.aliases.pop(body["alias"])
        case "alias_retired":
            del state.aliases[body["alias"]]
        case "period_closed":
            state.locations[body["location"]].closed_until = body["closed_until_micros"]
        case "reorder_point_set":
            fold_reorder_point(state, body["position"], body["point"])
            changes.touched.add(body["position"])
        case "alert_acknowledged" | "alert_resolved" | "alert_dismissed":
            position, kind = state.alerts[body["alert"]]
            state.points[position].alerts[kind].status = event.kind.removeprefix("alert_")


def new_alias(event: Event) -> Alias:
    """The alias that an event wants to be free."""
    body = event.body
    if event.kind == "item_created":
        return Alias("sku", 0, body["sku"])
    if event.kind == "location_created":
        return Alias("location", 0, body["code"])
    if event.kind == "lot_created":
        return Alias("lot", body["item"], body["code"])
    return body["alias"]._replace(text=body["to"]) if event.kind == "alias_renamed" else body["alias"]


def fold_reorder_point(state: State, position: Position, point: int | None) -> None:
    if point is None:
        for alert in state.points.pop(position).alerts.values():
            del state.alerts[alert.id]
    elif position in state.points:
        state.points[position].point = point
    else:
        state.points[position] = ReorderPoint(point)


# Out


def fold_out(state: State, event: Event) -> None:
    """Keeps out(order, item): shipped less returned."""
    if event.order is None:
        return
    if event.action in ("fulfilled", "sale"):
        for entry in event.entries:
            state.out[event.order, entry.position.item] += entry.quantity
    elif event.action in ("returned", "return"):
        for line in event.body["referenced" if event.kind == "returned" else "lines"]:
            state.out[event.order, line.position.item] -= line.quantity


# Alerts


def fold_alerts(state: State, event: Event, changes: Changes) -> None:
    for position in changes.touched | changes.inbound:
        reorder = state.points.get(position)
        if reorder is None:
            continue
        level = state.available(position) + state.inbound.get(position, 0)
        for kind, rises, clears in judge_level(level, reorder.point):
            last = reorder.alerts.get(kind)
            if last is not None and last.status != "cleared":
                if clears:
                    last.status = "cleared"
            elif rises:
                raise_alert(state, event.seq, position, kind)


def judge_level(level: int, point: int) -> Iterable[tuple[int, bool, bool]]:
    """Per kind (1 low stock, 2 out of stock, 3 oversold): whether it rises, whether it clears."""
    return ((1, level <= point, level >= point + max(1, point // 10)),
            (2, level <= 0, level > 0),
            (3, level < 0, level >= 0))


ALERT_KEY = struct.Struct("<QIIIB")


def raise_alert(state: State, seq: int, position: Position, kind: int) -> None:
    key = ALERT_KEY.pack(seq, *position, kind)
    alert = Alert(blake3(key, derive_key_context="counterfoil alert v1").digest(length=16))
    alerts = state.points[position].alerts
    if kind in alerts:
        del state.alerts[alerts[kind].id]
    alerts[kind] = alert
    state.alerts[alert.id] = (position, kind)


# What is not named here is a setting, or moves goods only.
FOLDS: dict[str, Callable[[State, Event, Changes], None]] = {
    "counted": fold_counted, "reserved": fold_reserved, "amended": fold_amended, "extended": fold_extended,
    "fulfilled": fold_closes, "released": fold_closes, "expired": fold_expired,
}


# --------------------------------------------------------------------------------------------------
# The rules
# --------------------------------------------------------------------------------------------------

RULES_VERSION = 1
MAX_UNIT = 1_024
MAX_LINES = 4_096
MAX_LINE = 10**15
MAX_SUM = 10**18
MAX_ID = 16_777_216
MAX_DECIMALS = 6
YEAR_1900 = -2_208_988_800_000_000
END_OF_9999 = 253_402_300_799_000_000
YEAR_10000 = 253_402_300_800_000_000
AHEAD = 300_000_000
ENTERED = re.compile(r"[0-9.-]{1,24}")
PAIRING = {"sku": "item", "barcode": "item", "vendor": "item", "location": "location", "lot": "lot"}


def check(state: State, event: Event) -> None:
    """Every rule that is judged on one event and the state before it."""
    check_genesis(state, event)
    check_time(state, event)
    check_ids(state, event)
    check_envelope(event)
    check_lines(event)
    for entry in event.entries:
        need_position(state, entry.position)
    check_rest = CHECKS.get(event.kind)
    if check_rest is not None:
        check_rest(state, event)


def check_genesis(state: State, event: Event) -> None:
    if (event.seq == 0) != (event.kind == "genesis"):
        raise Fault("genesis_first", f"event {event.seq} is `{event.kind}`")
    if event.kind == "genesis":
        stated = (event.body["format"], event.body["rules"])
        if stated != (1, RULES_VERSION):
            raise Fault("rules_known", f"genesis names format {stated[0]} and rules {stated[1]}")
    elif event.kind == "rules_changed" and not state.rules < event.body["rules"] <= RULES_VERSION:
        raise Fault("rules_known", f"rules {event.body['rules']} after {state.rules}")


def check_time(state: State, event: Event) -> None:
    if state.clock is not None and event.recorded_at < state.clock:
        raise Fault("time_backwards", f"recorded at {event.recorded_at}, the event before at {state.clock}")
    occurred = event.occurred_at
    if occurred is None:
        return
    if not event.is_fact:
        raise Fault("occurred_kind", f"`{event.kind}` occurred at {occurred}, but it is not one of the facts")
    if not YEAR_1900 <= occurred <= event.recorded_at + AHEAD:
        raise Fault("occurred_range", f"occurred at {occurred}, recorded at {event.recorded_at}")


def check_ids(state: State, event: Event) -> None:
    if event.kind in LEDGER_KINDS:
        check_ledger_event(event)
    elif event.command_id is None:
        raise Fault("command_id", f"`{event.kind}` has no command id")
    elif event.command_id in state.command_ids:
        raise Fault("command_id_unique", f"an earlier event has the command id {event.command_id.hex()}")
    if event.kind == "pos_delta":
        external = (event.body["source"], event.body["external_id"])
        if external in state.external_ids:
            raise Fault("external_id_unique", f"an earlier delta of {external[0]} has the id {external[1]}")


def check_ledger_event(event: Event) -> None:
    wrong = [name for name, there in (("a command id", event.command_id), ("an order", event.order),
                                      ("a digest", event.digest)) if there is not None]
    if event.continues:
        wrong.append("a unit")
    if wrong:
        raise Fault("ledger_event", f"`{event.kind}` has {' and '.join(wrong)}")


def check_envelope(event: Event) -> None:
    if event.cause is not None and event.cause.get("event", -1) >= event.seq:
        raise Fault("cause_known", f"event {event.seq} names event {event.cause['event']} as its cause")
    if event.kind == "adjusted" and event.reason is None:
        raise Fault("reason_given", "the adjustment has no reason")


# Lines


def check_lines(event: Event) -> None:
    """The lines by themselves. (More than 4,096 of them are against the format already.)"""
    body = event.body
    if not event.entries and any(name in body for name in LISTS_OF_POSITIONS):
        raise Fault("lines_count", f"`{event.kind}` has no lines")
    low, high = QUANTITIES.get(event.action, (1, MAX_LINE))
    for line in body.get("lines", ()):
        check_quantity(line.counted if event.kind == "counted" else line.quantity, low, high)
    for name in ("referenced", "unreferenced", "unreserved"):
        for line in body.get(name, ()):
            check_quantity(line.quantity, 1, MAX_SUM if name == "unreserved" else MAX_LINE)
    if event.action in ("adjusted", "correction") and any(line.quantity == 0 for line in body["lines"]):
        raise Fault("quantity_range", "a line's quantity is 0")
    for entry in event.entries:
        if isinstance(entry, Line) and entry.detail is not None:
            check_entered(entry.detail)


QUANTITIES = {
    "adjusted": (-MAX_LINE, MAX_LINE),
    "correction": (-MAX_LINE, MAX_LINE),
    "counted": (0, MAX_LINE),
    "amended": (0, MAX_LINE),
    "reserved": (1, MAX_SUM),
}


def check_quantity(quantity: int, low: int, high: int) -> None:
    if not low <= quantity <= high:
        raise Fault("quantity_range", f"a line's quantity is {quantity}, allowed is {low} to {high}")


def check_entered(detail: dict[str, Any]) -> None:
    entered = detail["entered"]
    if entered is not None and ENTERED.fullmatch(entered["quantity"]) is None:
        raise Fault("entered_form", f"{entered['quantity']!r} is no entered quantity")


def check_position_once(event: Event) -> None:
    seen = set()
    for line in event.body["lines"]:
        key = (line.position, line.bucket if event.kind == "counted" else None)
        if key in seen:
            raise Fault("position_once", f"{line.position} stands twice")
        seen.add(key)


def check_bucket_sellable(lines: Iterable[Line]) -> None:
    for line in lines:
        if line.bucket != SELLABLE:
            raise Fault("bucket_sellable", f"the line at {line.position} is of the unsellable bucket")


def sums_of(entries: Iterable[Any], key: Callable[[Any], Any]) -> dict[Any, int]:
    sums: defaultdict[Any, int] = defaultdict(int)
    for entry in entries:
        sums[key(entry)] += entry.quantity
    return sums


# What is named


def need(state: State, name: str, number: int) -> None:
    """The rules `item_exists`, `location_exists` and `lot_exists`."""
    if number not in state.tables[name]:
        raise Fault(f"{name}_exists", f"there is no {name} {number}")


def need_lot(state: State, lot: int, item: int) -> None:
    need(state, "lot", lot)
    if state.lots[lot].item != item:
        raise Fault("lot_exists", f"lot {lot} is of item {state.lots[lot].item}, not of item {item}")


def need_position(state: State, position: Position) -> None:
    need(state, "item", position.item)
    need(state, "location", position.location)
    if position.lot != 0:
        need_lot(state, position.lot, position.item)


# Settings


def check_created(state: State, event: Event) -> None:
    name = event.kind.removesuffix("_created")
    if name == "item":
        check_decimals(event.body["decimals"])
    elif name == "lot":
        need(state, "item", event.body["item"])
    known, new = len(state.tables[name]), event.body[name]
    if new != known + 1 or new > MAX_ID:
        raise Fault("next_id", f"the new {name} is {new} after {known}")
    check_alias_free(state, event)


def check_alias_free(state: State, event: Event) -> None:
    alias = new_alias(event)
    if alias in state.aliases:
        raise Fault("alias_free", f"the {alias.kind} {alias.text!r} is taken")


def check_changes(before: object, after: object) -> None:
    if before == after:
        raise Fault("no_change", f"it is {after if after is not None else 'absent'} already")


def check_decimals(decimals: int) -> None:
    if decimals > MAX_DECIMALS:
        raise Fault("decimals_range", f"{decimals} decimals, allowed are {MAX_DECIMALS}")


def check_decimals_set(state: State, event: Event) -> None:
    need(state, "item", event.body["item"])
    item = state.items[event.body["item"]]
    check_decimals(event.body["decimals"])
    if item.moved:
        raise Fault("decimals_fixed", f"item {event.body['item']} has moved")
    check_changes(item.decimals, event.body["decimals"])


def check_status(state: State, event: Event) -> None:
    name = event.kind.removesuffix("_status_set")
    need(state, name, event.body[name])
    check_changes(state.tables[name][event.body[name]].status, event.body["status"])


def check_target(state: State, alias: Alias, target: Target) -> None:
    if PAIRING[alias.kind] != target.kind:
        raise Fault("alias_pairing", f"the {alias.kind} {alias.text!r} names a {target.kind}")
    if target.kind == "lot":
        need(state, "item", alias.item)
        need_lot(state, target.id, alias.item)
    else:
        need(state, target.kind, target.id)


def check_alias(state: State, event: Event) -> None:
    """The four events about an alias that is given by its kind and text."""
    body, alias = event.body, event.body["alias"]
    if event.kind != "alias_added" and alias not in state.aliases:
        raise Fault("alias_known", f"there is no {alias.kind} {alias.text!r}")
    if event.kind == "alias_added":
        check_target(state, alias, body["target"])
        check_alias_free(state, event)
    elif event.kind == "alias_merged":
        check_target(state, alias, body["into"])
        check_changes(state.aliases[alias], body["into"])
    elif event.kind == "alias_renamed":
        check_changes(alias.text, body["to"])
        check_alias_free(state, event)


def check_reorder_point(state: State, event: Event) -> None:
    position, point = event.body["position"], event.body["point"]
    need_position(state, position)
    if point is not None:
        check_quantity(point, 0, MAX_LINE)
    known = state.points.get(position)
    check_changes(None if known is None else known.point, point)


def check_period_closed(state: State, event: Event) -> None:
    location, end = event.body["location"], event.body["closed_until_micros"]
    need(state, "location", location)
    local = event.body["until"].local
    if abs(local - end) > DAY:
        raise Fault("period_local", f"local clocks showed {local} as if UTC, the instant is {end}")
    if end > event.recorded_at:
        raise Fault("period_over", f"the period ends at {end}, recorded at {event.recorded_at}")
    before = state.locations[location].closed_until
    if before is not None and end <= before:
        raise Fault("period_forward", f"location {location} was closed up to {before}, now up to {end}")


# Holds


def check_deadline(event: Event) -> None:
    deadline = event.body["deadline_micros"]
    if deadline is not None and not event.recorded_at < deadline <= END_OF_9999:
        raise Fault("deadline_range", f"the deadline is {deadline}, recorded at {event.recorded_at}")


def check_promise(state: State, position: Position, quantity: int) -> None:
    """What may be promised: the rules `status_active` and `available`."""
    for name in ("item", "location", "lot"):
        number = getattr(position, name)
        if number != 0 and state.tables[name][number].status != "active":
            raise Fault("status_active", f"{name} {number} is {state.tables[name][number].status}")
    available = state.available(position)
    if quantity > available:
        raise Fault("available", f"{quantity} asked for at {position}, available is {available}")


def check_reserved(state: State, event: Event) -> None:
    check_bucket_sellable(event.body["lines"])
    check_position_once(event)
    check_deadline(event)
    for line in event.body["lines"]:
        check_promise(state, line.position, line.quantity)


def open_reservation(state: State, event: Event, seq: int) -> Reservation:
    reservation = state.reservations.get(seq)
    if reservation is None:
        raise Fault("reservation_open", f"there is no open reservation {seq}")
    if reservation.deadline <= event.recorded_at:
        raise Fault("reservation_open", f"reservation {seq} lapsed at {reservation.deadline}")
    return reservation


def check_amended(state: State, event: Event) -> None:
    reservation = open_reservation(state, event, event.body["reservation"])
    check_position_once(event)
    changes = False
    for line in event.body["lines"]:
        increase = line.quantity - reservation.open.get(line.position, 0)
        changes = changes or increase != 0
        if increase > 0:
            check_promise(state, line.position, increase)
    if not changes:
        raise Fault("no_change", f"reservation {event.body['reservation']} has all of it open already")


def check_extended(state: State, event: Event) -> None:
    reservation = open_reservation(state, event, event.body["reservation"])
    check_deadline(event)
    check_changes(reservation.deadline, deadline_of(event))


def check_closes(state: State, event: Event) -> None:
    """The rules of closes: each by itself, then their order, then whether the oldest go first."""
    closes = event.body["closes"]
    places: dict[int, dict[Position, int]] = {}
    last = (-1, -1)
    alone = len({close.reservation for close in closes}) == 1
    for close in closes:
        reservation = open_reservation(state, event, close.reservation)
        fits_any = alone and reservation.order is None
        if not fits_any and reservation.order != event.order:
            raise Fault("order_matches", f"reservation {close.reservation} is of order "
                                         f"{reservation.order!r}, the event of {event.order!r}")
        opened = reservation.open.get(close.position, 0)
        if not 1 <= close.quantity <= opened:
            raise Fault("hold_open", f"{close.quantity} closed of reservation {close.reservation} at "
                                     f"{close.position}, open is {opened}")
        if close.reservation not in places:
            places[close.reservation] = {position: index for index, position in enumerate(reservation.open)}
        this = (close.reservation, places[close.reservation][close.position])
        if this <= last:
            raise Fault("close_order", f"(reservation, place) {this} stands behind {last}")
        last = this
    if len(places) > 1:
        if event.order is None:
            raise Fault("order_matches", f"{len(places)} reservations are closed without an order")
        check_oldest_first(state, event)


def check_oldest_first(state: State, event: Event) -> None:
    closed = {(close.reservation, close.position): close.quantity for close in event.body["closes"]}
    youngest: dict[Position, int] = {}
    for seq, position in closed:
        youngest[position] = max(seq, youngest.get(position, -1))
    for seq in sorted(state.reservations_of[event.order]):
        reservation = state.reservations[seq]
        if reservation.lapsed:
            continue
        for position in reservation.open.keys() & youngest.keys():
            quantity = closed.get((seq, position), 0)
            if seq < youngest[position] and quantity != reservation.open[position]:
                raise Fault("oldest_first", f"at {position} reservation {youngest[position]} is closed, but "
                                            f"of the older {seq} {quantity} of {reservation.open[position]}")


def check_fulfilled(state: State, event: Event) -> None:
    closes, unreserved = event.body["closes"], event.body["unreserved"]
    check_bucket_sellable(unreserved)
    check_closes(state, event)
    if event.body["departure"] == "now":
        if unreserved:
            raise Fault("departure", f"goods leave now, but {len(unreserved)} lines are unreserved")
        for position, total in sums_of(closes, lambda close: close.position).items():
            if total > state.quantity(position, SELLABLE):
                raise Fault("sellable", f"{total} leave {position}, sellable is "
                                        f"{state.quantity(position, SELLABLE)}")
        return
    positions = {line.position for line in unreserved}
    for close in closes:
        opened = state.reservations[close.reservation].open[close.position]
        if close.position in positions and close.quantity != opened:
            raise Fault("departure", f"more left {close.position} than reserved, but {close.quantity} of "
                                     f"{opened} are closed of reservation {close.reservation}")


def check_expired(state: State, event: Event) -> None:
    seqs = event.body["reservations"]
    if not seqs:
        raise Fault("expiry_size", "no reservation is named")
    last: tuple[int, int] | None = None
    total = 0
    for seq in seqs:
        if seq not in state.reservations:
            raise Fault("reservation_open", f"there is no open reservation {seq}")
        reservation = state.reservations[seq]
        if reservation.deadline > event.recorded_at:
            raise Fault("expiry_due", f"reservation {seq} lapses at {reservation.deadline}, later than "
                                      f"{event.recorded_at}")
        this = (reservation.deadline, seq)
        if last is not None and this <= last:
            raise Fault("expiry_order", f"(deadline, seq) {this} stands behind {last}")
        last = this
        total += len(reservation.open)
    if len(seqs) > 1 and total > MAX_LINES:
        raise Fault("expiry_size", f"{len(seqs)} reservations with {total} open positions")


# Stock


def check_reclassified(state: State, event: Event) -> None:
    sums = sums_of(event.body["lines"], lambda line: (line.position, line.bucket))
    for (position, bucket), total in sums.items():
        if total > state.quantity(position, bucket):
            raise Fault("bucket_stock", f"{total} taken from {bucket} at {position}, there are "
                                        f"{state.quantity(position, bucket)}")


def check_dispositions(lines: Iterable[Line]) -> None:
    for line in lines:
        allowed = {"restock": (SELLABLE,), "quarantine": (UNSELLABLE,), "scrap": (SELLABLE, UNSELLABLE)}
        if line.bucket not in allowed.get(line.disposition, ()):
            raise Fault("return_disposition", f"disposition {line.disposition} with the {line.bucket} bucket "
                                              f"at {line.position}")


def check_pos_delta(state: State, event: Event) -> None:
    if event.action == "return":
        check_dispositions(event.body["lines"])


def check_returned(state: State, event: Event) -> None:
    check_dispositions(event.entries)
    if event.order is None:
        if event.body["referenced"]:
            raise Fault("return_order", "lines are referenced without an order")
        return
    referenced = sums_of(event.body["referenced"], lambda line: line.position.item)
    for item, total in referenced.items():
        shipped = state.out.get((event.order, item), 0)
        if total > shipped:
            raise Fault("return_shipped", f"{total} of item {item} come back on the order, {shipped} are out")
    for item in {line.position.item for line in event.body["unreferenced"]}:
        shipped = max(0, state.out.get((event.order, item), 0))
        if referenced.get(item, 0) != shipped:
            raise Fault("return_excess", f"item {item} comes back beside the order, but {shipped} are out, "
                                         f"{referenced.get(item, 0)} referenced")


def check_counted(state: State, event: Event) -> None:
    check_position_once(event)
    for line in event.body["lines"]:
        closed_until = state.locations[line.position.location].closed_until
        if closed_until is not None and event.moment < 2 * closed_until:
            raise Fault("period_closed", f"{line.position} is counted at {event.moment // 2}, its location is "
                                         f"closed up to {closed_until}")
        bucket = state.buckets.get((line.position, line.bucket))
        later = 0
        if bucket is not None and bucket.count_holds(event.moment):
            later = bucket.moved_after(event.moment)
        if line.later != later:
            raise Fault("later_sum", f"later is {line.later} for {line.bucket} at {line.position}, "
                                     f"the movements say {later}")


def check_transfer_shipped(state: State, event: Event) -> None:
    need(state, "location", event.body["to"])
    check_bucket_sellable(event.body["lines"])
    for line in event.body["lines"]:
        if line.position.location == event.body["to"]:
            raise Fault("transfer_destination", f"location {event.body['to']} ships to itself")


def check_transfer_closed(state: State, event: Event) -> None:
    for rest in event.body["rest"]:
        need(state, "item", rest.item)
        if rest.lot != 0:
            need_lot(state, rest.lot, rest.item)
    transfer = state.transfers.get(event.body["transfer"])
    if transfer is None:
        raise Fault("transfer_known", f"nothing is in transit on {event.body['transfer'].hex()}")
    rests = {(rest.item, rest.lot): rest.quantity for rest in event.body["rest"]}
    if len(rests) != len(event.body["rest"]):
        raise Fault("transfer_rest", "an item and lot stand twice")
    for item, lot in sorted(rests.keys() | transfer.quantities.keys()):
        stated, known = rests.get((item, lot)), transfer.quantities.get((item, lot))
        if stated != known:
            raise Fault("transfer_rest", f"the rest of item {item}, lot {lot} is stated as {stated}, "
                                         f"in transit is {known}")


# Alerts and the clock


def check_alert(state: State, event: Event) -> None:
    alert = state.alert(event.body["alert"])
    if alert is None:
        raise Fault("alert_known", f"there is no alert {event.body['alert'].hex()}")
    if alert.status not in ("open", "acknowledged"):
        raise Fault("alert_open", f"the alert is {alert.status}")
    if event.kind == "alert_acknowledged":
        check_changes(alert.status, "acknowledged")


def check_clock_accepted(state: State, event: Event) -> None:
    if event.body["clock_micros"] > event.recorded_at:
        raise Fault("clock_accepted", f"the clock said {event.body['clock_micros']}, recorded at "
                                      f"{event.recorded_at}")


CHECKS: dict[str, Callable[[State, Event], None]] = {
    "clock_accepted": check_clock_accepted, "expired": check_expired, "item_created": check_created,
    "decimals_set": check_decimals_set, "item_status_set": check_status, "location_created": check_created,
    "location_status_set": check_status, "lot_created": check_created, "lot_status_set": check_status,
    "alias_added": check_alias, "alias_renamed": check_alias, "alias_merged": check_alias,
    "alias_retired": check_alias,
    "period_closed": check_period_closed,
    "reorder_point_set": check_reorder_point, "pos_delta": check_pos_delta, "returned": check_returned,
    "counted": check_counted, "transfer_shipped": check_transfer_shipped,
    "transfer_closed": check_transfer_closed, "reserved": check_reserved, "amended": check_amended,
    "extended": check_extended, "fulfilled": check_fulfilled, "released": check_closes,
    "reclassified": check_reclassified, "alert_acknowledged": check_alert, "alert_resolved": check_alert,
    "alert_dismissed": check_alert,
}


# Groups and units


class Course:
    """Where in a group and in a unit the log is: the rules `group_time` and `unit_whole`."""

    def __init__(self) -> None:
        self.group_time: int | None = None
        self.unit_size = 0

    def check(self, event: Event, group_end: bool) -> None:
        if self.group_time is not None and event.recorded_at != self.group_time:
            raise Fault("group_time", f"recorded at {event.recorded_at}, its group at {self.group_time}")
        self.group_time = None if group_end else event.recorded_at
        self.check_unit(event, group_end)

    def check_unit(self, event: Event, group_end: bool) -> None:
        if not event.continues and self.unit_size == 0:
            return
        self.unit_size += 1
        if self.unit_size > MAX_UNIT:
            raise Fault("unit_whole", f"event {event.seq} is number {self.unit_size} of its unit")
        if event.kind in LEDGER_KINDS:
            raise Fault("unit_whole", f"`{event.kind}` is within a unit")
        if event.continues and group_end:
            raise Fault("unit_whole", f"a group ends within a unit, behind its event number {self.unit_size}")
        if not event.continues:
            self.unit_size = 0

    def check_end(self, events: int) -> None:
        if self.group_time is not None:
            raise Fault("export", "no commit mark follows the last event", events - 1)


# The rules on the state after an event


def check_after(state: State, changes: Changes) -> None:
    for position in changes.touched:
        check_balance("sellable", position, state.quantity(position, SELLABLE))
        check_balance("unsellable", position, state.quantity(position, UNSELLABLE))
        check_balance("reserved", position, state.open_sums.get(position, 0))
    for position in changes.inbound:
        check_balance("inbound", position, state.inbound.get(position, 0))
    for (item, lot), quantity in changes.transit.items():
        check_balance("in transit", f"item {item}, lot {lot}", quantity)
    for item in changes.items:
        accounts = state.items[item].accounts
        for name, amount in accounts.items():
            check_balance(f"account {name}", f"item {item}", amount)
        if sum(accounts.values()) != 0:
            raise Fault("double_entry", f"the accounts of item {item} sum to {sum(accounts.values())}")


def check_balance(what: str, where: Position | str, amount: int) -> None:
    if not -MAX_SUM <= amount <= MAX_SUM:
        raise Fault("balance_range", f"{what} of {where} is {amount}")


def check_totals(state: State) -> None:
    """At the end of the log: positions and transfers sum to the accounts of their items."""
    totals: defaultdict[tuple[int, str], int] = defaultdict(int)
    for (position, bucket), found in state.buckets.items():
        totals[position.item, bucket] += found.quantity
    for transfer in state.transfers.values():
        for (item, _lot), quantity in transfer.quantities.items():
            totals[item, "transit"] += quantity
    for item, found_item in state.items.items():
        for account in (SELLABLE, UNSELLABLE, "transit"):
            if totals[item, account] != found_item.accounts[account]:
                raise Fault("double_entry", f"{account} of item {item} is {found_item.accounts[account]}, "
                                            f"its parts sum to {totals[item, account]}")


# --------------------------------------------------------------------------------------------------
# The export
# --------------------------------------------------------------------------------------------------

EXPORT_VERSION = 1
MAX_TEXT_LINE = 64 * 1024 * 1024


def read_rows(file: BinaryIO) -> Iterator[dict[str, Any]]:
    """The objects of an export, one per line."""
    while line := file.readline(MAX_TEXT_LINE):
        if not line.endswith(b"\n"):
            raise Fault("export", f"a line ends after {len(line)} bytes without a line feed")
        try:
            row = DECODER.decode(line.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise Fault("export", f"a line is not JSON: {str(error)[:200]}") from None
        if not isinstance(row, dict):
            raise Fault("export", "a line is not an object")
        yield row


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in an object")
    return found


def refuse_number(text: str) -> NoReturn:
    raise ValueError(f"{text[:40]} is not a whole number")


DECODER = json.JSONDecoder(object_pairs_hook=unique_keys, parse_float=refuse_number,
                           parse_constant=refuse_number)


def check_header(row: dict[str, Any]) -> None:
    """The first line's own form; what it says of the ledger is held against the genesis event."""
    if type(row.get("counterfoil_export")) is not int or row["counterfoil_export"] != EXPORT_VERSION:
        raise Fault("export", f"the first line does not name export version {EXPORT_VERSION}")


def check_end_line(end: Any, events: int, head: bytes) -> None:
    wrong = difference(end, {"events": events, "hash": head}, "end")
    if wrong is not None:
        raise Fault("export", wrong)


def event_bytes(row: dict[str, Any]) -> bytes:
    text = row.get("bytes")
    if not isinstance(text, str):
        raise Fault("export", "the line has no `bytes`")
    try:
        data = bytes.fromhex(text)
    except ValueError:
        raise Fault("export", "`bytes` is not hexadecimal") from None
    if data.hex() != text:
        raise Fault("export", "`bytes` is not lower-case hexadecimal")
    return data


def group_end_of(row: dict[str, Any]) -> bool:
    group_end = row.get("group_end", False)
    if not isinstance(group_end, bool):
        raise Fault("export", "`group_end` is neither true nor false")
    return group_end


def check_readable(row: dict[str, Any], event: Event) -> None:
    """Holds the readable fields against the bytes, except instants as text."""
    for name, expected in readable_envelope(event).items():
        wrong = difference(row.get(name), expected, name)
        if wrong is not None:
            raise Fault("readable", wrong)
    for name, value in event.body.items():
        wrong = difference(row.get(name), readable(value), name)
        if wrong is not None:
            raise Fault("readable", wrong)


def check_first_line(header: dict[str, Any], genesis: Event) -> None:
    wrong = difference(header, genesis.body, "the first line")
    if wrong is not None:
        raise Fault("readable", wrong)


def readable_envelope(event: Event) -> dict[str, Any]:
    return {
        "kind": event.kind, "seq": event.seq, "recorded_at_micros": event.recorded_at,
        "occurred_at_micros": event.occurred_at, "command_id": event.command_id, "digest": event.digest,
        "actor": {"id": event.actor, "established": event.established}, "order": event.order,
        "reason": event.reason, "cause": event.cause, "documents": event.documents, "private": event.private,
        "unit": "continues" if event.continues else None, "extensions": event.extensions,
    }


def readable(value: Any) -> Any:
    if isinstance(value, list):
        return [readable(member) for member in value]
    return value.readable() if hasattr(value, "readable") else value


def difference(found: Any, expected: Any, path: str) -> str | None:
    """A sentence on the first difference, or none. Bytes stand as hexadecimal, with hyphens or without."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for name, value in expected.items():
            if name == "lot" and value == 0 and name not in found:
                continue  # "what is absent is left out"
            wrong = difference(found.get(name), value, f"{path}.{name}")
            if wrong is not None:
                return wrong
        return None
    if isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            return f"`{path}` has {len(found)} entries, there should be {len(expected)}"
        for index, value in enumerate(expected):
            wrong = difference(found[index], value, f"{path}[{index}]")
            if wrong is not None:
                return wrong
        return None
    if isinstance(expected, bytes):
        expected = expected.hex()
        found = found.replace("-", "") if isinstance(found, str) else found
    if type(found) is type(expected) and found == expected:
        return None
    return f"`{path}` is {shown(found)}, it should be {shown(expected)}"


def shown(value: Any) -> str:
    if value is None:
        return "absent"
    return f"a {type(value).__name__}" if isinstance(value, (dict, list)) else repr(value)[:100]


# --------------------------------------------------------------------------------------------------
# The stored format, byte by byte
# --------------------------------------------------------------------------------------------------

MAX_EVENT = 1_048_576
CONTROL_OR_EDGE = re.compile(r"[\x00-\x1f\x7f-\x9f]|^\s|\s\Z")


class Reader:
    """Reads values from event bytes; refuses every form but the one that the text allows."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def raw(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.data):
            raise Fault("format", f"{count} bytes are needed at {self.at}, the event has {len(self.data)}")
        found = self.data[self.at:end]
        self.at = end
        return found

    def u8(self) -> int:
        if self.at >= len(self.data):
            raise Fault("format", f"a byte is needed at {self.at}, the event has {len(self.data)}")
        self.at += 1
        return self.data[self.at - 1]

    def uint(self, bits: int) -> int:
        mark = self.u8()
        if mark <= 250:
            return mark
        if mark > 253 or (8 << (mark - 250)) > bits:
            raise Fault("format", f"the byte {mark} at {self.at - 1} begins no integer of {bits} bits")
        size = 1 << (mark - 250)
        number = int.from_bytes(self.raw(size), "little")
        if number <= (250 if size == 2 else (1 << (4 * size)) - 1):
            raise Fault("format", f"{number} before byte {self.at} is not in its shortest form")
        return number

    def u16(self) -> int:
        return self.uint(16)

    def u32(self) -> int:
        return self.uint(32)

    def u64(self) -> int:
        return self.uint(64)

    def i64(self) -> int:
        number = self.uint(64)
        return -(number >> 1) - 1 if number & 1 else number >> 1

    def text(self, low: int, high: int) -> str:
        size = self.uint(64)
        if not low <= size <= high:
            raise Fault("format", f"a text at {self.at} has {size} bytes, allowed are {low} to {high}")
        try:
            found = self.raw(size).decode("utf-8")
        except UnicodeDecodeError:
            raise Fault("format", f"a text before byte {self.at} is not UTF-8") from None
        if CONTROL_OR_EDGE.search(found) is not None:
            raise Fault("format", f"a text before {self.at} has control characters or white space at an end")
        return found

    def list_of(self, read: Callable[[Reader], Any], low: int, high: int) -> list[Any]:
        size = self.uint(64)
        if not low <= size <= high:
            raise Fault("format", f"a list at {self.at} has {size} entries, allowed are {low} to {high}")
        return [read(self) for _ in range(size)]

    def choice(self, names: dict[int, str]) -> str:
        number = self.u8()
        if number not in names:
            raise Fault("format", f"the byte {number} at {self.at - 1} has no meaning")
        return names[number]

    def marks(self, known: int) -> int:
        mark = self.u8()
        if mark & ~known:
            raise Fault("format", f"the mark {mark:#04x} at {self.at - 1} has bits without a meaning")
        return mark


# Event bytes

ESTABLISHED = {0: "asserted", 1: "process", 2: "authenticated", 3: "signed"}


def decode_event(data: bytes, seq: int) -> Event:
    if not 1 <= len(data) <= MAX_EVENT:
        raise Fault("format", f"the event has {len(data)} bytes")
    reader = Reader(data)
    tag, version = reader.u8(), reader.u8()
    if tag not in PAYLOADS or version != 1:
        raise Fault("format", f"tag {tag} in version {version} is not known")
    kind, fields = PAYLOADS[tag]
    event = read_envelope(reader, seq, kind)
    event.body = {name: read(reader) for name, read in fields}
    if kind == "pos_delta" and event.body["delta"] != "return":
        refuse_dispositions(event.body["lines"])
    if reader.at != len(data):
        raise Fault("format", f"the event ends at byte {reader.at} of {len(data)}")
    event.entries = [entry for name in LISTS_OF_POSITIONS for entry in event.body.get(name, ())]
    return event


def read_envelope(reader: Reader, seq: int, kind: str) -> Event:
    flags = reader.u16()
    if flags > 1023:
        raise Fault("format", f"the envelope's flags are {flags:#06x}")
    event = Event(seq, kind, reader.i64(), reader.text(1, 64), reader.choice(ESTABLISHED))
    event.order = reader.text(1, 64) if flags & 1 else None
    event.command_id = reader.raw(16) if flags & 2 else None
    event.digest = read_digest(reader) if flags & 4 else None
    event.occurred_at = reader.i64() if flags & 8 else None
    event.reason = reader.text(1, 32) if flags & 16 else None
    event.continues = bool(flags & 32)
    event.private = reader.raw(32) if flags & 64 else None
    event.cause = read_cause(reader) if flags & 128 else None
    event.documents = reader.list_of(read_document, 1, 16) if flags & 256 else None
    event.extensions = read_extensions(reader) if flags & 512 else None
    return event


def read_digest(reader: Reader) -> bytes:
    digest = reader.raw(16)
    if not any(digest):
        raise Fault("format", "a digest of zeros is stored")
    return digest


def read_cause(reader: Reader) -> dict[str, Any]:
    what = reader.choice({1: "event", 2: "document"})
    return {what: reader.u64() if what == "event" else read_document(reader)}


def read_document(reader: Reader) -> dict[str, Any]:
    return {"kind": reader.text(1, 64), "id": reader.text(1, 64)}


def read_extensions(reader: Reader) -> list[dict[str, Any]]:
    extensions = reader.list_of(read_extension, 1, 16)
    numbers = [extension["number"] for extension in extensions]
    if any(first >= second for first, second in zip(numbers, numbers[1:])):
        raise Fault("format", f"the extensions' numbers do not ascend: {numbers}")
    return extensions


def read_extension(reader: Reader) -> dict[str, Any]:
    number = reader.u32()
    critical = reader.choice({0: "no", 1: "yes"}) == "yes"
    if critical:
        raise Fault("format", f"extension {number} is critical and not known")
    size = reader.u64()
    if size > 1024:
        raise Fault("format", f"extension {number} has {size} bytes")
    return {"number": number, "critical": critical, "bytes": reader.raw(size)}


# Parts of payloads


def read_position(reader: Reader) -> Position:
    return Position(reader.u32(), reader.u32(), reader.u32())


DISPOSITIONS = (None, "restock", "quarantine", "scrap")


def read_return_line(reader: Reader) -> Line:
    position = read_position(reader)
    mark = reader.marks(0b1111)
    quantity = reader.i64()
    detail = read_detail(reader) if mark & 8 else None
    return Line(position, UNSELLABLE if mark & 1 else SELLABLE, quantity, DISPOSITIONS[mark >> 1 & 3], detail)


def refuse_dispositions(lines: list[Line]) -> None:
    for line in lines:
        if line.disposition is not None:
            raise Fault("format", f"a line that is not of a return has the disposition {line.disposition}")


def read_detail(reader: Reader) -> dict[str, Any]:
    mark = reader.marks(0b11)
    if mark == 0:
        raise Fault("format", f"the detail before byte {reader.at} is empty")
    entered = {"unit": reader.text(1, 16), "quantity": reader.text(0, 24)} if mark & 1 else None
    unit_cost = {"minor_units": reader.i64(), "currency": read_currency(reader)} if mark & 2 else None
    return {"entered": entered, "unit_cost": unit_cost}


def read_currency(reader: Reader) -> str:
    currency = reader.raw(3)
    if not all(0x41 <= letter <= 0x5A for letter in currency):
        raise Fault("format", f"the currency before byte {reader.at} is not three capital letters")
    return currency.decode("ascii")


def read_counted_line(reader: Reader) -> CountedLine:
    position = read_position(reader)
    bucket = UNSELLABLE if reader.marks(0b1) else SELLABLE
    return CountedLine(position, bucket, reader.i64(), reader.i64())


def read_close(reader: Reader) -> Close:
    return Close(reader.u64(), read_position(reader), reader.i64())


def read_rest(reader: Reader) -> Rest:
    return Rest(reader.u32(), reader.u32(), reader.i64())


def read_lines(reader: Reader) -> list[Line]:
    lines = read_return_lines(reader)
    refuse_dispositions(lines)
    return lines


def list_of(read: Callable[[Reader], Any], high: int) -> Callable[[Reader], list[Any]]:
    return lambda reader: reader.list_of(read, 0, high)


read_return_lines = list_of(read_return_line, MAX_LINES)
read_counted_lines = list_of(read_counted_line, MAX_LINES)
read_closes = list_of(read_close, MAX_EVENT)
read_rests = list_of(read_rest, MAX_EVENT)
read_seqs = list_of(Reader.u64, MAX_EVENT)


def read_alias(reader: Reader) -> Alias:
    alias = Alias(reader.choice({1: "sku", 2: "barcode", 3: "vendor", 4: "location", 5: "lot"}),
                  reader.u32(), reader.text(1, 64))
    if alias.item != 0 and alias.kind != "lot":
        raise Fault("format", f"an alias of kind {alias.kind} names item {alias.item}")
    return alias


def read_target(reader: Reader) -> Target:
    return Target(reader.choice({1: "item", 2: "location", 3: "lot"}), reader.u32())


def one_of(*names: str, first: int = 1) -> Callable[[Reader], str]:
    """Reads a byte that stands for a name; `first` is the first one's number."""
    numbered = dict(enumerate(names, first))
    return lambda reader: reader.choice(numbered)


read_use = one_of("active", "retired")
read_item_status = one_of("active", "on_hold", "discontinued")
read_delta = one_of("sale", "return", "waste", "receipt", "correction")
read_departure = one_of("now", "already_left", first=0)


def read_optional_int(reader: Reader) -> int | None:
    return reader.i64() if reader.choice({0: "absent", 1: "present"}) == "present" else None


def read_until(reader: Reader) -> Until:
    day = reader.choice({1: "day", 2: "time"}) == "day"
    until = Until(day, reader.i64())
    if not YEAR_1900 <= until.local - (DAY if day else 0) < YEAR_10000:
        raise Fault("format", f"{until.number} is not in the years 1900 to 9999")
    return until


def read_id(reader: Reader) -> bytes:
    return reader.raw(16)


def read_name(reader: Reader) -> str:
    return reader.text(1, 64)


# Payloads by tag: the kind, and the fields in their order under the names that an export uses.
PAYLOADS: dict[int, tuple[str, tuple[tuple[str, Callable[[Reader], Any]], ...]]] = {
    1: ("genesis", (("ledger", read_id), ("format", Reader.u16), ("rules", Reader.u16))),
    2: ("rules_changed", (("rules", Reader.u16),)),
    3: ("clock_accepted", (("clock_micros", Reader.i64),)),
    4: ("expired", (("reservations", read_seqs),)),
    10: ("item_created", (("item", Reader.u32), ("sku", read_name), ("decimals", Reader.u8))),
    11: ("decimals_set", (("item", Reader.u32), ("decimals", Reader.u8))),
    12: ("item_status_set", (("item", Reader.u32), ("status", read_item_status))),
    13: ("location_created", (("location", Reader.u32), ("code", read_name), ("zone", read_name))),
    14: ("location_status_set", (("location", Reader.u32), ("status", read_use))),
    15: ("lot_created", (("lot", Reader.u32), ("item", Reader.u32), ("code", read_name))),
    16: ("lot_status_set", (("lot", Reader.u32), ("status", read_use))),
    17: ("alias_added", (("alias", read_alias), ("target", read_target))),
    18: ("alias_renamed", (("alias", read_alias), ("to", read_name))),
    19: ("alias_merged", (("alias", read_alias), ("into", read_target))),
    20: ("alias_retired", (("alias", read_alias),)),
    21: ("reorder_point_set", (("position", read_position), ("point", read_optional_int))),
    22: ("period_closed", (("location", Reader.u32), ("until", read_until),
                           ("closed_until_micros", Reader.i64))),
    30: ("received", (("lines", read_lines),)),
    31: ("pos_delta", (("source", read_name), ("external_id", lambda reader: reader.text(1, 128)),
                       ("delta", read_delta), ("lines", read_return_lines))),
    32: ("returned", (("referenced", read_return_lines), ("unreferenced", read_return_lines))),
    33: ("adjusted", (("lines", read_lines),)),
    34: ("counted", (("lines", read_counted_lines),)),
    35: ("transfer_shipped", (("transfer", read_id), ("to", Reader.u32), ("lines", read_lines))),
    36: ("transfer_received", (("transfer", read_id), ("lines", read_lines))),
    37: ("transfer_closed", (("transfer", read_id), ("rest", read_rests))),
    40: ("reserved", (("deadline_micros", read_optional_int), ("lines", read_lines))),
    41: ("amended", (("reservation", Reader.u64), ("lines", read_lines))),
    42: ("extended", (("reservation", Reader.u64), ("deadline_micros", read_optional_int))),
    43: ("fulfilled", (("departure", read_departure), ("closes", read_closes), ("unreserved", read_lines))),
    44: ("released", (("closes", read_closes),)),
    45: ("reclassified", (("lines", read_lines),)),
    50: ("alert_acknowledged", (("alert", read_id),)),
    51: ("alert_resolved", (("alert", read_id),)),
    52: ("alert_dismissed", (("alert", read_id),)),
}


# The chain

NO_HASH = bytes(32)


def chained(previous: bytes, seq: int, data: bytes) -> bytes:
    link = previous + seq.to_bytes(8, "little") + len(data).to_bytes(4, "little") + data
    return blake3(link, derive_key_context="counterfoil event v1").digest()


def check_chain(row: dict[str, Any], previous: bytes, computed: bytes) -> None:
    for name, expected in (("prev", previous), ("hash", computed)):
        if row.get(name) != expected.hex():
            raise Fault("chain", f"`{name}` is {shown(row.get(name))}, by the chain it is {expected.hex()}")


# --------------------------------------------------------------------------------------------------
# The verification
# --------------------------------------------------------------------------------------------------


class Verification:
    """One pass over an export: how far everything is in order, and the first thing that is not."""

    def __init__(self, expected: dict[int, str]) -> None:
        self.state = State()
        self.course = Course()
        self.expected = expected
        self.met = 0
        self.events = 0
        self.head = NO_HASH
        self.header: dict[str, Any] = {}
        self.passed_over = 0
        self.commitments = 0

    def run(self, file: BinaryIO) -> Fault | None:
        try:
            self.read(file)
        except Fault as fault:
            return fault
        except OSError as error:
            return Fault("export", f"the file cannot be read further: {error}")
        except MemoryError:
            return Fault("export", "there is not enough memory for the next line")
        return None

    def read(self, file: BinaryIO) -> None:
        rows = read_rows(file)
        first = next(rows, None)
        if first is None:
            raise Fault("export", "the file is empty")
        if "end" in first:
            self.finish(first, rows)
            return
        check_header(first)
        self.header = first
        for row in rows:
            if "end" in row:
                self.finish(row, rows)
                return
            self.take(row)
        raise Fault("export", f"the export was not finished: no end line behind {self.events} events")

    def take(self, row: dict[str, Any]) -> None:
        """Judges one event and folds it."""
        seq = self.events
        data = event_bytes(row)
        computed = chained(self.head, seq, data)
        check_chain(row, self.head, computed)
        event = decode_event(data, seq)
        group_end = group_end_of(row)
        check_readable(row, event)
        if event.kind == "genesis":
            check_first_line(self.header, event)
        self.state.lapse(event.recorded_at)
        check(self.state, event)
        self.course.check(event, group_end)
        changes = fold(self.state, event)
        check_after(self.state, changes)
        self.check_expected(seq, computed)
        self.passed_over += len(event.extensions or ())
        self.commitments += event.private is not None
        self.head = computed
        self.events += 1

    def finish(self, row: dict[str, Any], rows: Iterator[dict[str, Any]]) -> None:
        """What must be so at the end of the log and of the file."""
        check_end_line(row["end"], self.events, self.head)
        if next(rows, None) is not None:
            raise Fault("export", "a line stands behind the end line")
        if self.events == 0:
            raise Fault("genesis_first", "the log has no events")
        self.course.check_end(self.events)
        check_totals(self.state)
        for seq in sorted(self.expected):
            if seq >= self.events:
                raise Fault("expected", f"event {seq} is missing: the log has {self.events} events", seq)

    def check_expected(self, seq: int, computed: bytes) -> None:
        if seq not in self.expected:
            return
        if self.expected[seq] != computed.hex():
            raise Fault("expected", f"the hash is {computed.hex()}, expected was {self.expected[seq]}")
        self.met += 1

    def anchored(self) -> bool:
        return 0 < len(self.expected) == self.met

    def exclusions(self) -> list[str]:
        """What was not judged."""
        found = ["whether an actor is who it says", "whether the caller asked for what an event states",
                 "whether goods moved as stated", "frames and commit marks: an export has no bytes of them",
                 "readable instants as text: the figures in microseconds were compared"]
        if not self.anchored():
            found.append("whether the tail was cut or everything rewritten: no hash kept elsewhere was met")
        else:
            found.append(f"whether events behind {max(self.expected)} were rewritten or cut")
        if self.passed_over > 0:
            found.append(f"{self.passed_over} extensions that version 1 does not know")
        if self.commitments > 0:
            found.append(f"{self.commitments} private texts: only their commitments are in the log")
        return found

    def report(self, fault: Fault | None) -> dict[str, Any]:
        first_fault = None
        if fault is not None:
            seq = self.events if fault.seq is None else fault.seq
            first_fault = {"seq": seq, "rule": fault.rule, "what": fault.what}
        return {
            "ok": fault is None,
            "anchored": self.anchored(),
            "events": self.events,
            "head": {"seq": self.events - 1, "hash": self.head.hex()} if self.events > 0 else None,
            "first_fault": first_fault,
            "exclusions": self.exclusions(),
        }


def expectation(text: str) -> tuple[int, str]:
    match = re.fullmatch(r"([0-9]{1,20}):([0-9a-f]{64})", text.lower())
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not SEQ:HASHHEX")
    return int(match[1]), match[2]


def main() -> int:
    parser = argparse.ArgumentParser(description="Verifies an export of a Counterfoil ledger.")
    parser.add_argument("export", metavar="EXPORT", help="the file to read (JSON Lines)")
    parser.add_argument("--expect", metavar="SEQ:HASHHEX", type=expectation, nargs="+", action="extend",
                        default=[], help="a hash kept elsewhere that the event must have")
    arguments = parser.parse_args()
    expected = dict(arguments.expect)
    if len(expected) != len(set(arguments.expect)):
        parser.error("two hashes are expected for one event")
    try:
        file = open(arguments.export, "rb")
    except (OSError, ValueError) as error:
        parser.error(f"the export cannot be read: {error}")
    verification = Verification(expected)
    with file:
        fault = verification.run(file)
    print(json.dumps(verification.report(fault)))
    return 0 if fault is None else 1


if __name__ == "__main__":
    sys.exit(main())
