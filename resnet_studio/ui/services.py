"""What a page is handed: the collaborators that the composition root built."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from resnet_studio.ui.navigator import Navigator

if TYPE_CHECKING:
    from resnet_studio.history.store import RunStore
    from resnet_studio.platform.home import Home
    from resnet_studio.ui.controller import RunController
    from resnet_studio.ui.preferences import Preferences
    from resnet_studio.ui.theme import Theme
    from resnet_studio.ui.threads.jobs import Jobs


@dataclass(frozen=True)
class Services:
    """One of each for the whole window; pages keep a reference and build none themselves.

    ``navigator`` is the window's own once there is one.
    """

    home: Home
    store: RunStore
    controller: RunController
    preferences: Preferences
    theme: Theme
    jobs: Jobs
    navigator: Navigator = field(default_factory=Navigator)
