"""Every error that Aforo raises on purpose, and what the shell and the API make of it.

    AforoError                    exit 1   500
    ├── ConfigurationError        exit 2   500   the site file or an option is wrong
    ├── QueryError                exit 2   400   a question cannot be answered as asked
    │   └── NotFoundError         exit 2   404   it names a camera, line or zone that does not exist
    ├── SourceError               exit 3   503   a video or camera cannot be read
    │   └── ProblemError          exit 3   503   with the `aforo.camera_state.Problem` that it has
    ├── BusyError                 exit 3   503   all places are taken; free again after a while
    ├── AssetError                exit 4   500   a model or sample cannot be had, or has the wrong hash
    ├── ModelError                exit 4   500   a model cannot be loaded or run
    ├── StoreError                exit 5   503   the database cannot be read or written
    └── BusError                  exit 5   503   the message bus cannot be reached
        └── WireError             exit 5   503   a message on it cannot be read or written

A message is one sentence: what, expected, got, which camera or file, what to do. It never carries a secret:
an `aforo.address.Address` within it is scheme and host, and what a library says goes through its `conceal`.
"""


class AforoError(Exception):
    """The root of the tree: catch this to catch everything that Aforo reports by itself.

    >>> try:
    ...     raise StoreError("cannot write counts.db: the disk is full; make room")
    ... except AforoError as error:
    ...     print(f"{error} (exit code {error.exit_code})")
    cannot write counts.db: the disk is full; make room (exit code 5)
    """

    exit_code = 1
    http_status = 500


class ConfigurationError(AforoError):
    """The configuration, or an option that stands in for it, is wrong.

    >>> ConfigurationError("site.yaml, line 3: site.timezone: expected an IANA time zone").exit_code
    2
    """

    exit_code = 2


class QueryError(AforoError):
    """A question to the store or the API cannot be answered as it was asked.

    >>> QueryError("lang: expected en or es, got 'fr'").http_status
    400
    """

    exit_code = 2
    http_status = 400


class NotFoundError(QueryError):
    """The question names a camera, line, zone or movement that the site does not have.

    >>> NotFoundError("line: there is no line 'stop'").http_status
    404
    """

    http_status = 404


class SourceError(AforoError):
    """A video file or camera cannot be opened or read.

    >>> SourceError("cannot open street.mp4: no such file").exit_code
    3
    """

    exit_code = 3
    http_status = 503


class BusyError(AforoError):
    """So many at a time are served, and all places are taken.

    >>> BusyError("20 requests are under way, which is the most", retry_s=5).http_status
    503

    Attributes:
        retry_s: seconds after which asking again makes sense.
        http_status: 503, or 429 where who asks has most of the places.
    """

    exit_code = 3

    def __init__(self, sentence: str, retry_s: int, http_status: int = 503) -> None:
        super().__init__(sentence)
        self.retry_s, self.http_status = retry_s, http_status


class AssetError(AforoError):
    """A model or sample cannot be fetched, or what came is not what the manifest says.

    >>> AssetError("yolov8n.pt: expected another SHA-256").exit_code
    4
    """

    exit_code = 4


class ModelError(AforoError):
    """A detection model cannot be loaded, exported or run.

    >>> ModelError("cannot run yolov8n: out of memory").exit_code
    4
    """

    exit_code = 4


class StoreError(AforoError):
    """The database cannot be opened, read or written.

    >>> StoreError("PostgreSQL: connection refused").http_status
    503
    >>> str(StoreError("cannot write the database counts.db: the disk is full", "counts.db", "the disk is full"))
    'cannot write the database counts.db: the disk is full'

    Attributes:
        database: which, as it is shown; "" where the sentence alone tells it.
        reason: what is wrong with it, the end of the sentence; "" where the sentence alone tells it.
    """

    exit_code = 5
    http_status = 503

    def __init__(self, sentence: str, database: object = "", reason: str = "") -> None:
        super().__init__(sentence)
        self.database, self.reason = str(database), reason


class BusError(AforoError):
    """The message bus cannot be reached, or refuses what was sent.

    >>> BusError("cannot reach Kafka at broker:9092").exit_code
    5
    """

    exit_code = 5
    http_status = 503


class WireError(BusError):
    """The bytes of a message are of another version or damaged, or a message does not fit into them.

    >>> isinstance(WireError("expected a tracked frame of version 2, got version 1"), BusError)
    True
    """


def shown(text: str, most: int = 60) -> str:
    r"""A text of somebody else's as one sentence may quote it: of so many characters, and on one line.

    >>> shown("a\nb")
    'a\\nb'
    """
    cut = text if len(text) <= most else f"{text[:most]}…"
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in cut)
