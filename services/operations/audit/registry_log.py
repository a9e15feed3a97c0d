"""commerce.registry.v1 as of any offset: of one identity the newest event below it stands."""

from collections import OrderedDict
from typing import Any

from schemas import decoding
from schemas.topics import REGISTRY
from services.operations.audit.registry_view import RegistryView

_VIEWS_KEPT = 64


class RegistryLog:
    """All valid events; those that the contract refuses went to the dead-letter topic and count nowhere."""

    def __init__(self) -> None:
        self._events: list[tuple[int, Any]] = []
        self._views: OrderedDict[int, RegistryView] = OrderedDict()
        self.refused = 0

    def add(self, offset: int, raw: bytes | None) -> None:
        """Take in the next record."""
        try:
            self._events.append((offset, decoding.read(REGISTRY.name, raw)))
        except decoding.InvalidEvent:
            self.refused += 1

    def held_contents(self) -> frozenset[str]:
        """Contents that any hold ever names."""
        held = (event.content_id for _, event in self._events if event.event_type == "hold.placed")
        return frozenset(content_id for content_id in held if content_id is not None)

    def __len__(self) -> int:
        return len(self._events)

    def as_of(self, offset: int) -> RegistryView:
        """What stood when the log was read up to this offset, without it."""
        view = self._views.pop(offset, None)
        if view is None:
            view = RegistryView((event for event in self._events if event[0] < offset), offset)
            if len(self._views) >= _VIEWS_KEPT:
                self._views.popitem(last=False)
        self._views[offset] = view
        return view
