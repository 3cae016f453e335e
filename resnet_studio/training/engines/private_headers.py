"""For torch's compiler: where it keeps the C++ headers that it has compiled once.

Whatever its variable says, that is a folder for temporary files that anybody can make first, and what lies there
becomes part of what is executed here.
"""

from __future__ import annotations

import logging
from pathlib import Path

from torch._inductor import codecache, config
from torch._inductor.runtime.cache_dir_utils import cache_dir

log = logging.getLogger(__name__)


def keep_headers_private() -> None:
    """Have them beside the compiled code, see :mod:`~resnet_studio.platform.compile_cache`; before any is compiled.

    A version of torch that keeps them elsewhere compiles without them.
    """
    if not hasattr(codecache, "_HEADER_DIR"):
        log.info("headers are not compiled once: this version of torch keeps them where others may write")
        config.cpp_cache_precompile_headers = False
        return
    folder = Path(cache_dir(), "precompiled_headers")
    for name, place in (("_HEADER_DIR", folder), ("_HEADER_LOCK_DIR", folder / "locks")):
        setattr(codecache, name, str(place))
