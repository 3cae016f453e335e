"""One cohort from specification to stored end; ordinary functions, no Qt.

The window, the command line and the tests call :mod:`resnet_studio.runner.run_cohort`: ``run`` stores the runs of a
cohort and trains them, ``resume`` goes on with stored ones. Both go through three steps:

1. ``prepare`` (:mod:`~resnet_studio.runner.prepare`) reads from the history all that training needs: specifications,
   newest whole checkpoints, test errors so far, preprocessing, weights to begin with. The result is one value, a
   ``CohortStart``.
2. ``train`` (:mod:`~resnet_studio.runner.train`) makes events of that value. It knows no history, so it could as well
   run in another process: the value and the events can be pickled. What it writes are the files of the runs.
3. ``endings`` (:mod:`~resnet_studio.runner.endings`) gives runs that training left in the middle their end: stopped,
   the disk full, not enough memory, failed.

On the way from ``train`` to whoever watches, the history's recorder stores each event; only then is it shown.
"""
