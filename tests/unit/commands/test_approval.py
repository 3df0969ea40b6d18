from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.domain.people import Role
from bridge.domain.posts import Visibility
from bridge.settings.rules import ApprovalSettings, PolicySettings, RuleSettings
from tests.unit.commands.approving import ANA, RAJ, ROOM, SECOND_ROOM, TOM, react, reasons, state, tell

if TYPE_CHECKING:
    from tests.unit.commands.conftest import Bench


@pytest.fixture
def asking(bench: Bench) -> Bench:
    """Posts to x need a second person."""
    policy = PolicySettings(approval=(ApprovalSettings(accounts=("x",)),))
    bench.configure(policy=policy)
    return bench


async def test_author_room_and_approvers_are_told_with_the_rule_and_the_text(asking: Bench) -> None:
    assert await tell(asking, "!post We are on it") == {
        ROOM: (
            "[1] waits for approval (posts to x need a second person): an approver's `!approve 1` sends it, "
            "`!reject 1 WHY` sends it back; `!undo 1` takes it back. 12 characters: mastodon ok, x ok (can't be edited "
            "or deleted)."
        ),
        SECOND_ROOM: (
            "[1] raj asks for approval (posts to x need a second person): 12 characters: mastodon ok, x ok. "
            "`!approve 1` or ✅ sends it, `!reject 1 WHY` or ❌ sends it back\n| We are on it"
        ),
        ANA: (
            "[1] raj asks for approval (posts to x need a second person): 12 characters: mastodon ok, x ok. "
            "`approve 1` or ✅ sends it, `reject 1 WHY` or ❌ sends it back\n| We are on it"
        ),
        TOM: (
            "[1] raj asks for approval (posts to x need a second person): 12 characters: mastodon ok, x ok. "
            "`approve 1` or ✅ sends it, `reject 1 WHY` or ❌ sends it back\n| We are on it"
        ),
    }
    assert await reasons(asking) == [{"undo", "approval"}] * 2


async def test_where_no_rule_applies_nothing_is_asked(asking: Bench) -> None:
    assert list(await tell(asking, "!to mastodon post We are on it")) == [ROOM]
    assert await reasons(asking) == [{"undo"}]
    assert await state(asking) is None


@pytest.mark.parametrize("word", ["send 1", "send"])
async def test_its_author_cannot_free_it(asking: Bench, word: str) -> None:
    await tell(asking, "!post We are on it")
    told = await tell(asking, f"!{word}")
    assert told[ROOM].splitlines()[-1] == (
        "[1] waits for approval (posts to x need a second person): only an approver who didn't write it can send it. "
        "Nothing was posted."
    )
    assert await reasons(asking) == [{"approval"}] * 2
    assert "only an approver who didn't write it" in (await tell(asking, "!send 1"))[ROOM]
    assert await reasons(asking) == [{"approval"}] * 2


async def test_an_approver_sends_it_and_everybody_who_was_asked_hears_of_it(asking: Bench) -> None:
    await tell(asking, "!post We are on it")
    await tell(asking, "!send 1")
    told = await tell(asking, "approve 1", who="tom", room=None)
    words = "[1] is approved by tom, and goes out now"
    assert sorted(told.pop(ROOM).splitlines()) == [words, "[1] mastodon on its way · x on its way"]
    assert told == dict.fromkeys((ANA, TOM, SECOND_ROOM), words)
    assert await asking.states(1) == {"mastodon": ["ready"], "x": ["ready"]}
    assert (TOM, "approve", 1, None, "version 1") in await asking.audited()


async def test_approval_and_undo_window_combine(asking: Bench) -> None:
    await tell(asking, "!post We are on it")
    told = await tell(asking, "!approve 1", who="tom")
    assert "[1] is approved by tom, and goes out when it can't be undone any more" in told[ROOM]
    assert await reasons(asking) == [{"undo"}] * 2
    assert (await tell(asking, "!undo 1"))[ROOM].endswith("[1] cancelled. Nothing was posted.")


