"""Images decoded while they are needed: worker processes, their messages, the pool and the batches."""
