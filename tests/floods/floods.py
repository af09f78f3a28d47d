#!/usr/bin/env python3
"""Runs bonedry under load with one fault after another, and checks that users are served, the
admin socket answers, and no session is lost.

    ./dev floods [FAULT...] [--seconds N]

Exits with 1 if a check fails. A fault that cannot be caused on this machine is skipped, with a reason."""

import argparse
import asyncio
import os
import shutil
import sys
import tempfile

from flooding.faults import (EarlyClosingNode, FullDisk, HangingNode, JumpingClocks, NoDescriptors,
                             UnreadStandardError, UnreadStandardOutput)
from flooding.tls_faults import CertificateRenewal, UnfinishedHandshakes

FLOODS = (UnreadStandardError, UnreadStandardOutput, NoDescriptors, FullDisk, HangingNode,
          EarlyClosingNode, JumpingClocks, CertificateRenewal, UnfinishedHandshakes)


def main():
    parser = argparse.ArgumentParser(prog="./dev floods", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trouble", nargs="*", metavar="FAULT", help="part of a name; known faults: " +
                        ", ".join(flood.name for flood in FLOODS))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--program", default="build/release/bonedry")
    options = parser.parse_args()
    words = [word.replace("-", " ") for word in options.trouble] or [""]
    chosen = [flood for flood in FLOODS if any(word in flood.name for word in words)]
    if not chosen:
        parser.error("unknown fault")
    good = True
    for flood in chosen:
        folder = tempfile.mkdtemp(prefix="bonedry-flood-")
        one = flood(os.path.abspath(options.program), folder, options.seconds)
        reason = one.reason_to_skip()
        if reason:
            print(f"{flood.name}: skipped: {reason}")
        else:
            good = asyncio.run(one.run()) and good
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