async def test_nobody_approves_what_they_wrote(asking: Bench) -> None:
    await tell(asking, "!post We are on it", who="tom")
    for word in ("approve", "reject"):
        assert (await tell(asking, f"!{word} 1", who="tom"))[ROOM] == (
            "[1] was written or edited by you, so somebody else has to decide. Nothing was changed."
        )
    assert await reasons(asking) == [{"undo", "approval"}] * 2
    assert "is approved by ana" in (await tell(asking, "!approve 1", who="ana"))[ROOM]


async def test_nobody_approves_what_they_edited(asking: Bench) -> None:
    await tell(asking, "!post We are on it")
    await tell(asking, "!edit 1 We are at it", who="tom")
    await tell(asking, "!edit 1 We really are at it", who="raj")
    assert "was written or edited by you" in (await tell(asking, "!approve 1 3", who="tom"))[ROOM]
    assert "is approved by ana" in (await tell(asking, "!approve 1 3", who="ana"))[ROOM]


async def test_an_edit_asks_again_and_voids_an_earlier_approval(asking: Bench) -> None:
    await tell(asking, "!post We are on it")
    await tell(asking, "!approve 1", who="tom")
    told = await tell(asking, "!edit 1 We are not on it")
    assert await reasons(asking) == [{"undo", "approval"}] * 2
    ask = (
        "[1] (version 2) raj asks for approval (posts to x need a second person): 16 characters: mastodon ok, x ok. "
        "`!approve 1 2` or ✅ sends it, `!reject 1 WHY` or ❌ sends it back\n| We are not on it"
    )
    assert ask in told[ROOM]
    assert told[TOM] == ask.replace("`!", "`")
    assert "is approved by tom" in (await tell(asking, "!approve 1 2", who="tom"))[ROOM]


async def test_an_approval_that_crosses_an_edit_does_not_count(asking: Bench) -> None:
    await tell(asking, "!post We are on it")
    await tell(asking, "!edit 1 We are not on it")
    told = await tell(asking, "!approve 1", who="tom")
    assert told == {
        ROOM: (
            "[1] was changed since version 1, so that doesn't count: `!approve 1 2` sends what it says now. "
            "Nothing was posted.\n| We are not on it"
        )
    }
    assert await reasons(asking) == [{"undo", "approval"}] * 2
    told = await react(asking, "✅", "[1] raj asks", TOM, who="tom")
    assert told[TOM].startswith("[1] was changed since version 1")
    told = await react(asking, "❌", "[1] raj asks", TOM, who="tom")
    assert told[TOM].startswith("[1] was changed since version 1")
    assert "is approved by tom" in (await react(asking, "✅", "version 2", TOM, who="tom"))[TOM]


async def test_reactions_on_the_line_decide(asking: Bench) -> None:
    await tell(asking, "!post one")
    await tell(asking, "!post two")
    told = await react(asking, "✅", "[1] waits for approval", who="tom")
    assert "[1] is approved by tom" in told[ROOM]
    told = await react(asking, "❌", "[2] raj asks", ANA, who="ana")
    assert told[ANA] == "[2] is rejected by ana. Nothing was posted."
    assert await asking.states(2) == {"mastodon": ["cancelled"], "x": ["cancelled"]}


async def test_a_reaction_by_who_may_not_does_not_count(asking: Bench) -> None:
    await tell(asking, "!post We are on it", who="ana")
    told = await react(asking, "✅", "[1] waits", who="raj")
    assert told == {ROOM: "`!approve` needs the role approver; you are staff. Nothing was posted."}
    assert await react(asking, "✅", "[1] waits", who="eve", affiliation="none") == {}
    assert await react(asking, "✅", "[1] waits", who="tom", affiliation="outcast") == {}
    assert await reasons(asking) == [{"undo", "approval"}] * 2


async def test_a_reaction_to_a_post_that_needs_nobody_is_between_colleagues(asking: Bench) -> None:
    await tell(asking, "!to mastodon post We are on it")
    assert await react(asking, "✅", "[1]", who="tom") == {}


async def test_the_role_is_that_of_the_moment(asking: Bench) -> None:
    await tell(asking, "!post We are on it")
    await tell(asking, "role revoke approver tom@example.org", who="ana", room=None)
    assert "needs the role approver" in (await tell(asking, "!approve 1", who="tom"))[ROOM]
    assert await reasons(asking) == [{"undo", "approval"}] * 2


