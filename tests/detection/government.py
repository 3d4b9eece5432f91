"""Every kind of number that authorities give to people, in one list.

The files imported here add theirs when they are read, in this order.
"""

import government_west  # noqa: F401
import government_east  # noqa: F401
from authority import KINDS, value

__all__ = ["KINDS", "value"]
