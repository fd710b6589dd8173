"""An answer without end, as live video and events are."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi.responses import StreamingResponse
from starlette.types import Send


class EndlessResponse(StreamingResponse):
    """A stream without end: its source is closed at once when the client goes away.

    Args:
        source: what is sent.
        media_type: of the answer.
        status_code: of the answer.
    """

    def __init__(self, source: AsyncGenerator[bytes, None], media_type: str, status_code: int = 200) -> None:
        super().__init__(source, status_code, media_type=media_type, headers={"cache-control": "no-store"})
        self._source = source

    async def stream_response(self, send: Send) -> None:
        """Send until the source ends."""
        async with aclosing(self._source):
            await super().stream_response(send)
