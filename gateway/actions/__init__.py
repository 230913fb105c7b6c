"""The eight actions: what a script, or a caller of the API, may ask for. One module a noun.

Takes JSON in wire form (camelCase, the seed's names) and gives frozen models with our own names:
`identifiers` normalised, both spellings folded into one, times aware, money decimal. Never touches
a database: what an action means is said in worker/apply/.
"""

from gateway.actions.fields import read_instant
from gateway.actions.parse import ACTION_NAMES, WHOLE_BYTES_MAX, Action, check_in_turns, parse_action, parse_actions
from gateway.actions.turns import in_turns

__all__ = [
    "ACTION_NAMES",
    "WHOLE_BYTES_MAX",
    "Action",
    "check_in_turns",
    "in_turns",
    "parse_action",
    "parse_actions",
    "read_instant",
]
