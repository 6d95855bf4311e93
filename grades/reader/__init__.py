"""Reads files that other people made: the headings, rows and cells of a CSV file or a workbook.

It runs as a process of its own (`python -m grades.reader`), so that a crash costs one import. It imports no
Django, so that it starts fast. `imports/process.py` starts it and reads its lines.

Imports run downwards: __main__ → csv, workbook and lines → scan → tables.
"""