async def test_of_two_approvers_one_counts_and_the_other_is_told(asking: Bench) -> None:
    await tell(asking, "!post We are on it")
    await tell(asking, "!approve 1", who="tom")
    assert (await tell(asking, "!approve 1", who="ana"))[ROOM] == (
        "[1] was approved already, by tom. Nothing was changed."
    )
    assert (await tell(asking, "!reject 1 no", who="ana"))[ROOM] == (
        "[1] was approved already, by tom. Nothing was changed."
    )
    told = await react(asking, "✅", "[1] raj asks", ANA, who="ana")
    assert told[ANA] == "[1] was approved already, by tom. Nothing was changed."


async def test_what_was_taken_back_cannot_be_approved(asking: Bench) -> None:
    await tell(asking, "!post We are on it")
    await tell(asking, "!undo 1")
    assert (await tell(asking, "!approve 1", who="tom"))[ROOM] == (
        "[1] was taken back, so there is nothing to decide. Nothing was changed."
    )
    assert await asking.states(1) == {"mastodon": ["cancelled"], "x": ["cancelled"]}


async def test_a_rejection_tells_its_reason_to_the_author(asking: Bench) -> None:
    await tell(asking, "We are on it", room=None)
    told = await tell(asking, "!reject 1 Say since when.", who="tom")
    words = "[1] is rejected by tom: Say since when. Nothing was posted."
    assert words in told[RAJ].splitlines()
    assert told[ROOM] == words
    assert await asking.states(1) == {"mastodon": ["cancelled"], "x": ["cancelled"]}
    assert (
        TOM,
        "reject",
        1,
        None,
        "version 1: Say since when",
    ) in await asking.audited()


@pytest.mark.parametrize("word", ["approve", "reject"])
async def test_what_is_no_draft(asking: Bench, word: str) -> None:
    (item,) = await asking.hears("Help!")
    assert (await tell(asking, f"!{word} {item.id:x}", who="tom"))[ROOM] == (
        "[1] is what somebody said to us. Nothing was changed."
    )
    await tell(asking, "!to mastodon post We are on it")
    assert (await tell(asking, f"!{word} 2", who="tom"))[ROOM] == "[2] needs nobody's approval. Nothing was changed."


async def test_answers_need_it_too_and_private_ones_go_to_no_room_that_must_not_hear(bench: Bench) -> None:
    bench.configure(policy=PolicySettings(approval=(ApprovalSettings(accounts=("mastodon",)),)))
    (item,) = await bench.hears("Help!", visibility=Visibility.DIRECT)
    told = await tell(bench, f"!r {item.id:x} We are on it")
    assert set(told) == {ROOM, ANA, TOM}
    assert told[TOM] == (
        "[2->1] raj asks for approval (posts to mastodon need a second person): to @kim, private, from mastodon, "
        "as raj. `approve 2` or ✅ sends it, `reject 2 WHY` or ❌ sends it back\n| We are on it"
    )
    assert "[2->1] is approved by tom" in (await tell(bench, "approve 2", who="tom", room=None))[ROOM]


async def test_a_repetition_needs_it_too(bench: Bench) -> None:
    bench.configure(policy=PolicySettings(approval=(ApprovalSettings(accounts=("mastodon",)),)))
    (item,) = await bench.hears("Help!")
    told = await tell(bench, f"!rt {item.id:x}")
    assert "waits for approval (posts to mastodon need a second person)" in told[ROOM]
    assert "repeat of what @kim@mastodon.example said, on mastodon" in told[TOM]
    assert await reasons(bench, 2) == [{"undo", "approval"}]
    assert "[2->1] is approved by tom" in (await tell(bench, "!approve 2", who="tom"))[ROOM]
    assert await reasons(bench, 2) == [{"undo"}]


async def test_what_waits_for_its_time_is_approved_for_it(asking: Bench) -> None:
    told = await tell(asking, "!at in 1h We are on it")
    assert "waits for approval" in told[ROOM]
    assert "It is for" in told[ROOM]
    told = await tell(asking, "!approve 1", who="tom")
    assert "[1] is approved by tom, and goes out at its time" in told[ROOM]
    assert await reasons(asking) == [{"schedule"}] * 2


