"""A lane against a model of a platform: whatever happens in whatever order, nothing is lost and nothing is doubled.

The machine runs the lane's real units of work on a real database. The platform remembers what it published and may
remember keys; its answers get lost; requests that were abandoned may still be at work and publish late, within
`settle_after`; the bridge is killed between any two commits and in the middle of any request; people take posts back,
retry them, vouch for them, and pull the brake.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import create_engine, event
from sqlalchemy.pool import StaticPool

from bridge.delivery import units
from bridge.delivery.units import Attempt, Context, LookFor
from bridge.domain.deliveries import (
    Absent,
    Delivery,
    Hold,
    Outcome,
    Refused,
    Sent,
    State,
    Unauthorized,
    Unavailable,
    Uncertain,
)
from bridge.domain.ids import PostId
from bridge.domain.outbox import Draft, Part
from bridge.domain.posts import Key, Posted
from bridge.domain.settling import Terms
from bridge.store import Tx, accounts, outbox, posts
from bridge.store.schema import metadata
from tests.unit.delivery.model import (
    ACCOUNT,
    FATES,
    HOLD,
    KEY_LIFETIME,
    MAX_AGE,
    ROOM,
    SEC,
    SETTLE_AFTER,
    Platform,
    Transaction,
    begin,
)


class OutboxMachine(RuleBasedStateMachine):
    keeps_keys = True
    finds = True

    @initialize()
    def begin(self) -> None:
        self.engine = create_engine("sqlite://", poolclass=StaticPool, isolation_level=None)
        event.listen(self.engine, "begin", begin)
        metadata.create_all(self.engine)
        self.numbers = itertools.count(1)
        self.now = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
        self.platform = Platform(keeps_keys=self.keeps_keys, finds=self.finds)
        self.epoch = "run-0"
        self.begun: tuple[int, int] | None = None
        self.pending: Attempt | LookFor | None = None
        self.frozen = False
        self.born: set[str] = set()
        self.order: list[str] = []
        self.rejoined: set[str] = set()
        self.vouched: set[str] = set()

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            self._run_dry()
            self._judge()
            self.engine.dispose()

    # What the world does.

    @rule(hold=strategies.booleans(), idle=strategies.booleans(), parts=strategies.sampled_from([1, 1, 1, 3]))
    def write(self, hold: bool, idle: bool, parts: int) -> None:
        number = next(self.numbers)
        draft = Draft(
            author="ana@example.org", nick="ana", source=ROOM, text=f"post {number}", hold=HOLD, created_at=self.now
        )
        made = [
            Part(account=ACCOUNT, text=f"{number}.{part}", key=self._key(f"k{number}.{part}"), part=part, parts=parts)
            for part in range(parts)
        ]
        with self._tx() as tx:
            stored = posts.add(tx, draft, stanza=None)
            held = frozenset({Hold.UNDO.value} if hold else ())
            born = {ACCOUNT} if idle and self.pending is None else set[str]()
            added = outbox.add(tx, stored, made, held=held, now=self.now, born_for=born, epoch=self.epoch)
        self.born |= {one.key.token for one in added if one.state is State.SENDING}

    @rule(fate=strategies.sampled_from(FATES), works=strategies.booleans(), jitter=strategies.floats(0, 1))
    def work(self, fate: str, works: bool, jitter: float) -> None:
        """Let the lane do what is next."""
        match self.pending:
            case Attempt():
                self.attempt(fate, jitter)
            case LookFor():
                self.look(works=works, jitter=jitter)
            case None:
                self.claim()

    @rule(fate=strategies.sampled_from(FATES), seconds=strategies.sampled_from([0, 6, 31, 3000]))
    def work_on(self, fate: str, seconds: int) -> None:
        """Let some time pass, and the lane claim and do what is next."""
        self.pass_time(seconds)
        if self.pending is None:
            self.claim()
        self.work(fate, works=True, jitter=1.0)

    def claim(self) -> None:
        with self._tx() as tx:
            self._take(units.claim(tx, self._context()))

    def attempt(self, fate: str, jitter: float) -> None:
        assert isinstance(self.pending, Attempt)
        one = self.pending.delivery
        self.begun = (one.id, one.attempt)
        self._settle(one, self._outcome(one, fate), jitter)

    def look(self, *, works: bool, jitter: float) -> None:
        assert isinstance(self.pending, LookFor)
        one = self.pending.delivery
        found: Outcome = Unavailable(reason="503")
        if works:
            there = one.key.token in self.platform.published and one.key.token not in self.pending.known
            found = Sent(posted=self._posted(one)) if there else Absent()
        self._settle(one, found, jitter)

    @precondition(lambda self: self.pending is not None)
    @rule(in_the_middle=strategies.sampled_from(["nothing", "request", "commit", "late"]))
    def kill(self, in_the_middle: str) -> None:
        if isinstance(self.pending, Attempt) and self.pending.delivery.kind == "post":
            token = self.pending.delivery.key.token
            if in_the_middle == "commit":
                self.platform.publish(token, self.now)
            if in_the_middle == "late":
                self._late(token)
        self.epoch = f"run-{next(self.numbers)}"
        self.begun, self.pending = None, None
        with self._tx() as tx:
            units.recover(tx, self._context())
            units.restart_holds(tx, self._context(), ROOM.jid)

    @rule(seconds=strategies.sampled_from([1, 6, 31, 300, 3000]))
    def pass_time(self, seconds: int) -> None:
        # A lane that has claimed a delivery sends it at once, and its deadline ends the request.
        self.now += timedelta(seconds=min(seconds, 6) if isinstance(self.pending, Attempt) else seconds)
        self.platform.settle_late(self.now)

    @rule(on=strategies.sampled_from([False, False, True]))
    def panic(self, on: bool) -> None:
        self.frozen = on
        with self._tx() as tx:
            if on:
                accounts.set_panic(tx, actor="ana@example.org", at=self.now)
            else:
                accounts.clear_panic(tx)

    # What people do.

    @rule(pick=strategies.integers(0, 100))
    def undo(self, pick: int) -> None:
        with self._tx() as tx:
            all_ = [one for one in self._all(tx) if one.kind == "post" and one.state in _BEFORE and one.parts == 1]
            if not all_:
                return
            one = all_[pick % len(all_)]
            if one.state in {State.HELD, State.READY}:
                outbox.save(tx, replace(one, state=State.CANCELLED, held=frozenset()), now=self.now)
            else:
                outbox.save(tx, replace(one, unwanted=True), now=self.now)

    @rule(pick=strategies.integers(0, 100))
    def answer_the_question(self, pick: int) -> None:
        """A person looks at the platform and says what is true: `found`, or `retry`."""
        with self._tx() as tx:
            asked = [one for one in self._all(tx) if one.state in {State.ASKED, State.DEAD} and one.kind == "post"]
            if not asked or self.platform.late:
                return
            one = asked[pick % len(asked)]
            if one.key.token in self.platform.published:
                self.vouched.add(one.key.token)
                done = replace(one, state=State.SENT, posted=self._posted(one), doubt_since=None, doubt_attempt=None)
                outbox.save(tx, done, now=self.now)
            else:
                self.rejoined.add(one.key.token)
                outbox.rejoin(tx, one, now=self.now)

    # What must hold at every moment.

    @invariant()
    def nothing_is_doubled(self) -> None:
        if hasattr(self, "platform"):
            assert len(self.platform.published) == len(set(self.platform.published))

    @invariant()
    def states_say_the_truth(self) -> None:
        if not hasattr(self, "engine"):
            return
        with self._tx() as tx:
            for one in self._all(tx):
                if one.kind != "post":
                    continue
                there = one.key.token in self.platform.published
                if one.state in {State.READY, State.HELD, State.DEAD, State.CANCELLED}:
                    assert not there, f"{one.state} and yet published"
                    assert one.doubt_since is None
                if one.state is State.SENT:
                    assert there or one.key.token in self.vouched, "sent and yet not published"
                if one.state in {State.SENDING, State.UNCERTAIN, State.ASKED}:
                    assert one.doubt_since is not None

    # How it works.

    def _tx(self) -> Transaction:
        return Transaction(self.engine.connect())

    def _key(self, token: str) -> Key:
        return Key(token=token, minted_at=self.now)

    def _context(self) -> Context:
        return Context(
            account=ACCOUNT,
            epoch=self.epoch,
            now=self.now,
            seed=f"seed-{next(self.numbers)}",
            secret="salt",
            terms=Terms(
                key_lifetime=KEY_LIFETIME if self.keeps_keys else timedelta(0),
                settle_after=SETTLE_AFTER,
                finds=self.finds,
                max_age=MAX_AGE,
            ),
            present=frozenset({ROOM.jid}),
            told=(ROOM,),
            admins=(),
            usable=True,
            deletes=True,
            begun=self.begun,
        )

    def _take(self, step: units.Next) -> None:
        self.pending = step if isinstance(step, Attempt | LookFor) else None
        if isinstance(step, Attempt) and step.delivery.kind == "post" and step.delivery.key.token not in self.born:
            assert not self.frozen, "begun under panic"
            assert not step.delivery.unwanted, "taken back, and attempted again"
        self.born -= {step.delivery.key.token} if isinstance(step, Attempt) else set()
        if isinstance(step, Attempt) and step.delivery.kind == "post" and step.delivery.key.token not in self.order:
            # Not by its number: one that was born is first taken with its second attempt where a kill came between.
            self.order.append(step.delivery.key.token)

    def _settle(self, one: Delivery, outcome: Outcome, jitter: float) -> None:
        with self._tx() as tx:
            self._take(units.settle(tx, self._context(), one, outcome, jitter))

    def _outcome(self, one: Delivery, fate: str) -> Outcome:
        if one.kind == "delete":
            assert one.parent is not None
            if fate in {"sent", "lost answer", "5xx after commit"} and one.parent.id in self.platform.published:
                self.platform.published.remove(one.parent.id)
                self.vouched.add(one.parent.id)
            return Sent(posted=None) if fate == "sent" else Uncertain(reason=fate)
        token = one.key.token
        match fate:
            case "sent":
                return Sent(posted=self.platform.publish(token, self.now))
            case "lost answer" | "5xx after commit":
                self.platform.publish(token, self.now)
                return Uncertain(reason=fate, answered=fate.startswith("5xx"))
            case "hangs late":
                self._late(token)
                return Uncertain(reason="timeout")
            case "5xx" | "hangs":
                return Uncertain(reason=fate, answered=fate == "5xx")
            case "refused":
                return Refused(reason="no")
            case "unauthorized":
                return Unauthorized(reason="who are you?")
            case _:
                return Unavailable(reason="connection refused")

    def _late(self, token: str) -> None:
        """The server goes on working on an abandoned request, and publishes just before its time is over."""
        if token not in self.platform.published:
            self.platform.late.append((self.now + SETTLE_AFTER - SEC, token))

    def _posted(self, one: Delivery) -> Posted:
        return Posted(id=PostId(one.key.token), url=f"https://mastodon.example/{one.key.token}")

    def _all(self, tx: Tx) -> list[Delivery]:
        found: list[Delivery] = []
        entry = 1
        while (stored := posts.get(tx, _entry(entry))) is not None:
            found += outbox.of_post(tx, stored.id)
            entry += 1
        return found

    def _run_dry(self) -> None:
        """The platform is well again, and nobody interferes: everything comes to an end."""
        self.panic(on=False)
        for _ in range(400):
            match self.pending:
                case Attempt():
                    self.attempt("sent", 0.0)
                case LookFor():
                    self.look(works=True, jitter=0.0)
                case None:
                    self.claim()
                    if self.pending is None and not self._open():
                        self.pass_time(int(SETTLE_AFTER / SEC) + 1)
                        self.states_say_the_truth()
                        return
                    if self.pending is None:
                        self.pass_time(10)
        raise AssertionError("the lane does not come to an end")

    def _open(self) -> bool:
        with self._tx() as tx:
            return any(
                one.state in {State.READY, State.SENDING, State.UNCERTAIN}
                or (one.state is State.HELD and Hold.UNDO in one.held)
                for one in self._all(tx)
            )

    def _judge(self) -> None:
        """At the end: what is sent is there, once, in the order of first attempts, but for what a person sent again."""
        with self._tx() as tx:
            rows = {one.key.token: one for one in self._all(tx) if one.kind == "post"}
        self.nothing_is_doubled()
        for token, one in rows.items():
            if one.state is State.SENT and token not in self.vouched:
                assert token in self.platform.published
            if one.unwanted and one.state is State.SENT and token not in self.vouched:
                raise AssertionError("taken back, found, and not deleted")
        straight = [token for token in self.platform.published if token not in self.rejoined | self.vouched]
        expected = [token for token in self.order if token in straight]
        unasked = [token for token in straight if rows[token].state is State.SENT]
        assert unasked == [token for token in expected if token in unasked]


_BEFORE = {State.HELD, State.READY, State.SENDING, State.UNCERTAIN}


def _entry(number: int) -> posts.EntryId:
    return posts.EntryId(number)


class NoKeys(OutboxMachine):
    """A platform that remembers no keys and can be searched."""

    keeps_keys = False


class NoFind(OutboxMachine):
    """A platform that remembers keys and can't be searched."""

    finds = False


class Neither(OutboxMachine):
    """A platform that leaves every doubt to people."""

    keeps_keys = False
    finds = False


SETTINGS = settings(
    max_examples=25,
    stateful_step_count=40,
    deadline=None,
    # Without shrinking, which takes minutes here: a failure shows its steps all the same.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=(HealthCheck.too_slow,),
)
pytestmark = pytest.mark.timeout(300)

TestOutboxMachine = OutboxMachine.TestCase
TestNoKeys = NoKeys.TestCase
TestNoFind = NoFind.TestCase
TestNeither = Neither.TestCase
TestOutboxMachine.settings = TestNoKeys.settings = TestNoFind.settings = TestNeither.settings = SETTINGS
