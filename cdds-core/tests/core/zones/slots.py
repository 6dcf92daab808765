"""Slots by the wall clock, as Python's zoneinfo sees it: date by date, and minute by minute for rhythms.

slots.py some|all: prints cases of schedules around changes of clocks, each with the slots that are due. The database
is that of PYTHONTZPATH.
"""

import random
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo, available_timezones

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
UTC_NAMES = {f"{prefix}{name}" for prefix in ("", "Etc/") for name in ("UTC", "UCT", "Universal", "Zulu")}
NAMED = ["America/New_York", "Europe/Berlin", "Africa/Cairo", "Australia/Lord_Howe", "Africa/Casablanca",
         "Asia/Tehran", "America/Sao_Paulo", "Pacific/Apia", "Antarctica/Troll", "America/Vancouver",
         "Pacific/Chatham", "America/St_Johns"]
DAY = 86_400
SHORT = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def shown(zone, instant):
    return (EPOCH + timedelta(seconds=instant)).astimezone(zone).replace(tzinfo=None)


def offset(zone, instant):
    return (EPOCH + timedelta(seconds=instant)).astimezone(zone).utcoffset()


def change_between(zone, low, high):
    """The first instant after `low` with another offset; there is one at or before `high`."""
    old = offset(zone, low)
    while high - low > 1:
        middle = (low + high) // 2
        if offset(zone, middle) == old:
            low = middle
        else:
            high = middle
    return high


def changes(zone, start, end, step=5 * DAY):
    old = offset(zone, start)
    for instant in range(start + step, end, step):
        new = offset(zone, instant)
        if new != old:
            yield change_between(zone, instant - step, instant)
            old = new


def instants(zone, wall, gap, fold):
    """When the clock shows `wall`, as the policies have it."""
    both = {int(wall.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (0, 1)}
    true = sorted(instant for instant in both if shown(zone, instant) == wall)
    if not true:
        return [] if gap == "skip" else [change_between(zone, min(both), max(both))]
    if len(true) == 1:
        return true
    return {"first": true[:1], "second": true[1:], "both": true}[fold]


def slots(zone, days, times, gap, fold, after, until):
    first = shown(zone, after).date() - timedelta(days=3)
    last = shown(zone, until).date() + timedelta(days=3)
    found = set()
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        if days(day):
            for hour, minute in times:
                wall = datetime(day.year, day.month, day.day, hour, minute)
                found.update(instants(zone, wall, gap, fold))
    return sorted(instant for instant in found if after < instant <= until)


def rhythm(zone, hours, minutes, after, until):
    minute = range(after // 60 * 60 + 60, until + 1, 60)
    walls = ((instant, shown(zone, instant)) for instant in minute)
    return [instant for instant, wall in walls if wall.minute in minutes and wall.hour in hours]


def case(name, zone, at, dice):
    before, behind = shown(zone, at - 1) + timedelta(seconds=1), shown(zone, at)
    low, high = min(before, behind), max(before, behind)
    around = dice.choice([low, low + (high - low) * dice.random(), high, high - timedelta(minutes=1),
                          low.replace(hour=0, minute=0), low - timedelta(minutes=1)])
    gap, fold = dice.choice(["shift", "skip"]), dice.choice(["first", "second", "both"])
    hour, minute, clock = around.hour, around.minute, f"{around:%H:%M}"
    after, until = at - 40 * 3_600 - dice.randrange(DAY), at + 60 * 3_600
    kind = dice.choice(["daily"] * 6 + ["weekly", "monthly", "hours", "hours", "rhythm"])
    if kind == "daily":
        spec, found = clock, slots(zone, lambda day: True, [(hour, minute)], gap, fold, after, until)
    elif kind == "weekly":
        weekday, after, until = around.weekday(), at - 10 * DAY, at + 10 * DAY
        spec = f"{SHORT[weekday]} {clock}"
        found = slots(zone, lambda day: day.weekday() == weekday, [(hour, minute)], gap, fold, after, until)
    elif kind == "monthly":
        number, after, until = around.day, at - 50 * DAY, at + 50 * DAY
        spec = f"{number} {clock}"
        found = slots(zone, lambda day: day.day == number, [(hour, minute)], gap, fold, after, until)
    elif kind == "hours":
        hours, minutes = sorted({hour, dice.randrange(24)}), sorted({minute, dice.randrange(60)})
        spec = f"{','.join(map(str, minutes))} {','.join(map(str, hours))} * * *"
        times = [(hour, minute) for hour in hours for minute in minutes]
        found = slots(zone, lambda day: True, times, gap, fold, after, until)
    else:
        # Offsets were in whole minutes by then.
        if at < 3 * 365 * DAY:
            return
        after, until, step = at - 7 * 3_600, at + 7 * 3_600, dice.choice([1, 2, 3])
        hours = "*" if step == 1 else f"*/{step}"
        spec, every = f"{minute} {hours} * * *", range(0, 24, step)
        found = rhythm(zone, every, [minute], after, until)
    print(name, kind, spec, gap, fold, after, until, ",".join(map(str, found)), sep="\t")


def main(size):
    names = sorted(available_timezones() - UTC_NAMES - {"Factory"})
    start, end = 0, 131 * 365 * DAY
    dice = random.Random(9)
    if size == "some":
        for name in NAMED + dice.sample(names, 60):
            zone, own = ZoneInfo(name), random.Random(name)
            known = list(changes(zone, start, end, 20 * DAY))
            for at in own.sample(known, min(len(known), 25 if name in NAMED else 8)):
                for _ in range(2):
                    case(name, zone, at, own)
        return
    for name in names:
        zone, own = ZoneInfo(name), random.Random(name)
        for at in changes(zone, start, end):
            for _ in range(3):
                case(name, zone, at, own)


main(sys.argv[1])
