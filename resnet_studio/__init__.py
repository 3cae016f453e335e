"""ResNet Studio: a desktop laboratory for residual networks (He, Zhang, Ren, Sun 2015, arXiv:1512.03385)."""

__version__ = "0.1.0"
