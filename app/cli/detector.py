"""The detector that a command asks for: options over the configuration, and opening it."""

from __future__ import annotations

from pydantic import ValidationError

from aforo.config.detector import DetectorSection
from aforo.config.site import SiteConfiguration
from aforo.errors import ConfigurationError
from aforo.ports import Detector
from app import assemble
from app.assets.manifest import resolve_model
from app.assets.model_trust import fingerprint
from app.cli.console import err, fetch_progress, say


def chosen_detector(site: SiteConfiguration, trust_model: bool, **options: str | int | None) -> DetectorSection:
    """The site's detector with the options of the command line laid over it.

    Args:
        site: the configuration.
        trust_model: load the model whatever it is.
        options: keys of the section `detector`, None where an option was not given.

    Raises:
        ConfigurationError: a value is not possible.
    """
    given = {key: value for key, value in options.items() if value is not None}
    try:
        section = DetectorSection.model_validate(site.detector.model_dump() | given)
    except ValidationError as error:
        problem = error.errors()[0]
        if not problem["loc"]:  # two keys that contradict each other
            raise ConfigurationError(f"detector: {problem['msg'].removeprefix('Value error, ')}") from None
        key = str(problem["loc"][0])
        raise ConfigurationError(f"--{key.replace('_', '-')}: {problem['msg']}, got {given.get(key)!r}") from None
    if trust_model:
        with fetch_progress() as progress:
            section.trusted_sha256.append(fingerprint(resolve_model(section.model, progress=progress)))
    return section


def open_detector(section: DetectorSection, first: tuple[int, int] | None = None) -> Detector:
    """Open the detector, saying what takes long and what was chosen; `first` is as in `app.assemble`.

    Raises:
        AssetError, ModelError: as `app.assemble.open_detector`.
    """
    with (
        err.status(f"Loading {section.model} (the first time it is fetched and exported) …"),
        fetch_progress() as progress,
    ):
        if assemble.wants_calibration(section, progress):
            from app.machine.precision import calibrate_at_first_use

            calibrate_at_first_use(section, say, progress)
        detector = assemble.open_detector(section, progress, first)
    err.print(f"Detector: {detector.description}", highlight=False)
    return detector
