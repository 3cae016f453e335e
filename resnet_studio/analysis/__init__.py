"""Looking inside networks: one module an analysis, values in, values out.

The convention, which :mod:`resnet_studio.analysis.registry` and everything above it rely on:

- An analysis is a row of :data:`resnet_studio.domain.analyses.rows.ANALYSES`, a result in a module of
  ``domain/analyses/``, free of torch, and a module here, both named as the row's key.
- The module has a pure function ``measure(subject, images, settings, progress, should_stop)`` that returns the result,
  a frozen dataclass of numbers, texts, tuples and numpy arrays. ``subject`` is a
  :class:`~resnet_studio.analysis.subjects.Subject`: network, blueprint, preprocessing, what it is. ``images`` are
  :class:`~resnet_studio.data.drawn_images.DrawnImages`, ``settings`` the row's. An analysis of several networks at
  once takes ``subjects`` and returns a tuple of results, one a network or one a pair. One that has something to show
  before all is measured takes ``on_partial`` too, and calls it with the result so far.
- ``progress(done, total)`` is called from the calling thread whenever a piece of the work is done; the total is the
  same in every call. ``should_stop()`` is asked several times a second, with
  :func:`~resnet_studio.networks.module_state.stoppable` inside passes through the network too;
  :class:`~resnet_studio.domain.errors.Stopped` is raised when it says so.
- The network is left as it was: mode, weights, running statistics, hooks. Nothing is drawn from a generator with a
  state; what is random follows from ``settings.seed``.
- The docstring of ``measure`` defines exactly what is measured, with its source (paper, section); the row says it in
  one sentence.

Nothing here knows of the history: :mod:`resnet_studio.runner.inside` brings stored runs, and makes records of results.
"""
