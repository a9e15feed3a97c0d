"""A Grafana that runs somewhere on this machine: our dashboards provisioned through its API, and every query asked.

Everything goes to a folder and a datasource that are made for it and removed again; nothing of others is touched.
Set KOC_GRAFANA_URL, and KOC_GRAFANA_TOKEN (a service account of the role Admin) or KOC_GRAFANA_PASSWORD (of admin).
"""

import base64
import copy
import ipaddress
import json
import os
import socket
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from deploy.grafana.boards import BOARDS
from tests.ops.dashboards import filled, is_healthy

URL, TOKEN, PASSWORD = "KOC_GRAFANA_URL", "KOC_GRAFANA_TOKEN", "KOC_GRAFANA_PASSWORD"
_SECONDS = 20


class GrafanaError(Exception):
    """Grafana's answer was not what the API promises; the message has its words."""


@dataclass(frozen=True)
class Frame:
    """One series as Grafana returns it: its name in the legend, and its values in order of time."""

    name: str
    values: list[float]


@dataclass(frozen=True)
class Provisioned:
    """Our dashboards in a Grafana.

    Attributes:
        dashboards: uid of ours -> the dashboard as Grafana has stored it.
        source: the uid of the datasource that they ask.
    """

    source: str
    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Grafana:
    """A Grafana's HTTP API.

    Args:
        url: of a loopback address.
        authorization: the header's value.
    """

    url: str
    authorization: str

    @contextmanager
    def provisioned(self, prometheus: str, boards: Mapping[str, dict[str, Any]]) -> Iterator[Provisioned]:
        """Within the block, the dashboards are there and ask this Prometheus; afterwards nothing is left.

        Args:
            prometheus: its address, as Grafana reaches it.
            boards: name -> JSON.

        Raises:
            GrafanaError: it takes something not as the API promises.
        """
        mark = f"koc-test-{uuid.uuid4().hex[:12]}"
        with ExitStack() as ends:
            source = {"name": mark, "uid": mark, "type": "prometheus", "access": "proxy", "url": prometheus}
            self._call("POST", "/api/datasources", {**source, "jsonData": {"timeInterval": "1s"}})
            ends.callback(self._call, "DELETE", f"/api/datasources/uid/{mark}")
            self._call("POST", "/api/folders", {"uid": mark, "title": mark})
            ends.callback(self._call, "DELETE", f"/api/folders/{mark}?forceDeleteRules=true")
            found = Provisioned(mark)
            for board in boards.values():
                uid = f"{mark}-{board['uid']}"[:40]
                moved = {**_asking(board, mark), "uid": uid, "id": None}
                self._call("POST", "/api/dashboards/db", {"dashboard": moved, "folderUid": mark, "overwrite": False})
                found.dashboards[board["uid"]] = self._call("GET", f"/api/dashboards/uid/{uid}")["dashboard"]
            yield found

    def frames(self, target: Mapping[str, Any], since: float, until: float) -> list[Frame]:
        """What a panel's query returns; times are Unix times.

        Raises:
            GrafanaError: the query failed.
        """
        query = {**target, "expr": filled(target["expr"]), "range": True, "instant": False}
        query |= {"intervalMs": 1000, "maxDataPoints": 1000, "format": "time_series"}
        asked = {"queries": [query], "from": str(round(since * 1000)), "to": str(round(until * 1000))}
        result = self._call("POST", "/api/ds/query", asked)["results"][target["refId"]]
        if "error" in result or result.get("status", 200) != 200:
            raise GrafanaError(f"{target['expr']}: {result.get('error', result)}")
        return [_frame(frame) for frame in result["frames"] if frame["data"]["values"]]

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - a loopback address, checked by `grafana`
            self.url + path,
            None if body is None else json.dumps(body).encode(),
            {"Authorization": self.authorization, "Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - as above
                return dict(json.load(answer))
        except urllib.error.HTTPError as refused:
            raise GrafanaError(f"{method} {path}: {refused.code} {refused.read().decode()[:300]}") from None


def grafana(environment: Mapping[str, str] = os.environ) -> Grafana | None:
    """The Grafana that the environment names; None if it names none.

    Raises:
        GrafanaError: it is not on this machine, or there is nothing to log in with.
    """
    if not (url := environment.get(URL, "").rstrip("/")):
        return None
    host = urllib.parse.urlsplit(url).hostname or ""
    if not ipaddress.ip_address(socket.gethostbyname(host)).is_loopback:
        raise GrafanaError(f"{URL} is {url}: tests ask only a Grafana on this machine")
    if token := environment.get(TOKEN):
        return Grafana(url, f"Bearer {token}")
    if password := environment.get(PASSWORD):
        return Grafana(url, f"Basic {base64.b64encode(f'admin:{password}'.encode()).decode()}")
    raise GrafanaError(f"{URL} is set, and neither {TOKEN} nor {PASSWORD}")


def problems_in(
    client: Grafana, prometheus: str, boards: Mapping[str, dict[str, Any]], since: float, until: float
) -> list[str]:
    """What is wrong when a Grafana shows the boards: refused queries, values of another sign, legends without names.

    Args:
        client: where they are provisioned.
        prometheus: its address, as Grafana reaches it.
        boards: name -> JSON.
        since: the time range is from here, Unix time.
        until: to here.
    """
    found = []
    with client.provisioned(prometheus, boards) as stored:
        for board in BOARDS:
            shown = {panel["title"]: panel for panel in stored.dashboards[board.uid]["panels"]}
            for panel in board.panels:
                for query, target in zip(panel.queries, shown[panel.title]["targets"], strict=True):
                    what = f"{board.name}: {panel.title}: {query.legend}"
                    try:
                        frames = client.frames(target, since, until)
                    except GrafanaError as problem:
                        found.append(f"{what}: {problem}")
                        continue
                    last = [frame.values[-1] for frame in frames]
                    if not is_healthy(query.healthy, last):
                        found.append(f"{what}: {last} instead of {query.healthy.value}")
                    found += [f"{what}: a series without a name" for frame in frames if not frame.name.strip()]
    return found


def _asking(board: Mapping[str, Any], source: str) -> dict[str, Any]:
    """A copy of a dashboard that asks another datasource, everywhere."""
    moved = copy.deepcopy(dict(board))
    waiting: list[Any] = [moved]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if "datasource" in node:
                node["datasource"] = {"type": "prometheus", "uid": source}
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
    return moved


def _frame(frame: Mapping[str, Any]) -> Frame:
    """A frame of two fields, time and value, as one series."""
    _, described = frame["schema"]["fields"]
    _, values = frame["data"]["values"]
    name = described.get("config", {}).get("displayNameFromDS", "")
    return Frame(name, [float(value) for value in values if value is not None])
