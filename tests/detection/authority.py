"""What every file of authorities' numbers uses: the list of kinds, and how one is added to it.

`KINDS` holds every kind: its name, its entity, the words that stand beside it in the country's languages, and a function
from a `random.Random` to the ways in which one number is written. Labels hold what the number is called, never a number.
"""

import datetime

from checks import weighted
from values import Value, filled

KINDS = []


def kind(name, entity, *labels):
    """Registers the function below as a kind of number."""

    def register(function):
        KINDS.append((name, entity, list(labels), function))
        return function

    return register


def shape(name, entity, labels, *templates):
    """Registers a kind that is only a shape: # a digit, ~ one from 1 on, ? a letter."""
    KINDS.append((name, entity, labels, lambda r: [filled(r, template) for template in templates]))


def value(r, entry):
    """One value of an entry of `KINDS`, in one of its writings."""
    name, entity, labels, function = entry
    return Value(r.choice(function(r)), entity, name, labels)


def birth(r):
    return datetime.date(1950, 1, 1) + datetime.timedelta(days=r.randrange(365 * 55))


def until(make):
    """The first of the numbers that `make` gives which is one: `None` stands for a draw that has no check digit."""
    while True:
        made = make()
        if made is not None:
            return made


def mod11(body, weights, minus=True):
    """The sum mod 11 (`minus`: what is missing to 11) as 0 to 10."""
    rest = weighted(body, weights) % 11
    return -rest % 11 if minus else rest


NATIONAL, TAX, HEALTH, PASSPORT, LICENCE = "NATIONAL_ID", "TAX_ID", "HEALTH_ID", "PASSPORT", "DRIVING_LICENCE"
