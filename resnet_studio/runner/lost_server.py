"""Reading what a history holds after a training, although its server may not answer just then."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from resnet_studio.domain.errors import HistoryAwayError
from resnet_studio.domain.events import StopCheck, never_stop

log = logging.getLogger(__name__)
T = TypeVar("T")

RETRY_SECONDS = 1.0


def once_it_answers(read: Callable[[], T], give_up: StopCheck = never_stop) -> T:
    """What ``read`` returns, tried again for as long as the history's server does not answer.

    Raises:
        HistoryAwayError: If it does not and ``give_up`` says so.
    """
    while True:
        try:
            return read()
        except HistoryAwayError as error:
            if give_up():
                raise
            log.info("the history cannot be read: %s", error)
        time.sleep(RETRY_SECONDS)
