"""Under which terms a store is carried on."""

import msgspec
import pytest

from services.attribution.domain import policy
from services.attribution.domain.horizons import Horizons, Watermarks
from services.attribution.state import keys
from services.attribution.state.metadata import Meta, StoreTerms, decode_meta
from services.attribution.state.store import Store
from services.kernel.errors import StartRefused
from services.kernel.time import DAY
from tests.kit.attribution_words import RULES

TERMS = StoreTerms.now(3, {"clicks": "id-1", "orders": "id-2"}, Horizons(), RULES)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"topic_ids": {"clicks": "id-9", "orders": "id-2"}}, "clicks was deleted and made again"),
        ({"horizons": Horizons(touch_lateness=DAY)}, "restore the horizons"),
        ({"rules_sha256": "1" * 64}, "needs a higher `revision`"),
        ({"revision": 0}, "needs a higher `revision`"),
        ({"domain_version": policy.DOMAIN_VERSION + 1}, "needs a higher `revision`"),
        ({"format_version": keys.FORMAT_VERSION + 1}, "let it be rebuilt"),
        ({"partition": 4}, "let it be rebuilt"),
    ],
)
def test_a_store_of_other_terms_is_refused_with_a_sentence(reopen, change, words):
    store = Store(reopen(), TERMS, RULES)
    store.write(store.take())
    now = {name: getattr(TERMS, name) for name in TERMS.__struct_fields__} | change
    with pytest.raises(StartRefused, match=words):
        Store(reopen(), StoreTerms(**now), RULES)


def test_metadata_with_fields_of_a_later_version_is_read_and_one_of_another_layout_is_refused():
    meta = msgspec.to_builtins(Meta(TERMS, {"clicks": 4}, Watermarks()))
    later = meta | {"added": 1, "terms": meta["terms"] | {"added": 2}}
    assert decode_meta(msgspec.msgpack.encode(later)) == Meta(TERMS, {"clicks": 4}, Watermarks())
    with pytest.raises(StartRefused, match="start the version that wrote it"):
        decode_meta(msgspec.msgpack.encode(meta | {"terms": "elsewhere"}))


def test_a_greater_revision_publishes_everything_again(reopen):
    store = Store(reopen(), TERMS, RULES)
    store.write(store.take())
    assert not Store(reopen(), TERMS, RULES).must_publish_all
    newer = StoreTerms.now(3, TERMS.topic_ids, TERMS.horizons, RULES._replace(revision=2, sha256="2" * 64))
    assert Store(reopen(), newer, RULES).must_publish_all
