"""An answer without end, as live video and events are."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi.responses import StreamingResponse
from starlette.types import Message, Send

_STALLED_S = 30.0  # a client that takes nothing for this long is let go


class EndlessResponse(StreamingResponse):
    """A stream without end: its source is closed at once when the client goes away, or takes nothing any more.

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
        loop = asyncio.get_running_loop()
        async with aclosing(self._source):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None) as patience:

                    async def send_or_give_up(message: Message) -> None:
                        patience.reschedule(loop.time() + _STALLED_S)
                        await send(message)
                        patience.reschedule(None)

                    await super().stream_response(send_or_give_up)
