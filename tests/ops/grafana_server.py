"""The part of Grafana's HTTP API that `tests.ops.grafana` uses, on a loopback port, as strict as Grafana is.

Written as we know Grafana's API, which no test here can ask: datasource, folder, dashboard, and "query a data source".
"""

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "glsa_of_the_test"
Answer = Callable[[str], list[tuple[Mapping[str, str], list[float]]]]
"""PromQL -> series, each its labels and values."""


@dataclass
class GrafanaState:
    """What the server stores, and how it answers queries."""

    answer: Answer
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict)
    queries: list[dict[str, Any]] = field(default_factory=list)

    def handle(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and body of the answer to an authorized request."""
        for pattern, route in (
            ("POST /api/datasources", self._add_source),
            (r"DELETE /api/datasources/uid/([\w-]+)", self._remove_source),
            ("POST /api/folders", self._add_folder),
            (r"DELETE /api/folders/([\w-]+)\?forceDeleteRules=true", self._remove_folder),
            ("POST /api/dashboards/db", self._add_dashboard),
            (r"GET /api/dashboards/uid/([\w-]+)", self._dashboard),
            ("POST /api/ds/query", self._query),
        ):
            if found := re.fullmatch(pattern, f"{method} {path}"):
                return route(*(found.groups() or (body,)))
        return 404, {"message": "Not found"}

    def _add_source(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if missing := {"name", "uid", "type", "access", "url"} - set(body):
            return 400, {"message": f"bad request data: {sorted(missing)}"}
        if body["uid"] in self.sources:
            return 409, {"message": "data source with the same uid already exists"}
        self.sources[body["uid"]] = body
        return 200, {"message": "Datasource added", "datasource": body}

    def _remove_source(self, uid: str) -> tuple[int, dict[str, Any]]:
        known = self.sources.pop(uid, None)
        return (404, {"message": "Data source not found"}) if known is None else (200, {"message": "deleted"})

    def _add_folder(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if body["uid"] in self.folders:
            return 409, {"message": "a folder with the same UID already exists"}
        self.folders[body["uid"]] = body
        return 200, body

    def _remove_folder(self, uid: str) -> tuple[int, dict[str, Any]]:
        if self.folders.pop(uid, None) is None:
            return 404, {"message": "folder not found"}
        self.dashboards = {key: one for key, one in self.dashboards.items() if one["folder"] != uid}
        return 200, {"message": "Folder deleted"}

    def _add_dashboard(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        board = body["dashboard"]
        if body["folderUid"] not in self.folders:
            return 400, {"message": "folder not found"}
        if not board.get("title"):
            return 400, {"message": "Dashboard title cannot be empty"}
        if not re.fullmatch(r"[\w-]{1,40}", board["uid"]):
            return 400, {"message": "uid contains illegal characters or is too long"}
        if board["uid"] in self.dashboards and not body.get("overwrite"):
            return 412, {"message": "A dashboard with the same uid already exists"}
        stored = {**board, "id": len(self.dashboards) + 1, "version": 1}
        self.dashboards[board["uid"]] = {"folder": body["folderUid"], "dashboard": stored}
        return 200, {"uid": board["uid"], "status": "success", "version": 1}

    def _dashboard(self, uid: str) -> tuple[int, dict[str, Any]]:
        known = self.dashboards.get(uid)
        if known is None:
            return 404, {"message": "Dashboard not found"}
        return 200, {"dashboard": known["dashboard"], "meta": {"folderUid": known["folder"]}}

    def _query(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        results: dict[str, Any] = {}
        if not all(re.fullmatch(r"\d{13}", body.get(end, "")) for end in ("from", "to")):
            return 400, {"message": "from and to are epoch times in milliseconds"}
        for query in body["queries"]:
            if query["datasource"]["uid"] not in self.sources:
                return 404, {"message": "data source not found"}
            self.queries.append(query)
            try:
                frames = [_frame(query, *series) for series in self.answer(query["expr"])]
            except ValueError as problem:
                return 400, {"results": {query["refId"]: {"error": str(problem), "status": 400}}}
            results[query["refId"]] = {"status": 200, "frames": frames}
        return 200, {"results": results}


def _frame(query: dict[str, Any], labels: Mapping[str, str], values: list[float]) -> dict[str, Any]:
    name = re.sub(r"{{(\w+)}}", lambda found: labels.get(found[1], ""), query["legendFormat"])
    value = {"name": "Value", "type": "number", "labels": dict(labels), "config": {"displayNameFromDS": name}}
    times = [1_700_000_000_000 + 1000 * second for second in range(len(values))]
    fields = [{"name": "Time", "type": "time", "typeInfo": {"frame": "time.Time"}}, value]
    return {"schema": {"refId": query["refId"], "fields": fields}, "data": {"values": [times, values]}}


@contextmanager
def grafana_server(answer: Answer) -> Iterator[tuple[str, GrafanaState]]:
    """Within the block it runs: its address, and what it stores. It takes the token TOKEN."""
    state = GrafanaState(answer)

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
            status, answered = 401, {"message": "Invalid API key"}
            if self.headers["Authorization"] == f"Bearer {TOKEN}":
                status, answered = state.handle(self.command, self.path, body)
            sent = json.dumps(answered).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_DELETE = _handle  # noqa: N815 - http.server calls them by these names

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", state
        finally:
            server.shutdown()
