"""Everything that is Qt: the window, its pages and widgets, and the threads behind them."""
