"""How dashboards are provisioned to a Grafana and asked through its API, shown on a server that speaks that part of it.

tests/ops/test_dashboards.py does the same with the Grafana at KOC_GRAFANA_URL.
"""

import re
from collections.abc import Iterator, Mapping

import pytest

from deploy.grafana.boards import BOARDS
from deploy.grafana.panel import Healthy, Query
from tests.ops.dashboards import COMMITTED, filled
from tests.ops.grafana import Frame, Grafana, GrafanaError, grafana, problems_in
from tests.ops.grafana_server import TOKEN, Answer, GrafanaState, grafana_server

PROMETHEUS = "http://127.0.0.1:9090"
Server = tuple[Grafana, GrafanaState]


def answered(expression: str) -> list[tuple[Mapping[str, str], list[float]]]:
    """Two series of what is asked; an error for an expression that Prometheus would not take."""
    if expression.count("(") != expression.count(")"):
        raise ValueError("parse error: unclosed left parenthesis")
    return [({"job": "poster"}, [1.0, 2.0]), ({"job": "relay"}, [3.0])]


@pytest.fixture
def server() -> Iterator[Server]:
    """The server, as its client."""
    with grafana_server(answered) as (url, state):
        known = grafana({"KOC_GRAFANA_URL": url + "/", "KOC_GRAFANA_TOKEN": TOKEN})
        assert known is not None
        yield known, state


def test_all_dashboards_are_provisioned_as_committed_and_gone_afterwards(server: Server) -> None:
    client, state = server
    with client.provisioned(PROMETHEUS, COMMITTED) as found:
        assert set(found.dashboards) == {board.uid for board in BOARDS}
        assert state.sources[found.source]["url"] == PROMETHEUS
        assert len(state.dashboards) == len(BOARDS)
        for board in COMMITTED.values():
            stored = found.dashboards[board["uid"]]
            titles = [panel["title"] for panel in stored["panels"]]
            assert titles == [panel["title"] for panel in board["panels"]]
            uids = {panel["datasource"]["uid"] for panel in stored["panels"] if "datasource" in panel}
            assert uids == {found.source}
    assert (state.sources, state.folders, state.dashboards) == ({}, {}, {})


def test_nothing_is_left_where_a_dashboard_is_refused(server: Server) -> None:
    client, state = server
    untitled = {**COMMITTED["money"], "title": ""}
    with (
        pytest.raises(GrafanaError, match=r"400 .*title cannot be empty"),
        client.provisioned(PROMETHEUS, {"money": untitled}),
    ):
        pass
    assert (state.sources, state.folders, state.dashboards) == ({}, {}, {})


def test_a_query_gives_a_frame_a_series_named_as_in_the_legend(server: Server) -> None:
    client, state = server
    with client.provisioned(PROMETHEUS, COMMITTED) as found:
        target = {"refId": "A", "expr": 'up{instance=~"$instance"}', "legendFormat": "job {{job}}"}
        target["datasource"] = {"type": "prometheus", "uid": found.source}
        frames = client.frames(target, 1_700_000_000, 1_700_000_060)
    assert frames == [Frame("job poster", [1.0, 2.0]), Frame("job relay", [3.0])]
    [asked] = state.queries
    assert asked["expr"] == 'up{instance=~".*"}'
    assert asked["range"] is True


def test_a_query_that_prometheus_does_not_take_is_a_problem_with_its_words(server: Server) -> None:
    client, _ = server
    with client.provisioned(PROMETHEUS, COMMITTED) as found:
        target = {"refId": "A", "expr": "sum(up", "legendFormat": "x", "datasource": {"uid": found.source}}
        with pytest.raises(GrafanaError, match="unclosed left parenthesis"):
            client.frames(target, 1_700_000_000, 1_700_000_060)


def test_a_wrong_token_is_a_problem_that_says_so(server: Server) -> None:
    client, state = server
    with (
        pytest.raises(GrafanaError, match=r"401 .*Invalid API key"),
        Grafana(client.url, "Bearer wrong").provisioned(PROMETHEUS, COMMITTED),
    ):
        pass
    assert state.sources == {}


def test_without_the_variable_there_is_no_grafana_and_with_half_of_it_a_sentence() -> None:
    assert grafana({}) is None
    with pytest.raises(GrafanaError, match="neither KOC_GRAFANA_TOKEN nor KOC_GRAFANA_PASSWORD"):
        grafana({"KOC_GRAFANA_URL": "http://127.0.0.1:3000"})
    with pytest.raises(GrafanaError, match="only a Grafana on this machine"):
        grafana({"KOC_GRAFANA_URL": "http://192.0.2.1:3000", "KOC_GRAFANA_TOKEN": "x"})
    basic = grafana({"KOC_GRAFANA_URL": "http://127.0.0.1:3000", "KOC_GRAFANA_PASSWORD": "secret"})
    assert basic == Grafana("http://127.0.0.1:3000", "Basic YWRtaW46c2VjcmV0")


def _labels(query: Query) -> dict[str, str]:
    return dict.fromkeys(re.findall(r"{{(\w+)}}", query.legend), "x")


def test_problems_are_named_for_each_query_that_is_refused_has_another_sign_or_no_name() -> None:
    queries = {filled(query.expression): query for board in BOARDS for panel in board.panels for query in panel.queries}
    values = {Healthy.ZERO: 0.0}

    def as_healthy(expression: str) -> list[tuple[Mapping[str, str], list[float]]]:
        query = queries[expression]
        return [(_labels(query), [values.get(query.healthy, 1.0)])]

    def problems(answer: Answer) -> list[str]:
        with grafana_server(answer) as (url, _):
            return problems_in(Grafana(url, f"Bearer {TOKEN}"), PROMETHEUS, COMMITTED, 1_700_000_000, 1_700_000_060)

    def refused(expression: str) -> list[tuple[Mapping[str, str], list[float]]]:
        if "trial_balance" in expression:
            raise ValueError("bad_data")
        return as_healthy(expression)

    assert problems(as_healthy) == []
    [only] = problems(refused)
    assert "Trial balance" in only
    assert "bad_data" in only
    asked = [query for board in BOARDS for panel in board.panels for query in panel.queries]
    nothing = problems(lambda _: [])
    assert len(nothing) == sum(query.healthy is not Healthy.NONE_OR_NATURAL for query in asked)
    zeros = problems(lambda expression: [(_labels(queries[expression]), [0.0])])
    assert len(zeros) == sum(query.healthy is Healthy.POSITIVE for query in asked)
    assert all("instead of greater than 0" in one for one in zeros)
    values[Healthy.ZERO] = 1.0
    ones = problems(as_healthy)
    assert len(ones) == sum(query.healthy is Healthy.ZERO for query in asked)
    nameless = problems(lambda _: [({}, [0.0])])
    assert any("a series without a name" in one for one in nameless)
