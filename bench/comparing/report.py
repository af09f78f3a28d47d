"""The figures as a table, and what they say of the goals."""

COLUMNS = (
    ("cpu_us", "CPU us/req", "{:.1f}"), ("cpu_us_1", "1 worker us/req", "{:.1f}"),
    ("cpu_us_small", "small us/req", "{:.1f}"),
    ("cpu_us_alone", "alone us/req", "{:.1f}"),
    ("growth", "growth", "{:.3f}"), ("bytes_each", "bytes each", "{:.0f}"),
    ("per_cpu_second", "per CPU s", "{:.0f}"),
    ("tickets", "tickets", "{:.2f}"),
    ("per_second", "req/s", "{:.0f}"), ("per_second_1", "1 worker", "{:.0f}"),
    ("speedup", "speedup", "{:.2f}"), ("busy", "busy", "{:.0%}"),
    ("p50_us", "p50 us", "{:.0f}"), ("p99_us", "p99 us", "{:.0f}"),
    ("begin_ns", "begin ns", "{:.0f}"), ("touch_ns_1", "touch ns, 1 thread", "{:.0f}"),
    ("touch_ns", "2 threads", "{:.0f}"), ("count_ns", "count ns", "{:.1f}"),
    ("restore_s", "restore s", "{:.2f}"), ("late_ms", "late ms", "{:.0f}"),
    ("p99_alone_us", "p99 alone", "{:.0f}"), ("p99_growth", "p99 growth", "{:.2f}"),
    ("flood_busy", "flood busy", "{:.0%}"), ("cpu_share", "of a core", "{:.1%}"),
    ("whole_s", "whole s", "{:.1f}"),
    ("store_us", "store us each", "{:.1f}"),
    ("commands", "commands/s", "{:.0f}"), ("store_share", "store of a core", "{:.1%}"),
    ("commands_load", "commands/s, load", "{:.0f}"), ("store_share_load", "store, load", "{:.1%}"),
    ("scrape_ms", "slowest scrape ms", "{:.1f}"),
    ("resident", "RSS MiB", None), ("to_peer", "to peer", "{:.2f}"),
    ("to_copy", "to floor", "{:.2f}"), ("to_splice", "to splice floor", "{:.2f}"),
)


def cell(entry, key, form):
    if key not in entry:
        return "-"
    if key == "resident":
        return f"{entry[key] / 1048576:.1f}"
    return form.format(entry[key])


def table(rows):
    """Markdown, so that it can be pasted into bench/README.md."""
    known = {key for key, _, _ in COLUMNS}
    used = [column for column in COLUMNS if any(column[0] in entry for entry in rows.values())]
    # What else there is are counts for each request.
    others = sorted({key for entry in rows.values() for key, value in entry.items()
                     if key not in known and isinstance(value, float) and "calls" in entry})
    used += [(key, key, "{:.2f}") for key in others]
    lines = [["", *[title for _, title, _ in used]]]
    lines += [[name, *[cell(entry, key, form) for key, _, form in used]]
              for name, entry in rows.items()]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    text = ["| " + " | ".join(c.ljust(w) if i == 0 else c.rjust(w)
                              for i, (c, w) in enumerate(zip(line, widths))) + " |"
            for line in lines]
    rule = "|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":"
                          for i, w in enumerate(widths)) + "|"
    return "\n".join([text[0], rule, *text[1:]])


def verdicts(name, case, rows, of):
    """One line for each goal of a case. One that could not be measured, because a proxy was left
    out, is not met."""
    for goal in case.goals:
        value = rows.get(of, {}).get(goal.figure)
        if value is None:
            yield False, f"{name}: {goal.figure} not measured, at most {goal.most}: NOT MET"
        else:
            yield value <= goal.most, (f"{name}: {goal.figure} {value:.2f}, at most {goal.most}: "
                                       f"{'met' if value <= goal.most else 'NOT MET'}")
