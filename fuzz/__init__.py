"""Damaged and hostile input files by the hundred thousand: whatever memscope is given, it reads it or says why not.

    make fuzz                                    100,000 cases and more, in watched child processes
    python -m fuzz --cases 2000 --format npz     so many of one format
    python -m fuzz --format npz --case 1234      one case again, with its traceback

A case is named by its format and its number, and these alone decide it: the number seeds the generator that chooses
the damage. `damage.py` damages bytes; each other module knows one kind of file, makes small good ones with code that
is not memscope's own (struct, zipfile, h5py, Pillow), and damages what only that kind has. `cases.py` says what every
case must come to, `__main__.py` runs them. tests/fuzz runs a few hundred of each format with every `make test`.
"""
