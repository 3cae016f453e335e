"""What networks are looked into for: the analyses as rows, their settings, results and figures. No torch.

How each is measured stands in :mod:`resnet_studio.analysis`, one module an analysis, named as its row's key.
"""
