"""Whether the store answers now: asked with a real question, and never waited for without end."""

from __future__ import annotations

import threading

from aforo.errors import AforoError
from aforo.ports import CountReader

PATIENCE_S = 3.0


class StoreProbe:
    """Asks the store in a thread of its own, one question at a time however many want to know.

    A database whose server was stopped, or whose disk hangs, answers neither yes nor no: that is a failure after
    `PATIENCE_S`, and its question is left to end by itself.

    Args:
        reader: questions to the store.
    """

    def __init__(self, reader: CountReader) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self._question: _Question | None = None

    def failure(self) -> str:
        """Why the store does not answer, "" where it does; takes `PATIENCE_S` at most."""
        with self._lock:
            if self._question is None or self._question.answered.is_set():
                self._question = _Question(self._reader)
            question = self._question
        if question.answered.wait(PATIENCE_S):
            return question.failure
        return f"the store has not answered within {PATIENCE_S:g} s"


class _Question:
    """One question, and what came of it."""

    def __init__(self, reader: CountReader) -> None:
        self.answered = threading.Event()
        self.failure = ""
        threading.Thread(target=self._ask, args=(reader,), name="probe", daemon=True).start()

    def _ask(self, reader: CountReader) -> None:
        try:
            reader.span_us()
        except AforoError as error:
            self.failure = str(error)
        except Exception as error:  # of whatever kind: it does not answer
            self.failure = f"a fault in Aforo itself ({type(error).__name__}) keeps the store from answering"
        finally:
            self.answered.set()
