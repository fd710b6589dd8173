"""The words of reports, in English and Spanish, and how each writes numbers."""

from __future__ import annotations

from datetime import date
from typing import Literal

from aforo.errors import QueryError

Language = Literal["en", "es"]

_WORDS: dict[str, tuple[str, str]] = {
    "language": ("en", "es"),
    "title": ("Hourly volumes", "Volúmenes horarios"),
    "site": ("Site", "Sitio"),
    "camera": ("Camera", "Cámara"),
    "line": ("Counting line", "Línea de aforo"),
    "zone": ("Zone", "Zona"),
    "period": ("Period", "Periodo"),
    "timezone": ("Time zone", "Zona horaria"),
    "total": ("Total", "Total"),
    "volume": ("Volume", "Volumen"),
    "peak_hour": ("Peak hour", "Hora pico"),
    "peak_clock_hour": ("Highest clock hour", "Hora de reloj más alta"),
    "factor": ("Peak-hour factor", "Factor de hora pico"),
    "peak_flow_rate": ("Peak flow rate (15 min), per hour", "Intensidad máxima (15 min), por hora"),
    "coverage": ("Coverage", "Cobertura"),
    "observation": ("Observation", "Observación"),
    "complete": ("complete", "completa"),
    "incomplete": ("incomplete", "incompleta"),
    "unobserved": ("not observed", "sin observación"),
    "date": ("Date", "Fecha"),
    "hour": ("Hour", "Hora"),
    "day_total": ("Day", "Día"),
    "summary_sheet": ("Summary", "Resumen"),
    "hours_sheet": ("Hours", "Horas"),
    "days_sheet": ("Days", "Días"),
    "of_incomplete": ("incomplete observation", "observación incompleta"),
    "page": ("Page", "Página"),
    "note_incomplete": (
        "Incomplete: hours not observed: {unobserved}, observed in part: {partial}, of {hours}. Sums hold what was "
        "seen and leave out the rest; the true volumes may be higher, and the peak hour may lie where nobody looked.",
        "Incompleto: horas sin observación: {unobserved}, observadas en parte: {partial}, de {hours}. Las sumas "
        "contienen lo visto y omiten el resto; los volúmenes reales pueden ser mayores y la hora pico, otra.",
    ),
    "note_marks": (
        "* observed in part (less than 99 % of the hour)   – not observed: unknown, not zero",
        "* observada en parte (menos del 99 % de la hora)   – sin observación: desconocido, no cero",
    ),
    "note_provisional": (
        "{provisional} of the total are provisional: their tracks are still open.",
        "{provisional} del total son provisionales: su seguimiento sigue abierto.",
    ),
    "note_factor": (
        "Peak hour: the four consecutive quarter-hours with the highest volume V. Peak-hour factor = V / (4 · V15).",
        "Hora pico: los cuatro cuartos de hora consecutivos de mayor volumen V. Factor de hora pico = V / (4 · V15).",
    ),
    "none": ("none", "ninguna"),
    # Road users and the directions that the program itself names; others stand as the site file has them.
    "pedestrian": ("Pedestrians", "Peatones"),
    "cyclist": ("Cyclists", "Ciclistas"),
    "motorcyclist": ("Motorcyclists", "Motociclistas"),
    "car": ("Cars", "Autos"),
    "bus": ("Buses", "Buses"),
    "truck": ("Trucks", "Camiones"),
    "other": ("Other", "Otros"),
    "entered": ("Entries", "Entradas"),
    "left": ("Left", "Izquierda"),
    "right": ("Right", "Derecha"),
    "up": ("Up", "Arriba"),
    "down": ("Down", "Abajo"),
}

_WEEKDAYS = {
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "es": ("lun", "mar", "mié", "jue", "vie", "sáb", "dom"),
}


class Words:
    """The words of one language.

    Args:
        lang: "en" or "es".

    Raises:
        QueryError: another language.
    """

    def __init__(self, lang: str) -> None:
        if lang not in _WEEKDAYS:
            raise QueryError(f"lang: expected en or es, got {lang[:40]!r}")
        self._lang = lang
        self._column = list(_WEEKDAYS).index(lang)

    def __call__(self, key: str) -> str:
        """The word for a key; a key without one, such as a direction that the site names, is its own word."""
        return _WORDS[key][self._column] if key in _WORDS else key

    def number(self, value: int) -> str:
        """A whole number with its thousands apart."""
        return self._localised(f"{value:,}")

    def decimal(self, value: float, places: int) -> str:
        """A number with decimals."""
        return self._localised(f"{value:,.{places}f}")

    def percent(self, share: float) -> str:
        """A share 0..1; only a whole one is called 100 %."""
        shown = min(share, 0.999) if share < 1 else share
        return f"{self.decimal(100 * shown, 1).removesuffix(self._localised('.0'))} %"

    def day(self, day: date) -> str:
        """A date with its weekday."""
        return f"{_WEEKDAYS[self._lang][day.weekday()]} {day:%Y-%m-%d}"

    def _localised(self, english: str) -> str:
        return english if self._lang == "en" else english.translate(str.maketrans(",.", ".,"))
