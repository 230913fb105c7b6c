"""Apply: what actions mean. Events become effects in the ledger, and the ledger becomes contacts, orders, carts.

batch        the story of one transaction: read this first
attempt      one event, whole or not at all; which event of a delivery counts
identity     which contact is meant, and which two turn out to be one
telling      what one action says, while it is being looked at
contacts · activities · lists · orders · supplements · carts
             one module a noun: what its actions say, and what all of that comes to
project      from the ledger to the tables that people read
clocks       when a thing was said
"""

from gateway.worker.apply.batch import Applied, ApplySettings, apply_batch, retake

__all__ = ["Applied", "ApplySettings", "apply_batch", "retake"]
