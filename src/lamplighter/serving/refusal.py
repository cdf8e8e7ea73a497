"""What a request is told when it is not answered."""

from __future__ import annotations

REASONS = {
    400: "bad request",
    401: "token",
    403: "forbidden",
    404: "not found",
    405: "method",
    408: "timeout",
    411: "length",
    413: "too large",
    415: "media type",
    421: "host",
    500: "internal",
    503: "busy",
}


class Refusal(Exception):
    """Ends a request with a status and one sentence; never a traceback.

    Args:
        status: of HTTP.
        message: for the person or program that asked.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def headers(self) -> dict[str, str]:
        """What goes with the status; the connection ends, for what is left of the body must not be
        taken for the next request."""
        more = {503: {"retry-after": "1"}, 401: {"www-authenticate": "Bearer"}}
        return {"connection": "close", **more.get(self.status, {})}

    def as_json(self) -> dict[str, dict[str, str]]:
        """The stable form of every refusal."""
        return {"error": {"kind": REASONS[self.status], "message": self.message}}
