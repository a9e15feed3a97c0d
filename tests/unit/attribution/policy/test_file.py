"""Which policy an order gets, and what is wrong with a policy file: one sentence a rule."""

from datetime import UTC, datetime

import pytest

from services.attribution.domain.policy import BRAND, SHOP
from services.attribution.policy.file import POLICY_FILE, PolicyFileRefused, read_policy_file
from services.kernel.errors import StartRefused
from services.kernel.time import DAY, HOUR, to_micros
from services.runtime.settings import settings
from tests.kit.attribution_words import payment

HEAD = """revision = 3
[horizons]
candidate_window_days = 15
touch_lateness_days = 3
order_lateness_days = 15
order_memory_days = 180
"""
NOVEMBER, DECEMBER = (to_micros(datetime(2026, month, 1, tzinfo=UTC)) for month in (11, 12))


def entry(name, **more):
    """A [[policies]] table; values are TOML."""
    words = {
        "name": f'"{name}"',
        "model": '"last_click"',
        "widest_scope": '"brand"',
        "window_hours": "{ click = 360, code = 360, view = 24 }",
        **more,
    }
    return "[[policies]]\n" + "".join(f"{key} = {value}\n" for key, value in words.items())


def month(number):
    return f"2026-{number}-01T00:00:00Z"


@pytest.fixture
def written(tmp_path):
    def write(*entries, head=HEAD):
        path = tmp_path / "policies.toml"
        path.write_text(head + "".join(entries))
        return path

    return write


@pytest.fixture
def problems(written):
    def found(*entries, head=HEAD):
        with pytest.raises(PolicyFileRefused) as refused:
            read_policy_file(written(*entries, head=head))
        return refused.value.problems

    return found


def name_at(path, paid_at, platform="douyin"):
    return read_policy_file(path).rules.policy_of(payment(at=paid_at)._replace(platform=platform)).name


def test_the_shipped_policy_is_last_click_to_brand_scope_for_every_platform():
    rules, horizons = read_policy_file(POLICY_FILE)
    [(_, policy)] = rules.everywhere
    assert (rules.revision, rules.platforms, policy.model, policy.widest_scope) == (1, {}, "last_click", BRAND)
    assert policy.windows == {"click": 15 * DAY, "code": 15 * DAY, "view": 24 * HOUR}
    assert policy.content_windows == {"live": 24 * HOUR}
    assert horizons == (15 * DAY, 3 * DAY, 15 * DAY, 180 * DAY)


def test_a_policy_holds_from_its_first_microsecond_to_the_last_before_the_next(written):
    path = written(entry("old"), entry("new", effective_from=month(11)))
    assert [name_at(path, at) for at in (0, NOVEMBER - 1, NOVEMBER, NOVEMBER * 2)] == ["old", "old", "new", "new"]


def test_the_order_of_the_policies_in_the_file_does_not_matter(written):
    path = written(entry("new", effective_from=month(11)), entry("old"))
    assert [name_at(path, at) for at in (NOVEMBER - 1, NOVEMBER)] == ["old", "new"]


def test_a_platform_has_its_own_policy_and_the_others_the_default(written):
    path = written(entry("all"), entry("own", platforms='["douyin", "taobao"]'))
    assert [name_at(path, NOVEMBER, word) for word in ("douyin", "taobao", "kuaishou")] == ["own", "own", "all"]


def test_outside_its_own_policies_a_platform_has_the_default_of_that_time(written):
    own = entry("own", platforms='["douyin"]', effective_from=month(11), effective_to=month(12))
    path = written(entry("old"), entry("new", effective_from="2026-11-15T00:00:00Z"), own)
    times = (NOVEMBER - 1, NOVEMBER, DECEMBER - 1, DECEMBER)
    assert [name_at(path, at) for at in times] == ["old", "own", "own", "new"]
    assert [name_at(path, at, "taobao") for at in times] == ["old", "old", "new", "new"]


