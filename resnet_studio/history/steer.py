"""Changing the queue from any program: the one that may write does it, and the others hand it their commands."""

from __future__ import annotations

import json
import logging
import time

from resnet_studio.domain.documents import from_json
from resnet_studio.domain.errors import StoreError, UserError
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.domain.queue import QueueCommand
from resnet_studio.history.store import RunStore
from resnet_studio.text import _

log = logging.getLogger(__name__)

_ANSWER_SECONDS = 10.0  # the writer looks several times a second
_LOOK_SECONDS = 0.05
_LOCK_SECONDS = 0.5  # between two looks at whether the writer is gone


def steer(
    store: RunStore, command: QueueCommand, seconds: float = _ANSWER_SECONDS, should_stop: StopCheck = never_stop
) -> str:
    """Have ``command`` done, here or by the program that holds the history, and wait until it is.

    Returns:
        The id of the entry that it is about, or has made.

    Raises:
        UserError: If it cannot be done.
        StoreError: If the other program does not answer within ``seconds``; the command is then withdrawn, as it is
            if ``should_stop`` says so.
    """
    if store.writable:
        return store.apply(command)
    why = store.why_read_only
    unsaid = set() if command.step else {"step"}  # which a program of before does not know
    key = store.requests.post(command.model_dump_json(exclude=unsaid), seconds)
    started = looked = time.monotonic()
    while time.monotonic() - started < seconds and not should_stop():
        answer = store.requests.answer_to(key)
        if answer is not None:
            return _understood(answer)
        if time.monotonic() - looked >= _LOCK_SECONDS:
            looked = time.monotonic()
            if store.become_writer() and store.requests.withdraw(key):
                return store.apply(command)
        time.sleep(_LOOK_SECONDS)
    if not store.requests.withdraw(key):
        answer = store.requests.answer_to(key)
        if answer is not None:
            return _understood(answer)
    raise StoreError(_("{why} It was asked to change its queue, and did not answer.", why=why))


def answer_requests(store: RunStore) -> int:
    """Do what other programs ask for; for who may write, a few times a second.

    Returns:
        How many requests there were.
    """
    if not store.writable:
        return 0
    count = 0
    for key, text in store.requests.take():
        count += 1
        try:
            answer = {"entry": store.apply(from_json(QueueCommand, text))}
        except UserError as error:
            answer = {"error": str(error)}
        except Exception:  # else who asks waits for an answer that never comes
            log.exception("a request for the queue could not be answered: %s", text)
            answer = {"error": _("The program that holds the history met an error there; its log says which.")}
        store.requests.answer(key, json.dumps(answer))
    return count


def _understood(answer: str) -> str:
    try:
        found = json.loads(answer)
    except ValueError:
        found = {}
    if not isinstance(found, dict) or not isinstance(found.get("entry"), str):
        said = found.get("error") if isinstance(found, dict) else None
        raise UserError(str(said or _("The program that holds the history gave an answer that cannot be read.")))
    return str(found["entry"])
