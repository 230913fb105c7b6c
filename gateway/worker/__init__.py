"""Worker: many waiting jobs become one batch, one transaction.

job        what one job asks for: events, stored events again, replays
replays    stored requests run again
coalesce   jobs that run at the same time share a writer, and so a transaction
turns      what waits for the writer, and whose turn it is
apply/     what actions mean (read batch.py first)
sweep      what nobody asks for: stragglers, and what has waited too long
erase      a person is forgotten, step by step
retention  raw requests, logs and traces that are old, or too much, are pruned
orphans    what the queue has lost, parked
"""