def test_a_policys_scope_and_windows_are_its_own(written):
    path = written(entry("a", widest_scope='"shop"', content_window_hours="{ video = 2 }"))
    [(_, policy)] = read_policy_file(path).rules.everywhere
    assert (policy.widest_scope, policy.content_windows) == (SHOP, {"video": 2 * HOUR})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model": '"lucky"'}, ("policies[1] (a).model: 'lucky' is none of last_click, first_click, linear, "
                               "position_based, time_decay")),
        ({"mood": '"good"'}, "policies[1] (a).mood: there is no such key"),
        ({"widest_scope": '"planet"'}, "policies[1] (a).widest_scope: Input should be 'product', 'shop' or 'brand'"),
        ({"window_hours": "{ click = 1, code = 1 }"}, "policies[1] (a).window_hours.view: is missing"),
        ({"window_hours": "{ click = 0, code = 1, view = 1 }"},
         "policies[1] (a).window_hours.click: Input should be greater than or equal to 1"),
        ({"content_window_hours": "{ radio = 1 }"}, ("policies[1] (a).content_window_hours.radio: Input should be "
                                                    "'video', 'live', 'note', 'shop_window' or 'link'")),
        ({"content_window_hours": "{ note = 361 }"}, ("policy 'a': content_window_hours.note of 361 h is longer than "
                                                     "horizons.candidate_window_days, 360 h")),
        ({"window_hours": "{ click = 361, code = 1, view = 1 }"}, ("policy 'a': window_hours.click of 361 h is longer "
                                                                  "than horizons.candidate_window_days, 360 h")),
        ({"platforms": '["Douyin"]'}, ("policies[1] (a).platforms.0: String should match pattern "
                                      "'^[a-z][a-z0-9_]{0,31}$'")),
        ({"effective_from": "2026-11-01T00:00:00"},
         "policies[1] (a).effective_from: Input should have timezone info"),
    ],
)  # fmt: skip
def test_each_wrong_word_of_a_policy_is_one_sentence(problems, changes, sentence):
    assert problems(entry("a", **changes)) == [sentence]


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        (
            [entry("a"), entry("b")],
            "policies 'a' and 'b' overlap as defaults: both hold at the very beginning",
        ),
        (
            [entry("a", effective_to=month(12)), entry("b", effective_from=month(11))],
            "policies 'a' and 'b' overlap as defaults: both hold at 2026-11-01T00:00:00Z",
        ),
        (
            [entry("a"), entry("b", platforms='["x", "y"]'), entry("c", platforms='["y"]')],
            "policies 'b' and 'c' overlap on y: both hold at the very beginning",
        ),
        (
            [entry("a", effective_from=month(11))],
            "no default policy holds before 2026-11-01T00:00:00Z: the first one has no effective_from",
        ),
        (
            [entry("a", effective_to=month(11)), entry("b", effective_from=month(12))],
            "no default policy holds from 2026-11-01T00:00:00Z to 2026-12-01T00:00:00Z",
        ),
        (
            [entry("a", effective_to=month(11))],
            "no default policy holds from 2026-11-01T00:00:00Z on: the last one has no effective_to",
        ),
        (
            [entry("a", platforms='["x"]')],
            "no policy is for every platform: one without `platforms` must be the default",
        ),
        (
            [entry("a"), entry("b", platforms='["x"]', effective_from=month(12), effective_to=month(11))],
            "policy 'b' ends at 2026-11-01T00:00:00Z, which is not after its beginning",
        ),
        (
            [entry("a"), entry("a", platforms='["x"]')],
            "policies: the name 'a' is given twice",
        ),
        ([], "policies: wants one [[policies]] at least"),
    ],
)
def test_policies_that_overlap_or_leave_gaps_are_one_sentence(problems, entries, sentence):
    assert problems(*entries) == [sentence]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("revision = 3", "", "revision: Input should be a valid integer"),
        ("revision = 3", "revision = 3\nmood = 1", "mood: there is no such key"),
        ("touch_lateness_days = 3", "", "horizons.touch_lateness_days: is missing"),
        ("memory_days = 180", "memory_days = 390", "commerce.orders.v1 is kept 400 d, the horizons need 405 d"),
    ],
)
def test_each_wrong_word_outside_the_policies_is_one_sentence(problems, old, new, sentence):
    assert problems(entry("a"), head=HEAD.replace(old, new)) == [sentence]


def test_all_problems_of_a_file_are_found_at_once(problems):
    found = problems(
        entry("a", model='"lucky"', mood="1"), entry("b"), entry("b"), head=HEAD.replace("revision = 3", "revision = 0")
    )
    assert len(found) == 5


def test_a_file_that_is_missing_or_no_toml_is_a_sentence(tmp_path, problems):
    assert problems(head="revision = ")[0].startswith("it is no TOML: ")
    with pytest.raises(StartRefused, match="cannot be read: No such file"):
        read_policy_file(tmp_path / "none.toml")


def test_the_setting_names_the_file(written, monkeypatch):
    monkeypatch.setenv("KOC_POLICY_FILE", str(written(entry("mine"))))
    settings.cache_clear()
    try:
        assert read_policy_file().rules.everywhere[0][1].name == "mine"
    finally:
        settings.cache_clear()
