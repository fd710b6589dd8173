"""What an RTSP camera answers that gives no video, so that the reason is the one that is known."""

from __future__ import annotations

import av

from aforo.address import Address
from aforo.camera_state import Problem

_REFUSED: dict[type[av.FFmpegError], int] = {av.HTTPUnauthorizedError: 401, av.HTTPForbiddenError: 403}
_STATUSES: dict[type[av.FFmpegError], str] = {
    av.HTTPBadRequestError: "400",
    av.HTTPNotFoundError: "404",
    av.HTTPOtherClientError: "4xx",
    av.HTTPServerError: "5xx",
}
"""RTSP has the status codes of HTTP, and FFmpeg the same errors for both."""


def rtsp_problem(source: Address, timeout_s: float) -> Problem | None:
    """Ask an rtsp:// or rtsps:// camera once; None where that tells nothing.

    Args:
        source: of the camera.
        timeout_s: for its description of the stream, and then for the first packet of it.
    """
    if source.scheme not in ("rtsp", "rtsps"):
        return None
    options = {"rtsp_transport": "tcp", "analyzeduration": "1"}
    try:
        with av.open(source.reveal(), options=options, timeout=timeout_s) as container:
            has_video = any(stream.type == "video" for stream in container.streams)
    except av.FFmpegError as error:  # whose text has the whole address
        if (refused := _REFUSED.get(type(error))) is not None:
            return Problem.of("login-refused", source, refused)
        status = _STATUSES.get(type(error))
        return None if status is None else Problem.of("rtsp-status", source, status)
    except (OSError, ValueError):
        return None
    return None if has_video else Problem.of("videoless", source)
