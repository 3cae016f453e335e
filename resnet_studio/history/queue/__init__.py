"""The queue: entries in their order, and claims that somebody trains under.

A claim is a lease with a fence. The lease ends by the database's clock unless it is renewed; the fence rises with each
claim and whenever one is taken away. What is written under a claim goes through
:class:`~resnet_studio.history.queue.fenced_storage.FencedStorage`, whose transactions begin by locking the entry's row
with that fence: who has lost a claim cannot change anything any more.
"""