# What waits for a second word of its author.


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("look at 10.0.0.7", "it seems to have a private address in it"),
        ("@a @b @c", "it mentions 3 people, more than 2"),
    ],
)
async def test_a_suspicion_waits_for_a_second_word_of_its_author(bench: Bench, text: str, why: str) -> None:
    bench.configure(policy=PolicySettings(mentions=2))
    told = await tell(bench, f"!post {text}")
    assert list(told) == [ROOM]
    assert told[ROOM].startswith(
        f"[1] held: {why}. `!send 1` posts it all the same, `!undo 1` takes it back, or correct your message. "
    )
    assert await reasons(bench) == [{"undo", "policy"}] * 2
    assert "waits for a word of its author alone" in (await tell(bench, "!send 1", who="ana"))[ROOM]
    assert "[1] goes out now" in (await tell(bench, "!send 1"))[ROOM]
    assert await bench.states(1) == {"mastodon": ["ready"], "x": ["ready"]}


async def test_approvers_see_a_suspicion_only_after_its_author_has_sent_it(asking: Bench) -> None:
    told = await tell(asking, "!post look at 10.0.0.7")
    assert list(told) == [ROOM]
    assert "`!send 1` asks for approval (posts to x need a second person)" in told[ROOM]
    assert "waits for a word of its author, raj, first" in (await tell(asking, "!approve 1", who="tom"))[ROOM]
    told = await tell(asking, "!send 1")
    assert set(told) == {ROOM, SECOND_ROOM, ANA, TOM}
    assert "is approved by tom, and goes out now" in (await tell(asking, "!approve 1", who="tom"))[ROOM]


async def test_a_doubtful_line_says_both(asking: Bench) -> None:
    told = await tell(asking, "fav 10.0.0.7", room=None)
    assert list(told) == [RAJ]
    assert "it seems to have a private address in it" in told[RAJ]
    told = await tell(asking, "send", room=None)
    assert set(told) == {RAJ, ROOM, SECOND_ROOM, ANA, TOM}
    assert await reasons(asking) == [{"approval"}] * 2


async def test_what_is_forbidden_is_refused_and_what_to_do_is_said(bench: Bench) -> None:
    bench.configure(policy=PolicySettings(forbidden={"a number": r"K-\d+"}))
    refused = {ROOM: 'It has "a number" in it, which is never published: take it out. Nothing was posted.'}
    assert await tell(bench, "!post K-12 waits") == refused
    assert await tell(bench, "!cw K-12: post It waits") == refused
    await tell(bench, "!post It waits")
    assert await tell(bench, "!edit 1 K-12 waits") == refused


async def test_the_rules_of_a_room_and_of_an_account_count_there(bench: Bench) -> None:
    rules = RuleSettings(approval=(ApprovalSettings(),))
    accounts = {**bench.settings.accounts, "x": bench.settings.accounts["x"].model_copy(update={"policy": rules})}
    first, second = bench.settings.rooms
    rooms = (first, second.model_copy(update={"policy": RuleSettings(required={"a page": "https"})}))
    bench.configure(accounts=accounts, rooms=rooms)
    assert "waits for approval (posts to x need a second person)" in (await tell(bench, "!post one"))[ROOM]
    await tell(bench, "!to mastodon post two")
    assert await reasons(bench, 2) == [{"undo"}]
    told = await tell(bench, "!post three", room=SECOND_ROOM, affiliation="member")
    assert told[SECOND_ROOM].startswith('It lacks "a page", which every post needs: put it in.')


async def test_an_approver_who_edits_what_staff_wrote_is_no_second_person(bench: Bench) -> None:
    bench.configure(policy=PolicySettings(approval=(ApprovalSettings(roles=(Role.STAFF,)),)))
    await tell(bench, "!post by tom", who="tom")
    assert await state(bench) is None
    await tell(bench, "!post by raj")
    await tell(bench, "!edit 2 by raj, and tom", who="tom")
    assert await reasons(bench, 2) == [{"undo", "approval"}] * 2
    assert "was written or edited by you" in (await tell(bench, "!approve 2 2", who="tom"))[ROOM]
