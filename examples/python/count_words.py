#!/usr/bin/env python3
"""Counts the words of the input's text."""
import collections
import json
import os

with open(os.environ["YARD_INPUT"]) as source:
    words = json.load(source)["text"].split()
with open(os.environ["YARD_OUTPUT"], "w") as out:
    json.dump(collections.Counter(words), out)
print(len(words), "words")
