"""A service tells its log, first of all, what it was told."""

import logging
import os
from collections.abc import Mapping

from scarcity.broker.logs import configure_logging
from scarcity.configuration.telling import start_lines

logger = logging.getLogger(__name__)


def log_settings(service: str, environ: Mapping[str, str]) -> None:
    """Log the effective settings of a service, without secrets.

    Args:
        environ: the environment, its settings file not merged.

    Raises:
        InputError: a value is wrong; names its key.
    """
    settings, warnings = start_lines(service, environ)
    configure_logging(debug=bool(os.environ.get("SCARCITY_DEBUG")), service=service)
    logger.info(settings)
    for warning in warnings:
        logger.warning(warning)
